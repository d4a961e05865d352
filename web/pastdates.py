"""Dates that have passed, found in the text of a bulletin that is used again. Pure."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

_NUMERIC: Final = (
    r"(?<![\d/.,-])(?P<d>\d{1,2})(?P<sep>[/.-])(?P<m>\d{1,2})(?:(?P=sep)(?P<y>\d{4}|\d{2}))?(?![\d/]|[.,-]\d)"
)
_WORDS: Final = r"\bngày\s+(?P<wd>\d{1,2})\s+tháng\s+(?P<wm>\d{1,2})(?:(?:\s+năm|,)?\s+(?P<wy>\d{4}))?\b"
_ISO: Final = r"(?<!\d)(?P<iy>\d{4})-(?P<im>\d{2})-(?P<id>\d{2})(?!\d)"
_DATE: Final = re.compile(f"{_WORDS}|{_ISO}|{_NUMERIC}", re.IGNORECASE)
_HALF_YEAR_DAYS: Final = 183
_CENTURY: Final = 2000
_TWO_DIGITS: Final = 100


@dataclass(frozen=True)
class PastDate:
    """A date in a text: offsets of its first character and after its last one, the piece, and the day it means."""

    start: int
    end: int
    source: str
    day: date


def find_past_dates(text: str, today: date) -> tuple[PastDate, ...]:
    """The dates in ``text`` before ``today``.

    dd/mm[/yyyy], ngày d tháng m [năm yyyy] and yyyy-mm-dd count; with a dot or a hyphen only together with a year, because
    those also write numbers and ranges. Without a year, the nearest day of that name is meant.
    """
    found = []
    for match in _DATE.finditer(text):
        day = _day(match, today)
        if day is not None and day < today:
            found.append(PastDate(match.start(), match.end(), match.group(), day))
    return tuple(found)


def _day(match: re.Match[str], today: date) -> date | None:
    parts = match.groupdict()
    if parts["sep"] in {".", "-"} and not parts["y"]:
        return None
    day, month = parts["wd"] or parts["id"] or parts["d"], parts["wm"] or parts["im"] or parts["m"]
    year = parts["wy"] or parts["iy"] or parts["y"]
    if year:
        number = int(year)
        return _date(number + _CENTURY if number < _TWO_DIGITS else number, int(month), int(day))
    near = [_date(today.year + step, int(month), int(day)) for step in (-1, 0, 1)]
    possible = [each for each in near if each is not None and abs((each - today).days) <= _HALF_YEAR_DAYS]
    return min(possible, key=lambda each: abs((each - today).days), default=None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
