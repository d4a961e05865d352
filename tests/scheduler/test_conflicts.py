"""What meets at one time: told beforehand, decided by the three classes, moved by a priority bulletin, and told afterwards."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from broadcaster import approval
from broadcaster.approval import Approver
from broadcaster.core import Core
from broadcaster.geography import Geography
from broadcaster.hours import Hours, OperatingHours
from broadcaster.rows import Account, AuditEntry, Broadcast, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class
from broadcaster.wire.units import DurationMs
from scheduler import conflicts, timeline
from scheduler.conflicts import Conflict, Outcome, Wanted
from scheduler.room import is_displaced
from scheduler.rules import Commune
from tests.broadcaster.town import DOAI, DONG
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTE = timedelta(minutes=1)
FREE = Commune(OperatingHours(HANOI))
TODAY = "2026-11-21"


@pytest.fixture
def bench(core: Core, clock: FixedClock, tmp_path: Path) -> Bench:
    return Bench.make(core.database, clock, tmp_path)


def meet(
    bench: Bench, minutes: float, klass: Class = Class.ROUTINE, where: str = "thon-dong", rules: Commune = FREE
) -> list[Conflict]:
    """What a bulletin of two minutes would meet."""
    now = bench.clock.now()
    with bench.core.database.read() as session:
        geography = Geography.load(session)
        planned = timeline.soundings(session, HANOI, now - timedelta(days=1), now + timedelta(days=3), now)
    wanted = Wanted((now + minutes * MINUTE,), 2 * MINUTE, klass, geography.heard_by([where]))
    return conflicts.find(wanted, planned, geography, rules)


def test_only_what_the_same_people_hear_at_the_same_time_is_a_conflict(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1), seconds=120)
    assert [len(meet(bench, minutes)) for minutes in (57.9, 58.1, 60, 61.9, 62)] == [0, 1, 1, 1, 0]
    assert meet(bench, 60, where="thon-doai") == []
    assert len(meet(bench, 60, where="xa")) == 1


def test_the_classes_decide_what_nobody_decided(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1), klass=Class.PRIORITY)
    bench.schedule(DONG, start_at=bench.at(2))
    assert meet(bench, 60)[0].outcome is Outcome.WE_WAIT
    assert meet(bench, 120)[0].outcome is Outcome.FIRST_PLAYS
    assert meet(bench, 120, Class.PRIORITY)[0].outcome is Outcome.OTHER_WAITS


def test_after_it_and_a_free_time_are_offered_as_far_as_the_rules_allow(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1), seconds=150)
    bench.schedule(DONG, start_at=bench.at(1.25), seconds=60)
    (found,) = meet(bench, 60)
    assert found.after == bench.at(1) + 3 * MINUTE
    assert found.free == bench.at(1.5)
    assert found.replaceable
    quiet = Commune(
        OperatingHours(
            HANOI,
            (Hours("", (bench.at(1) + MINUTE).astimezone(HANOI).time(), (bench.at(12)).astimezone(HANOI).time()),),
        )
    )
    (found,) = meet(bench, 60, rules=quiet)
    assert found.after is None
    assert found.free == bench.at(12)


def test_a_repeated_schedule_is_met_beyond_what_is_planned_already(bench: Bench) -> None:
    bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=DAILY", start_at=bench.at(1))
    assert len(meet(bench, 60 + 2 * 24 * 60)) == 1


def test_what_is_replaced_does_not_air_that_once_and_it_is_written_down(bench: Bench) -> None:
    number = bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=DAILY", start_at=bench.at(1))
    bench.plan()
    with bench.core.database.write() as session:
        schedule = session.get_one(Schedule, number)
        conflicts.take_off(session, schedule, bench.at(1), HANOI, account_id=1, now=bench.clock.now())
    bench.plan()
    first, second, *_ = bench.broadcasts(number)
    assert (first.cancelled_at, second.cancelled_at) == (bench.clock.now(), None)
    assert bench.items("thon-dong", TODAY) == ()
    with bench.core.database.read() as session:
        assert [entry.action for entry in session.scalars(select(AuditEntry))] == ["broadcast.stop"]
        assert "EXDATE:20261121T110000" in session.get_one(Schedule, number).rrule


def starts(bench: Bench, number: int) -> float:
    """Minutes from now until it begins."""
    begin = bench.broadcast(number).start_at
    assert begin
    return (begin - bench.clock.now()) / MINUTE


def test_a_priority_bulletin_for_now_waits_for_the_gap_and_pushes_what_follows(bench: Bench) -> None:
    bench.distributor.estimate_ms = lambda *_: DurationMs(0)  # type: ignore[method-assign]
    playing = bench.schedule(DONG, start_at=bench.at(-1 / 60), seconds=180)
    follows = bench.schedule(DONG, start_at=bench.at(3 / 60), seconds=60)
    later, elsewhere = bench.schedule(DONG, start_at=bench.at(4 / 60)), bench.schedule(DOAI, start_at=bench.at(3 / 60))
    bench.plan(confirm=True)
    urgent = bench.schedule(DONG, kind=ScheduleKind.NOW, klass=Class.PRIORITY, seconds=120)
    bench.plan()
    bench.plan(confirm=True)
    assert starts(bench, playing) == -1
    assert starts(bench, urgent) == pytest.approx(2 + 2 / 60)  # the routine one ends in two minutes
    assert starts(bench, follows) == pytest.approx(4 + 4 / 60)
    assert starts(bench, later) == pytest.approx(5 + 6 / 60)
    assert starts(bench, elsewhere) == 3
    with bench.core.database.read() as session:
        moved = [each.schedule_id for each in session.scalars(select(Broadcast)) if is_displaced(each)]
        assert sorted(moved) == sorted([follows, later])
    planned = [item.start_at for item in bench.items("thon-dong", TODAY)]
    assert len(planned) == len(set(planned)) == 4


def test_what_was_pushed_goes_back_when_the_priority_bulletin_is_called_off(bench: Bench) -> None:
    urgent = bench.schedule(DONG, start_at=bench.at(1), klass=Class.PRIORITY, seconds=120)
    routine = bench.schedule(DONG, start_at=bench.at(1), seconds=60)
    bench.plan(confirm=True)
    assert starts(bench, routine) == pytest.approx(62 + 2 / 60)
    with bench.core.database.write() as session:
        session.scalars(select(Broadcast).where(Broadcast.schedule_id == urgent)).one().cancelled_at = bench.clock.now()
    bench.plan(confirm=True)
    assert starts(bench, routine) == 60


def test_a_priority_bulletin_that_nobody_has_approved_pushes_nobody(bench: Bench) -> None:
    with bench.core.database.write() as session:
        session.get_one(Station, 1).approval = True
        approver = Account(username="duyet", password_hash="", created_at=bench.clock.now())
        session.add(approver)
        session.flush()
        by = Approver(approver.id)
    urgent = bench.schedule(DONG, start_at=bench.at(1), klass=Class.PRIORITY, seconds=120)
    routine = bench.schedule(DONG, start_at=bench.at(1), seconds=60)

    def approve(number: int) -> None:
        with bench.core.database.write() as session:
            row = session.get_one(Schedule, number)
            seen = approval.fingerprint(approval.facts(row))
            approval.approve(session, row, by, seen=seen, now=bench.clock.now())

    approve(routine)
    bench.plan(confirm=True)
    assert starts(bench, routine) == 60
    approve(urgent)
    bench.plan(confirm=True)
    assert starts(bench, routine) == pytest.approx(62 + 2 / 60)


def test_nothing_is_pushed_further_than_an_hour(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1), klass=Class.PRIORITY, seconds=7200)
    routine = bench.schedule(DONG, start_at=bench.at(1.2))
    bench.plan(confirm=True)
    assert starts(bench, routine) == pytest.approx(72)
