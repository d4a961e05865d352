"""What a person chooses about the sound of a bulletin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from broadcaster.errors import LoaError
from tts.voice import VOICES

Profile: TypeAlias = Literal["standard", "noisy"]
"""`noisy` is for markets and roadsides: thinner, denser and louder."""

WORDS_PER_MINUTE: Final = range(80, 251)
"""From the slowest eSpeak NG can do to the fastest a horn's echo lets through; 130-150 is best on horns."""
REPEATS: Final = range(1, 4)
PHRASE_PAUSE_MS: Final = range(5_001)
SPEEDS: Final[Mapping[str, int]] = MappingProxyType({"slow": 120, "normal": 140, "fast": 165})
"""Syllables a minute; slow is for horns that echo and for the old."""
PAUSES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"short": (200, 1_000), "normal": (350, 1_500), "long": (1_200, 3_000)}
)
"""Milliseconds between phrases and before a repeat; long lets the echo of a village's far horns die first."""
REPEAT_PAUSE_MS: Final = range(60_001)
HOUSE_TUNE: Final = "house"
"""The tune that is computed; any other is named by the SHA-256 of a sound."""
MAX_TUNE_MS: Final = 60_000
"""A longer one is a programme of its own."""
_TUNE: Final = re.compile(rf"|{HOUSE_TUNE}|[0-9a-f]{{64}}")


class SpeechSettingError(LoaError):
    """A setting is out of its range.

    Attributes:
        field: name of the setting.
        value: what was given.
        allowed: what is possible, in words for the log.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}={value!r}: expected {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True)
class SpeechSettings:
    """How a bulletin is spoken.

    Attributes:
        voice: key of `VOICES`.
        words_per_minute: syllables a minute; in Vietnamese a word is a syllable.
        repeats: how often the text is heard, 1 to 3.
        phrase_pause_ms: silence between two sentences.
        repeat_pause_ms: silence before the text is heard again.
        chime: whether a bell comes first.
        opening_tune, closing_tune: what comes before all and after all: nothing, `HOUSE_TUNE`, or the SHA-256 of a sound.
        music: whether a sound that somebody brought is music, which takes more bytes than speech.
        profile: how the sound is shaped for its place.

    Raises:
        SpeechSettingError: a value is out of range.
    """

    voice: str = "north"
    words_per_minute: int = 140
    repeats: int = 1
    phrase_pause_ms: int = 350
    repeat_pause_ms: int = 1500
    chime: bool = True
    opening_tune: str = ""
    closing_tune: str = ""
    music: bool = False
    profile: Profile = "standard"

    def __post_init__(self) -> None:
        _check_choice("voice", self.voice, tuple(VOICES))
        _check_range("words_per_minute", self.words_per_minute, WORDS_PER_MINUTE)
        _check_range("repeats", self.repeats, REPEATS)
        _check_range("phrase_pause_ms", self.phrase_pause_ms, PHRASE_PAUSE_MS)
        _check_range("repeat_pause_ms", self.repeat_pause_ms, REPEAT_PAUSE_MS)
        for name in ("opening_tune", "closing_tune"):
            if not _TUNE.fullmatch(getattr(self, name)):
                raise SpeechSettingError(name, getattr(self, name), "nothing, house or a hash")
        _check_choice("profile", self.profile, get_args(Profile))


def chosen(
    base: SpeechSettings,
    *,
    speed: str = "normal",
    pause: str = "normal",
) -> SpeechSettings:
    """Settings with the speed and the pauses that people choose by a word.

    Raises:
        SpeechSettingError: there is no such choice.
    """
    _check_choice("speed", speed, tuple(SPEEDS))
    _check_choice("pause", pause, tuple(PAUSES))
    phrase_pause_ms, repeat_pause_ms = PAUSES[pause]
    return replace(
        base,
        words_per_minute=SPEEDS[speed],
        phrase_pause_ms=phrase_pause_ms,
        repeat_pause_ms=repeat_pause_ms,
    )


def _check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SpeechSettingError(field, value, "one of " + ", ".join(choices))


def _check_range(field: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise SpeechSettingError(field, value, f"{allowed.start} to {allowed.stop - 1}")
