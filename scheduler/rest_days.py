"""Public holidays (ngày nghỉ lễ) and Tết in Vietnam, days in lieu included. The only importer of holidays. Pure."""

from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

import holidays


class RestDays(StrEnum):
    """What a schedule does on days of rest: the words of ``X-LOA-HOLIDAYS``."""

    ANY = ""
    SKIP = "SKIP"
    ONLY = "ONLY"
    SKIP_TET = "SKIP-TET"
    ONLY_TET = "ONLY-TET"


_NEW_YEAR: Final = "Tết Dương lịch"
_SKIPS: Final = frozenset({RestDays.SKIP, RestDays.SKIP_TET})
_TET: Final = frozenset({RestDays.SKIP_TET, RestDays.ONLY_TET})


@lru_cache(maxsize=64)
def of_year(year: int) -> dict[date, str]:
    """The days of rest of one year with their Vietnamese names."""
    return dict(holidays.country_holidays("VN", years=year, language="vi"))


def name_of(day: date) -> str:
    """What is celebrated; empty on a common day."""
    return of_year(day.year).get(day, "")


def is_tet(day: date) -> bool:
    """Whether the day belongs to the lunar new year's holidays."""
    name = name_of(day)
    return "Tết" in name and _NEW_YEAR not in name


def allows(policy: RestDays, day: date) -> bool:
    """Whether a schedule with this policy airs on ``day``."""
    if policy is RestDays.ANY:
        return True
    rest = is_tet(day) if policy in _TET else bool(name_of(day))
    return rest is not (policy in _SKIPS)
