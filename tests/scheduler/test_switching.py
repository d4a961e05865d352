"""On, off and "off until": when the speakers of a place are off, and what form and planner make of it."""

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from broadcaster import setup_documents
from broadcaster.clock import from_ms, to_ms
from broadcaster.database import Database
from broadcaster.hours import Exempt, Hours, OperatingHours
from broadcaster.rows import Place, Power, Published, Station, Switching
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Class, Config, QuietHours, Why
from device_sim.arbiter import silence
from scheduler import rule_text, rules
from scheduler.rules import Breach, Commune, Listener, Rule
from scheduler.switching import Switched, Switches
from tests.broadcaster.town import COMMUNE, DONG
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
HERE, THERE = ("thon-1", "xa"), ("thon-2", "xa")
MONDAY = date(2026, 11, 23)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def at(text: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), HANOI)


def switched(power: Power, first: str, until: str, rule: str = "", *, zone: str = "thon-1", days: int = 0) -> Switched:
    start = at(first)
    return Switched(
        power, frozenset({zone}), rule_text.read(rule, start.astimezone(UTC), HANOI), at(until) + days * DAY - start
    )


MORNINGS = switched(Power.ON, "05:00", "06:30", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")


def off(*all_of_them: Switched, zones: tuple[str, ...] = HERE, first: date = MONDAY, days: int = 0) -> list[str]:
    stretches = Switches(HANOI, all_of_them).off(zones, first, first + days * DAY)
    return [f"{start.astimezone(HANOI):%d.%H:%M}-{end.astimezone(HANOI):%d.%H:%M}" for start, end in stretches]


def test_on_from_five_to_half_past_six_on_workdays_is_off_at_all_other_times() -> None:
    assert off(MORNINGS) == ["23.00:00-23.05:00", "23.06:30-24.00:00"]
    assert off(MORNINGS, first=MONDAY + 4 * DAY, days=3) == [
        "27.00:00-27.05:00",
        "27.06:30-30.05:00",  # over the weekend
        "30.06:30-01.00:00",
    ]


def test_two_times_of_on_add_up_and_other_places_are_not_concerned() -> None:
    evening = switched(Power.ON, "17:00", "18:00", "RRULE:FREQ=DAILY")
    assert off(MORNINGS, evening) == ["23.00:00-23.05:00", "23.06:30-23.17:00", "23.18:00-24.00:00"]
    assert off(MORNINGS, evening, zones=THERE) == []
    assert off(switched(Power.OFF, "12:00", "13:00", zone="xa"), zones=THERE) == ["23.12:00-23.13:00"]


def test_times_of_on_hold_from_their_first_day_and_end_by_themselves() -> None:
    week = switched(Power.ON, "05:00", "06:30", "RRULE:FREQ=DAILY;COUNT=2")
    assert off(week, first=MONDAY - DAY, days=4) == ["23.00:00-23.05:00", "23.06:30-24.05:00", "24.06:30-25.00:00"]
    once = switched(Power.ON, "05:00", "06:30")
    assert off(once, first=MONDAY + DAY) == []


def test_off_wins_over_on_and_over_midnight() -> None:
    funeral = switched(Power.OFF, "05:30", "05:15", days=2)
    assert off(MORNINGS, funeral, days=2) == ["23.00:00-23.05:00", "23.05:30-25.05:15", "25.06:30-26.00:00"]
    nightly = switched(Power.OFF, "22:00", "04:00", "RRULE:FREQ=DAILY", days=1)
    assert off(nightly, first=MONDAY + DAY) == ["23.22:00-24.04:00", "24.22:00-25.04:00"]


def test_off_on_lunar_days_goes_by_the_same_rules() -> None:
    full_moon = switched(Power.OFF, "05:00", "09:00", "X-LOA-LUNAR:DAY=15;LEAP=YES")
    assert off(full_moon) == ["23.05:00-23.09:00"]  # 15/10 of the lunar year
    assert off(full_moon, first=MONDAY + DAY, days=10) == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("09:58", "10:00", None),
        ("09:59", "10:01", Rule.OFF),
        ("11:00", "11:05", Rule.OFF),
        ("12:00", "12:05", None),
    ],
)
def test_a_sound_that_meets_off_is_refused_its_end_too(start: str, end: str, expected: Rule | None) -> None:
    commune = Commune(OperatingHours(HANOI), Switches(HANOI, (switched(Power.OFF, "10:00", "12:00"),)))
    broken = rules.breach(commune, {HERE}, at(start), at(end))
    assert (broken.rule if broken else None) is expected
    assert rules.breach(commune, {HERE, THERE}, at(start), at(end)) is None  # the others hear it
    assert rules.silent(commune, {HERE, THERE}, at(start), at(end)) == ({HERE} if expected else set())


def test_the_reason_names_the_whole_stretch_also_over_a_weekend() -> None:
    commune = Commune(OperatingHours(HANOI), Switches(HANOI, (MORNINGS,)))
    saturday = at("08:00", MONDAY + 5 * DAY)
    assert rules.breach(commune, {HERE}, saturday, saturday + MINUTE) == Breach(
        Rule.OFF, ("06:30 27/11/2026", "05:00 30/11/2026")
    )


