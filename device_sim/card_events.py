"""What a sound card reports: facts about sound that has left it, never wishes.

Times are Unix milliseconds by the speaker's clock, exact to the sample.
"""

from dataclasses import dataclass
from typing import Final, NewType

FLOOR_DBFS: Final = -96.0
"""The level of silence: 16 bits have no less."""

Handle = NewType("Handle", int)
"""One call of `play`."""


@dataclass(frozen=True, slots=True)
class Started:
    """The first sample of a sound has left the device at `at_ms`; `skipped` samples before it never will."""

    handle: Handle
    at_ms: float
    skipped: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A sound has ended by itself at `at_ms`: `played` samples were put out, `lost` came too late (all: never heard)."""

    handle: Handle
    at_ms: float
    played: int
    lost: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A sound was stopped and has ended at `at_ms`, after its fade; what it would have played later is not counted."""

    handle: Handle
    at_ms: float
    played: int
    lost: int


@dataclass(frozen=True, slots=True)
class Underrun:
    """The buffer ran empty in the middle of a sound: from `at_ms` on `samples` of it are lost, silence stands there."""

    handle: Handle
    at_ms: float
    samples: int


CardEvent = Started | Finished | Stopped | Underrun


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it was, in dB of full scale, -96 for silence; `samples` of sound were measured."""

    peak_dbfs: float
    rms_dbfs: float
    samples: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a card sent while a sound was on, and what a sensor behind the amplifier heard then, and while nothing was."""

    sent: Level
    heard: Level | None
    idle: Level | None
