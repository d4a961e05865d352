"""The speaker as a state machine without input or output: what comes in, and the time, give what to do.

Every method takes ``now``, Unix milliseconds by the speaker's own clock, and returns actions for the adapter to carry
out in order. Nothing here waits, reads a clock, or touches a file.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Ack, Command, Telemetry, Welcome
from broadcaster.wire.documents import Action as Order
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Kind, Topics
from device_sim.actions import Action, ForgetDocument, KeepDocument, SelfTest, Subscribe
from device_sim.air import Air
from device_sim.beliefs import LOCK_OUT, Admitted, Beliefs
from device_sim.gate import Gate, Waiting
from device_sim.journal import Journal
from device_sim.library import Library, Wanted
from device_sim.reports import Reports
from device_sim.speaker_time import SpeakerTime


@dataclass(frozen=True)
class Identity:
    """What a speaker is from its kit and from itself."""

    station: str
    speaker: str
    root: Ed25519PublicKey
    claim_code: str
    key: SigningKey
    boot: str
    boot_count: int
    model: str = "Loa Phường reference speaker"
    firmware: str = "1"
    horns: int = 1
    role: str = "speaker"


@dataclass
class Memory:
    """What a reboot does not take away; the adapter fills it from its store."""

    journal: Journal
    documents: dict[str, bytes] = field(default_factory=dict)
    clips: dict[str, int] = field(default_factory=dict)
    parts: dict[str, tuple[bytes, frozenset[int]]] = field(default_factory=dict)
    """Manifest and segment numbers of clips that are not whole."""


class SpeakerMachine:
    """One speaker.

    Attributes:
        rejected: messages not acted on since the boot, by reason, and subscriptions that were refused.
        complete: adds to a heartbeat what only the adapter knows of the box.
    """

    def __init__(self, identity: Identity, memory: Memory, *, synchronised: bool) -> None:
        self.identity = identity
        self.topics = Topics(identity.station)
        self.time = SpeakerTime(synchronised)
        self.journal = memory.journal
        self.library = Library(identity.speaker, dict(memory.clips))
        self.beliefs = Beliefs(self.topics, identity.speaker, identity.root)
        self.rejected: Counter[str] = Counter(self.beliefs.recall(memory.documents))
        self.stage = Air(self.journal, self.time)
        self.stage.planned.full = self.library.full
        self.gate = Gate()
        self.reports = Reports(self)
        self.complete: Callable[[Telemetry], Telemetry] = lambda telemetry: telemetry
        self._linked = False
        self._filters: tuple[str, ...] = ()
        self._reviewed: tuple[object, ...] = ()
        self._recall_actions = self._want()
        for clip, (manifest, have) in memory.parts.items():
            self._recall_actions += self.library.recall(clip, manifest, have)

    def _want(self) -> list[Action]:
        """Clips are wanted for what may still play, those of alerts before all others."""
        wanted = [Wanted.by(item) for item in self.beliefs.items if not self.journal.over(item.id)]
        for raised in self.beliefs.alerts:
            parts = () if raised.alert.ended else raised.alert.parts
            wanted += [Wanted(part.clip, part.manifest, part.bytes, 0, part.sent_by) for part in parts]
        return self.library.want(wanted)

    # The connection.

    def connected(self) -> list[Action]:
        """The MQTT connection stands; a clean session has no subscriptions. `subscribed` follows, as on every one."""
        self._linked, self._filters = True, ()
        return [*self._recall_once(), *self._subscribe()]

    def subscribed(self, now: int) -> list[Action]:
        """A subscription was answered: what is said from now on is heard, and hello asks for what was said before."""
        return self.reports.greet(now) if self.reports.online else self.reports.connected(now)

    def subscription_refused(self, filters: Iterable[str]) -> None:
        """The broker doesn't let this speaker listen: a fault that is shown."""
        self.rejected["subscription-refused"] += len(list(filters))

    def disconnected(self) -> None:
        """The MQTT connection is gone."""
        self._linked = False
        self.reports.disconnected()

    def _recall_once(self) -> list[Action]:
        actions, self._recall_actions = self._recall_actions, []
        return actions

    def _subscribe(self) -> list[Action]:
        """Subscribe to what is not subscribed to yet on this connection."""
        own = f"{self.topics.base}/speaker/{self.identity.speaker}/down/#"
        wanted = (own, *(self.topics.zone_filter(zone) for zone in self.beliefs.zones))
        if not self._linked or set(wanted) <= set(self._filters):
            return []
        self._filters = wanted
        return [Subscribe(wanted)]

    # Messages.

    def receive(self, topic: str, payload: bytes, now: int) -> list[Action]:
        """A message came in. One that must not be acted on is counted, and nothing else happens."""
        try:
            return self._receive(topic, payload, now)
        except RejectedError as error:
            if error.reason is not Reason.UNKNOWN_KEY or self.beliefs.believed:
                self.rejected[error.reason] += 1
            return []  # retained documents come in any order: before the first trust every key is unknown

    def _receive(self, topic: str, payload: bytes, now: int) -> list[Action]:
        if len(payload) > envelope.MAX_MESSAGE_BYTES:
            raise RejectedError(Reason.OVERSIZED, topic)
        address = self.topics.parse(topic)
        if address.speaker and address.speaker != self.identity.speaker:
            raise RejectedError(Reason.NOT_MINE, topic)
        match address.kind:
            case Kind.MANIFEST:
                return self.library.take_manifest(address.clip, payload)
            case Kind.SEGMENT:
                return self.library.take_segment(address.clip, address.segment, payload, self.time.station(now))
            case Kind.COPY:
                return self._signed(Waiting(envelope.parse(payload).header.topic, payload, now), now)
            case Kind.FIRMWARE:
                return []  # reserved
            case _ if payload:
                return self._signed(Waiting(topic, payload, now), now)
            case _:
                return []  # a retained document was cleared; what was accepted stays until it expires

    def _signed(self, came: Waiting, now: int) -> list[Action]:
        admitted = self.beliefs.screen(came.topic, came.message, self.time.station(now) if self.time.known else None)
        if admitted is None:
            return []
        kind = admitted.address.kind
        if kind is Kind.LIVE:
            self.stage.live.expect(admitted.address, now)
        if not self.gate.admits(kind, now):
            self.gate.hold(kind, came)
            return []
        self.beliefs.prove(admitted)
        actions = self._act(admitted, came, now)
        if kind is not Kind.LIVE:
            self.beliefs.note(admitted)
        return [KeepDocument(admitted.place, came.message), *actions] if _is_kept(admitted) else actions

    def _act(self, admitted: Admitted, came: Waiting, now: int) -> list[Action]:
        payload = admitted.read.payload
        match admitted.address.kind:
            case Kind.WELCOME:
                self._take_welcome(strict_json.decode(payload, Welcome), admitted.read.header.kid, came.arrived)
                return []
            case Kind.ACK:
                self.reports.heard()
                return self.journal.acknowledged(strict_json.decode(payload, Ack).receipts)
            case Kind.COMMAND:
                return self._obey(admitted, came.message, now)
            case Kind.LIVE_OPEN:
                self.stage.live.take_open(admitted, now)
                return []
            case Kind.LIVE:
                self.stage.live.take_unit(admitted, now)
                return []
            case _:
                return self._take(admitted, now)

    def _take(self, admitted: Admitted, now: int) -> list[Action]:
        believed = self.beliefs.believed
        actions = self._without(self.beliefs.take(admitted))
        lost = believed - self.beliefs.believed
        if lost and self.reports.online:  # what else has the thief of that key told it?
            actions += self.reports.greet(now)
        return actions

    def _without(self, dropped: Iterable[str]) -> list[Action]:
        """Adjust to what is believed now."""
        doubted = self.stage.live.doubt(self.beliefs.believed)
        return [*map(ForgetDocument, dropped), *doubted, *self._want(), *self._subscribe()]

    def _obey(self, admitted: Admitted, message: bytes, now: int) -> list[Action]:
        command = strict_json.decode(admitted.read.payload, Command)
        match command.action:
            case Order.LOCK_OUT:
                place = f"{admitted.place}#{admitted.read.header.seq}{LOCK_OUT}"
                actions = self._without(self.beliefs.lock_out(admitted, command))
                return [*actions, KeepDocument(place, message)] if place in self.beliefs.lock_outs else actions
            case Order.AIR:
                if command.item is None:
                    raise RejectedError(Reason.MALFORMED, "air what?")
                if command.item.klass not in admitted.scopes:
                    raise RejectedError(Reason.OUT_OF_SCOPE, command.item.klass.value)
                self.beliefs.order(command.item, admitted)
                return self._want()
            case Order.IDENTIFY:
                self.stage.identify()
                return []
            case Order.SELF_TEST:
                return [SelfTest()]
            case _:
                return self.stage.obey(command, self.beliefs.items, admitted.scopes, now)

    def _take_welcome(self, welcome: Welcome, kid: str, now: int) -> None:
        if not self.reports.answered_by(welcome.nonce, welcome.t1):
            raise RejectedError(Reason.STALE_WELCOME, welcome.nonce)
        if not self.time.learn(welcome.t1, welcome.t2, welcome.t3, now):
            raise RejectedError(Reason.STALE_WELCOME, "a clock was set in between")
        if not welcome.time_only:
            self.beliefs.welcome(welcome.current, kid)
        self.reports.welcomed(welcome.nonce, now, time_only=welcome.time_only)

    # The clip store and the sound card answer.

    def clip_stored(self, clip: str, size: int) -> None:
        """The adapter has joined a clip and found its hash right."""
        self.library.stored(clip, size)

    def clip_refused(self, clip: str, now: int) -> None:
        """The joined segments are not the clip; they are gone from the store."""
        self.rejected[Reason.WRONG_HASH] += 1
        self.library.refused(clip, self.time.station(now), lost=True)

    def clip_unstored(self, clip: str, now: int) -> None:
        """The store could not take the clip: it is full, or broken. Its parts are still there."""
        self.library.refused(clip, self.time.station(now), lost=False)
        self._recall_actions += self.library.make_room()

    def segment_unkept(self, clip: str, number: int, now: int) -> None:
        """The store could not take a segment: it is asked for again, at leisure."""
        self.library.unkept(clip, number, self.time.station(now))

    def sound_failed(self, broadcast: str, now: int) -> list[Action]:
        """A clip that was thought whole can't be played: it is fetched again if something else needs it."""
        clip, actions = self.stage.sound_failed(broadcast, now)
        return [*actions, *self.library.spoiled(clip)] if clip else actions

    # Time passes.

    def clock_stepped(self, by_ms: int) -> None:
        """Somebody has set the own clock forward by so much: no moment of the station's has moved by that."""
        self.time.stepped(by_ms)
        self.reports.stepped(by_ms)

    def tick(self, now: int) -> list[Action]:
        """Do what is due: begin and end sounds, report, ask again."""
        actions = self._recall_once()
        for waiting in self.gate.release():
            try:
                actions += self._signed(waiting, now)
            except RejectedError as error:
                self.rejected[error.reason] += 1
        config = self.beliefs.config
        if self.time.known:
            station_now = self.time.station(now)
            actions += [ForgetDocument(topic) for topic in self.beliefs.forget_expired(station_now)]
            actions += self.journal.tidy(station_now)
        if config is not None and self.beliefs.welcomed:
            actions += self._review(now) if self.may_play else []
            actions += self.stage.tick(self.beliefs.items, self.beliefs.alerts, config, self.library.cached, now)
        return [*actions, *self.reports.tick(now)]

    def _review(self, now: int) -> list[Action]:
        """What need not be looked at in every tick, only when plans, clips or notes have changed."""
        state = (self.beliefs.items, len(self.library.cached), self.journal.count)
        if self._reviewed and state[0] is self._reviewed[0] and state[1:] == self._reviewed[1:]:
            return []
        actions = self.stage.note_cached(self.beliefs.items, self.library.cached, now)
        actions += self._want()
        self._reviewed = (self.beliefs.items, len(self.library.cached), self.journal.count)
        return actions

    @property
    def may_play(self) -> bool:
        """Nothing is played before one welcome, in this boot or one before; without time only alerts are."""
        return self.time.known and self.beliefs.welcomed

    def wake_at(self, now: int) -> int:
        """When `tick` is next needed, if nothing comes in before."""
        moments = (
            self.reports.wake_at(now),
            self.gate.wake_at(now),
            self._stage_wakes_at(now),
        )
        return min((moment for moment in moments if moment is not None), default=now + 60_000)

    def _stage_wakes_at(self, now: int) -> int | None:
        config = self.beliefs.config
        if config is None or not self.beliefs.welcomed:
            return None
        return self.stage.wake_at(self.beliefs.items if self.may_play else [], config, now)

    def public_key(self) -> str:
        """The speaker's own public key as it is written on the wire."""
        return keys.public_text(self.identity.key.public)


_KEPT = frozenset({Kind.TRUST, Kind.CONFIG, Kind.PLAN, Kind.ALERT, Kind.WELCOME, Kind.COMMAND})


def _is_kept(admitted: Admitted) -> bool:
    """Whether a document has to survive a reboot; the many that tell the time and nothing else need not."""
    if admitted.address.kind is Kind.WELCOME:
        return not strict_json.decode(admitted.read.payload, Welcome).time_only
    return admitted.address.kind in _KEPT
