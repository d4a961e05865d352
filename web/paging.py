"""Long lists a page at a time, as the address asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from flask import request

PLACES: Final = 40
"""On one page."""
_MOST: Final = 1_000_000
Listed = TypeVar("Listed")


def page_asked() -> int:
    """Which page the address asks for, from 1 on."""
    return min(max(request.args.get("page", 1, type=int), 1), _MOST)


@dataclass(frozen=True)
class Paged(Generic[Listed]):
    """One page of places."""

    shown: Sequence[Listed]
    page: int
    more: bool

    @classmethod
    def asked(cls, everything: Sequence[Listed]) -> "Paged[Listed]":
        """The page that the address asks for; of a list that has become shorter the last one."""
        page = min(page_asked(), max(1, -(-len(everything) // PLACES)))
        return cls(everything[(page - 1) * PLACES : page * PLACES], page, len(everything) > page * PLACES)
