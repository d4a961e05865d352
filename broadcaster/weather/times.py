"""When a bulletin was issued, until when it holds, and when the next one comes. Local times of the station."""

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from broadcaster.weather.text import Text

Span = tuple[int, int]

_CLOCK: Final = r"(?P<h>\d{1,2})\s*(?:gio|h|g(?=\d)|:)\s*(?P<mi>[0-5]\d(?!\d))?\s*(?:phut|'|’)?"
_DATE: Final = (
    r"(?:ngay\s*)?(?P<d>\d{1,2})\s*(?:/|-|\.|thang)\s*(?P<mo>\d{1,2})(?!\d)(?:\s*(?:/|-|\.|nam)\s*(?P<y>20\d\d))?"
)
_WHEN: Final = re.compile(rf"{_CLOCK}(?:[\s,/(]*(?:hom nay|{_DATE}))?")
_NEXT: Final = re.compile(r"(?:ban )?tin (?:tiep theo|ke tiep|sau)|phat tin tiep theo")
_ISSUED: Final = re.compile(
    r"(?:tin |hanh |ban |duoc )*(?:phat hanh|phat tin|phat|ban hanh)\s*(?:vao\s*)?(?:luc|hoi|:)"
)
_SEEN: Final = re.compile(r"(?<!den )\b(?:hoi|luc)\s")
_NEAR: Final = 48
"""How far behind its label a time may stand."""
_HOLDS: Final = re.compile(r"hieu luc|thoi han")
_WINDOW: Final = re.compile(
    r"trong (?:vong |khoang )?(?:(?P<from>\d{1,2})\s*(?:-|–|den)\s*)?(?P<to>\d{1,2})\s*(?P<unit>gio|h|ngay)\s*(?:toi|tiep|sau|nua)"
)
_UNTIL: Final = re.compile(
    rf"\b(?:den|toi|-|–)\s*(?:het\s*)?(?:khoang\s*)?(?:{_CLOCK}\s*)?(?P<part>sang|trua|chieu|toi|dem)?\s*{_DATE}"
)
_PART_ENDS: Final = {"sang": 11, "trua": 13, "chieu": 18, "toi": 22, "dem": 30}
"""Hours after midnight at which a part of the day is over; a night lasts until the next morning."""
_FARTHEST: Final = timedelta(days=12)
_HALF_A_YEAR: Final = timedelta(days=183)


@dataclass(frozen=True)
class Moment:
    """A moment of the text, and where it stands; ``guessed``: not said to be what it was taken for."""

    at: datetime
    span: Span
    guessed: bool = False


@dataclass(frozen=True)
class Times:
    """What a bulletin says of its own time; None where it says nothing."""

    issued: Moment | None = None
    until: Moment | None = None
    following: Moment | None = None


def find(text: Text, now: datetime) -> Times:
    """The times of a bulletin, read at ``now``, an aware moment in the station's time zone."""
    following_label = _NEXT.search(text.folded)
    issued = _issued(text, now, following_label.span() if following_label else (len(text.raw), len(text.raw)))
    base = issued.at if issued else now
    following = _behind(text, following_label.end(), base) if following_label else None
    if following and following.at <= base:
        following = replace(following, at=following.at + timedelta(days=1)) if not _has_date(text, following) else None
    skipped = following.span if following else (0, 0)
    return Times(issued, _until(text, base, skipped), following)


def _has_date(text: Text, moment: Moment) -> bool:
    return bool(re.search(r"/|thang|-", text.folded[slice(*moment.span)]))


def _issued(text: Text, now: datetime, without: Span) -> Moment | None:
    for label in _ISSUED.finditer(text.folded):
        if not without[0] <= label.start() < without[1] + _NEAR and (moment := _behind(text, label.end(), now)):
            return moment if moment.at <= now or _has_date(text, moment) else _the_day_before(moment)
    for label in _SEEN.finditer(text.folded):
        moment = (
            None if without[0] <= label.start() < without[1] + _NEAR else _behind(text, label.end(), now, near_by=24)
        )
        if moment and _has_date(text, moment):
            return replace(moment, guessed=True)
    return None


def _the_day_before(moment: Moment) -> Moment:
    return replace(moment, at=moment.at - timedelta(days=1))


def _behind(text: Text, position: int, near: datetime, *, near_by: int = _NEAR) -> Moment | None:
    """The first time of day soon behind a label."""
    found = _WHEN.search(text.folded, position, position + near_by)
    if found is None:
        return None
    found = _WHEN.match(text.folded, found.start()) or found
    at = _moment(found, near)
    return Moment(at, found.span()) if at else None


def _moment(found: re.Match[str], near: datetime, hour: int | None = None) -> datetime | None:
    """A match as a moment; without a year the nearest, without a date the day of ``near``."""
    hours = int(found["h"]) if hour is None and found["h"] else (hour or 0)
    minutes = int(found["mi"] or 0) if found["h"] else 0
    if hours > 24 + 6:
        return None
    day = near
    if found["d"]:
        dated = _dated(int(found["d"]), int(found["mo"]), int(found["y"]) if found["y"] else None, near)
        if dated is None:
            return None
        day = dated
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hours, minutes=minutes)


def _dated(day: int, month: int, year: int | None, near: datetime) -> datetime | None:
    if not 1 <= month <= 12 or day < 1:  # noqa: PLR2004  months
        return None
    years = (year,) if year else (near.year - 1, near.year, near.year + 1)
    days = [near.replace(year=one, month=month, day=day) for one in years if day <= monthrange(one, month)[1]]
    best = min(days, key=lambda one: abs(one - near), default=None)
    return best if best and (year or abs(best - near) <= _HALF_A_YEAR) else None


def _until(text: Text, base: datetime, without: Span) -> Moment | None:
    """What is said of its end in so many words, else the first window ("trong 6 giờ tới"), else the last day it speaks of."""
    for label in _HOLDS.finditer(text.folded):
        if stated := _ends(text, base, without, label.end(), label.end() + _NEAR * 2):
            return stated[0]
    if window := _WINDOW.search(text.folded):
        hours = int(window["to"]) * (24 if window["unit"] == "ngay" else 1)
        return Moment(base + timedelta(hours=hours), window.span())
    return max(_ends(text, base, without, 0, len(text.raw)), key=lambda moment: moment.at, default=None)


def _ends(text: Text, base: datetime, without: Span, begin: int, end: int) -> list[Moment]:
    found: list[Moment] = []
    for one in _UNTIL.finditer(text.folded, begin, end):
        hour = None if one["h"] else _PART_ENDS.get(one["part"] or "", 24)
        at = _moment(one, base, hour)
        inside = without[0] <= one.start() < without[1]
        if at and base < at <= base + _FARTHEST and not inside:
            found.append(Moment(at, one.span()))
    return found
