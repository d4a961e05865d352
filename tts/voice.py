"""The voices a station can choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Voice:
    """One way to sound: who speaks, in which accent, and what people call it.

    Attributes:
        engine: name of the engine that has this voice.
        language: the engine's own name of language and accent.
        name: Vietnamese name shown to people.
    """

    engine: str
    language: str
    name: str


VOICES: Final[Mapping[str, Voice]] = MappingProxyType(
    {
        "north": Voice("espeak", "vi", "Giọng Bắc (eSpeak)"),
        "central": Voice("espeak", "vi-vn-x-central", "Giọng Trung (eSpeak)"),
        "south": Voice("espeak", "vi-vn-x-south", "Giọng Nam (eSpeak)"),
    }
)
