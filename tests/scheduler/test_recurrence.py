"""When schedules air: every rule of the page, and what no rule may do."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import ephem
import pytest
import vnlunar
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import lunar, recurrence, rule_text
from scheduler.recurrence import Rule, RuleError

pytestmark = pytest.mark.unit

HANOI, BERLIN, APIA = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
FIRST = datetime(2026, 11, 22, 6, 30, tzinfo=HANOI)
DAY = timedelta(days=1)
DAILY = "RRULE:FREQ=DAILY"
RULES = (
    "",
    DAILY,
    "RRULE:FREQ=DAILY;INTERVAL=3",
    "RRULE:FREQ=DAILY;COUNT=40",
    "RRULE:FREQ=DAILY;UNTIL=20261220T235959",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=31",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
    "RRULE:FREQ=MONTHLY;BYDAY=2MO",
    "RDATE;VALUE=DATE:20261125,20261224",
    "RRULE:FREQ=DAILY\nX-LOA-EVERY:MINUTES=45;UNTIL=17:00",
    "X-LOA-LUNAR:DAY=1,15;LEAP=YES",
    "X-LOA-LUNAR:DAY=30;LEAP=YES;COUNT=5",
    "X-LOA-LUNAR:DAY=10;MONTH=3;LEAP=NO",
    "RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:SKIP",
    "RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:ONLY-TET",
)


def moments(text: str, start: datetime, days: float, first: datetime = FIRST, zone: ZoneInfo = HANOI) -> list[datetime]:
    found = list(recurrence.occurrences(rule_text.read(text, first, zone), start, start + timedelta(days=days)))
    assert all(moment.tzinfo is UTC for moment in found)
    return found


def local(text: str, days: float, first: datetime = FIRST, zone: ZoneInfo = HANOI) -> list[str]:
    return [f"{moment.astimezone(zone):%d/%m %H:%M}" for moment in moments(text, first - DAY, days + 1, first, zone)]


def test_daily_is_every_day_at_the_same_local_time() -> None:
    assert local(DAILY, 3) == ["22/11 06:30", "23/11 06:30", "24/11 06:30"]


def test_the_first_occurrence_counts_and_the_end_does_not() -> None:
    assert moments(DAILY, FIRST - 5 * DAY, 5) == []
    assert moments(DAILY, FIRST - 5 * DAY, 6) == [FIRST]


def test_until_is_the_last_local_day_itself_included() -> None:
    assert local("RRULE:FREQ=DAILY;UNTIL=20261123T235959", 30) == ["22/11 06:30", "23/11 06:30"]


def test_without_a_rule_there_is_the_one_moment() -> None:
    assert local("", 30) == ["22/11 06:30"]


def test_listed_days_are_the_first_and_those_listed() -> None:
    assert local("RDATE;VALUE=DATE:20261125,20261122", 30) == ["22/11 06:30", "25/11 06:30"]


def test_weekdays_are_those_chosen() -> None:
    assert local("RRULE:FREQ=WEEKLY;BYDAY=MO,TU", 10) == ["23/11 06:30", "24/11 06:30", "30/11 06:30", "01/12 06:30"]


def test_monthly_is_the_day_the_weekday_or_the_end_of_the_month() -> None:
    assert local("RRULE:FREQ=MONTHLY;BYMONTHDAY=31", 80) == ["31/12 06:30", "31/01 06:30"]
    assert local("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", 80) == ["30/11 06:30", "31/12 06:30", "31/01 06:30"]
    assert local("RRULE:FREQ=MONTHLY;BYDAY=2MO", 60) == ["14/12 06:30", "11/01 06:30"]


def test_every_few_minutes_between_two_times_is_both_of_them_and_no_night() -> None:
    assert local("RRULE:FREQ=DAILY;COUNT=1\nX-LOA-EVERY:MINUTES=45;UNTIL=08:45", 9) == [
        "22/11 06:30",
        "22/11 07:15",
        "22/11 08:00",
        "22/11 08:45",
    ]


def test_count_counts_days_of_the_rule_also_those_left_out() -> None:
    assert local("RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20261123", 30) == ["22/11 06:30", "24/11 06:30"]


def test_mung_mot_and_ram_come_every_lunar_month_also_in_a_leap_one() -> None:
    first = datetime(2025, 7, 1, 5, 0, tzinfo=HANOI)  # lunar June 2025 came twice
    assert local("X-LOA-LUNAR:DAY=1,15;LEAP=YES", 60, first) == [
        "09/07 05:00",
        "25/07 05:00",
        "08/08 05:00",
        "23/08 05:00",
    ]
    assert local("X-LOA-LUNAR:DAY=1,15;LEAP=NO", 60, first) == ["09/07 05:00", "23/08 05:00"]


def test_a_lunar_anniversary_airs_once_a_year_also_when_its_month_comes_twice() -> None:
    first = datetime(2025, 1, 1, 5, 0, tzinfo=HANOI)
    assert local("X-LOA-LUNAR:DAY=1;MONTH=6;LEAP=NO", 700, first) == ["25/06 05:00", "14/07 05:00"]
    assert local("X-LOA-LUNAR:DAY=10;MONTH=3;LEAP=NO", 500, first) == ["07/04 05:00", "26/04 05:00"]


def test_the_thirtieth_is_the_last_day_of_a_short_lunar_month() -> None:
    days = [moment.astimezone(HANOI).date() for moment in moments("X-LOA-LUNAR:DAY=30;LEAP=YES", FIRST, 400)]
    found = [lunar.of_day(day) for day in days]
    after = [lunar.of_day(day + DAY) for day in days]
    assert {day.day for day in found if day} == {29, 30}
    assert {day.day for day in after if day} == {1}
    assert len(days) in {13, 14}


def test_public_holidays_and_tet_are_left_out_or_are_all_there_is() -> None:
    first = datetime(2027, 1, 30, 6, 0, tzinfo=HANOI)
    assert local("RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:SKIP-TET", 14, first)[4:6] == ["03/02 06:00", "11/02 06:00"]
    tet = local("RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:ONLY-TET", 200, first)
    assert (tet[0], tet[-1], len(tet)) == ("04/02 06:00", "10/02 06:00", 7)
    all_rest = local("RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:ONLY", 300, first)
    assert {"16/04 06:00", "30/04 06:00", "01/05 06:00", "02/09 06:00"} <= set(all_rest)


def _new_moons(year: int) -> Iterator[date]:
    """The days of new moon at UTC+7, by an astronomer's almanac."""
    moon = ephem.Date(f"{year}/1/1")
    while (moon := ephem.next_new_moon(moon)).datetime().year == year:
        yield (moon.datetime() + timedelta(hours=7)).date()


