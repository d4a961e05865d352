"""What speakers say: checked, written to rows some together, and answered when it is on the disk.

A bad message of one speaker is counted and dropped; it never costs the others their batch.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import deliveries, lock_outs, presence, publishing, receipts
from broadcaster.alerting import PREFIX
from broadcaster.clock import from_ms
from broadcaster.core import Core
from broadcaster.deliveries import Told
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.guests import Guests
from broadcaster.lock_outs import LockOut
from broadcaster.publishing import Publisher
from broadcaster.recovery import Recovery
from broadcaster.rows import Published, Speaker
from broadcaster.transport import Message, Transport
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Hello, Request, Welcome
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind
from broadcaster.wire.units import MINUTE, UnixMs

log = logging.getLogger(__name__)

_PER_SPEAKER: Final = RateLimitItemPerSecond(50)
_REQUESTS: Final = RateLimitItemPerMinute(120)
"""A new speaker asks twice for each of some fifty clips; who asks more is asked to wait."""
_STRANGE: Final = RateLimitItemPerSecond(20)
"""Alerts that are looked at in vain: who floods the broker must not keep the speakers' messages waiting.

What is news counts for nothing: a province's alert to a hundred places comes in one second, and so does its end.
"""
_TOGETHER: Final = 100
_TOGETHER_BYTES: Final = 60_000
"""Messages in one transaction, and what they hold: while it lasts, some 60 ms, nobody else writes, not even an alert."""
_ANSWER_MS: Final = MINUTE
"""How long a welcome and an acknowledgement are valid."""
_UP: Final = frozenset({Kind.STATE, Kind.ABOUT, Kind.HELLO, Kind.RECEIPT, Kind.REQUEST, Kind.TELEMETRY})

Answer = Callable[[], None]


class Uplink:
    """Takes in everything below ``up/`` and heals retained documents that were tampered with."""

    def __init__(self, core: Core, distributor: Distributor) -> None:
        self._core = core
        self._database, self._keyring, self._topics = core.database, core.keyring, core.topics
        self._clock, self._counters, self._distributor = core.clock, core.counters, distributor
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._transport: Transport | None = None
        self._signed: tuple[Guests, Recovery, Answer] | None = None
        self._greeted: dict[str, int] = {}
        """Speakers that this process knows, and the highest ``seq`` of their welcomes."""
        self._echoed: dict[str, int] = {}
        """The ``seq`` of those retained documents of the last minute that have come back to us, the oldest first."""

    def answer_over(self, transport: Transport) -> None:
        """Answers leave over this connection."""
        self._transport = transport

    def admit(self, guests: Guests, recovery: Recovery, on_news: Answer) -> None:
        """Take in what guests have published by themselves, and take back what the rows lost; ``on_news`` is called after each."""
        self._signed = guests, recovery, on_news

    def take(self, batch: list[Message]) -> None:
        """Take in messages in the order they came, and acknowledge what they told when all is written."""
        readable = [(message, address) for message in batch if (address := self._address(message))]
        readable = [(message, address) for message, address in readable if not self._told_time(message, address)]
        written: list[Told] = []
        for together in _portions(readable):
            told = self._taken(together)
            if told is None and len(together) > 1:
                log.warning("batch failed, taking its messages one by one size=%s", len(together))
                told = [alone for one in together for alone in self._taken([one]) or ()]
            written += told or ()
        with self._counters.edge("uplink"):
            if written:
                self._acknowledge(written)
            else:
                self._database.sync()

    def _taken(self, batch: Sequence[tuple[Message, Address]]) -> list[Told] | None:
        """Take in all of these or none, and answer; whatever goes wrong is counted. Returns the receipts that were taken."""
        told: list[Told] | None = None
        with self._counters.edge("uplink"):
            told, answers = self._take_together(batch)
            if answers:
                self._database.sync()
            for answer in answers:
                with self._counters.edge("uplink"):
                    answer()
        return told

    def _address(self, message: Message) -> Address | None:
        try:
            address = self._topics.parse(message.topic)
        except RejectedError as error:
            self._counters.reject(error.reason, message.topic)
            return None
        if address.kind in _UP and not self._limiter.hit(_PER_SPEAKER, address.speaker):
            self._counters.reject("too-many", address.speaker)
            return None
        if address.kind is Kind.REQUEST and not self._limiter.hit(_REQUESTS, address.speaker, "request"):
            self._counters.reject("too-many", f"{address.speaker} requests")
            return None
        return address

    def _told_time(self, message: Message, address: Address) -> bool:
        """Answer a hello that asks for the time only, at once and without the database.

        A speaker that this process does not know yet, and one that says something odd, takes the long way.
        """
        if address.kind is not Kind.HELLO or address.speaker not in self._greeted:
            return False
        with suppress(RejectedError):
            hello = strict_json.decode(message.payload, Hello)
            if hello.time_only:
                self._tell_time(address.speaker, hello, message.at)
                return True
        return False

    def _tell_time(self, speaker: str, hello: Hello, received: UnixMs) -> None:
        now, topic = self._clock.now_ms(), self._topics.down(speaker, "welcome")
        seq = self._greeted[speaker] = max(now, self._greeted[speaker] + 1)
        key = self._keyring.station
        signed = envelope.sign(
            key.private,
            key.kid,
            typ=Kind.WELCOME.value,
            topic=topic,
            seq=UnixMs(seq),
            exp=UnixMs(max(now, seq) + _ANSWER_MS),
            payload=strict_json.encode(Welcome(nonce=hello.nonce, t1=hello.t1, t2=received, t3=now, time_only=True)),
        )
        self._publish(topic, signed)

    def _take_together(self, messages: Sequence[tuple[Message, Address]]) -> tuple[list[Told], list[Answer]]:
        """Write what these tell; what has been told, and the answers that may leave when the disk has it."""
        answers: list[Answer] = []
        with self._database.write(sync=False) as session, session.no_autoflush:
            hello = any(address.kind is Kind.HELLO for _, address in messages)
            batch = _Batch(
                session,
                Publisher(session, self._clock),
                self._recall(session, messages),
                Geography.of_places(session) if hello else None,
                lock_outs.in_force(session, self._clock.now()) if hello else [],
            )
            batch.publisher.recall_topics(self._welcomes(messages))
            for message, address in messages:
                try:
                    if answer := self._take_one(batch, message, address):
                        answers.append(answer)
                except RejectedError as error:
                    self._counters.reject(error.reason, f"{address.kind.value} {address.speaker} {error}")
            deliveries.take(session, batch.told)
        return batch.told, answers

    @staticmethod
    def _recall(session: Session, messages: Sequence[tuple[Message, Address]]) -> Mapping[str, Speaker]:
        """All who speak and are known, by name, in one query."""
        speakers = {address.speaker for _, address in messages if address.speaker}
        return {row.id: row for row in session.scalars(select(Speaker).where(Speaker.id.in_(speakers)))}

    def _welcomes(self, messages: Sequence[tuple[Message, Address]]) -> set[str]:
        """The topics on which these hellos are answered."""
        return {self._topics.down(address.speaker, "welcome") for _, address in messages if address.kind is Kind.HELLO}

    def _take_one(self, batch: "_Batch", message: Message, address: Address) -> Answer | None:
        session = batch.session
        if address.kind not in _UP:
            return self._heal(session, message, address)
        speaker = batch.speakers.get(address.speaker)
        if speaker is None or speaker.retired_at:
            raise RejectedError(Reason.UNKNOWN_KEY, f"speaker {address.speaker}")
        at = from_ms(message.at)
        match address.kind:
            case Kind.STATE:
                presence.take_state(speaker, message.payload, at)
            case Kind.ABOUT:
                presence.take_about(self._topics.base.rpartition("/")[2], speaker, message.payload, at)
            case Kind.TELEMETRY:
                presence.take_telemetry(speaker, message.payload, at)
            case Kind.HELLO if batch.geography:
                return self._welcome(batch, speaker, message, batch.geography.zones_at(speaker.place_id))
            case Kind.RECEIPT:
                batch.told.append(receipts.read(speaker, message))
                speaker.seen_at = at
            case _:
                return self._request(speaker, strict_json.decode(message.payload, Request))
        return None

    def _publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        if self._transport:
            self._transport.publish(topic, payload, qos=qos)

    def _heal(self, session: Session, message: Message, address: Address) -> Answer | None:
        """Retained documents come back to us; whoever changed one is overruled, unless it is a guest with its own alert."""
        row = session.get(Published, message.topic)
        if row and row.envelope == message.payload:
            self._note_echo(row)
            return None
        of_others = address.kind is Kind.ALERT and not address.alert.startswith(PREFIX)
        if self._signed and message.payload and (of_others or (row is None and address.kind is Kind.ALERT)):
            if not self._limiter.test(_STRANGE, "alerts"):  # and nothing is overruled that may be a guest's news
                self._counters.reject("too-many", message.topic)
                return None
            guests, recovery, on_news = self._signed
            look = guests.overhear if of_others else recovery.take_back
            news = look(session, message.topic, message.payload)
            if news:
                self._note_echo(session.get_one(Published, message.topic))
                return on_news
            self._limiter.hit(_STRANGE, "alerts")
            if news is False:
                return None
        elif row and self._signed and address.kind in {Kind.ALERT, Kind.TRUST}:
            _, recovery, on_news = self._signed
            take = recovery.take_end if address.kind is Kind.ALERT else recovery.take_trust
            if take(session, row, message.payload):
                self._note_echo(row)
                return on_news
        return self._overrule(row, message)

    def _note_echo(self, row: Published) -> None:
        """What comes back after the document in force came back was said anew: it did not cross with it."""
        now = self._clock.now_ms()
        self._echoed.pop(row.topic, None)
        self._echoed[row.topic] = row.seq
        while now - next(iter(self._echoed.values()), now) >= MINUTE:
            del self._echoed[next(iter(self._echoed))]

    def _overrule(self, row: Published | None, message: Message) -> Answer | None:
        """Say again what is in force, unless what came is only older."""
        if row is None or row.typ not in publishing.RETAINED or self._is_older_of_ours(message.payload, row):
            return None
        self._counters.reject("tampered", message.topic)
        topic, kept = row.topic, row.envelope
        return lambda: self._publish_retained(topic, kept)

    def _is_older_of_ours(self, payload: bytes, row: Published) -> bool:
        """Whether this is an earlier document of this topic that crossed with its successor on the way."""
        try:
            read = envelope.parse(payload)
            alert = row.typ == Kind.ALERT.value
            envelope.verify(read, (self._keyring.emergency if alert else self._keyring.station).public)
        except RejectedError:
            return False
        on_its_way = self._clock.now_ms() - row.seq < MINUTE and self._echoed.get(row.topic) != row.seq
        return read.header.topic == row.topic and read.header.seq <= row.seq and on_its_way

    def _publish_retained(self, topic: str, payload: bytes) -> None:
        if self._transport:
            self._transport.publish(topic, payload, retain=True)

    def _welcome(self, batch: "_Batch", speaker: Speaker, message: Message, zones: Sequence[str]) -> Answer:
        hello = strict_json.decode(message.payload, Hello)
        speaker.seen_at = from_ms(message.at)
        name, topic = speaker.id, self._topics.down(speaker.id, "welcome")
        row = batch.publisher.kept(topic)
        if hello.time_only and row:  # one that was never welcomed is told everything
            self._greeted[name] = row.seq
            return lambda: self._tell_time(name, hello, message.at)
        if row:  # what was answered without the database counts as well
            row.seq = max(row.seq, self._greeted.get(name, 0))
        mine = publishing.in_force_for(batch.session, speaker.id, zones, self._topics, self._clock.now())
        if speaker.pending_since:  # it learns whom to believe, and nothing to play, until a person has confirmed it
            mine = [document for document in mine if document.typ == Kind.TRUST.value]
        now = self._clock.now_ms()
        welcome = Welcome(
            nonce=hello.nonce,
            t1=hello.t1,
            t2=message.at,
            t3=now,
            current={document.topic: document.seq for document in mine},
        )
        signed = batch.publisher.once(self._keyring.station, Kind.WELCOME, topic, welcome, UnixMs(now + _ANSWER_MS))
        seq = envelope.parse(signed).header.seq
        lacking = [document for document in mine if hello.have.get(document.topic, -1) < document.seq]
        copies = [(document.typ, document.envelope) for document in lacking]
        copy_topic = self._topics.down(speaker.id, "copy")
        locks = lock_outs.orders(batch.publisher, self._core, batch.locked, [self._topics.down(speaker.id, "command")])

        def answer() -> None:
            self._greeted[name] = max(seq, self._greeted.get(name, 0))
            for typ, copy in copies:
                if typ == Kind.TRUST.value:  # without it the welcome could not be checked
                    self._publish(copy_topic, copy)
            self._publish(topic, signed)
            for typ, copy in copies:
                if typ != Kind.TRUST.value:
                    self._publish(copy_topic, copy)
            for lock_topic, lock in locks:
                self._publish(lock_topic, lock)

        return answer

    def _acknowledge(self, written: Sequence[Told]) -> None:
        exp = UnixMs(self._clock.now_ms() + _ANSWER_MS)
        with self._database.write() as session:
            publisher = Publisher(session, self._clock)
            signed = receipts.acknowledge(publisher, self._keyring.station, self._topics, written, exp)
        for topic, ack in signed:
            self._publish(topic, ack, qos=0)  # one that is lost is asked for again

    def _request(self, speaker: Speaker, request: Request) -> Answer:
        name = speaker.id
        return lambda: self._distributor.repair(name, request)


@dataclass
class _Batch:
    """Messages that are taken in together.

    Attributes:
        publisher: signs all answers.
        speakers: those who speak, by name.
        geography: loaded when somebody says hello.
        locked: the keys that who says hello has to be told are locked out.
        told: receipts that are written when every message has been looked at.
    """

    session: Session
    publisher: Publisher
    speakers: Mapping[str, Speaker]
    geography: Geography | None
    locked: list[LockOut]
    told: list[Told] = field(default_factory=list)


def _portions(messages: Iterable[tuple[Message, Address]]) -> Iterator[list[tuple[Message, Address]]]:
    """As many messages as may be in one transaction, in order."""
    portion: list[tuple[Message, Address]] = []
    size = 0
    for message, address in messages:
        portion.append((message, address))
        size += len(message.payload)
        if len(portion) == _TOGETHER or size > _TOGETHER_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
