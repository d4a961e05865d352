from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster import publishing
from broadcaster.clock import to_ms
from broadcaster.database import Database
from broadcaster.publishing import Publisher
from broadcaster.rows import Published
from broadcaster.wire import envelope
from broadcaster.wire.documents import Action, Command, Plan
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs
from tests.broadcaster.town import TOPICS
from tests.clocks import FixedClock

KEY = SigningKey.generate()
TOPIC = TOPICS.plan("xa", "2026-11-21")


def plan(date: str = "2026-11-21") -> Plan:
    return Plan(zone="xa", date=date, items=())


def put(database: Database, clock: FixedClock, document: Plan, *, hours: int = 24, topic: str = TOPIC) -> bool:
    with database.write() as session:
        exp = UnixMs(clock.now_ms() + hours * 3_600_000)
        return Publisher(session, clock).put(KEY, Kind.PLAN, topic, document, exp)


def kept(database: Database, topic: str = TOPIC) -> Published:
    with database.read() as session:
        return session.get_one(Published, topic)


def test_a_document_is_signed_for_its_topic(database: Database, clock: FixedClock) -> None:
    assert put(database, clock, plan())
    read = envelope.parse(kept(database).envelope)
    envelope.verify(read, KEY.public)
    assert (read.header.topic, read.header.typ, read.header.seq) == (TOPIC, "loa-plan", clock.now_ms())


def test_an_unchanged_document_is_not_signed_again(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan())
    before = kept(database).envelope
    assert not put(database, clock, plan(), hours=20)
    assert kept(database).envelope == before


@pytest.mark.parametrize("step", [timedelta(0), timedelta(hours=-5), timedelta(milliseconds=1)])
def test_seq_increases_whatever_the_clock_does(database: Database, clock: FixedClock, step: timedelta) -> None:
    seqs = []
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        put(database, clock, plan(day))
        seqs.append(kept(database).seq)
        clock.advance(step)
    assert seqs == sorted(set(seqs))


def test_a_successor_never_expires_before_its_predecessor(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan(), hours=48)
    before = kept(database).exp
    put(database, clock, plan("2026-11-22"), hours=1)
    assert kept(database).exp == before
    assert envelope.parse(kept(database).envelope).header.exp == before


def test_what_never_expires_is_followed_by_what_never_does(database: Database, clock: FixedClock) -> None:
    with database.write() as session:
        Publisher(session, clock).put(KEY, Kind.PLAN, TOPIC, plan())
    assert put(database, clock, plan("2026-11-22"))
    assert kept(database).exp == envelope.NEVER
    assert not put(database, clock, plan("2026-11-22"))


def test_what_shall_last_longer_is_signed_again(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan(), hours=1)
    assert put(database, clock, plan(), hours=2)


def test_a_command_is_signed_each_time_and_waits_for_no_confirmation(database: Database, clock: FixedClock) -> None:
    with database.write() as session:
        publisher = Publisher(session, clock)
        exp = UnixMs(clock.now_ms() + 30_000)
        order = Command(action=Action.STOP_ALL)
        first, second = (publisher.once(KEY, Kind.COMMAND, TOPICS.command("xa"), order, exp) for _ in range(2))
        assert first != second
        assert publishing.unconfirmed(session) == []


def unconfirmed(database: Database) -> list[str]:
    with database.read() as session:
        return [row.topic for row in publishing.unconfirmed(session)]


def test_a_document_waits_until_its_own_seq_is_confirmed(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan())
    seq = kept(database).seq
    put(database, clock, plan("2026-11-22"))
    with database.write() as session:
        publishing.confirm(session, TOPIC, seq)
    assert unconfirmed(database) == [TOPIC]
    with database.write() as session:
        publishing.confirm(session, TOPIC, seq + 1)
        publishing.confirm(session, TOPIC, seq)  # late, and no news
    assert unconfirmed(database) == []


def test_for_another_broker_everything_is_sent_again_trust_first(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan())
    with database.write() as session:
        Publisher(session, clock).put(KEY, Kind.TRUST, TOPICS.trust("xa"), plan())
        for row in session.scalars(select(Published)):
            publishing.confirm(session, row.topic, row.seq)
    assert unconfirmed(database) == []
    with database.write() as session:
        publishing.forget_confirmations(session)
    assert unconfirmed(database) == [TOPICS.trust("xa"), TOPIC]


def test_what_has_expired_is_let_go_and_its_retained_topic_is_named(database: Database, clock: FixedClock) -> None:
    put(database, clock, plan(), hours=1)
    put(database, clock, plan(), hours=3, topic=TOPICS.plan("xa", "2026-11-22"))
    with database.write() as session:
        exp = UnixMs(clock.now_ms() + 30_000)
        Publisher(session, clock).once(KEY, Kind.COMMAND, TOPICS.command("xa"), plan(), exp)
        Publisher(session, clock).put(KEY, Kind.TRUST, TOPICS.trust("xa"), plan())
    clock.advance(timedelta(hours=2))
    with database.write() as session:
        assert publishing.take_expired(session, to_ms(clock.now())) == [TOPIC]
        assert publishing.take_expired(session, to_ms(clock.now())) == []
        assert session.get(Published, TOPICS.trust("xa")) is not None


def test_a_speaker_is_given_what_is_in_force_in_its_zones_and_nothing_else(
    database: Database, clock: FixedClock
) -> None:
    wanted = [TOPICS.trust("xa"), TOPICS.down("loa-1", "config"), TOPICS.plan("thon-dong", "2026-11-21"), TOPIC]
    others = [TOPICS.trust("other"), TOPICS.down("loa-2", "config"), TOPICS.plan("other", "2026-11-21")]
    with database.write() as session:
        publisher = Publisher(session, clock)
        for topic in wanted + others:
            publisher.put(KEY, TOPICS.parse(topic).kind, topic, plan())
        old = TOPICS.plan("xa", "2026-11-20")
        publisher.put(KEY, Kind.PLAN, old, plan(), UnixMs(clock.now_ms() - 1))
        far = TOPICS.plan("xa", (clock.now() + publishing.HORIZON).date().isoformat())
        publisher.put(KEY, Kind.PLAN, far, plan())
        found = publishing.in_force_for(session, "loa-1", ["thon-dong", "xa"], TOPICS, clock.now())
        assert [row.topic for row in found] == [*wanted, far]
