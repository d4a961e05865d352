"""When a schedule airs: RFC 5545 rules in the station's own time zone. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

DAILY: Final = "FREQ=DAILY"
_ANY_SHIFT: Final = timedelta(days=1)
"""More than a wall clock is ever put forward or back."""


def daily(until: date | None) -> str:
    """The rule of a daily schedule; ``until`` is its last local day."""
    if until is None:
        return DAILY
    return f"{DAILY};UNTIL={datetime.combine(until, time.max):%Y%m%dT%H%M%S}"


def occurrences(rule: str, first: datetime, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments (UTC) of ``rule`` in ``[start, end)``, counted from ``first``; no rule means ``first`` alone.

    All moments are aware. The rule is computed on the wall clock of ``zone``.
    """
    if not rule:
        if start <= first < end:
            yield first.astimezone(UTC)
        return
    local_first = first.astimezone(zone).replace(tzinfo=None)
    local_start = start.astimezone(zone).replace(tzinfo=None) - _ANY_SHIFT
    local_end = end.astimezone(zone).replace(tzinfo=None) + _ANY_SHIFT
    series = rrulestr(rule, dtstart=local_first)
    for local in series.between(local_start, local_end):
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if start <= moment < end:
            yield moment
