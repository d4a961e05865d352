"""Templates of alerts: texts with fields, risk levels with their colours, sirens. Pure but for its one file.

What a station makes of them is its own table: see `broadcaster.alert_tables`.
"""

import re
from collections.abc import Mapping
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
FIELD: Final = re.compile(r"\{([a-z_]+)\}")
"""In a sentence."""
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?<![A-ZĐ]\.)\s+(?=[^\W_])")

LONGEST_S: Final = 300.0
"""Of a siren: the words of an alert wait for its end."""
_USUAL_PITCH: Final = "420-980Hz/2.5s"
_SIREN_NAME: Final = re.compile(
    r"(?P<blasts>\d+)x(?P<blast_s>[\d.]+)s/(?P<pause_s>[\d.e-]+)s x(?P<series>\d+)"
    r"(?: (?P<low_hz>[\d.]+)-(?P<high_hz>[\d.]+)Hz/(?P<sweep_s>[\d.]+)s)?"
)

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
_Pitch = Annotated[float, msgspec.Meta(ge=200, le=2_000)]
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
            if set(FIELD.findall(sentence)) <= known.keys():
                filled = FIELD.sub(lambda found: known[found[1]], sentence)
                said += _SENTENCE_END.split(filled) if FIELD.fullmatch(sentence) else [filled]
        return said

    def call(self, place: str) -> list[str]:
        """What makes people listen: the ready sentences up to the one that names ``place``."""
        ready = [sentence for sentence in self.sentences if {PLACE}.issuperset(FIELD.findall(sentence))]
        named = next((number for number, sentence in enumerate(ready, 1) if _PLACE_FIELD in sentence), 1)
        return [sentence.replace(_PLACE_FIELD, place) for sentence in ready[:named]]

    def script(self, place: str) -> list[str]:
        """Every sentence as a form shows it: with the names of its fields."""
        labels = {one.name: f"[{one.label}]" for one in self.fields}
        return self.say(place, labels)

    def standing(self, place: str) -> list[str]:
        """What can be said in ``place`` before anybody has filled in anything."""
        return self.say(place, {})


class Siren(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``blasts`` blasts of ``blast_s`` seconds with ``pause_s`` between them, and all that ``series`` times.

    Each blast rises from ``low_hz`` to ``high_hz`` and falls again, about every ``sweep_s``; two equal pitches are one tone.
    """

    blasts: Annotated[int, msgspec.Meta(ge=1, le=10)]
    blast_s: Annotated[float, msgspec.Meta(ge=1, le=60)]
    pause_s: Annotated[float, msgspec.Meta(ge=0, le=30)]
    series: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    low_hz: _Pitch = 420
    """Where horns are loudest and walls still let through; a motor siren sweeps the same octave."""
    high_hz: _Pitch = 980
    sweep_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)] = 2.5

    @property
    def length_s(self) -> float:
        """From the first blast to the end of the last."""
        count = self.blasts * self.series
        return count * self.blast_s + (count - 1) * self.pause_s

    @property
    def name(self) -> str:
        """Says exactly how it sounds."""
        pattern = f"{self.blasts}x{self.blast_s:g}s/{self.pause_s:g}s x{self.series}"
        pitch = f"{self.low_hz:g}-{self.high_hz:g}Hz/{self.sweep_s:g}s"
        return pattern if pitch == _USUAL_PITCH else f"{pattern} {pitch}"

    @classmethod
    def of_name(cls, name: str) -> "Siren | None":
        """The siren whose name that is; None of one that no table may hold: anybody's words come by here."""
        found = _SIREN_NAME.fullmatch(name)
        if not found:
            return None
        given = {key: value for key, value in found.groupdict().items() if value}
        try:
            siren = msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError:
            return None
        return siren if siren.length_s <= LONGEST_S else None


class Colour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The colour of a risk level."""

    colour: str
    hex: str


class _File(msgspec.Struct, frozen=True):
    templates: tuple[Template, ...]
    levels: dict[str, Colour | str]


@cache
def _file() -> _File:
    data = files("broadcaster").joinpath("data", "alert_templates.json").read_bytes()
    return msgspec.json.decode(data, type=_File)


def all_templates() -> tuple[Template, ...]:
    """Every template that is shipped, in the order in which people look for them."""
    return _file().templates


def kind_of(code: str) -> Kind:
    """What an alert of that template is.

    A station's own templates warn, and so does what came signed, from a guest or out of a power cut.
    """
    return next((one.kind for one in all_templates() if one.code == code), "warning")


def colour(level: int) -> Colour:
    """The colour of a risk level. Source: Decision 18/2021/QĐ-TTg."""
    found = _file().levels[str(level)]
    assert isinstance(found, Colour)  # noqa: S101  the file is ours
    return found
