"""A speaker on the bench: the real machine and its real store, a card without sound, and time moved by hand."""

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Event, Hello, PlanItem, Receipt, Receipts, Telemetry, Why
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import SECOND
from device_sim.actions import (
    Action,
    Amplifier,
    AssembleClip,
    EndStream,
    Identify,
    LocalMicrophone,
    PlayUnit,
    Publish,
    SelfTest,
    StartSound,
    StopSound,
    Subscribe,
)
from device_sim.machine import Identity, SpeakerMachine
from device_sim.store import Store
from tests.device_sim.station import OWN, SPEAKER, Message, Station

TOLD = (PlayUnit, EndStream, LocalMicrophone, Identify, SelfTest)


@dataclass
class Sound:
    """A sound on the card; moments are station time."""

    broadcast: str
    start_at: int
    from_ms: int
    until_ms: int
    cut: bool = False
    told: bool = False

    @property
    def position_ms(self) -> int:
        return self.from_ms - self.start_at


@dataclass(eq=False)
class Bench:
    """One speaker and its station.

    Attributes:
        wrong_ms: how far the speaker's own clock is ahead of the station's.
        sent: what it published since the last `join`.
        heard: what sounded, in order of its end, what still sounds last.
        amplifier: its switchings, in station time.
        did: what else it ordered, and when.
        stops: when a sound was told to stop, and when it was to be silent.
    """

    folder: Path
    station: Station = field(default_factory=Station)
    synchronised: bool = True
    wrong_ms: int = 0
    online: bool = False
    sent: list[Publish] = field(default_factory=list)
    subscribed: list[tuple[str, ...]] = field(default_factory=list)
    heard: list[Sound] = field(default_factory=list)
    amplifier: list[tuple[int, bool]] = field(default_factory=list)
    stops: list[tuple[int, int]] = field(default_factory=list)
    did: list[tuple[int, Action]] = field(default_factory=list)
    written: dict[str, Receipt] = field(default_factory=dict)
    boots: int = 0

    def __post_init__(self) -> None:
        self.boot()

    # Power.

    def boot(self) -> None:
        self.boots += 1
        self.store = Store(self.folder, durable=False)
        self.store._database.execute("PRAGMA synchronous = OFF")  # no power is cut here
        weakref.finalize(self, self.store.close)
        self.key = self.store.key()
        identity = Identity(
            station=self.station.name,
            speaker=SPEAKER,
            root=self.station.root.public,
            claim_code="00" * 16,
            key=self.key,
            boot=f"boot-{self.boots}",
            boot_count=self.store.count_boot(),
        )
        self.machine = SpeakerMachine(identity, self.store.recall(), synchronised=self.synchronised)
        self._on_card: dict[str, Sound] = {}
        self._live: list[Sound] = []

    def cut_power(self) -> None:
        """What sounds ends at once, and nothing more is written."""
        for sound in self._on_card.values():
            sound.until_ms = min(sound.until_ms, self.now)
            self._note(sound)
        self.store.close()
        self.online = False

    def reboot(self) -> None:
        self.cut_power()
        self.boot()

    # The link.

    @property
    def now(self) -> int:
        return self.station.now

    @property
    def own(self) -> int:
        return self.station.now + self.wrong_ms

    def connect(self) -> None:
        self.online = True
        self.do(self.machine.connected())
        self.do(self.machine.subscribed(self.own))

    def disconnect(self) -> None:
        self.online = False
        self.machine.disconnected()

    def join(self) -> None:
        """Connect, and let the station answer everything."""
        self.sent.clear()
        self.connect()
        self.converse()

    def converse(self) -> None:
        """Let the station answer what was said, and the speaker what is answered, until both are silent."""
        heard = 0
        while heard < len(self.sent):
            said = self.sent[heard]
            heard += 1
            self.deliver(*self.station.answer(said.topic, said.payload))

    def deliver(self, *messages: Message) -> None:
        for message in messages:
            self.do(self.machine.receive(message.topic, message.payload, self.own))

    def live_through(self, steps: Iterable[int | str], said: Sequence[Message]) -> None:
        """What a property test throws at it: reboots, reconnects, a second that passes, and any of what was said."""
        for step in steps:
            if step == "reboot":
                self.reboot()
                self.connect()
            elif step == "reconnect":
                self.disconnect()
                self.join()
            elif step == "wait":
                self.run(self.now + SECOND, answered=True)
            elif isinstance(step, int):
                self.deliver(said[step % len(said)])

    def plan(self, *items: PlanItem, zone: str = OWN, sound: bool = True) -> Message:
        """Hear of a plan and its sound, a second after whatever was heard before."""
        self.run(self.now + SECOND)
        message = self.station.plan(*items, zone=zone)
        self.deliver(message)
        for item in items if sound else ():
            self.deliver(*self.station.sound(item))
        return message

    # Time.

    def run(self, until: int, *, answered: bool = False) -> None:
        """Let time pass until a moment of station time, waking the machine when it asks for it and no earlier."""
        self._beat(answered)
        while self.now < until:
            wake = self.machine.wake_at(self.own) - self.wrong_ms
            card = [sound.until_ms if sound.told else sound.from_ms for sound in self._live]
            card += [sound.from_ms if not sound.told else sound.until_ms for sound in self._on_card.values()]
            self.station.now = max(self.now + 1, min([until, wake, *card]))
            self._beat(answered)

    def _beat(self, answered: bool) -> None:
        said = len(self.sent)
        self.do(self.machine.tick(self.own))
        for sound in list(self._on_card.values()):
            own_at = sound.from_ms + self.wrong_ms
            if not sound.told and self.now >= sound.from_ms:
                sound.told = True
                if sound.until_ms > sound.from_ms:
                    self.do(self.machine.stage.sound_started(sound.broadcast, own_at, sound.position_ms))
            if self.now >= sound.until_ms:
                self._end(sound)
        self._hear_live()
        if answered and self.online:
            for publish in self.sent[said:]:
                self.deliver(*self.station.answer(publish.topic, publish.payload))

    def _hear_live(self) -> None:
        live = self.machine.stage.live
        for sound in list(self._live):
            if not sound.told and self.now >= sound.from_ms and sound.until_ms > sound.from_ms:
                sound.told = True
                self.do(live.began(sound.broadcast, sound.from_ms + self.wrong_ms))
            if self.now >= sound.until_ms:
                self._live.remove(sound)
                live.heard(sound.broadcast, sound.until_ms + self.wrong_ms, sound.until_ms - sound.from_ms)

    def _cut_live(self, stream: str) -> None:
        for sound in self._live:
            if sound.broadcast == stream:
                sound.from_ms = sound.from_ms if sound.told else self.now
                sound.until_ms = min(sound.until_ms, self.now)

    def _end(self, sound: Sound) -> None:
        del self._on_card[sound.broadcast]
        self._note(sound)
        played, own_at = max(0, sound.until_ms - sound.from_ms), sound.until_ms + self.wrong_ms
        self.do(self.machine.stage.sound_ended(sound.broadcast, own_at, played, whole=not sound.cut))

    def _note(self, sound: Sound) -> None:
        if sound.until_ms > sound.from_ms:
            self.heard.append(sound)

    # Actions.

    def do(self, actions: Iterable[Action]) -> None:
        actions = list(actions)
        self.store.keep(actions)
        self.did += [(self.now, action) for action in actions if isinstance(action, TOLD)]
        for action in actions:
            match action:
                case Publish():
                    self._publish(action)
                case Subscribe(filters):
                    self.subscribed.append(filters)
                    if self.machine.reports.online:
                        self.do(self.machine.subscribed(self.own))
                case Amplifier(on):
                    self.amplifier.append((self.now, on))
                case AssembleClip():
                    self._assemble(action)
                case _:
                    self._sound(action)

    def _assemble(self, order: AssembleClip) -> None:
        size = self.store.assemble(order)
        if size is None:
            self.machine.clip_refused(order.clip, self.own)
        else:
            self.machine.clip_stored(order.clip, size)

    def _sound(self, action: Action) -> None:
        match action:
            case StartSound(broadcast, clip, own_start, _):
                start = own_start - self.wrong_ms
                self._on_card[broadcast] = Sound(broadcast, start, max(start, self.now), start + self._length(clip))
            case StopSound(".identify"):
                self.did.append((self.now, action))
            case StopSound():
                self._stop(action)
            case PlayUnit(stream, _, own_start):
                start = own_start - self.wrong_ms
                length = self.machine.stage.live._streams[stream].open.unit_ms
                self._live.append(Sound(stream, start, max(start, self.now), start + length))
            case EndStream(stream):
                self._cut_live(stream)

    def _length(self, clip: str) -> int:
        beliefs = self.machine.beliefs
        lengths = {item.clip: item.duration_ms for item in beliefs.items}
        lengths |= {part.clip: part.duration_ms for raised in beliefs.alerts for part in raised.alert.parts}
        return lengths[clip]

    def _stop(self, order: StopSound) -> None:
        sound = self._on_card.get(order.broadcast)
        if sound is None:
            return
        at = self.now if order.at is None else max(self.now, order.at - self.wrong_ms)
        self.stops.append((self.now, at))
        if at < sound.until_ms:
            sound.until_ms, sound.cut = max(at, sound.from_ms) if sound.told else at, True

    def _publish(self, publish: Publish) -> None:
        if self.online:
            self.sent.append(publish)
        if self.station.topics.parse(publish.topic).kind is Kind.RECEIPT:
            signed = envelope.parse(publish.payload)
            envelope.verify(signed, self.key.public)
            for receipt in strict_json.decode(signed.payload, Receipts).receipts:
                assert self.written.setdefault(receipt.id, receipt) == receipt, "a receipt's id was used twice"

    # What is known of it.

    def said(self, kind: Kind) -> list[bytes]:
        """The payloads published of one kind since the last `join`."""
        return [publish.payload for publish in self.sent if self.station.topics.parse(publish.topic).kind is kind]

    @property
    def hello(self) -> Hello:
        return strict_json.decode(self.said(Kind.HELLO)[-1], Hello)

    @property
    def telemetry(self) -> Telemetry:
        return strict_json.decode(self.said(Kind.TELEMETRY)[-1], Telemetry)

    def receipts(self, broadcast: str) -> list[Receipt]:
        """Its receipts about a broadcast that were sent, in the order they were written."""
        return [receipt for receipt in self.written.values() if receipt.broadcast == broadcast]

    def events(self, broadcast: str) -> list[tuple[Event, Why | None]]:
        return [(receipt.event, receipt.why) for receipt in self.receipts(broadcast)]

    @property
    def sounding(self) -> list[str]:
        return [sound.broadcast for sound in self._on_card.values() if sound.told]

    def alarms(self, name: str) -> list[tuple[int, int]]:
        """When parts of an alert sounded."""
        sounds = [*self.heard, *(sound for sound in self._on_card.values() if sound.told)]
        return [(s.from_ms, s.until_ms) for s in sounds if s.broadcast.startswith(f"{name}.")]

    def plays(self, broadcast: str) -> list[tuple[int, int, int]]:
        """When it sounded and from which position on: (from, until, position), station time in milliseconds."""
        sounds = [*self.heard, *(sound for sound in self._on_card.values() if sound.told)]
        return [(s.from_ms, s.until_ms, s.position_ms) for s in sounds if s.broadcast == broadcast]
