from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.recurrence import DAILY, daily, occurrences

HANOI, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 11, 22, 6, 30, tzinfo=HANOI)


def local(rule: str, first: datetime, zone: ZoneInfo, start: datetime, days: int) -> list[str]:
    moments = list(occurrences(rule, first, zone, start, start + timedelta(days=days)))
    assert all(moment.tzinfo is UTC for moment in moments)
    return [f"{moment.astimezone(zone):%d %H:%M}" for moment in moments]


def test_daily_is_every_day_at_the_same_local_time() -> None:
    assert local(DAILY, FIRST, HANOI, FIRST, 3) == ["22 06:30", "23 06:30", "24 06:30"]


def test_the_first_occurrence_counts_and_the_end_does_not() -> None:
    assert local(DAILY, FIRST, HANOI, FIRST - timedelta(days=5), 5) == []
    assert local(DAILY, FIRST, HANOI, FIRST - timedelta(days=5), 6) == ["22 06:30"]


def test_until_is_the_last_local_day_itself_included() -> None:
    assert local(daily(date(2026, 11, 23)), FIRST, HANOI, FIRST, 30) == ["22 06:30", "23 06:30"]
    assert local(daily(date(2026, 11, 21)), FIRST, HANOI, FIRST, 30) == []
    midnight = datetime(2026, 11, 22, tzinfo=HANOI)
    assert local(daily(date(2026, 11, 23)), midnight, HANOI, midnight, 30) == ["22 00:00", "23 00:00"]


def test_without_a_rule_there_is_the_one_moment() -> None:
    assert local("", FIRST, HANOI, FIRST, 1) == ["22 06:30"]
    assert local("", FIRST, HANOI, FIRST + timedelta(seconds=1), 1) == []


def test_the_wall_clock_counts_when_it_is_put_back() -> None:
    first = datetime(2026, 10, 24, 6, 30, tzinfo=BERLIN)
    moments = list(occurrences(DAILY, first, BERLIN, first, first + timedelta(days=3)))
    assert local(DAILY, first, BERLIN, first, 3) == ["24 06:30", "25 06:30", "26 06:30"]
    assert moments[1] - moments[0] == timedelta(hours=25)


def test_a_time_that_is_skipped_when_the_clock_is_put_forward_airs_an_hour_later() -> None:
    first = datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)
    assert local(DAILY, first, BERLIN, first, 3) == ["28 02:30", "29 03:30", "30 02:30"]


def test_a_time_that_comes_twice_when_the_clock_is_put_back_airs_once() -> None:
    first = datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN)
    assert local(DAILY, first, BERLIN, first, 3) == ["24 02:30", "25 02:30", "26 02:30"]


@given(st.integers(0, 24 * 60 - 1), st.integers(-72 * 60, 72 * 60), st.sampled_from(["2026-03-29", "2026-10-25"]))
def test_no_occurrence_is_lost_between_two_windows_even_at_a_change_of_the_clock(
    minute: int, cut: int, day: str
) -> None:
    first = datetime.fromisoformat(day).replace(tzinfo=BERLIN) - timedelta(days=5) + timedelta(minutes=minute)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=4)
    middle, end = start + timedelta(days=4, minutes=cut), start + timedelta(days=8)
    whole = list(occurrences(DAILY, first, BERLIN, start, end))
    parts = [*occurrences(DAILY, first, BERLIN, start, middle), *occurrences(DAILY, first, BERLIN, middle, end)]
    assert parts == whole
    days = [moment.astimezone(BERLIN).date() for moment in whole]
    assert [after - before for before, after in pairwise(days)] == [timedelta(days=1)] * (len(days) - 1)


def test_a_rule_nobody_understands_is_an_error() -> None:
    with pytest.raises(ValueError, match="FREQ"):
        list(occurrences("FREQ=OFTEN", FIRST, HANOI, FIRST, FIRST + timedelta(days=1)))
