"""The words by which a bulletin is understood, read once from their file."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec


class Hazard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phrases that tell of one hazard; ``template`` "lu" stands for the three templates of floods."""

    template: str
    why: str
    phrases: tuple[str, ...]


class Kinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words before the name of a place, the lower units first."""

    why: str
    village: tuple[str, ...]
    commune: tuple[str, ...]
    province: tuple[str, ...]


class Brief(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a sentence worth hearing; ``least`` points are needed, ``longest`` is in characters."""

    wanted: dict[str, int | str]
    unwanted: dict[str, int | str]
    least: int
    most_sentences: int
    longest: int
    why: str

    @property
    def weights(self) -> Mapping[str, int]:
        """All words with their points."""
        return {word: points for word, points in (self.wanted | self.unwanted).items() if isinstance(points, int)}


class Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    about: str
    title_weight: int
    title_why: str
    hazards: tuple[Hazard, ...]
    kinds: Kinds
    not_kinds: tuple[str, ...]
    not_kinds_why: str
    same_kinds: dict[str, str]
    brief: Brief


@cache
def tables() -> Tables:
    """The tables of the station."""
    return msgspec.json.decode(files("broadcaster.weather").joinpath("data", "words.json").read_bytes(), type=Tables)
