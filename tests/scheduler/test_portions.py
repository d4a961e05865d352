"""A planning pass in portions: others write in between, and a kill between any two of them leaves a plan that is resumed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from broadcaster import airing
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.rows import Broadcast, Delivery, Place, PlaceKind, Published, Schedule, ScheduleKind, Speaker, Station
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Plan
from broadcaster.wire.topics import Kind
from scheduler import conflicts, rules
from tests.broadcaster import town
from tests.broadcaster.town import DOAI, DONG, TOPICS
from tests.clocks import FixedClock
from tests.scheduler import kills
from tests.scheduler.commune_year import HANOI, KilledError
from tests.scheduler.planner import Bench

DAILY = "RRULE:FREQ=DAILY"


@pytest.fixture
def small_portions() -> Iterator[None]:
    with kills.small_portions():
        yield


small = pytest.mark.usefixtures("small_portions")


@pytest.fixture
def bench(core: Core, clock: FixedClock, tmp_path: Path) -> Bench:
    return Bench.make(core.database, clock, tmp_path)


def fill(bench: Bench) -> None:
    """One daily schedule, and two that air once."""
    bench.schedule(DONG, start_at=bench.at(1))
    bench.schedule(kind=ScheduleKind.REPEATED, rrule=DAILY, start_at=bench.at(8))
    bench.schedule(DOAI, start_at=bench.at(30))


@contextmanager
def before_each_portion(database: Database, act: Callable[[], object]) -> Iterator[list[object]]:
    """Do something before every transaction of ``database`` that writes; what came of it."""
    came: list[object] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_facts: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            came.append(act())

    event.listen(database.engine, "before_cursor_execute", look)
    try:
        yield came
    finally:
        event.remove(database.engine, "before_cursor_execute", look)


@small
def test_others_write_before_every_portion_and_a_portion_is_small(bench: Bench) -> None:
    fill(bench)
    other = Database(bench.core.database.url)
    written: list[int] = []

    def write() -> None:
        with other.engine.connect() as connection:  # another process: it waits for nobody
            connection.execute(text("PRAGMA busy_timeout = 0"))
            connection.rollback()
        with other.write() as session:
            session.get_one(Station, 1).name = f"Đài {len(written)}"
            written.append(session.scalar(select(func.count()).select_from(Delivery)) or 0)

    with before_each_portion(bench.core.database, write) as came:
        bench.plan()
    other.dispose()
    assert len(came) > 10
    grown = [after - before for before, after in pairwise(written)]
    assert max(grown) <= 3 + 4  # a portion is full when the last broadcast of four speakers has come


def test_a_pass_that_changes_nothing_keeps_nobody_from_writing(bench: Bench) -> None:
    fill(bench)
    bench.plan(confirm=True)
    with before_each_portion(bench.core.database, lambda: None) as came:
        bench.plan()
        bench.clock.advance(timedelta(seconds=10))
        bench.plan()
    assert came == []


@small
def test_what_is_stopped_between_two_portions_is_in_no_plan(bench: Bench) -> None:
    fill(bench)
    stopped: list[str] = []

    def stop() -> None:
        with other.write() as session:
            settled = select(Broadcast).where(*airing.OPEN).order_by(Broadcast.start_at.desc())
            if not stopped and (found := session.scalars(settled).first()):
                stopped.append(airing.stop_broadcast(session, found.id, account_id=1, now=bench.clock.now()).id)

    other = Database(bench.core.database.url)
    with before_each_portion(bench.core.database, stop):
        bench.plan()
    other.dispose()
    assert stopped
    with bench.core.database.read() as session:
        assert stopped[0] not in {item.id for plan in plans(session).values() for item in plan.items}
        assert session.get_one(Broadcast, stopped[0]).cancelled_at


@small
def test_what_is_taken_off_while_broadcasts_are_written_has_none(bench: Bench) -> None:
    number = bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule=DAILY, start_at=bench.at(1))
    done: list[bool] = []

    def take_off() -> None:
        if not done:
            done.append(True)
            with other.write() as session:
                schedule, moment = session.get_one(Schedule, number), bench.at(1 + 6 * 24)
                conflicts.take_off(session, schedule, moment, HANOI, account_id=1, now=bench.clock.now())

    other = Database(bench.core.database.url)
    with before_each_portion(bench.core.database, take_off):
        bench.plan()
    other.dispose()
    bench.plan()
    moments = [each.occurrence for each in bench.broadcasts(number)]
    assert moments == [bench.at(1 + 24 * day) for day in range(6)]


def plans(session: Session) -> dict[str, Plan]:
    rows = session.scalars(select(Published).where(Published.typ == Kind.PLAN.value))
    return {row.topic: strict_json.decode(envelope.parse(row.envelope).payload, Plan) for row in rows}


def outcome(database: Database) -> list[Any]:
    """What a pass has made, by schedule and moment: broadcasts, who is meant, and what the plans say."""
    with database.read() as session:
        broadcasts = {each.id: (each.schedule_id, each.occurrence) for each in session.scalars(select(Broadcast))}
        meant = [(broadcasts[each.broadcast_id], each.speaker_id) for each in session.scalars(select(Delivery))]
        told = [
            (topic, [(broadcasts[item.id], item.start_at) for item in plan.items])
            for topic, plan in plans(session).items()
        ]
    return [sorted(broadcasts.values()), sorted(meant), sorted(told)]


def check(database: Database) -> None:
    """A plan names nothing that is not settled, and everyone who is told of it has a delivery."""
    with database.read() as session:
        settled = {
            each.id: {delivery.speaker_id for delivery in each.deliveries}
            for each in session.scalars(select(Broadcast).where(Broadcast.sent_by.is_not(None)))
        }
        for topic, plan in plans(session).items():
            places = select(Speaker.id).join(Place, Speaker.place_id == Place.id)
            zone = TOPICS.parse(topic).zone
            heard = set(session.scalars(places.where(Place.code == zone)))
            assert all(heard <= settled[item.id] for item in plan.items)


@small
def test_a_kill_at_any_statement_of_the_first_pass_leaves_a_plan_that_the_next_one_completes(tmp_path: Path) -> None:
    clock = FixedClock()
    stored = Database(f"sqlite:///{tmp_path / 'filled.db'}")
    stored.migrate()
    with stored.write() as session:
        town.fill(session, clock)
    fill(Bench.make(stored, clock, tmp_path))
    stored.dispose()

    def killed_at(statement: int) -> tuple[bool, list[Any]]:
        shutil.copy(tmp_path / "filled.db", tmp_path / "killed.db")
        database = Database(f"sqlite:///{tmp_path / 'killed.db'}")
        event.listen(database.engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA synchronous=OFF"))
        left = statement

        def count(*_facts: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KilledError

        killed = False
        event.listen(database.engine, "before_cursor_execute", count)
        try:
            Bench.make(database, clock, tmp_path).plan()
        except KilledError:
            killed = True
        event.remove(database.engine, "before_cursor_execute", count)
        check(database)
        Bench.make(database, clock, tmp_path).plan()
        found = outcome(database)
        database.dispose()
        return killed, found

    _, whole = killed_at(0)
    assert [len(part) for part in whole] == [7 + 1 + 1, 7 * 4 + 2 + 1, 7 + 1 + 1]
    statement, killed = 1, True
    while killed:
        killed, found = killed_at(statement)
        assert found == whole, statement
        statement += 19
    assert statement > 100


def test_a_station_that_was_off_for_two_months_accounts_for_every_day(bench: Bench) -> None:
    daily = bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule=DAILY, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(days=60))
    bench.restart()
    bench.plan()
    found = bench.broadcasts(daily)
    assert len(found) == 60 + 7
    assert [each.missed_why for each in found] == [None] * 7 + ["station-off"] * 53 + [None] * 7
    with bench.core.database.read() as session:
        silent = select(func.count()).select_from(Delivery).where(Delivery.why == "station-off")
        assert session.scalar(silent) == 53 * 2


def test_counting_slots_looks_at_the_own_place_and_day_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    really = rules.breach

    def count(commune: Any, heard: Any, start: Any, end: Any, others: list[Any]) -> Any:
        looked.append(len(others))
        return really(commune, heard, start, end, others)

    monkeypatch.setattr(rules, "breach", count)
    with bench.core.database.write() as session:
        session.get_one(Station, 1).slots_a_day = 5
        for number in range(8):
            session.add(
                Place(id=100 + number, code=f"ap-{number}", name="", kind=PlaceKind.VILLAGE, parent_id=town.COMMUNE)
            )
            session.flush()
            session.add(town.speaker(f"ap-{number}", 100 + number))
    for number in range(8):
        for hour in (1, 3, 5):
            bench.schedule(100 + number, kind=ScheduleKind.REPEATED, rrule=DAILY, start_at=bench.at(hour))
    bench.plan()
    assert len(looked) == 8 * 3 * 7
    assert max(looked) <= 3 * 3  # of its own place, on its day and the two beside it