@pytest.mark.parametrize("order", [(HERE, THERE), (THERE, HERE)])
def test_of_several_reasons_the_most_telling_is_told_as_by_the_speaker(order: tuple[Listener, ...]) -> None:
    night = Hours("", at("11:00").time(), at("13:00").time())
    off = Switches(HANOI, (switched(Power.OFF, "10:00", "12:00"),))
    start, end = at("11:30"), at("11:35")

    def told(**facts: Any) -> Rule | None:
        found = rules.breach(Commune(OperatingHours(HANOI, (night,)), **facts), order, start, end)
        return found.rule if found else None

    assert told(switches=off, weekdays=frozenset({5})) is Rule.OFF
    assert told(weekdays=frozenset({5})) is Rule.WEEKDAY
    assert told() is Rule.QUIET_HOURS
    assert told(switches=off) is Rule.OFF  # here off, there quiet
    config = Config(
        speaker="loa",
        zones=(),
        volume=80,
        utc_offset_min=420,
        quiet=(QuietHours(start="11:00", until="13:00"),),
        weekdays=(6,),
    )
    assert silence(config, to_ms(start), to_ms(start)) is Why.WEEKDAY


def test_a_named_exception_lifts_quiet_hours_and_not_off() -> None:
    night = Hours("", at("21:00").time(), at("05:00").time())
    feast = Exempt("x", frozenset({"xa"}), MONDAY, MONDAY, Hours("", at("21:00").time(), at("23:00").time()), 50)
    hours = OperatingHours(HANOI, (night,), (feast,))
    evening = at("22:00")
    assert rules.breach(Commune(hours), {HERE}, evening, evening + MINUTE) is None
    switches = Switches(HANOI, (switched(Power.OFF, "20:00", "23:00"),))
    broken = rules.breach(Commune(hours, switches), {HERE}, evening, evening + MINUTE)
    assert broken is not None
    assert broken.rule is Rule.OFF


def test_a_free_time_is_looked_for_where_the_speakers_are_on() -> None:
    commune = Commune(OperatingHours(HANOI), Switches(HANOI, (switched(Power.OFF, "06:00", "12:00"),)))
    assert rules.free_from(commune, {HERE}, at("07:00"), 5 * MINUTE, ()) == at("12:00")


def test_the_config_tells_moments_nine_days_ahead_and_off_until_whole() -> None:
    long = switched(Power.OFF, "10:00", "10:00", days=30, zone="thon-2")
    switches = Switches(HANOI, (MORNINGS, long))
    told = [(from_ms(each.start), from_ms(each.until)) for each in switches.documents(HERE, at("09:00"))]
    assert told[-1][1] == at("00:00", MONDAY + 10 * DAY)
    assert (at("06:30"), at("05:00", MONDAY + DAY)) in told
    assert told == [
        (from_ms(each.start), from_ms(each.until)) for each in switches.documents(HERE, at("23:59"))
    ]  # signed anew once a day at most
    (whole,) = switches.documents(THERE, at("09:00"))
    assert (from_ms(whole.start), from_ms(whole.until)) == (at("10:00"), at("10:00", MONDAY + 30 * DAY))


# The planner.


@pytest.fixture
def bench(filled: Database, clock: FixedClock, tmp_path: Path) -> Bench:
    return Bench.make(filled, clock, tmp_path)


def switch_off(bench: Bench, hours: float, *places: int) -> int:
    now = bench.clock.now()
    with bench.core.database.write() as session:
        row = Switching(
            power=Power.OFF,
            start_at=now,
            until=now + timedelta(hours=hours),
            reason="đám tang",
            account_id=1,
            created_at=now,
        )
        row.places = [session.get_one(Place, place) for place in places]
        session.add(row)
        session.flush()
        return row.id


def test_what_is_planned_while_all_its_speakers_are_off_is_missed_with_the_reason_when_its_time_comes(
    bench: Bench,
) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    switch_off(bench, 2, DONG)
    bench.plan()
    assert bench.broadcast(schedule).missed_at is None  # it may be on again by then
    assert bench.items("thon-dong", "2026-11-21") == ()
    bench.clock.advance(timedelta(hours=1))
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "off"


def test_switched_on_again_in_time_it_is_sent_after_all(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    number = switch_off(bench, 2, DONG)
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at is None
    with bench.core.database.write() as session:
        session.get_one(Switching, number).ended_at = bench.clock.now()
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at is not None


def test_where_only_some_are_off_the_others_hear_it_and_an_emergency_reaches_all(bench: Bench) -> None:
    switch_off(bench, 2, DONG)
    for_all = bench.schedule(COMMUNE, start_at=bench.at(1))
    urgent = bench.schedule(DONG, start_at=bench.at(1), klass=Class.EMERGENCY)
    bench.plan(confirm=True)
    assert bench.broadcast(for_all).sent_at is not None
    assert bench.broadcast(urgent).sent_at is not None


def test_a_rule_that_nobody_can_carry_out_holds_up_no_other_and_not_the_planner(bench: Bench) -> None:
    number = switch_off(bench, 2, DONG)
    switch_off(bench, 2, COMMUNE)
    with bench.core.database.write() as session:
        session.get_one(Switching, number).rrule = "RRULE:FREQ=SECONDLY"
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    assert bench.broadcast(schedule).sent_at is None  # the other one holds


def test_each_speaker_is_told_its_weekdays_and_its_own_off_in_its_signed_config(bench: Bench) -> None:
    switch_off(bench, 2, DONG)
    core, now = bench.core, bench.clock.now()
    with core.database.write() as session:
        station = session.scalars(select(Station)).one()
        station.weekdays = "MO,SU"
        switches = Switches.load(session, station, now)
        setup_documents.put_configs(session, core, 60_000, partial(switches.documents, now=now))
        told = {}
        for speaker in ("loa-1", "loa-3"):
            row = session.get_one(Published, core.topics.down(speaker, "config"))
            read = envelope.parse(row.envelope)
            envelope.verify(read, core.keyring.station.public)
            config = strict_json.decode(read.payload, Config)
            assert config.weekdays == (1, 7)
            told[speaker] = [(from_ms(each.start), from_ms(each.until)) for each in config.off]
    assert told == {"loa-1": [(now, now + timedelta(hours=2))], "loa-3": []}
