"""The "when" part of the form: what was typed, and the rule it means. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster.hours import WEEKDAYS
from broadcaster.rows import ScheduleKind
from scheduler import rule_text
from scheduler.lunar import LAST_DAY, LunarDays
from scheduler.recurrence import MIN_EVERY, Every, Rule
from scheduler.rest_days import RestDays
from scheduler.rule_text import MAX_COUNT, MAX_INTERVAL
from scheduler.submissions import Problem

KINDS: Final = ("now", "once", "dates", "daily", "weekly", "monthly", "days", "minutes", "lunar", "programme")
MONTHLY: Final = ("day", "weekday", "last")
LUNAR: Final = ("1", "15", "1,15", "30", "year")
_MONTHS: Final = 12
_HALF_YEAR: Final = 183
_DATE: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}))?")
_MAX_LINE: Final = 2_000


@dataclass(frozen=True)
class When:
    """Every field of the part as it was typed.

    Attributes:
        kind: one of ``KINDS``.
        time: the (first) time of a day; ``last`` the latest one when it airs every so many minutes.
        dates: days as people write them; ``skip`` likewise the days left out.
        weekdays: of `broadcaster.hours.WEEKDAYS`.
        monthly: the day of the month as in ``date``, its weekday of that week, or the last day.
        lunar: days of the lunar month, or "year" with ``lunar_day`` and ``lunar_month``.
    """

    kind: str = ScheduleKind.ONCE.value
    date: str = ""
    time: str = ""
    until: str = ""
    count: str = ""
    dates: str = ""
    weekdays: tuple[str, ...] = ()
    monthly: str = MONTHLY[0]
    interval: str = "2"
    minutes: str = "30"
    last: str = ""
    lunar: str = "1,15"
    lunar_day: str = ""
    lunar_month: str = ""
    skip: str = ""
    rest: str = ""


@dataclass(frozen=True)
class Meant:
    """What the part means: the kind of schedule, its first moment and the text of its rule."""

    kind: ScheduleKind
    start_at: datetime | None = None
    rule: str = ""


def of_form(lists: Mapping[str, Sequence[str]]) -> When:
    """The part of a sent form."""
    lines = {field.name: (lists.get(field.name) or [""])[0][:_MAX_LINE] for field in fields(When)}
    kept: dict[str, Any] = {**lines, "weekdays": tuple(dict.fromkeys(lists.get("weekdays") or ()))}
    return When(**kept)


def of_draft(stored: Mapping[str, Any]) -> When:
    """The part of a draft; what this version does not know is left out."""
    known = {field.name for field in fields(When)}
    kept = {name: value for name, value in stored.items() if name in known}
    return replace(When(), **{**kept, "weekdays": tuple(kept.get("weekdays", ()))})


def of_rule(rule: Rule) -> When:
    """The part that means ``rule``, as the form would have it."""
    typed = When(date=f"{rule.first:%Y-%m-%d}", time=f"{rule.first:%H:%M}", rest=rule.rest.value)
    typed = replace(typed, skip=", ".join(f"{day:%d/%m/%Y}" for day in sorted(rule.skipped)))
    if rule.dates:
        days = sorted({rule.first.date(), *rule.dates})
        return replace(typed, kind="dates", dates=", ".join(f"{day:%d/%m/%Y}" for day in days))
    if rule.lunar:
        return _of_lunar(typed, rule.lunar)
    if not rule.series:
        return typed
    return _of_series(typed, rule)


def _of_series(typed: When, rule: Rule) -> When:
    parts = dict(part.split("=") for part in rule.series.split(";"))
    until = parts.get("UNTIL", "")
    typed = replace(typed, count=parts.get("COUNT", ""), interval=parts.get("INTERVAL", "2"))
    typed = replace(typed, until=f"{until[:4]}-{until[4:6]}-{until[6:8]}" if until else "")
    if rule.every:
        return replace(typed, kind="minutes", minutes=str(rule.every.minutes), last=f"{rule.every.until:%H:%M}")
    if parts["FREQ"] == "WEEKLY":
        return replace(typed, kind="weekly", weekdays=tuple(parts.get("BYDAY", "").split(",")))
    if parts["FREQ"] == "MONTHLY":
        how = "weekday" if "BYDAY" in parts else "last" if parts.get("BYMONTHDAY") == "-1" else "day"
        return replace(typed, kind="monthly", monthly=how)
    return replace(typed, kind="days" if "INTERVAL" in parts else "daily")


def _of_lunar(typed: When, days: LunarDays) -> When:
    until = days.until.isoformat() if days.until else ""
    typed = replace(typed, kind="lunar", until=until, count=str(days.count or ""))
    if days.month:
        return replace(typed, lunar="year", lunar_day=str(days.days[0]), lunar_month=str(days.month))
    return replace(typed, lunar=",".join(str(day) for day in days.days))


def parse(typed: When, zone: ZoneInfo, now: datetime) -> tuple[Meant, list[Problem]]:
    """What the part means, and which of its fields mean nothing."""
    if typed.kind not in KINDS:
        return Meant(ScheduleKind.NOW), [Problem("kind", "unknown")]
    if typed.kind in {"now", "programme"}:
        return Meant(ScheduleKind(typed.kind)), []
    reader = _Reader(typed, zone, now.astimezone(zone).date())
    kind = ScheduleKind.ONCE if typed.kind == "once" else ScheduleKind.REPEATED
    first = reader.first()
    if first is None:
        return Meant(kind), reader.problems
    if first.astimezone(UTC).astimezone(zone) != first and kind is ScheduleKind.ONCE:
        reader.problems.append(Problem("start_at", "no-such-time"))
    rule = reader.rule(first)
    text = rule_text.write(rule) if kind is ScheduleKind.REPEATED and not reader.problems else ""
    return Meant(kind, first.astimezone(UTC), text), reader.problems


class _Reader:
    """Reads the fields one by one and notes what is wrong with them."""

    def __init__(self, typed: When, zone: ZoneInfo, today: date) -> None:
        self._typed, self._zone, self._today = typed, zone, today
        self.problems: list[Problem] = []
        self._listed = self._days(typed.dates, "dates") if typed.kind == "dates" else []

    def first(self) -> datetime | None:
        """Day and time of the beginning; a repeated one without a day begins today."""
        typed = self._typed
        if not typed.time.strip() or (not typed.date.strip() and typed.kind == "once"):
            return None  # said to be missing where everything is checked
        at = self._time(typed.time, "start_at")
        day = self._first_day()
        return None if day is None or at is None else datetime.combine(day, at, self._zone)

    def _first_day(self) -> date | None:
        typed = self._typed
        if typed.kind != "dates":
            return self._date(typed.date, "start_at") if typed.date.strip() else self._today
        if not self._listed and not self.problems:
            self.problems.append(Problem("dates", "none"))
        return min(self._listed, default=None)

    def rule(self, first: datetime) -> Rule:
        """The rule from ``first`` on."""
        typed = self._typed
        rule = Rule(first.replace(tzinfo=None), self._zone)
        if typed.kind == "once":
            return rule
        rule = replace(rule, skipped=frozenset(self._days(typed.skip, "skip")), rest=self._rest())
        if typed.kind == "dates":
            return replace(rule, dates=tuple(self._listed))
        if typed.kind == "lunar":
            return replace(rule, lunar=self._lunar())
        if typed.kind == "minutes":
            rule = replace(rule, every=self._every(first.time()))
        return replace(rule, series=self._series(first.date()))

    def _series(self, first: date) -> str:
        typed = self._typed
        made = {"weekly": "FREQ=WEEKLY", "monthly": "FREQ=MONTHLY"}.get(typed.kind, "FREQ=DAILY")
        if typed.kind == "weekly":
            days = [day for day in WEEKDAYS if day in typed.weekdays]
            if not days:
                self.problems.append(Problem("weekdays", "none"))
            made += f";BYDAY={','.join(days)}"
        elif typed.kind == "monthly":
            nth = (first.day - 1) // 7 + 1
            made += {
                "weekday": f";BYDAY={nth}{WEEKDAYS[first.weekday()]}",
                "last": ";BYMONTHDAY=-1",
            }.get(typed.monthly, f";BYMONTHDAY={first.day}")
        elif typed.kind == "days":
            made += f";INTERVAL={self._number(typed.interval, 'interval', 1, MAX_INTERVAL)}"
        until, count = self._end(first)
        return made + (f";UNTIL={until:%Y%m%d}T235959" if until else "") + (f";COUNT={count}" if count else "")

    def _end(self, first: date | None = None) -> tuple[date | None, int | None]:
        typed = self._typed
        until = self._date(typed.until, "until") if typed.until.strip() else None
        count = self._number(typed.count, "count", 1, MAX_COUNT) if typed.count.strip() else None
        if until and count:
            self.problems.append(Problem("count", "with-until"))
        if until and first and until < first:
            self.problems.append(Problem("until", "before-start"))
        return until, count

    def _lunar(self) -> LunarDays:
        typed = self._typed
        if typed.lunar not in LUNAR:
            self.problems.append(Problem("lunar", "unknown"))
            return LunarDays((1,))
        until, count = self._end()
        if typed.lunar == "year":
            day = self._number(typed.lunar_day, "lunar", 1, LAST_DAY)
            month = self._number(typed.lunar_month, "lunar", 1, _MONTHS)
            return LunarDays((day,), month, leap=False, until=until, count=count)
        return LunarDays(tuple(int(day) for day in typed.lunar.split(",")), until=until, count=count)

    def _every(self, first: time) -> Every | None:
        minutes = self._number(self._typed.minutes, "minutes", MIN_EVERY, 24 * 60 - 1)
        last = self._time(self._typed.last, "last")
        if last is None or last <= first:
            self.problems += [Problem("last", "before-start")] if last else []
            return None
        return Every(minutes, last)

    def _rest(self) -> RestDays:
        try:
            return RestDays(self._typed.rest)
        except ValueError:
            self.problems.append(Problem("rest", "unknown"))
            return RestDays.ANY

    def _number(self, typed: str, field: str, least: int, most: int) -> int:
        text = typed.strip()
        number = int(text) if text.isdecimal() and len(text) <= 5 else -1  # noqa: PLR2004  no limit has more digits
        if not least <= number <= most:
            self.problems.append(Problem(field, "out-of-range", (str(least), str(most))))
            return least
        return number

    def _time(self, typed: str, field: str) -> time | None:
        try:
            at = time.fromisoformat(typed.strip())
        except ValueError:
            at = None
        if at is None or at.tzinfo:
            self.problems.append(Problem(field, "not-a-time"))
            return None
        return at

    def _date(self, typed: str, field: str) -> date | None:
        try:
            return date.fromisoformat(typed.strip())
        except ValueError:
            self.problems.append(Problem(field, "not-a-date"))
            return None

    def _days(self, typed: str, field: str) -> list[date]:
        """Days as people write them: 25/11, 25/11/2026 or 2026-11-25; without a year the nearest one ahead is meant."""
        days = []
        for word in re.split(r"[,;\s]+", typed.strip()):
            day = _day(word, self._today)
            if day is None and word:
                self.problems.append(Problem(field, "not-days", (word,)))
            elif day:
                days.append(day)
        return sorted(set(days))


def _day(word: str, today: date) -> date | None:
    try:
        if match := _DATE.fullmatch(word):
            day, month, year = match.groups()
            if year:
                return date(int(year), int(month), int(day))
            here = date(today.year, int(month), int(day))
            return here if (today - here).days < _HALF_YEAR else here.replace(year=today.year + 1)
        return date.fromisoformat(word)
    except ValueError:
        return None
