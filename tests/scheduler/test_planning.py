from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from broadcaster import airing, publishing
from broadcaster.airing import BroadcastState
from broadcaster.clock import to_ms
from broadcaster.database import Database
from broadcaster.rows import (
    BroadcastExclusion,
    Delivery,
    DeliveryState,
    Distribution,
    Place,
    Published,
    Schedule,
    ScheduleKind,
    Speaker,
    Station,
)
from broadcaster.wire.documents import Class
from broadcaster.wire.envelope import MAX_MESSAGE_BYTES
from scheduler.settling import NOW_PATIENCE
from tests.broadcaster import town
from tests.broadcaster.town import DOAI, DONG, GROUP
from tests.clocks import FixedClock
from tests.scheduler.planner import LEAD_MS, Bench

DAILY = "RRULE:FREQ=DAILY"
TODAY, TOMORROW = "2026-11-21", "2026-11-22"  # 10:00 in the commune
PLANNED, MISSED = DeliveryState.PLANNED, DeliveryState.MISSED


@pytest.fixture
def bench(filled: Database, clock: FixedClock, tmp_path: Path) -> Bench:
    return Bench.make(filled, clock, tmp_path)


def daily(bench: Bench, hours: float = 1, **facts: Any) -> int:
    return bench.schedule(kind=ScheduleKind.REPEATED, rrule=DAILY, start_at=bench.at(hours), **facts)


def now(bench: Bench, **facts: Any) -> int:
    return bench.schedule(kind=ScheduleKind.NOW, **facts)


def test_a_daily_schedule_has_a_broadcast_for_each_day_of_the_horizon_however_often_it_is_planned(
    bench: Bench,
) -> None:
    schedule = daily(bench)
    for _ in range(3):
        bench.plan()
    assert [one.start_at for one in bench.broadcasts(schedule)] == [bench.at(1 + 24 * day) for day in range(7)]
    bench.clock.advance(timedelta(days=1))
    bench.plan()
    assert len(bench.broadcasts(schedule)) == 8


def test_what_lies_beyond_the_horizon_waits(bench: Bench) -> None:
    schedule = bench.schedule(start_at=bench.at(24 * 8))
    bench.plan()
    assert bench.broadcasts(schedule) == []
    bench.clock.advance(timedelta(days=2))
    bench.plan()
    assert bench.state(schedule) is BroadcastState.PLANNED


def test_a_broadcast_is_planned_in_its_zone_with_its_sound_and_sent_when_the_broker_has_confirmed(
    bench: Bench,
) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    one = bench.broadcast(schedule)
    (item,) = bench.items("thon-dong", TODAY)
    assert (item.id, item.start_at, item.duration_ms) == (one.id, to_ms(bench.at(1)), 60_000)
    assert (item.clip, item.title, item.late_ms) == (one.clip_sha256, "Họp thôn", 300_000)
    assert set(bench.deliveries(schedule)) == {"loa-1", "loa-2"}
    assert one.sent_at is None
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at == bench.clock.now()


def test_it_is_sent_only_when_every_zone_is_confirmed(bench: Bench) -> None:
    schedule = bench.schedule(DONG, DOAI, start_at=bench.at(1))
    bench.plan()
    with bench.core.database.write() as session:
        row = publishing.unconfirmed(session)[0]
        publishing.confirm(session, row.topic, row.seq)
    bench.plan()
    assert bench.broadcast(schedule).sent_at is None
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at is not None


def test_a_plan_is_signed_again_only_when_it_changes(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    before = bench.seqs()
    bench.clock.advance(timedelta(minutes=5))
    bench.plan()
    assert bench.seqs() == before
    bench.schedule(DOAI, start_at=bench.at(1))
    bench.plan()
    assert bench.seqs() | before == bench.seqs()


def test_items_of_a_plan_stand_in_the_order_of_their_start(bench: Bench) -> None:
    for hours in (3, 1, 2):
        bench.schedule(DONG, start_at=bench.at(hours))
    bench.plan()
    starts = [item.start_at for item in bench.items("thon-dong", TODAY)]
    assert starts == sorted(starts)


def test_what_is_called_off_is_taken_out_of_the_plan(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    with bench.core.database.write() as session:
        airing.cancel_schedule(session, schedule, account_id=1, now=bench.clock.now())
    bench.plan()
    assert bench.items("thon-dong", TODAY) == ()


def test_what_is_stopped_is_taken_out_of_the_plan(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=1, seconds=9))
    with bench.core.database.write() as session:
        airing.stop_broadcast(session, bench.broadcast(schedule).id, account_id=1, now=bench.clock.now())
    bench.plan()
    assert bench.items("thon-dong", TODAY) == ()
    assert bench.state(schedule) is BroadcastState.STOPPED


def test_a_schedule_that_is_replaced_on_the_air_is_heard_to_its_end(bench: Bench) -> None:
    schedule = daily(bench)
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=1, seconds=9))
    with bench.core.database.write() as session:
        airing.cancel_schedule(session, schedule, account_id=1, now=bench.clock.now())
    bench.plan()
    assert len(bench.items("xa", TODAY)) == 1
    assert bench.items("xa", TOMORROW) == ()


