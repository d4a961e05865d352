from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster import deliveries, guest_keys, receipts, setup_documents
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.deliveries import Told
from broadcaster.publishing import Publisher
from broadcaster.rows import LedgerEntry, Published, Speaker
from broadcaster.transport import Message
from broadcaster.uplink import Uplink
from broadcaster.wire import enrolment, envelope, keys, strict_json
from broadcaster.wire.documents import (
    About,
    Ack,
    Action,
    Command,
    Document,
    Event,
    Hello,
    Plan,
    Receipt,
    Receipts,
    Request,
    SpeakerState,
    State,
    Telemetry,
    Welcome,
)
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs
from tests.broadcaster.town import TOPICS, FakeTransport
from tests.clocks import FixedClock

ROOT = SigningKey.generate()


@dataclass
class Repairs:
    """A distributor that notes what it is asked for."""

    asked: list[tuple[str, Request]] = field(default_factory=list)

    def repair(self, speaker: str, request: Request) -> None:
        self.asked.append((speaker, request))


@dataclass
class Desk:
    """The uplink of a station, with speakers that write to it."""

    core: Core
    clock: FixedClock
    uplink: Uplink
    line: FakeTransport
    repairs: Repairs
    keys: dict[str, SigningKey] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)

    def message(self, speaker: str, what: str, payload: bytes | Document) -> Message:
        raw = payload if isinstance(payload, bytes) else strict_json.encode(payload)
        return Message(TOPICS.up(speaker, what), raw, self.clock.now_ms())

    def take(self, *messages: Message) -> None:
        self.uplink.take(list(messages))

    def enrol(self, speaker: str) -> None:
        key = self.keys[speaker] = SigningKey.generate()
        text = keys.public_text(key.public)
        proof = enrolment.proof("c" * 32, "an-binh", speaker, text)
        about = About(model="M", firmware="1", protocol=1, key=text, proof=proof, boot_count=1)
        self.take(self.message(speaker, "about", about))

    def receipt(
        self, speaker: str, *, topic: str = "", key: SigningKey | None = None, count: int = 1, **facts: Any
    ) -> Message:
        number = next(self.numbers)
        told: dict[str, Any] = {"broadcast": "b", "event": Event.FINISHED, "at": 1_000}
        several = tuple(Receipt(**{"id": f"r{number}-{one}"} | told | facts) for one in range(count))
        signing = key or self.keys[speaker]
        signed = envelope.sign(
            signing.private,
            signing.kid,
            typ=Kind.RECEIPT.value,
            topic=topic or TOPICS.up(speaker, "receipt"),
            seq=UnixMs(self.clock.now_ms() + number),
            payload=strict_json.encode(Receipts(receipts=several)),
        )
        return self.message(speaker, "receipt", signed)

    def ledger(self) -> int:
        with self.core.database.read() as session:
            return session.scalar(select(func.count()).select_from(LedgerEntry)) or 0

    def speaker(self, name: str) -> Speaker:
        with self.core.database.read() as session:
            return session.get_one(Speaker, name)

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.core.counters.rejected)


@pytest.fixture
def desk(core: Core, clock: FixedClock) -> Desk:
    repairs, line = Repairs(), FakeTransport()
    made = Uplink(core, repairs)  # type: ignore[arg-type]  # only `repair` is asked for
    made.answer_over(line)
    return Desk(core, clock, made, line, repairs)


def heartbeat(**facts: Any) -> Telemetry:
    told: dict[str, Any] = {"at": 0, "boot": "b", "offset_ms": 0, "error_ms": 1, "clips": 0, "waiting_receipts": 0}
    return Telemetry(**told | facts)


def test_what_a_speaker_says_of_itself_comes_into_its_row(desk: Desk) -> None:
    state = State(state=SpeakerState.READY, boot="b", connection=1, since=0)
    desk.take(desk.message("loa-1", "state", state), desk.message("loa-1", "telemetry", heartbeat(offset_ms=9)))
    desk.enrol("loa-1")
    row = desk.speaker("loa-1")
    assert (row.state, row.clock_offset_ms, row.model, row.seen_at) == (SpeakerState.READY, 9, "M", desk.clock.now())


