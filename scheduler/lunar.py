"""The lunar calendar (âm lịch) as Vietnam keeps it, at UTC+7. The only importer of lunar-vn. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import lunar_vn

LAST_DAY: Final = 30
_SHORT_MONTH: Final = 29
_FIRST, _LAST = (date(year, 1, 31) for year in lunar_vn.SUPPORTED_YEAR_RANGE)
"""What the library computes; 31 January lies inside the first and before the end of the last lunar year."""


@dataclass(frozen=True)
class LunarDate:
    """A day of the lunar calendar; ``leap`` is a month that comes a second time (tháng nhuận)."""

    day: int
    month: int
    year: int
    leap: bool


@dataclass(frozen=True)
class LunarDays:
    """Days that come again by the lunar calendar.

    Attributes:
        days: of the month, 1-30; 30 means the last day also of a month of 29 days.
        month: 1-12 for one month a year, 0 for every month.
        leap: whether a leap month counts: by custom it does for mùng một and rằm, and not for anniversaries.
        until: the last day, itself included.
        count: how many days in all.
    """

    days: tuple[int, ...]
    month: int = 0
    leap: bool = True
    until: date | None = None
    count: int | None = None


@lru_cache(maxsize=10_000)
def of_day(day: date) -> LunarDate | None:
    """The lunar date of a day; None for centuries the library does not compute."""
    if not _FIRST <= day <= _LAST:
        return None
    found = lunar_vn.solar_to_lunar(day)
    return LunarDate(found.day, found.month, found.year, bool(found.leap))


def _matches(wanted: LunarDays, day: date) -> bool:
    lunar = of_day(day)
    if lunar is None or (wanted.month and lunar.month != wanted.month) or (lunar.leap and not wanted.leap):
        return False
    return lunar.day in wanted.days or (
        LAST_DAY in wanted.days and lunar.day == _SHORT_MONTH and _is_last(day + timedelta(days=1))
    )


def _is_last(following: date) -> bool:
    lunar = of_day(following)
    return lunar is not None and lunar.day == 1


def days(wanted: LunarDays, first: date, low: date, high: date) -> Iterator[date]:
    """The days from ``low`` to ``high``, both included, that ``wanted`` names, counted from ``first`` on."""
    left = wanted.count
    day = max(first, _FIRST) if left else max(first, low, _FIRST)
    end = min(high, wanted.until or high, _LAST)
    while day <= end and left != 0:
        if _matches(wanted, day):
            left = None if left is None else left - 1
            if day >= low:
                yield day
        day += timedelta(days=1)
