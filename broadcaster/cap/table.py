"""From event, severity, certainty and urgency to a template and a risk level of ours: the table in ``data/cap_table.json``."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import msgspec

from broadcaster.cap.area import Note, fold
from broadcaster.cap.message import Info

OTHER: Final = "khac"
"""The template for what no row knows."""
_LEVEL: Final = re.compile(r"(?<!\d)[1-5](?!\d)")

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: tuple[str, ...]
    template: str = ""
    levels: dict[str, str] = {}

    def knows(self, text: str) -> bool:
        return any(re.search(rf"(?<!\w){re.escape(fold(word))}(?!\w)", text) for word in self.words)


class _Table(msgspec.Struct, frozen=True):
    events: tuple[_Row, ...]
    severity: dict[str, Level]
    lower: dict[str, tuple[str, ...]]
    ask: dict[str, tuple[str, ...]]
    level_parameters: tuple[str, ...]


@dataclass(frozen=True)
class Meaning:
    """What an info block is here."""

    template: str
    level: int
    notes: tuple[Note, ...]


@cache
def _table() -> _Table:
    return msgspec.json.decode(files("broadcaster").joinpath("data", "cap_table.json").read_bytes(), type=_Table)


def meaning(info: Info) -> Meaning:
    """Template and level of an info block, with what has to be asked."""
    table = _table()
    notes = [
        Note(f"{name}-{_value(info, name).lower()}", ask=True)
        for name, asked in table.ask.items()
        if _value(info, name) in asked
    ]
    level = _given_level(info, table)
    if level is None:
        level = table.severity.get(info.severity, 2)
        level = max(1, level - any(_value(info, name) in values for name, values in table.lower.items()))
    return Meaning(_template(info, level, table), level, tuple(notes))


def _value(info: Info, name: str) -> str:
    return {"severity": info.severity, "certainty": info.certainty, "urgency": info.urgency}[name]


def _given_level(info: Info, table: _Table) -> int | None:
    names = {fold(name) for name in table.level_parameters}
    given = (_LEVEL.search(value) for name, value in info.parameters if fold(name) in names)
    return next((int(found[0]) for found in given if found), None)


def _template(info: Info, level: int, table: _Table) -> str:
    said = [fold(text) for text in (info.event, *info.codes)]
    for row in table.events:
        if any(row.knows(text) for text in said):
            return row.template or row.levels[str(level)]
    return OTHER