def test_bad_messages_are_counted_and_the_rest_of_the_batch_is_kept(desk: Desk) -> None:
    desk.enrol("loa-1")
    desk.enrol("loa-2")
    good = desk.receipt("loa-1")
    unsigned = desk.message("loa-1", "receipt", good.payload.partition(b"\n")[2])
    altered = desk.message("loa-1", "receipt", good.payload.replace(b'"finished"', b'"skipped" '))
    desk.take(
        desk.message("loa-1", "state", b"{"),
        desk.message("loa-1", "hello", b'{"boot":"b","boot":"c"}'),
        unsigned,
        altered,
        desk.receipt("loa-1", key=desk.keys["loa-2"]),
        desk.receipt("loa-1", topic=TOPICS.up("loa-2", "receipt")),
        desk.message("loa-1", "receipt", b"x" * 121_000),
        desk.message("stranger", "telemetry", heartbeat()),
        Message("loa/1/elsewhere/speaker/loa-1/up/state", b"", desk.clock.now_ms()),
        Message("$SYS/broker", b"", desk.clock.now_ms()),
        good,
    )
    assert desk.ledger() == 1
    assert desk.rejected == {
        "malformed": 2,
        "duplicate-member": 1,
        "bad-signature": 2,
        "wrong-topic": 1,
        "oversized": 1,
        "unknown-key": 1,
        "unknown-topic": 2,
    }
    assert desk.core.counters.errors == {}


def test_receipts_are_acknowledged_by_name_after_they_are_written(desk: Desk) -> None:
    desk.enrol("loa-1")
    desk.take(desk.receipt("loa-1", id="mine"))
    sent = desk.line.sent[-1]
    assert sent.topic == TOPICS.down("loa-1", "ack")
    read = envelope.parse(sent.payload)
    envelope.verify(read, desk.core.keyring.station.public)
    assert strict_json.decode(read.payload, Ack).receipts == ("mine",)
    assert read.header.exp == desk.clock.now_ms() + 60_000


def test_a_receipt_that_comes_again_is_acknowledged_again_and_written_once(desk: Desk) -> None:
    desk.enrol("loa-1")
    again = desk.receipt("loa-1")
    desk.take(again)
    desk.take(again)
    assert desk.ledger() == 1
    assert len(desk.line.sent) == 2


def acknowledged(desk: Desk) -> list[tuple[str, int]]:
    """Which speakers were told that so many of their receipts are written, in order."""
    read = [envelope.parse(sent.payload) for sent in desk.line.sent]
    desk.line.sent.clear()
    return [(one.header.topic, len(strict_json.decode(one.payload, Ack).receipts)) for one in read]


def test_what_waited_together_is_acknowledged_together_and_by_messages_that_every_broker_takes(desk: Desk) -> None:
    desk.enrol("loa-1")
    desk.enrol("loa-2")
    first, second = TOPICS.down("loa-1", "ack"), TOPICS.down("loa-2", "ack")
    desk.take(*(desk.receipt(name, count=100) for _ in range(12) for name in ("loa-1", "loa-2")))
    assert desk.ledger() == 2_400
    assert acknowledged(desk) == [(first, 1_000), (first, 200), (second, 1_000), (second, 200)]


def test_a_transaction_ends_where_another_should_have_its_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    real = deliveries.take

    def count(session: Session, told: Sequence[Told]) -> None:
        turns.append(sum(len(one.receipts) for one in told))
        real(session, told)

    monkeypatch.setattr(deliveries, "take", count)
    desk.enrol("loa-1")
    turns.clear()
    desk.take(*(desk.receipt("loa-1", count=100) for _ in range(20)))
    assert sum(turns) == 2_000
    assert max(turns) <= 1_000


def test_what_was_written_and_not_acknowledged_is_acknowledged_when_it_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.enrol("loa-1")
    message = desk.receipt("loa-1", count=3)
    with monkeypatch.context() as broken:
        broken.setattr(receipts, "acknowledge", lambda *_: 1 / 0)
        desk.take(message)
    assert (desk.ledger(), acknowledged(desk)) == (3, [])
    desk.take(message)
    assert (desk.ledger(), acknowledged(desk)) == (3, [(TOPICS.down("loa-1", "ack"), 3)])


def test_nothing_is_answered_or_acknowledged_before_the_disk_has_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.enrol("loa-1")
    hello, receipt = desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0)), desk.receipt("loa-1")
    with monkeypatch.context() as broken:
        broken.setattr(desk.core.database, "sync", lambda: 1 / 0)
        desk.take(hello, receipt)
    assert (desk.ledger(), desk.line.sent) == (1, [])
    desk.take(hello, receipt)
    assert {sent.topic.rpartition("/")[2] for sent in desk.line.sent} >= {"welcome", "ack"}


