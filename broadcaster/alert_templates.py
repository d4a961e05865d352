"""Templates of alerts as configuration: texts with fields, risk levels with their colours, sirens. Pure but for its one file."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import msgspec

from broadcaster.errors import LoaError

PLACE: Final = "place"
"""The field that the station fills in for every place."""
_PLACE_FIELD: Final = "{place}"
DRILL: Final = "Đây là diễn tập."
"""Said before and after whatever is only an exercise."""
_FIELD: Final = re.compile(r"\{([a-z_]+)\}")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?<![A-ZĐ]\.)\s+(?=[^\W_])")

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
Kind = Literal["warning", "end", "correction", "rehearsal"]


class UnknownTemplateError(LoaError):
    """There is no template of that name."""


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an officer fills in; ``hint`` is an example."""

    name: str
    label: str
    hint: str = ""
    long: bool = False
    required: bool = False


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of emergency.

    Attributes:
        siren: name of a siren in the station's table; empty: the bell instead.
        rises: the siren sounds at every update, whatever its level.
        kind: ``end`` and ``correction`` are said when an alert is over, ``rehearsal`` makes no sound; none of them is
            raised by hand.
        every_min: between two rounds of the speech.
        why: the reason for what somebody might want to change.
    """

    code: str
    name: str
    level: Level
    siren: str
    why: str
    fields: tuple[Field, ...]
    sentences: tuple[str, ...]
    kind: Kind = "warning"
    rises: bool = False
    drill: bool = False
    repeats: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    every_min: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 30

    def say(self, place: str, values: Mapping[str, str]) -> list[str]:
        """What is said in ``place``: every sentence whose fields are filled; the officer's own words one by one."""
        known = {name: value.strip() for name, value in values.items() if value.strip()} | {PLACE: place}
        said: list[str] = []
        for sentence in self.sentences:
            if set(_FIELD.findall(sentence)) <= known.keys():
                filled = _FIELD.sub(lambda found: known[found[1]], sentence)
                said += _SENTENCE_END.split(filled) if _FIELD.fullmatch(sentence) else [filled]
        return said

    def call(self, place: str) -> list[str]:
        """What makes people listen: the ready sentences up to the one that names ``place``."""
        named = next((number for number, sentence in enumerate(self.sentences, 1) if _PLACE_FIELD in sentence), 1)
        return [sentence.replace(_PLACE_FIELD, place) for sentence in self.sentences[:named]]

    def script(self, place: str) -> list[str]:
        """Every sentence as a form shows it: with the names of its fields."""
        labels = {one.name: f"[{one.label}]" for one in self.fields}
        return self.say(place, labels)

    def standing(self, place: str) -> list[str]:
        """What can be said in ``place`` before anybody has filled in anything."""
        return self.say(place, {})


class Siren(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``blasts`` blasts of ``blast_s`` seconds with ``pause_s`` between them, and all that ``series`` times."""

    blasts: Annotated[int, msgspec.Meta(ge=1, le=10)]
    blast_s: Annotated[float, msgspec.Meta(ge=1, le=60)]
    pause_s: Annotated[float, msgspec.Meta(ge=0, le=30)]
    series: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1

    @property
    def name(self) -> str:
        """Says exactly how it sounds."""
        return f"{self.blasts}x{self.blast_s:g}s/{self.pause_s:g}s x{self.series}"


class Colour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The colour of a risk level."""

    colour: str
    hex: str


class _File(msgspec.Struct, frozen=True):
    templates: tuple[Template, ...]
    levels: dict[str, Colour | str]
    sirens: dict[str, dict[str, Siren] | str]


@cache
def _file() -> _File:
    data = files("broadcaster").joinpath("data", "alert_templates.json").read_bytes()
    return msgspec.json.decode(data, type=_File)


def all_templates() -> tuple[Template, ...]:
    """Every template, in the order in which people look for them."""
    return _file().templates


def template(code: str) -> Template:
    """The template of that name. Errors: UnknownTemplateError."""
    for one in all_templates():
        if one.code == code:
            return one
    raise UnknownTemplateError(code)


def kind_of(code: str) -> Kind:
    """What an alert of that template is; what came signed, from a guest or out of a power cut, has none and warns. Errors: UnknownTemplateError."""
    return template(code).kind if code else "warning"


def of_kind(kind: Kind) -> Template:
    """The template that says that an alert is over."""
    return next(one for one in all_templates() if one.kind == kind)


def colour(level: int) -> Colour:
    """The colour of a risk level. Source: Decision 18/2021/QĐ-TTg."""
    found = _file().levels[str(level)]
    assert isinstance(found, Colour)  # noqa: S101  the file is ours
    return found


def sirens(table: str) -> Mapping[str, Siren]:
    """The sirens of one table by name. Errors: UnknownTemplateError."""
    found = _file().sirens.get(table)
    if not isinstance(found, dict):
        raise UnknownTemplateError(f"siren table {table}")
    return found


def standing_sentences(place: str) -> Iterable[str]:
    """Every sentence that a place may need at once, each one once."""
    return dict.fromkeys(sentence for one in all_templates() for sentence in one.standing(place))


def shared_sentences() -> Iterable[str]:
    """The sentences that every place says alike."""
    said = (text for one in all_templates() for text in one.sentences if not _FIELD.search(text))
    return dict.fromkeys((DRILL, *said))
