"""What speakers say: checked, written to rows in one transaction a batch, and answered after the commit.

A bad message of one speaker is counted and dropped; it never costs the others their batch.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import deliveries, lock_outs, presence, publishing
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
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Ack, Hello, Receipts, Request, Welcome
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
_TOGETHER: Final = 50
"""Messages in one transaction, some 60 ms of work: while it lasts, nobody else writes, not even an alert."""
_ANSWER_MS: Final = MINUTE
"""How long a welcome and an acknowledgement are valid."""
_UP: Final = frozenset({Kind.STATE, Kind.ABOUT, Kind.HELLO, Kind.RECEIPT, Kind.REQUEST, Kind.TELEMETRY})

_ANSWERED_ON: Final = {Kind.HELLO: "welcome", Kind.RECEIPT: "ack"}

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
        """Take in messages in the order they came."""
        readable = [(message, address) for message in batch if (address := self._address(message))]
        readable = [(message, address) for message, address in readable if not self._told_time(message, address)]
        for first in range(0, len(readable), _TOGETHER):
            together = readable[first : first + _TOGETHER]
            if not self._taken(together) and len(together) > 1:
                log.warning("batch failed, taking its messages one by one size=%s", len(together))
                for one in together:
                    self._taken([one])

    def _taken(self, batch: Sequence[tuple[Message, Address]]) -> bool:
        """Take in all of these or none; whatever goes wrong is counted. Returns whether they were taken."""
        answers: list[Answer] | None = None
        with self._counters.edge("uplink"):
            answers = self._take_together(batch)
        for answer in answers or ():
            with self._counters.edge("uplink"):
                answer()
        return answers is not None

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

    def _take_together(self, messages: Sequence[tuple[Message, Address]]) -> list[Answer]:
        answers: list[Answer] = []
        with self._database.write() as session, session.no_autoflush:
            hello = any(address.kind is Kind.HELLO for _, address in messages)
            batch = _Batch(
                session,
                Publisher(session, self._clock),
                self._recall(session, messages),
                Geography.of_places(session) if hello else None,
                lock_outs.in_force(session, self._clock.now()) if hello else [],
            )
            batch.publisher.recall_topics(self._answers_to(messages))
            for message, address in messages:
                try:
                    if answer := self._take_one(batch, message, address):
                        answers.append(answer)
                except RejectedError as error:
                    self._counters.reject(error.reason, f"{address.kind.value} {address.speaker} {error}")
            deliveries.take(session, batch.told)
            answers += self._acknowledge(batch)
        return answers

    @staticmethod
    def _recall(session: Session, messages: Sequence[tuple[Message, Address]]) -> list[Speaker]:
        """The rows of all who speak, in one query; the session finds them while they are held."""
        speakers = {address.speaker for _, address in messages if address.speaker}
        return list(session.scalars(select(Speaker).where(Speaker.id.in_(speakers))))

    def _answers_to(self, messages: Sequence[tuple[Message, Address]]) -> set[str]:
        """The topics on which these messages are answered."""
        return {
            self._topics.down(address.speaker, _ANSWERED_ON[address.kind])
            for _, address in messages
            if address.kind in _ANSWERED_ON
        }

    def _take_one(self, batch: "_Batch", message: Message, address: Address) -> Answer | None:
        session = batch.session
        if address.kind not in _UP:
            return self._heal(session, message, address)
        speaker = session.get(Speaker, address.speaker)
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
                batch.told.append(_receipts(speaker, message))
                speaker.seen_at = at
            case _:
                return self._request(speaker, strict_json.decode(message.payload, Request))
        return None

    def _publish(self, topic: str, payload: bytes) -> None:
        if self._transport:
            self._transport.publish(topic, payload)

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

    def _acknowledge(self, batch: "_Batch") -> list[Answer]:
        """One acknowledgement for each speaker, of all its receipts in the batch."""
        exp = UnixMs(self._clock.now_ms() + _ANSWER_MS)
        by_speaker: dict[str, list[str]] = {}
        for told in batch.told:
            by_speaker.setdefault(told.speaker, []).extend(receipt.id for receipt in told.receipts)
        answers: list[Answer] = []
        for speaker, receipts in by_speaker.items():
            topic = self._topics.down(speaker, "ack")
            signed = batch.publisher.once(self._keyring.station, Kind.ACK, topic, Ack(receipts=tuple(receipts)), exp)
            answers.append(partial(self._publish, topic, signed))
        return answers

    def _request(self, speaker: Speaker, request: Request) -> Answer:
        name = speaker.id
        return lambda: self._distributor.repair(name, request)


@dataclass
class _Batch:
    """Messages that are taken in together.

    Attributes:
        publisher: signs all answers.
        held: rows that are asked for one by one, held so that the session finds them.
        geography: loaded when somebody says hello.
        locked: the keys that who says hello has to be told are locked out.
        told: receipts that are written when every message has been looked at.
    """

    session: Session
    publisher: Publisher
    held: list[Speaker]
    geography: Geography | None
    locked: list[LockOut]
    told: list[Told] = field(default_factory=list)


def _receipts(speaker: Speaker, message: Message) -> Told:
    """What a speaker has signed. Errors: RejectedError."""
    read = envelope.parse(message.payload)
    if read.header.topic != message.topic or read.header.typ != Kind.RECEIPT.value:
        raise RejectedError(Reason.WRONG_TOPIC, message.topic)
    if speaker.public_key is None:
        raise RejectedError(Reason.UNKNOWN_KEY, speaker.id)
    envelope.verify(read, keys.public_key(speaker.public_key))
    return Told(speaker.id, strict_json.decode(read.payload, Receipts).receipts, message.at)
