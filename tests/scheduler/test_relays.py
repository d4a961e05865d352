"""The relays of programmes follow the rows: begun in time, stopped with their broadcast, told in the ledger."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import airing, chain
from broadcaster.clock import to_ms
from broadcaster.database import Database
from broadcaster.rows import Composition, LedgerEntry
from broadcaster.wire.units import MINUTE
from scheduler import relaying, relays
from scheduler.composing import pieces_of
from scheduler.relaying import RelayEvent, RelayOrder
from scheduler.relays import Relays
from scheduler.rundown import Relay, Tune
from tests.broadcaster import town
from tests.broadcaster.town import DONG, FakeTransport
from tests.clocks import FixedClock
from tests.scheduler.programme_bench import Programmes


@pytest.fixture
def desk(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> Programmes:
    with sqlite_database.write() as session:
        town.fill(session, clock)
    return Programmes.make(sqlite_database, clock, tmp_path)


@pytest.fixture
def running(desk: Programmes) -> Iterator[Relays]:
    made = Relays(desk.bench.core, FakeTransport())
    yield made
    made.stop()


def planned(desk: Programmes) -> str:
    """A programme with a relay in two hours; its broadcast."""
    tune = desk.sound(1, 500)
    number = desk.programme(Tune(tune), Relay("http://127.0.0.1:9/vov", 1, tune, "VOV1"), minutes=3, hours=2)
    desk.plan(confirm=True)
    return desk.next(number)[0].id


def orders(running: Relays) -> list[RelayOrder]:
    return [order for order, _ in running._running.values()]


def test_a_relay_is_begun_in_its_last_minute_at_the_moment_of_its_piece(desk: Programmes, running: Relays) -> None:
    planned(desk)
    desk.bench.clock.advance(timedelta(hours=1, minutes=58))
    running.beat()
    assert orders(running) == []
    desk.bench.clock.advance(timedelta(minutes=1, seconds=30))
    running.beat()
    running.beat()
    (order,) = orders(running)
    broadcast, kept = desk.next(1)
    tune, relay = pieces_of(kept)
    assert broadcast.start_at
    start = to_ms(broadcast.start_at) + tune.length_ms
    assert (order.start_at, order.until, order.zones) == (start, start + MINUTE, ("xa",))
    assert (order.address, order.title, relay.at_ms) == ("http://127.0.0.1:9/vov", "VOV1", tune.length_ms)
    desk.bench.clock.advance(timedelta(minutes=2))
    running.beat()
    assert orders(running) == [], "its time is over"


def test_a_stopped_programme_stops_its_relay_and_a_place_that_was_stopped_hears_no_more_of_it(
    desk: Programmes, running: Relays
) -> None:
    broadcast = planned(desk)
    desk.bench.clock.advance(timedelta(hours=2, seconds=10))
    running.beat()
    now = desk.bench.clock.now()
    [(_, before)] = running._running.values()
    with desk.bench.core.database.write() as session:
        airing.stop_in_place(session, broadcast, DONG, account_id=1, now=now)
    running.beat()
    assert [(order.excluded, order.broadcast) for order in orders(running)] == [(("thon-dong",), broadcast)]
    [(_, after)] = running._running.values()
    assert after is before, "elsewhere it goes on"
    with desk.bench.core.database.write() as session:
        airing.stop_broadcast(session, broadcast, account_id=1, now=now)
    running.beat()
    assert orders(running) == []


def test_what_became_of_a_relay_is_an_entry_of_the_ledger(desk: Programmes, running: Relays) -> None:
    broadcast = planned(desk)
    desk.bench.clock.advance(timedelta(hours=2, seconds=10))
    running.beat()
    at = desk.bench.clock.now_ms()
    for event, why in ((RelayEvent.ON_AIR, ""), (RelayEvent.FALLBACK, "silent")):
        running._note((broadcast, 1), orders(running)[0], event, why, at)
    with desk.bench.core.database.read() as session:
        told = [(one.name, one.event, one.why) for one in relays.told(session, broadcast)]
        assert told == [("VOV1", "on-air", ""), ("VOV1", "fallback", "silent")]
        assert chain.first_break(session, LedgerEntry) is None


def test_a_relay_that_broke_is_begun_anew(desk: Programmes, running: Relays, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(desk)
    desk.bench.clock.advance(timedelta(hours=2, seconds=10))

    def broken(_: relaying.Relay) -> str:
        raise OSError("no process")

    with monkeypatch.context() as patch:
        patch.setattr(relaying.Relay, "_relay_once", broken)
        running.beat()
        ((_, first),) = running._running.values()
        first._thread.join(10)
    running.beat()
    ((_, second),) = running._running.values()
    assert second is not first
    assert not second.over


def test_no_relay_comes_over_a_sound_it_was_not_laid_into(desk: Programmes, running: Relays) -> None:
    broadcast = planned(desk)
    desk.bench.clock.advance(timedelta(hours=2, seconds=10))
    with desk.bench.core.database.write() as session:
        kept = session.get_one(Composition, broadcast)
        kept.clip = None
    running.beat()
    assert orders(running) == []