@pytest.mark.parametrize("year", [2025, 2026, 2033])
def test_the_lunar_calendar_agrees_with_another_library_and_with_the_moon(year: int) -> None:
    firsts = set(_new_moons(year))
    for number in range(365):
        day = date(year, 1, 1) + timedelta(days=number)
        found = lunar.of_day(day)
        other = vnlunar.get_lunar_date(day.day, day.month, day.year)
        assert found
        assert (found.day, found.month, found.leap) == (other["day"], other["month"], bool(other["leap"])), day
        assert (found.day == 1) == (day in firsts), day


def test_the_wall_clock_counts_when_it_is_put_back() -> None:
    first = datetime(2026, 10, 24, 6, 30, tzinfo=BERLIN)
    assert local(DAILY, 3, first, BERLIN) == ["24/10 06:30", "25/10 06:30", "26/10 06:30"]
    found = moments(DAILY, first, 3, first, BERLIN)
    assert found[1] - found[0] == timedelta(hours=25)


def test_a_time_that_is_skipped_airs_later_and_one_that_comes_twice_airs_once() -> None:
    spring, autumn = (datetime(2026, *day, 2, 30, tzinfo=BERLIN) for day in ((3, 28), (10, 24)))
    assert local(DAILY, 3, spring, BERLIN) == ["28/03 02:30", "29/03 03:30", "30/03 02:30"]
    assert local(DAILY, 3, autumn, BERLIN) == ["24/10 02:30", "25/10 02:30", "26/10 02:30"]


def test_two_times_that_a_change_of_the_clock_makes_one_air_once() -> None:
    first = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)
    found = local("RRULE:FREQ=DAILY;COUNT=1\nX-LOA-EVERY:MINUTES=30;UNTIL=03:30", 1, first, BERLIN)
    assert found == ["29/03 01:30", "29/03 03:00", "29/03 03:30"]
    skipped_day = datetime(2011, 12, 28, 6, 30, tzinfo=APIA)  # Samoa had no 30 December
    assert local(DAILY, 5, skipped_day, APIA) == ["28/12 06:30", "29/12 06:30", "31/12 06:30", "01/01 06:30"]


zones = st.sampled_from([HANOI, BERLIN, APIA])
rules = st.sampled_from(RULES)
starts = st.integers(-3 * 24 * 60, 200 * 24 * 60)