def test_what_has_ended_stays_in_the_plan_of_its_day(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    before = bench.seqs()
    bench.clock.advance(timedelta(hours=12))
    bench.plan()
    assert len(bench.items("thon-dong", TODAY)) == 1
    assert bench.seqs() == before


def test_the_plan_of_a_day_that_is_over_is_not_made_again(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=24))
    with bench.core.database.write() as session:
        assert len(publishing.take_expired(session, to_ms(bench.clock.now()))) == 1
    bench.plan()
    assert bench.seqs() == {}


def test_a_place_in_which_it_was_stopped_is_named_in_the_plan(bench: Bench) -> None:
    schedule = bench.schedule(start_at=bench.at(1))
    bench.plan(confirm=True)
    with bench.core.database.write() as session:
        session.add(BroadcastExclusion(broadcast_id=bench.broadcast(schedule).id, place_id=DONG))
    bench.plan()
    (item,) = bench.items("xa", TODAY)
    assert item.excluded == ("thon-dong",)


def test_a_broadcast_belongs_to_the_local_day_it_begins_in(bench: Bench) -> None:
    last = datetime.fromisoformat("2026-11-21T23:59:59+07:00")
    first = datetime.fromisoformat("2026-11-22T00:00:00+07:00")
    bench.schedule(DONG, start_at=last)
    bench.schedule(DONG, start_at=first)
    bench.plan()
    assert [item.start_at for item in bench.items("thon-dong", TODAY)] == [to_ms(last)]
    assert [item.start_at for item in bench.items("thon-dong", TOMORROW)] == [to_ms(first)]


def test_the_plan_of_a_place_that_is_no_more_is_emptied(bench: Bench) -> None:
    schedule = bench.schedule(GROUP, start_at=bench.at(1))
    bench.plan(confirm=True)
    with bench.core.database.write() as session:
        session.get_one(Place, GROUP).code = "ven-song"
    bench.plan()
    assert bench.items("ven-suoi", TODAY) == ()
    assert len(bench.items("ven-song", TODAY)) == 1
    assert bench.state(schedule) is BroadcastState.PLANNED


# Missed, and why.


def test_without_its_sound_a_broadcast_is_missed_when_its_time_has_passed(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1), sound=False)
    bench.plan()
    bench.clock.advance(timedelta(hours=1, minutes=4))
    bench.plan()
    assert bench.state(schedule) is BroadcastState.PREPARING
    bench.clock.advance(timedelta(minutes=1))
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "not-prepared"
    missed = (MISSED, "not-prepared")
    assert bench.deliveries(schedule) == {"loa-1": missed, "loa-2": missed}


def test_a_sound_that_is_ready_a_little_late_is_sent_all_the_same(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1), sound=False)
    bench.plan()
    bench.clock.advance(timedelta(hours=1, seconds=20))
    bench.give_sound(schedule)
    bench.plan(confirm=True)
    assert len(bench.items("thon-dong", TODAY)) == 1
    assert bench.broadcast(schedule).sent_at == bench.clock.now()


def test_with_the_broker_down_a_broadcast_is_missed_when_its_sound_would_be_over(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    bench.clock.advance(timedelta(hours=1, seconds=59))
    bench.plan()
    assert bench.state(schedule) is BroadcastState.ON_AIR
    bench.clock.advance(timedelta(seconds=1))
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "broker-down"
    assert bench.deliveries(schedule)["loa-1"] == (MISSED, "broker-down")
    assert bench.items("thon-dong", TODAY) == ()


def test_when_the_broker_is_back_in_time_it_is_sent(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    bench.clock.advance(timedelta(hours=1, seconds=10))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(minutes=30))
    bench.plan()
    one = bench.broadcast(schedule)
    assert (one.missed_at, one.sent_at is not None) == (None, True)
    assert bench.state(schedule) is BroadcastState.AIRED


def test_a_station_that_was_off_for_days_finds_what_it_slept_through_missed_with_the_reason(bench: Bench) -> None:
    schedule = daily(bench)
    once = bench.schedule(DONG, start_at=bench.at(30))
    bench.clock.advance(timedelta(days=3))
    bench.plan()
    found = bench.broadcasts(schedule)
    assert [one.missed_why for one in found] == ["station-off"] * 3 + [None] * 7
    assert bench.broadcast(once).missed_why == "station-off"
    assert bench.deliveries(once)["loa-1"] == (MISSED, "station-off")


def test_what_was_sent_before_the_station_went_off_is_not_called_missed(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(days=3))
    bench.restart()
    bench.plan()
    assert bench.state(schedule) is BroadcastState.AIRED


def test_quiet_hours_that_came_later_take_back_what_is_ahead_and_leave_what_was_heard(bench: Bench) -> None:
    heard = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=2))
    ahead = bench.schedule(DONG, start_at=bench.at(1))
    alert = bench.schedule(DONG, start_at=bench.at(1), klass=Class.EMERGENCY)
    with bench.core.database.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "10:00", "14:00"
    bench.plan()
    assert bench.state(heard) is BroadcastState.AIRED
    assert bench.broadcast(ahead).missed_why == "quiet-hours"
    assert bench.state(alert) is BroadcastState.PLANNED


