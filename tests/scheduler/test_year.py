"""A year of a commune, and a station that is killed again and again: every occurrence ends once, with state and reason."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import chain
from broadcaster.rows import LedgerEntry, Station
from scheduler import rest_days
from tests.broadcaster.town import DOAI, NA_LOC
from tests.scheduler import kills
from tests.scheduler.commune_year import HANOI, Year

START = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)  # New Year's Day 2027, midnight
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STORM = date(2027, 9, 14)


@pytest.mark.timeout(400)  # half a minute of work; the machine may be busy with other things
def test_a_year_of_a_commune_has_a_complete_ledger(tmp_path: Path) -> None:
    year = Year.begin(tmp_path, START, seed=2027)
    with year.bench.core.database.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "21:00", "05:00"
    morning = year.repeat("RRULE:FREQ=DAILY", "05:30")
    noon = year.repeat("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nX-LOA-HOLIDAYS:SKIP", "11:00", places=(NA_LOC,))
    evening = year.repeat("RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:SKIP-TET", "17:00", places=(DOAI,), seconds=900)
    lunar = year.repeat("X-LOA-LUNAR:DAY=1,15;LEAP=YES", "06:00")
    tet = year.repeat("RRULE:FREQ=DAILY\nX-LOA-HOLIDAYS:ONLY-TET", "08:00")
    storm = late = 0
    for day in range(365):
        today = START + day * DAY
        if today.astimezone(HANOI).date() == STORM:
            rule = "RRULE:FREQ=DAILY;COUNT=3\nX-LOA-EVERY:MINUTES=30;UNTIL=18:00"
            storm = year.repeat(rule, "06:00", seconds=60)
            late = year.repeat("RRULE:FREQ=DAILY;COUNT=2", "20:50", seconds=900)  # would end in quiet hours
        if day == 200:
            year.repeat("RRULE:FREQ=DAILY;COUNT=3", "14:00", sound=False)  # its sound is never made
        broker = not 300 <= day < 310  # away for longer than what was sent ahead lasts
        year.works(broker=broker)
        if day % 7 in {1, 4}:
            year.go(year.random.randrange(1, 16) * HOUR)
            year.cut(timedelta(minutes=year.random.randrange(20, 400)))
        year.go(START + (day + 1) * DAY - year.now)
    until = year.now
    year.go(2 * HOUR)
    year.works()
    ended = year.ended(until)
    assert set(ended) == year.expected(until)
    by_schedule = Counter(schedule for schedule, _ in ended)
    tet_days = [day for day in rest_days.of_year(2027) if rest_days.is_tet(day)]
    assert by_schedule[morning] == 365
    assert by_schedule[evening] == 365 - len(tet_days)
    assert by_schedule[tet] == len(tet_days) == 7
    assert by_schedule[lunar] == 25
    assert by_schedule[storm] == 3 * 25
    assert {end for (schedule, _), end in ended.items() if schedule == late} == {("missed", "quiet-hours")}
    whys = Counter(why for state, why in ended.values() if state == "missed")
    assert {"quiet-hours", "not-prepared", "broker-down"} <= set(whys)
    assert set(whys) <= {"quiet-hours", "not-prepared", "broker-down", "station-off"}
    assert len(year.cuts) == 104
    outcomes = year.outcomes(until)
    assert sum(outcomes.values()) == sum(1 if schedule in {noon, evening} else 4 for schedule, _ in ended)
    assert set(outcomes) == {
        "finished",
        "skipped power",
        "unknown no-report",
        *(f"missed {why}" for why in whys),
    }
    assert outcomes["finished"] > 0.8 * sum(outcomes.values())
    with year.bench.core.database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.timeout(400)
def test_killed_at_any_moment_every_occurrence_still_ends_once_with_a_reason(tmp_path: Path, seed: int) -> None:
    """Ten thousand of them: `python -m benchmarks.kills`."""
    ended = kills.live(tmp_path, seed, points=120)
    assert ended["broadcast aired"] > 5
    assert ended["delivery finished"] > 5