@given(rules, zones, starts, st.lists(st.integers(0, 60 * 24 * 60), max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_window_is_the_union_of_its_parts(text: str, zone: ZoneInfo, start: int, cuts: list[int]) -> None:
    first = FIRST.replace(tzinfo=zone)
    rule = rule_text.read(text, first, zone)
    begin = first + timedelta(minutes=start)
    edges = [begin, *(begin + timedelta(minutes=cut) for cut in sorted(cuts)), begin + timedelta(days=60)]
    whole = list(recurrence.occurrences(rule, edges[0], edges[-1]))
    parts = [moment for low, high in pairwise(edges) for moment in recurrence.occurrences(rule, low, high)]
    assert parts == whole
    assert whole == sorted(set(whole))


@given(rules, zones, st.data())
@settings(max_examples=100, deadline=None)
def test_exdate_takes_exactly_what_it_names(text: str, zone: ZoneInfo, data: st.DataObject) -> None:
    first = FIRST.replace(tzinfo=zone)
    before = moments(text, first, 90, first, zone)
    gone = data.draw(st.sets(st.sampled_from(before), max_size=5)) if before else set()
    names = ",".join(f"{moment.astimezone(zone):%Y%m%dT%H%M%S}" for moment in sorted(gone))
    changed = "\n".join(filter(None, (text, f"EXDATE:{names}" if gone else "")))
    assert moments(changed, first, 90, first, zone) == [moment for moment in before if moment not in gone]
    days = {moment.astimezone(zone).date() for moment in gone}
    whole_days = "\n".join(filter(None, (text, f"EXDATE;VALUE=DATE:{','.join(f'{day:%Y%m%d}' for day in days)}")))
    if days:
        left = [moment for moment in before if moment.astimezone(zone).date() not in days]
        assert moments(whole_days, first, 90, first, zone) == left


@given(
    st.integers(1, 300), st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=5"]), zones
)
@settings(max_examples=40, deadline=None)
def test_count_is_honoured_however_late_one_looks(count: int, series: str, zone: ZoneInfo) -> None:
    first = FIRST.replace(tzinfo=zone)
    text = f"RRULE:{series};COUNT={count}"
    assert len(moments(text, first - DAY, 366 * 30, first, zone)) == count
    middle = moments(text, first, 20, first, zone)
    assert len(middle) + len(moments(text, first + 20 * DAY, 366 * 30, first, zone)) == count


@given(rules)
def test_the_text_of_a_rule_is_read_and_written_back(text: str) -> None:
    rule = rule_text.read(text, FIRST, HANOI)
    assert rule_text.read(rule_text.write(rule), FIRST, HANOI) == rule


@pytest.mark.parametrize(
    "text",
    [
        "RRULE:FREQ=OFTEN",
        "RRULE:FREQ=SECONDLY;COUNT=1000000000",
        "RRULE:FREQ=MINUTELY",
        "RRULE:FREQ=DAILY;COUNT=1000000000",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;INTERVAL=999999999999",
        "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=DAILY;BYSETPOS=1",
        "RRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=32",
        "RRULE:FREQ=WEEKLY;BYDAY=2MO",
        "RRULE:FREQ=DAILY;UNTIL=20261121T000000",
        "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20271121T000000",
        "RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY",
        "RRULE:FREQ=DAILY;FREQ=WEEKLY",
        "RRULE:FREQ=DAILY\nRDATE;VALUE=DATE:20261122",
        "RRULE:FREQ=DAILY\nX-LOA-EVERY:MINUTES=1;UNTIL=23:59",
        "RRULE:FREQ=DAILY\nX-LOA-EVERY:MINUTES=30;UNTIL=05:00",
        "X-LOA-LUNAR:DAY=31",
        "X-LOA-LUNAR:DAY=1;MONTH=13",
        "X-LOA-LUNAR:DAY=1;SEASON=2",
        "X-LOA-HOLIDAYS:SOMETIMES",
        "EXDATE:yesterday",
        "DTSTART:20261122T063000",
        "RDATE;VALUE=DATE:" + ",".join(["20261122"] * 2000),
        "x" * 20_000,
    ],
)
def test_a_rule_nobody_can_carry_out_is_refused_soon(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(RuleError):
        rule_text.read(text, FIRST, HANOI)
    assert time.process_time() - begin < 5  # an hour, if it were tried


def test_a_rule_that_has_run_for_centuries_answers_from_where_it_is() -> None:
    ancient = rule_text.read(
        f"{DAILY}\nX-LOA-EVERY:MINUTES=5;UNTIL=23:59", datetime(1600, 1, 1, 0, 0, tzinfo=UTC), HANOI
    )
    series = recurrence._series_days(ancient, FIRST.date(), FIRST.date())
    assert next(iter(series)) == FIRST.date()
    assert recurrence._near(ancient, FIRST.date()).date() >= FIRST.date() - 2 * DAY  # not counted from 1600 on
    endless = recurrence.occurrences(ancient, FIRST, FIRST + 365 * 5000 * DAY)
    assert next(endless) == FIRST.astimezone(UTC) + timedelta(minutes=4, seconds=24) or next(endless) > FIRST


def test_the_next_moments_are_found_however_far_away() -> None:
    leap_day = rule_text.read("RRULE:FREQ=YEARLY", datetime(2028, 2, 29, 6, tzinfo=HANOI), HANOI)
    found = recurrence.following(leap_day, FIRST, 2)
    assert [moment.astimezone(HANOI).date() for moment in found] == [date(2028, 2, 29), date(2032, 2, 29)]
    assert recurrence.following(rule_text.read("", FIRST, HANOI), FIRST + DAY) == []
    assert len(recurrence.following(rule_text.read(DAILY, FIRST, HANOI), FIRST + DAY, 5)) == 5


def test_endless_and_repeating_rules_know_it() -> None:
    def rule(text: str) -> Rule:
        return rule_text.read(text, FIRST, HANOI)

    assert [rule(text).endless for text in RULES[:5]] == [False, True, True, False, False]
    assert rule("X-LOA-LUNAR:DAY=1").endless
    assert not rule("X-LOA-LUNAR:DAY=1;COUNT=3").endless
    assert not rule("").repeats
    assert all(rule(text).repeats for text in RULES[1:])
