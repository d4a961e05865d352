"""A station that is killed at any statement, loses its broker and its power, while people stop things and speak up."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from broadcaster.rows import ScheduleKind
from broadcaster.wire.documents import Class
from scheduler import materialisation, planning, plans
from tests.broadcaster.town import DOAI, DONG, NA_LOC
from tests.scheduler.commune_year import Year

START = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)  # New Year's Day 2027, midnight
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WHYS = frozenset({"not-prepared", "broker-down", "station-off"})
_STATEMENTS = 45
"""About so many has a pass that has something to write."""


@contextmanager
def small_portions() -> Iterator[None]:
    """As many transactions as possible, so that a kill comes between any two of them."""
    with (
        patch.object(planning, "AT_ONCE", 3),
        patch.object(plans, "AT_ONCE", 2),
        patch.object(materialisation, "AT_ONCE", 4),
    ):
        yield


def live(folder: Path, seed: int, points: int) -> Counter[str]:
    """One life with so many kills; how its occurrences ended.

    Errors: AssertionError, with the seed, when one has not ended, has ended twice, or has no reason.
    """
    try:
        with small_portions():
            return _live(folder, seed, points)
    except AssertionError as error:
        error.add_note(f"seed={seed} points={points}")
        raise


def _live(folder: Path, seed: int, points: int) -> Counter[str]:
    year = Year.begin(folder, START, seed)
    year.preempted = 0.02
    year.repeat("RRULE:FREQ=DAILY", "05:30", seconds=300)
    year.repeat("RRULE:FREQ=DAILY\nX-LOA-EVERY:MINUTES=240;UNTIL=17:00", "08:00")
    year.bench.schedule(DONG, DOAI, start_at=START + year.random.randrange(1, 90) * HOUR)
    year.bench.schedule(NA_LOC, start_at=START + 30 * HOUR, sound=False)
    while year.points < points:
        _something_happens(year)
        year.go(timedelta(seconds=year.random.choice([1, 10, 60, 600, 3_600, 20_000])))
    until = year.now
    year.go(2 * HOUR)
    year.works()
    ended = year.ended(until)
    assert set(ended) == {key for key in year.expected(until) if key[1] < until}
    assert {why for _, why in ended.values()} <= WHYS | {None}
    return Counter(
        {f"broadcast {state} {why or ''}".strip(): n for (state, why), n in Counter(ended.values()).items()}
    ) + Counter({f"delivery {name}": count for name, count in year.outcomes(until).items()})


def _something_happens(year: Year) -> None:
    dice = year.random
    chance = dice.random()
    if chance < 0.8:
        with year.killed_at(dice.randrange(1, _STATEMENTS)):
            year.works(broker=dice.random() < 0.7)
    elif chance < 0.9:
        year.works(broker=dice.random() < 0.7)
    elif chance < 0.94:
        with year.disturbed_at(dice.randrange(1, 6), year.stop_something):
            year.works()
    elif chance < 0.97:
        year.bench.schedule(DONG, kind=ScheduleKind.NOW, klass=Class.PRIORITY)
    else:
        year.cut(dice.randrange(1, 300) * MINUTE)