# Air now.


def test_air_now_gets_its_moment_when_there_is_a_sound_after_the_time_it_takes_to_send(bench: Bench) -> None:
    schedule = now(bench, sound=False)
    bench.plan()
    assert bench.state(schedule) is BroadcastState.PREPARING
    bench.clock.advance(timedelta(seconds=5))
    bench.give_sound(schedule, content=b"x" * 32_000)
    bench.plan()
    one = bench.broadcast(schedule)
    assert one.sent_by
    assert one.start_at == one.sent_by + timedelta(milliseconds=LEAD_MS)
    travel = timedelta(seconds=32_000 * 1.05 * 8 / 128_000)
    assert one.sent_by - bench.clock.now() == pytest.approx(travel + timedelta(seconds=2), abs=timedelta(seconds=0.1))
    planned = one.start_at
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(minutes=2))
    bench.plan()
    assert bench.broadcast(schedule).start_at == planned
    assert bench.state(schedule) is BroadcastState.AIRED


def test_two_that_shall_air_now_are_sent_one_after_the_other(bench: Bench) -> None:
    schedules = [now(bench, sound=False) for _ in range(2)]
    for number, schedule in enumerate(schedules):
        bench.give_sound(schedule, content=bytes([number]) * 32_000)
    bench.plan()
    first, second = (bench.broadcast(schedule).sent_by for schedule in schedules)
    assert first
    assert second
    assert second - first == pytest.approx(timedelta(seconds=2.1), abs=timedelta(seconds=0.1))


def test_what_every_speaker_has_already_airs_without_waiting(bench: Bench) -> None:
    schedule = now(bench, sound=False)
    bench.give_sound(schedule, content=b"x" * 320_000)
    with bench.core.database.write() as session:
        clip = session.get_one(Schedule, schedule).bulletin.clip_sha256
        session.add(Distribution(clip_sha256=clip, zone="xa", sent_at=bench.clock.now()))
    bench.plan()
    assert bench.broadcast(schedule).sent_by == bench.clock.now() + timedelta(seconds=2)


def test_air_now_is_put_off_while_the_broker_is_down_and_airs_whole_when_it_is_back(bench: Bench) -> None:
    schedule = now(bench)
    bench.plan()
    bench.clock.advance(timedelta(minutes=5))
    bench.plan()
    one = bench.broadcast(schedule)
    assert one.start_at
    assert one.start_at > bench.clock.now()
    (item,) = bench.items("xa", TODAY)
    assert item.start_at == to_ms(one.start_at)
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at


@pytest.mark.parametrize(("sound", "why"), [(True, "broker-down"), (False, "not-prepared")])
def test_air_now_is_given_up_after_half_an_hour(bench: Bench, sound: bool, why: str) -> None:
    schedule = now(bench, sound=sound)
    bench.plan()
    bench.clock.advance(NOW_PATIENCE)
    bench.plan()
    assert bench.broadcast(schedule).missed_why == why
    assert set(bench.deliveries(schedule).values()) == {(MISSED, why)}


def test_air_now_of_a_station_that_was_off_does_not_surprise_the_village_days_later(bench: Bench) -> None:
    schedule = now(bench)
    bench.clock.advance(timedelta(days=1))
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "station-off"


def test_air_now_that_would_begin_in_quiet_hours_is_missed(bench: Bench) -> None:
    with bench.core.database.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "10:00", "11:00"
    schedule = now(bench)
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "quiet-hours"


# What changes underneath.


