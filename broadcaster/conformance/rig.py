"""The station's side of the wire for one speaker: keys thrown away afterwards, documents, answers, and the tape."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from broadcaster.conformance.check import BrokenError, CannotCheckError, expect
from broadcaster.conformance.link import Brokerage, Link
from broadcaster.conformance.papers import Papers, trusted
from broadcaster.conformance.sounds import READY, Sound
from broadcaster.conformance.subjects import Kit, Subject
from broadcaster.conformance.tape import Tape
from broadcaster.transport import Message
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import (
    Ack,
    Class,
    Event,
    Hello,
    PlanItem,
    Receipts,
    Request,
    SpeakerState,
    Trust,
    Welcome,
)
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, HOUR, SECOND, UnixMs

TOLERANCE_MS: Final = 150
"""How far a start or an end may be from the plan; loose, since a check is not a benchmark."""
JOIN_S: Final = 30.0
_SETTLE_S: Final = 0.5
_BEAT_S: Final = 6.0
"""A heartbeat every second was configured; a busy machine may be late."""


@dataclass(kw_only=True)
class Rig(Papers):
    """A station for one speaker.

    Attributes:
        answering: hellos are answered.
        silent_about: broadcasts whose receipts are not acknowledged.
        withheld: clips whose requests are not answered.
    """

    subject: Subject
    brokerage: Brokerage
    answering: bool = True
    silent_about: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tape = Tape(self.topics, self.speaker)
        self._items: dict[tuple[str, str], dict[str, PlanItem]] = {}
        self._counting = asyncio.Lock()
        self._link: Link | None = None
        self._on_at = 0

    @property
    def kit(self) -> Kit:
        """What the speaker is given."""
        return {
            "station": self.station,
            "speaker": self.speaker,
            "brokers": [self.brokerage.speaker_url(self.speaker)],
            "root": keys.public_text(self.root.public),
            "claim_code": self.claim_code,
        }

    # The connection.

    async def open(self) -> None:
        """Connect. Errors: CannotCheckError."""
        await self.close()
        self._link = Link(self.brokerage.url, [f"{self.topics.base}/speaker/{self.speaker}/up/#"], self._take)
        await self._link.open()

    async def close(self) -> None:
        """Disconnect."""
        if self._link:
            link, self._link = self._link, None
            await link.close()

    @property
    def link(self) -> Link:
        """The connection. Errors: CannotCheckError."""
        if self._link is None:
            raise CannotCheckError("the station is not connected")
        return self._link

    def send(self, topic: str, payload: bytes, *, qos: int = 1) -> None:
        """Publish something that is not retained."""
        self.link.publish(topic, payload, qos=qos)

    async def retain(self, topic: str, message: bytes) -> None:
        """Publish a retained document, until the broker has it."""
        self.in_force[topic] = message
        await self.link.publish_surely(topic, message)

    # What is in force.

    async def trust(self) -> None:
        """Say who may speak."""
        document = Trust(
            keys=(
                trusted(self.key, Class.ROUTINE, Class.PRIORITY),
                trusted(self.emergency, Class.EMERGENCY),
                *self.more_keys,
            ),
            revoked=self.revoked,
        )
        topic = self.topics.trust(self.town)
        await self.retain(topic, self.sign(Kind.TRUST, topic, document))
        await asyncio.sleep(_SETTLE_S)

    async def configure(self, **changes: object) -> None:
        """Set the speaker up, and give it a moment."""
        topic = self.topics.down(self.speaker, "config")
        await self.retain(topic, self.sign(Kind.CONFIG, topic, self.config(**changes)))
        await asyncio.sleep(_SETTLE_S)

    async def plan(self, item: PlanItem, zone: str = "", more: bytes = b"") -> None:
        """Add an item to its day's plan, or change it there; ``more`` members stand at its end."""
        items = self._items.setdefault((zone or self.zone, self.day(item.start_at)), {})
        items[item.id] = item
        await self._publish_plan(zone or self.zone, tuple(items.values()), more)

    async def withdraw(self, item: PlanItem) -> None:
        """Take an item out of its day's plan; there has to be another."""
        items = self._items[self.zone, self.day(item.start_at)]
        del items[item.id]
        await self._publish_plan(self.zone, tuple(items.values()))

    async def _publish_plan(self, zone: str, items: Sequence[PlanItem], more: bytes = b"") -> None:
        topic, plan = self.plan_of(zone, *items)
        payload = strict_json.encode(plan)
        if more:
            payload = payload[:-1] + b"," + more + b"}"
        await self.retain(topic, self.sign(Kind.PLAN, topic, payload, exp=self.now() + 3 * DAY))

    def deliver(self, sound: Sound, lost: Sequence[int] = ()) -> None:
        """Send a clip to the zone, without the segments that are lost."""
        self.send(self.topics.manifest(self.zone, sound.clip), sound.manifest, qos=0)
        for number, segment in enumerate(sound.segments):
            if number not in lost:
                self.send(self.topics.segment(self.zone, sound.clip, number), segment, qos=0)

    # Joining.

    async def joined(self, since: int = 0) -> None:
        """Wait until state, about and hello have come in, in whatever order the broker hands them on.

        Errors: BrokenError.
        """

        def heard() -> bool:
            present = self.tape.says(SpeakerState.READY, since) and self.tape.of(Kind.ABOUT, since)
            return bool(present and self.tape.hellos(since))

        expect(await self.tape.until(heard, JOIN_S), "no hello, about and state ready")

    async def ready(self) -> None:
        """A speaker that is set up, welcomed, and has the clips of the checks; again is harmless."""
        await self.trust()
        self.answering = True
        await self.switch_on()
        await self.joined()
        await self.configure()
        later = self.now() + 6 * HOUR
        items = [self.item(sound, later + 30 * SECOND * number) for number, sound in enumerate(READY)]
        for item in items:
            await self.plan(item)
        for sound in READY:
            self.deliver(sound)
        cached = await self.tape.until(lambda: all(self.tape.events(item.id, Event.CACHED) for item in items), JOIN_S)
        expect(cached, f"the first clips were not cached: {self.tape.wrong[:3]}")

    # Answers.

    def _take(self, message: Message) -> None:
        entry = self.tape.take(message)
        match entry.document if entry else None:
            case Hello() as hello if self.answering:
                self.welcome(hello, message.at)
            case Receipts() as receipts:
                self._acknowledge(receipts)
            case Request() as request if request.clip in self.sounds and request.clip not in self.withheld:
                self._repair(self.sounds[request.clip], request)
            case _:
                pass

    def welcome(self, hello: Hello, at: int, nonce: str = "", more: Mapping[str, int] | None = None) -> None:
        """Answer a hello: trust, welcome, every document the speaker lacks; ``more`` is in force but not sent."""
        copies, current = [], dict(more or {})
        for topic, message in self.in_force.items():
            seq = envelope.parse(message).header.seq
            current[topic] = seq
            if hello.have.get(topic, -1) < seq:
                copies.append((self.topics.parse(topic).kind is Kind.TRUST, message))
        copy_topic, topic = self.topics.down(self.speaker, "copy"), self.topics.down(self.speaker, "welcome")
        for message in [message for is_trust, message in copies if is_trust]:
            self.send(copy_topic, message)
        now = self.now()
        welcome = Welcome(nonce=nonce or hello.nonce, t1=hello.t1, t2=UnixMs(at), t3=UnixMs(now), current=current)
        self.send(topic, self.sign(Kind.WELCOME, topic, welcome, exp=now + 60 * SECOND))
        for message in [message for is_trust, message in copies if not is_trust]:
            self.send(copy_topic, message)

    def _acknowledge(self, receipts: Receipts) -> None:
        heard = tuple(one.id for one in receipts.receipts if one.broadcast not in self.silent_about)
        if heard:
            self.acknowledge(heard)

    def acknowledge(self, ids: tuple[str, ...], key: SigningKey | None = None) -> None:
        """Say that these receipts are committed."""
        topic = self.topics.down(self.speaker, "ack")
        self.send(topic, self.sign(Kind.ACK, topic, Ack(receipts=ids), key=key, exp=self.now() + 60 * SECOND))

    def _repair(self, sound: Sound, request: Request) -> None:
        base = self.topics.down(self.speaker, f"clip/{sound.clip}")
        if request.manifest:
            self.send(f"{base}/m", sound.manifest, qos=0)
        for first, last in request.missing:
            for number in range(first, min(last + 1, len(sound.segments))):
                self.send(f"{base}/{number}", sound.segments[number], qos=0)

    # Judging.

    async def switch_on(self) -> None:
        """Give the speaker its kit and its power; counters and boot id begin anew."""
        self._on_at = self.now()
        await self.subject.on(self.kit)

    async def power_cycle(self) -> None:
        """Cut its power, and switch it on again."""
        await self.subject.off()
        await self.switch_on()

    async def past(self, moment: int) -> None:
        """Wait until a moment is over."""
        await asyncio.sleep(max(0, moment - self.now()) / SECOND)

    @asynccontextmanager
    async def counted(self, reason: str) -> AsyncIterator[None]:
        """What is sent inside must be counted under this reason and no other. Errors: BrokenError."""
        async with self._counting:
            before = await self._rejected()
            yield
            sent_at = self.now()
            grown: dict[str, int] = {}

            def counted() -> bool:
                grown.clear()
                for beat in self.tape.telemetry(sent_at):
                    grown.update({why: n - before.get(why, 0) for why, n in beat.rejected.items()})
                return grown.get(reason, 0) > 0

            found = await self.tape.until(counted, _BEAT_S)
            seen = {why: n for why, n in grown.items() if n}
            if not found or set(seen) != {reason}:
                raise BrokenError(f"counted {seen or 'nothing'} instead of {reason}")

    async def _rejected(self) -> dict[str, int]:
        """The counters of the latest heartbeat; everything that is refused on purpose waits for its own."""
        expect(await self.tape.until(lambda: self.tape.telemetry(self._on_at), _BEAT_S), "no telemetry at report_ms")
        return self.tape.telemetry(self._on_at)[-1].rejected
