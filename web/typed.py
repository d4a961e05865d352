"""Single fields as people type them, and the sentence for whoever typed one that can't be taken."""

from collections.abc import Iterable
from datetime import date, time
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import IntegerConverter, Map

from broadcaster.alert_orders import without_inner
from broadcaster.rows import Place
from web.words import gettext as _

FIRST_DAY: Final = date(1970, 1, 8)
LAST_DAY: Final = date(9000, 1, 1)
"""Between them a day has a yesterday, a tomorrow and a week in every time zone."""
MOST_ROWS: Final = 2**31 - 1
"""The highest number that PostgreSQL gives a row."""


class WrongError(Exception):
    """A field can't be taken; the text is the sentence for whoever typed it."""


def row_number(typed: str) -> int:
    """The number of a row, where an address or a form names one. Errors: ValueError, also for more than a row can have."""
    number = int(typed)
    if not 0 <= number <= MOST_ROWS:
        raise ValueError("no row has this number")
    return number


class RowNumber(IntegerConverter):
    """The same as a part of an address, ``<int:…>``."""

    def __init__(self, rules: Map) -> None:
        super().__init__(rules, max=MOST_ROWS)


def place(session: Session, code: str) -> Place:
    """The place of that code. Errors: WrongError."""
    found = session.scalar(select(Place).where(Place.code == code))
    if found is None:
        raise WrongError(_("Không có địa bàn “%(place)s”.", place=code))
    return found


def outermost(session: Session, codes: Iterable[str]) -> list[Place]:
    """The places of some codes, without those that lie in others of them. Errors: WrongError."""
    return without_inner(session, [place(session, code) for code in dict.fromkeys(codes)])


def time_of_day(typed: str) -> str:
    """HH:MM. Errors: WrongError."""
    try:
        at = time.fromisoformat(typed.strip())
    except ValueError as error:
        raise WrongError(_("Giờ không đúng. Ví dụ: 21:00.")) from error
    return f"{at:%H:%M}"


def day(typed: str) -> date:
    """A date. Errors: WrongError."""
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        found = LAST_DAY
    if not FIRST_DAY <= found < LAST_DAY:
        raise WrongError(_("Ngày không đúng. Ví dụ: 25/11/2026."))
    return found


def number(typed: str, least: int, most: int) -> int | None:
    """The number that was typed; None for an empty field. Errors: WrongError."""
    if not typed.strip():
        return None
    if not typed.strip().isdecimal() or len(typed) > 4 or not least <= int(typed) <= most:  # noqa: PLR2004  no limit has more digits
        raise WrongError(_("Hãy ghi một số từ %(least)s đến %(most)s.", least=least, most=most))
    return int(typed)