def test_speakers_that_come_or_go_before_the_start_are_meant_or_not(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    with bench.core.database.write() as session:
        session.add(town.speaker("loa-9", DONG))
        session.get_one(Speaker, "loa-1").retired_at = bench.clock.now()
    bench.plan()
    assert set(bench.deliveries(schedule)) == {"loa-2", "loa-9"}
    bench.clock.advance(timedelta(hours=2))
    with bench.core.database.write() as session:
        session.add(town.speaker("loa-10", DONG))
    bench.plan()
    assert set(bench.deliveries(schedule)) == {"loa-2", "loa-9"}, "it is over"


def test_a_clip_that_was_made_again_takes_the_place_of_the_lost_one_until_the_start(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.give_sound(schedule)
    bench.plan()
    one = bench.broadcast(schedule)
    assert one.sent_at is None
    (item,) = bench.items("thon-dong", TODAY)
    assert item.clip == one.clip_sha256
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=1))
    bench.give_sound(schedule)
    bench.plan()
    assert bench.broadcast(schedule).clip_sha256 == one.clip_sha256


def test_one_row_that_makes_no_sense_does_not_stop_the_others(bench: Bench) -> None:
    bad = bench.schedule(DONG, start_at=bench.at(1), kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=OFTEN")
    good = bench.schedule(DONG, start_at=bench.at(1))
    bench.planner.plan()
    assert bench.broadcasts(bad) == []
    assert bench.state(good) is BroadcastState.PLANNED
    assert bench.core.counters.errors == {"materialisation": 1}


def test_the_work_of_a_pass_does_not_grow_with_history(bench: Bench) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def count() -> int:
        statements.clear()
        event.listen(bench.core.database.engine, "before_cursor_execute", note)
        bench.plan()
        event.remove(bench.core.database.engine, "before_cursor_execute", note)
        return len(statements)

    bench.schedule(start_at=bench.at(1))
    daily(bench)
    bench.plan(confirm=True)
    alone = count()
    with bench.core.database.write() as session:
        for _ in range(20):
            made = town.schedule(session, bench.clock, DONG, start_at=bench.at(2))
            town.sound(session, made.bulletin)
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(days=5))
    bench.plan(confirm=True)
    assert count() <= alone + 3


def test_a_full_day_fits_into_one_message(bench: Bench) -> None:
    with bench.core.database.write() as session:
        for number in range(96):
            made = town.schedule(session, bench.clock, DONG, start_at=bench.at(number / 8))
            town.sound(session, made.bulletin)
    bench.plan()
    with bench.core.database.read() as session:
        assert max(len(row) for row in session.scalars(select(Published.envelope))) < MAX_MESSAGE_BYTES
        assert len(session.scalars(select(Delivery.speaker_id)).all()) == 2 * 96


def test_air_now_waits_for_what_sounds_in_the_same_place_and_for_nothing_elsewhere(bench: Bench) -> None:
    first, same, elsewhere = (
        bench.schedule(place, kind=ScheduleKind.NOW, seconds=60) for place in (town.DONG, town.DONG, town.NA_LOC)
    )
    bench.plan(confirm=True)
    begun, waited, free = (bench.broadcast(schedule).start_at for schedule in (first, same, elsewhere))
    assert begun
    assert waited
    assert free
    assert waited >= begun + timedelta(seconds=60)
    assert free < begun + timedelta(seconds=60)


def test_a_broadcast_that_would_end_in_quiet_hours_is_not_aired(bench: Bench) -> None:
    with bench.core.database.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "11:30", "13:00"  # it is 10:00
    fits = bench.schedule(DONG, start_at=bench.at(1.4), seconds=360)
    ends_too_late = bench.schedule(DOAI, start_at=bench.at(1.4), seconds=361)
    bench.plan()
    assert bench.broadcast(fits).missed_at is None
    assert bench.broadcast(ends_too_late).missed_why == "quiet-hours"
    assert bench.deliveries(ends_too_late) == {"loa-3": (MISSED, "quiet-hours")}


def test_what_was_scheduled_first_keeps_the_last_slot_of_the_day(bench: Bench) -> None:
    with bench.core.database.write() as session:
        session.get_one(Station, 1).slots_a_day = 2
    first, second = bench.schedule(DONG, start_at=bench.at(3)), bench.schedule(DONG, start_at=bench.at(6))
    third, elsewhere = bench.schedule(start_at=bench.at(1)), bench.schedule(DOAI, start_at=bench.at(2))
    bench.plan()
    bench.plan()
    whys = [bench.broadcast(number).missed_why for number in (first, second, third, elsewhere)]
    assert whys == [None, None, "too-many-slots", None]


def test_on_a_day_that_is_not_permitted_nothing_but_an_emergency_airs(bench: Bench) -> None:
    with bench.core.database.write() as session:
        session.get_one(Station, 1).weekdays = "MO,TU"  # it is Saturday
    routine = bench.schedule(DONG, start_at=bench.at(3))
    emergency = bench.schedule(DONG, start_at=bench.at(3), klass=Class.EMERGENCY)
    bench.plan()
    assert bench.broadcast(routine).missed_why == "weekday"
    assert bench.broadcast(emergency).missed_at is None
