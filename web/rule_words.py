"""Rules and days in the words of people: what a schedule's rule says, and a day with its lunar date. Pure but for gettext."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from broadcaster.hours import WEEKDAYS
from scheduler import lunar, rest_days
from scheduler.lunar import LunarDays
from scheduler.recurrence import Rule
from scheduler.rest_days import RestDays
from web import sentences
from web.words import gettext as _
from web.words import ngettext

_NAMED_DATES: Final = 6
"""More dates than this are counted instead of listed."""


def in_words(rule: Rule, locale: Locale) -> str:
    """The whole rule as one sentence."""
    times = _("lúc %(time)s", time=f"{rule.first:%H:%M}")
    if rule.every:
        times = _(
            "cứ %(minutes)s phút một lần từ %(start)s đến %(until)s",
            minutes=rule.every.minutes,
            start=f"{rule.first:%H:%M}",
            until=f"{rule.every.until:%H:%M}",
        )
    parts = [f"{_days(rule, locale)} {times}", *_limits(rule)]
    sentence = ", ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def days_in_words(rule: Rule, locale: Locale) -> str:
    """On which days a rule airs, without its times and limits."""
    return _days(rule, locale)


def day_in_words(day: date, locale: Locale) -> str:
    """A day with its weekday."""
    written: str = format_date(day, "EEEE, dd/MM/yyyy", locale)
    return written


def moment_in_words(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """A moment with its weekday, on the wall clock of ``zone``."""
    local = at.astimezone(zone)
    return f"{local:%H:%M} {day_in_words(local.date(), locale)}"


def lunar_in_words(day: date) -> str:
    """The lunar date of a day; empty for centuries nobody computes."""
    found = lunar.of_day(day)
    if found is None:
        return ""
    if found.leap:
        return _("%(day)s/%(month)s nhuận âm lịch", day=found.day, month=found.month)
    return _("%(day)s/%(month)s âm lịch", day=found.day, month=found.month)


def holiday(day: date) -> str:
    """The public holiday of a day, by its Vietnamese name; empty on a common one."""
    return rest_days.name_of(day)


def _days(rule: Rule, locale: Locale) -> str:
    if rule.lunar:
        return _lunar_days(rule.lunar)
    if rule.dates:
        return _listed({rule.first.date(), *rule.dates})
    if not rule.series:
        return _("một lần, %(day)s", day=day_in_words(rule.first.date(), locale))
    return _series(rule)


def _series(rule: Rule) -> str:
    parts = dict(part.split("=") for part in rule.series.split(";"))
    interval = int(parts.get("INTERVAL", "1"))
    match parts["FREQ"]:
        case "WEEKLY":
            return _weekly(parts.get("BYDAY", ""), interval)
        case "MONTHLY":
            return _monthly(rule, parts)
        case "YEARLY":
            return _("ngày %(day)s hằng năm", day=f"{rule.first:%d/%m}")
    return _("hằng ngày") if interval == 1 else _("cứ %(days)s ngày một lần", days=interval)


def _weekly(days: str, interval: int) -> str:
    chosen = tuple(days.split(","))
    every = _("hằng tuần") if interval == 1 else _("cứ %(weeks)s tuần một lần", weeks=interval)
    if chosen == WEEKDAYS[:5]:
        return _("thứ Hai đến thứ Sáu %(every)s", every=every)
    return f"{', '.join(str(sentences.WEEKDAYS[day]) for day in chosen)} {every}"


def _monthly(rule: Rule, parts: dict[str, str]) -> str:
    if "BYDAY" in parts:
        weekday, nth = str(sentences.WEEKDAYS[parts["BYDAY"][-2:]]), parts["BYDAY"][:-2]
        return _("%(weekday)s thứ %(nth)s của mỗi tháng", weekday=weekday, nth=nth)
    if parts.get("BYMONTHDAY") == "-1":
        return _("ngày cuối mỗi tháng")
    return _("ngày %(day)s hằng tháng", day=parts.get("BYMONTHDAY", rule.first.day))


def _lunar_days(days: LunarDays) -> str:
    if days.month:
        return _("ngày %(day)s tháng %(month)s âm lịch hằng năm", day=days.days[0], month=days.month)
    return {
        (1,): _("mùng một âm lịch hằng tháng"),
        (15,): _("rằm âm lịch hằng tháng"),
        (1, 15): _("mùng một và rằm âm lịch hằng tháng"),
        (30,): _("ngày cuối tháng âm lịch"),
    }.get(days.days) or _("ngày %(days)s âm lịch hằng tháng", days=", ".join(str(day) for day in days.days))


def _listed(days: Iterable[date]) -> str:
    listed = sorted(days)
    if len(listed) > _NAMED_DATES:
        return ngettext("%(num)d ngày đã chọn", "%(num)d ngày đã chọn", len(listed))
    return _("các ngày %(days)s", days=", ".join(f"{day:%d/%m/%Y}" for day in listed))


def _limits(rule: Rule) -> list[str]:
    """From when, until when, and on which days not."""
    said = []
    parts = dict(part.split("=") for part in rule.series.split(";")) if rule.series else {}
    until = rule.lunar.until if rule.lunar else None
    if "UNTIL" in parts:
        until = date.fromisoformat(parts["UNTIL"][:8])
    count = (rule.lunar.count if rule.lunar else None) or parts.get("COUNT")
    if rule.series or rule.lunar:
        said.append(_("từ %(day)s", day=f"{rule.first:%d/%m/%Y}"))
    if until:
        said.append(_("đến hết %(day)s", day=f"{until:%d/%m/%Y}"))
    if count:
        said.append(ngettext("%(num)d ngày", "%(num)d ngày", int(count)))
    if rule.skipped:
        days = sorted(rule.skipped)
        shown = ", ".join(f"{day:%d/%m/%Y}" for day in days[:_NAMED_DATES])
        said.append(_("trừ %(days)s", days=shown + (" …" if len(days) > _NAMED_DATES else "")))
    if rule.rest is not RestDays.ANY:
        policy = str(sentences.REST_DAYS[rule.rest])
        said.append(policy[0].lower() + policy[1:])
    return said
