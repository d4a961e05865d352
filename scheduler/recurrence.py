"""When a schedule airs: RFC 5545 rules in the station's own time zone, with a lunar extension. Pure.

The text of a rule, one property a line, is described in ``docs/schedules.md``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule as Series  # noqa: N812  the library's class has a small name
from dateutil.rrule import rrulestr

from broadcaster.errors import LoaError
from scheduler import lunar, rest_days
from scheduler.lunar import LunarDays
from scheduler.rest_days import RestDays

MIN_EVERY: Final = 5
"""The shortest distance, in minutes, of what airs again and again on one day."""
_DAY: Final = timedelta(days=1)
_REACHES: Final = tuple(timedelta(days=days) for days in (40, 400, 3_660))
"""How far ahead the next occurrence is looked for: soon for most, ten years for 29 February."""


class RuleError(LoaError):
    """A rule that nobody can carry out; the text says which part."""


@dataclass(frozen=True)
class Every:
    """Again and again on a day: every so many minutes from the first time until a time of the same day, included."""

    minutes: int
    until: time


@dataclass(frozen=True)
class Rule:
    """When something airs, on the wall clock of ``zone``.

    Attributes:
        first: the first time, naive: day and time of day count.
        series: the value of an RRULE that names days; without it, ``lunar`` and ``dates`` there is ``first`` alone.
        dates: more days, beside the first.
        skipped: days on which it does not air (EXDATE), ``skipped_times`` single ones of its moments.
        rest: what it does on public holidays.
    """

    first: datetime
    zone: ZoneInfo
    series: str = ""
    dates: tuple[date, ...] = ()
    lunar: LunarDays | None = None
    every: Every | None = None
    skipped: frozenset[date] = frozenset()
    skipped_times: frozenset[datetime] = frozenset()
    rest: RestDays = RestDays.ANY

    @property
    def repeats(self) -> bool:
        """Whether there may be more than one occurrence."""
        return bool(self.series or self.dates or self.lunar or self.every)

    @property
    def endless(self) -> bool:
        """Whether nothing ends it but a person."""
        if self.lunar:
            return self.lunar.until is None and self.lunar.count is None
        return bool(self.series) and "UNTIL=" not in self.series and "COUNT=" not in self.series


def occurrences(rule: Rule, start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments (UTC, ascending, each once) of ``rule`` in ``[start, end)``; both are aware.

    A time that a change of the clock skips airs as much later as the clock was put forward; one that comes twice airs once.
    Work is bounded by the window, not by how long the rule has been running. Errors: RuleError.
    """
    if end <= start:
        return
    low, high = start.astimezone(rule.zone).date() - 2 * _DAY, end.astimezone(rule.zone).date() + 2 * _DAY
    waiting: set[datetime] = set()
    for day in _days(rule, low, high):
        dawn = _moment(datetime.combine(day, time.min), rule.zone)
        yield from sorted(moment for moment in waiting if moment < dawn)
        waiting = {moment for moment in waiting if moment >= dawn}
        moments = (_moment(local, rule.zone) for local in _times(rule, day) if local not in rule.skipped_times)
        waiting |= {moment for moment in moments if start <= moment < end}
    yield from sorted(waiting)


def leaving_out(rule: Rule, moments: Iterable[datetime]) -> Rule:
    """The rule without these moments of its wall clock, those of them that it has."""
    second = timedelta(seconds=1)
    own = {local for local in moments if any(occurrences(rule, at := _moment(local, rule.zone), at + second))}
    return replace(rule, skipped_times=rule.skipped_times | own)


def following(rule: Rule, after: datetime, count: int = 1) -> list[datetime]:
    """The next moments (UTC) from ``after`` on, at most ``count`` of them, within the next ten years."""
    found: list[datetime] = []
    begin = after
    for reach in _REACHES:
        found += islice(occurrences(rule, begin, after + reach), count - len(found))
        if len(found) >= count:
            break
        begin = after + reach
    return found


def _moment(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _times(rule: Rule, day: date) -> Iterator[datetime]:
    """The wall-clock times of one day."""
    local = datetime.combine(day, rule.first.time())
    yield local
    if rule.every:
        last = datetime.combine(day, rule.every.until)
        while (local := local + timedelta(minutes=rule.every.minutes)) <= last:
            yield local


def _days(rule: Rule, low: date, high: date) -> Iterator[date]:
    """The local days of the rule from ``low`` to ``high``, both included, ascending."""
    first = rule.first.date()
    for day in _named_days(rule, low, high):
        if low <= day <= high and day >= first and day not in rule.skipped and rest_days.allows(rule.rest, day):
            yield day


def _named_days(rule: Rule, low: date, high: date) -> Iterable[date]:
    if rule.lunar:
        return lunar.days(rule.lunar, rule.first.date(), low, high)
    if rule.series:
        return _series_days(rule, low, high)
    return sorted({rule.first.date(), *rule.dates})


def _series_days(rule: Rule, low: date, high: date) -> Iterator[date]:
    begin, end = datetime.combine(low, time.min), datetime.combine(high, time.max)
    series = series_of(rule.series, _near(rule, low))
    return (local.date() for local in takewhile(lambda local: local <= end, series.xafter(begin, inc=True)))


def _near(rule: Rule, low: date) -> datetime:
    """The latest start from which the series runs in step; a rule that counts must be counted from its beginning."""
    parts = dict(part.split("=") for part in rule.series.split(";"))
    step = {"DAILY": 1, "WEEKLY": 7}.get(parts["FREQ"], 0) * int(parts.get("INTERVAL", "1"))
    passed = (low - rule.first.date()).days
    if not step or passed <= step or "COUNT" in parts:
        return rule.first
    return rule.first + timedelta(days=(passed // step - 1) * step)


@lru_cache(maxsize=2_000)
def series_of(text: str, first: datetime) -> Series:
    """The library's series. Errors: RuleError."""
    try:
        made = rrulestr(text, dtstart=first)
    except ValueError as error:
        raise RuleError(f"RRULE: {error}") from error
    if not isinstance(made, Series):
        raise RuleError("RRULE: more than one rule")
    return made
