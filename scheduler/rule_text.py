"""The text of a rule as it is stored: RFC 5545 properties and our own; both ways. Pure (see ``docs/schedules.md``)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from scheduler.lunar import LAST_DAY, LunarDays
from scheduler.recurrence import MIN_EVERY, Every, Rule, RuleError, series_of
from scheduler.rest_days import RestDays

LONGEST: Final = 10_000
"""Characters of a rule: several years of skipped days."""
MAX_COUNT: Final = 3_660
MAX_INTERVAL: Final = 366
_MAX_DATES: Final = 1_000
_PARTS: Final = {
    "DAILY": frozenset({"INTERVAL"}),
    "WEEKLY": frozenset({"INTERVAL", "BYDAY"}),
    "MONTHLY": frozenset({"INTERVAL", "BYDAY", "BYMONTHDAY"}),
    "YEARLY": frozenset({"INTERVAL"}),
}
"""What may be said of each frequency: everything else is either never needed or never ends to compute."""
_VALUES: Final = {
    "BYDAY": re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)){0,6}"),
    "BYMONTHDAY": re.compile(r"(-1|[1-9]|[12][0-9]|3[01])(,(-1|[1-9]|[12][0-9]|3[01])){0,31}"),
    "UNTIL": re.compile(r"\d{8}(T\d{6})?"),
}


def write(rule: Rule) -> str:
    """The rule as text; its first time is not part of it (it is the DTSTART)."""
    lines = [f"RRULE:{rule.series}"] if rule.series else []
    if rule.dates:
        lines.append(f"RDATE;VALUE=DATE:{_dates(rule.dates)}")
    if rule.lunar:
        lines.append(f"X-LOA-LUNAR:{_lunar_text(rule.lunar)}")
    if rule.every:
        lines.append(f"X-LOA-EVERY:MINUTES={rule.every.minutes};UNTIL={rule.every.until:%H:%M}")
    if rule.rest:
        lines.append(f"X-LOA-HOLIDAYS:{rule.rest}")
    if rule.skipped:
        lines.append(f"EXDATE;VALUE=DATE:{_dates(rule.skipped)}")
    if rule.skipped_times:
        lines.append("EXDATE:" + ",".join(f"{moment:%Y%m%dT%H%M%S}" for moment in sorted(rule.skipped_times)))
    return "\n".join(lines)


def _dates(days: Iterable[date]) -> str:
    return ",".join(f"{day:%Y%m%d}" for day in sorted(days))


def _lunar_text(days: LunarDays) -> str:
    parts = ["DAY=" + ",".join(str(day) for day in days.days)]
    if days.month:
        parts.append(f"MONTH={days.month}")
    parts.append(f"LEAP={'YES' if days.leap else 'NO'}")
    if days.until:
        parts.append(f"UNTIL={days.until:%Y%m%d}")
    if days.count:
        parts.append(f"COUNT={days.count}")
    return ";".join(parts)


@lru_cache(maxsize=4_000)
def read(text: str, first: datetime, zone: ZoneInfo) -> Rule:
    """The rule that ``text`` means, counted from ``first`` (aware). Errors: RuleError, for all that can't be computed soon."""
    if len(text) > LONGEST:
        raise RuleError("too long")
    rule = Rule(first.astimezone(zone).replace(tzinfo=None), zone)
    seen: set[str] = set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name not in _READERS or not value or name in seen:
            raise RuleError(f"{name[:40]}: not understood")
        seen.add(name)
        try:
            rule = _READERS[name](rule, value)
        except (ValueError, KeyError) as error:
            raise RuleError(f"{name}: {error}") from error
    if sum((bool(rule.series), bool(rule.lunar), bool(rule.dates))) > 1:
        raise RuleError("RRULE, RDATE and X-LOA-LUNAR exclude each other")
    return rule


def _series(rule: Rule, value: str) -> Rule:
    parts = _parts(value)
    frequency = parts.pop("FREQ", "")
    if frequency not in _PARTS:
        raise RuleError(f"FREQ={frequency}: only {', '.join(_PARTS)}")
    for name, given in parts.items():
        if name not in _PARTS[frequency] | {"COUNT", "UNTIL"}:
            raise RuleError(f"{name}: not with FREQ={frequency}")
        if name in _VALUES and not _VALUES[name].fullmatch(given):
            raise RuleError(f"{name}={given}")
    if frequency == "WEEKLY" and re.search(r"\d", parts.get("BYDAY", "")):
        raise RuleError("BYDAY: no ordinals with FREQ=WEEKLY")
    if not 1 <= int(parts.get("INTERVAL", "1")) <= MAX_INTERVAL or not 1 <= int(parts.get("COUNT", "1")) <= MAX_COUNT:
        raise RuleError("INTERVAL or COUNT out of range")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError("COUNT and UNTIL exclude each other")
    until = parts.get("UNTIL")
    if until and (day := date.fromisoformat(until[:8])) < rule.first.date():
        raise RuleError(f"UNTIL={day}: before the first time")
    if next(iter(series_of(value, rule.first)), None) is None:
        raise RuleError("RRULE: names no day at all")
    return replace(rule, series=value)


def _parts(value: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in value.split(";")]
    made = {name: given for name, _, given in pairs}
    if len(made) != len(pairs):
        raise RuleError("a part is said twice")
    return made


def _day_list(value: str) -> list[date]:
    days = [date.fromisoformat(day) for day in value.split(",")]
    if len(days) > _MAX_DATES:
        raise RuleError(f"more than {_MAX_DATES} days")
    return days


def _lunar(rule: Rule, value: str) -> Rule:
    parts = _parts(value)
    days = tuple(int(day) for day in parts.pop("DAY").split(","))
    month, leap = int(parts.pop("MONTH", "0")), {"YES": True, "NO": False}[parts.pop("LEAP", "YES")]
    until = date.fromisoformat(parts.pop("UNTIL")) if "UNTIL" in parts else None
    count = int(parts.pop("COUNT")) if "COUNT" in parts else None
    in_range = all(1 <= day <= LAST_DAY for day in days) and 0 <= month <= 12 and 1 <= (count or 1) <= MAX_COUNT  # noqa: PLR2004  months of a year
    if parts or not in_range or (until and count):
        raise RuleError(f"X-LOA-LUNAR:{value[:80]}")
    return replace(rule, lunar=LunarDays(days, month, leap, until, count))


def _every(rule: Rule, value: str) -> Rule:
    parts = _parts(value)
    minutes, until = int(parts["MINUTES"]), time.fromisoformat(parts["UNTIL"])
    if minutes < MIN_EVERY or len(parts) != 2 or until <= rule.first.time():  # noqa: PLR2004  MINUTES and UNTIL
        raise RuleError(f"X-LOA-EVERY:{value[:80]}")
    return replace(rule, every=Every(minutes, until))


def _skipped_times(rule: Rule, value: str) -> Rule:
    return replace(rule, skipped_times=frozenset(datetime.fromisoformat(moment) for moment in value.split(",")))


_READERS: Final[dict[str, Callable[[Rule, str], Rule]]] = {
    "RRULE": _series,
    "RDATE;VALUE=DATE": lambda rule, value: replace(rule, dates=tuple(_day_list(value))),
    "EXDATE;VALUE=DATE": lambda rule, value: replace(rule, skipped=frozenset(_day_list(value))),
    "EXDATE": _skipped_times,
    "X-LOA-LUNAR": _lunar,
    "X-LOA-EVERY": _every,
    "X-LOA-HOLIDAYS": lambda rule, value: replace(rule, rest=RestDays(value)),
}