def test_receipts_of_a_speaker_whose_key_nobody_knows_are_refused(desk: Desk) -> None:
    desk.take(desk.receipt("loa-1", key=SigningKey.generate()))
    assert (desk.ledger(), desk.rejected, desk.line.sent) == (0, {"unknown-key": 1}, [])


def test_a_retired_speaker_is_not_listened_to(desk: Desk) -> None:
    with desk.core.database.write() as session:
        session.get_one(Speaker, "loa-1").retired_at = desk.clock.now()
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0)), desk.message("loa-1", "about", b""))
    assert desk.rejected == {"unknown-key": 2}


def publish_everything(desk: Desk) -> list[str]:
    """What loa-1 should have: trust, its config, the plans of its zones; and others' besides."""
    day = desk.clock.now().date().isoformat()
    with desk.core.database.write() as session:
        setup_documents.put_trust(session, desk.core, ROOT)
        setup_documents.put_configs(session, desk.core, 60_000)
        for zone in ("xa", "thon-dong", "thon-doai"):
            plan, exp = Plan(zone=zone, date=day, items=()), UnixMs(desk.clock.now_ms() + 10**8)
            Publisher(session, desk.clock).put(desk.core.keyring.station, Kind.PLAN, TOPICS.plan(zone, day), plan, exp)
    return [
        TOPICS.trust("xa"),
        TOPICS.down("loa-1", "config"),
        TOPICS.plan("thon-dong", day),
        TOPICS.plan("xa", day),
    ]


def seqs(desk: Desk, topics: Sequence[str]) -> dict[str, int]:
    with desk.core.database.read() as session:
        return {topic: session.get_one(Published, topic).seq for topic in topics}


def test_a_speaker_that_has_nothing_gets_trust_then_the_welcome_then_the_rest(desk: Desk) -> None:
    topics = publish_everything(desk)
    desk.clock.advance(timedelta(milliseconds=40))
    hello = desk.message("loa-1", "hello", Hello(boot="b", nonce="nonce", t1=77))
    desk.clock.advance(timedelta(milliseconds=5))
    desk.take(hello)
    said = [(sent.topic.rpartition("/")[2], envelope.parse(sent.payload)) for sent in desk.line.sent]
    assert [what for what, _ in said] == ["copy", "welcome", "copy", "copy", "copy"]
    assert [read.header.topic for what, read in said if what == "copy"] == topics
    envelope.verify(said[1][1], desk.core.keyring.station.public)
    welcome = strict_json.decode(said[1][1].payload, Welcome)
    now = desk.clock.now_ms()
    assert (welcome.nonce, welcome.t1, welcome.t2, welcome.t3) == ("nonce", 77, now - 5, now)
    assert welcome.current == seqs(desk, topics)


def test_who_was_away_when_a_key_was_locked_out_is_told_after_the_welcome(desk: Desk) -> None:
    province = SigningKey.generate()
    with desk.core.database.write() as session:
        text, now = keys.public_text(province.public), desk.clock.now()
        guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[], account_id=1)
        until = guest_keys.lock_out(session, desk.core, province.kid, 1)
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0)))
    last = envelope.parse(desk.line.sent[-1].payload)
    assert desk.line.sent[-1].topic == TOPICS.down("loa-1", "command")
    envelope.verify(last, desk.core.keyring.emergency.public)
    order = strict_json.decode(last.payload, Command)
    assert (order.action, order.keys, order.until) == (Action.LOCK_OUT, (province.kid,), to_ms(until))
    desk.clock.advance(timedelta(hours=24, seconds=1))
    desk.line.sent.clear()
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="m", t1=0)))
    assert TOPICS.down("loa-1", "command") not in [sent.topic for sent in desk.line.sent]


def test_a_speaker_gets_only_what_it_lacks(desk: Desk) -> None:
    topics = publish_everything(desk)
    have = seqs(desk, topics)
    have[topics[2]] -= 1
    del have[topics[3]]
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0, have=have)))
    copies = [envelope.parse(sent.payload).header.topic for sent in desk.line.sent if sent.topic.endswith("copy")]
    assert copies == topics[2:]
    desk.line.sent.clear()
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0, have=seqs(desk, topics))))
    assert [sent.topic for sent in desk.line.sent] == [TOPICS.down("loa-1", "welcome")]


def test_a_request_is_passed_on_as_a_repair(desk: Desk) -> None:
    request = Request(clip="a" * 64, missing=((0, 3),))
    desk.take(desk.message("loa-1", "request", request))
    assert desk.repairs.asked == [("loa-1", request)]
