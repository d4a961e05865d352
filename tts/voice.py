"""The voices a station can choose from, and who speaks in their place."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Voice:
    """One way to sound: who speaks, in which accent, and what people call it.

    Attributes:
        engine: name of the engine that has this voice.
        language: the engine's own name of language, accent and speaker.
        name: Vietnamese name shown to people.
        fallbacks: keys of `VOICES` that speak in its place, best first, when its engine can't.
    """

    engine: str
    language: str
    name: str
    fallbacks: tuple[str, ...] = ()


PIPER_NORTH: Final = "vi_VN-vais1000-medium"

VOICES: Final[Mapping[str, Voice]] = MappingProxyType(
    {
        "north": Voice("espeak", "vi", "Giọng Bắc (eSpeak)", ("north-piper",)),
        "north-female": Voice("espeak", "vi+f3", "Giọng Bắc, nữ (eSpeak)", ("north",)),
        "central": Voice("espeak", "vi-vn-x-central", "Giọng Trung (eSpeak)", ("north",)),
        "central-female": Voice("espeak", "vi-vn-x-central+f3", "Giọng Trung, nữ (eSpeak)", ("central",)),
        "south": Voice("espeak", "vi-vn-x-south", "Giọng Nam (eSpeak)", ("north",)),
        "south-female": Voice("espeak", "vi-vn-x-south+f3", "Giọng Nam, nữ (eSpeak)", ("south",)),
        "north-piper": Voice("piper", PIPER_NORTH, "Giọng Bắc, nữ, tự nhiên (Piper)", ("north-female", "north")),
        "online": Voice("gtts", "vi", "Giọng Bắc, nữ, trực tuyến (Google)", ("north-piper", "north-female", "north")),
        "recorded": Voice("recorded", "clips", "Câu đã ghi âm sẵn của đài", ("north-piper", "north")),
    }
)
"""eSpeak NG speaks always; the others when they are installed, and `online` only where the operator allows it."""
