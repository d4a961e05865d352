"""Moments and lengths in the words of people. Pure."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from web.words import gettext as _

_SECOND: Final = 1000
_MINUTE: Final = 60


def clock(moment: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """The local time of day."""
    return f"{moment.astimezone(zone):{'%H:%M:%S' if seconds else '%H:%M'}}"


def day(moment: datetime, zone: ZoneInfo, now: datetime, locale: Locale) -> str:
    """The local day, as near words as possible."""
    local, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    near = {0: _("hôm nay"), 1: _("ngày mai"), -1: _("hôm qua")}
    if word := near.get((local - today).days):
        return word
    written: str = format_date(local, "EEEE, dd/MM/yyyy", locale)
    return written


def moment(at: datetime, zone: ZoneInfo, now: datetime, locale: Locale, *, seconds: bool = False) -> str:
    """A moment: time of day and day."""
    return f"{clock(at, zone, seconds=seconds)} {day(at, zone, now, locale)}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, rounded to the largest unit."""
    minutes = int((now - at) / timedelta(minutes=1))
    if minutes < 1:
        return _("vừa xong")
    if minutes < 60:  # noqa: PLR2004  minutes of an hour
        return _("%(minutes)s phút trước", minutes=minutes)
    if minutes < 60 * 24:
        return _("%(hours)s giờ trước", hours=minutes // 60)
    return _("%(days)s ngày trước", days=minutes // (60 * 24))


def length(milliseconds: int) -> str:
    """A length of time, as minutes and seconds."""
    minutes, seconds = divmod(round(milliseconds / _SECOND), _MINUTE)
    if not minutes:
        return _("%(seconds)s giây", seconds=seconds)
    if not seconds:
        return _("%(minutes)s phút", minutes=minutes)
    return _("%(minutes)s phút %(seconds)s giây", minutes=minutes, seconds=seconds)


def error(milliseconds: float) -> str:
    """How far off the planned moment something began."""
    if abs(milliseconds) < _SECOND:
        return _("%(number)s ms", number=f"{milliseconds:+.0f}")
    return _("%(number)s giây", number=f"{milliseconds / _SECOND:+.1f}")
