"""The daily silent self-test: does the card take a sound and put it out in time? Pure.

The relay stays open, so that nothing clicks, and the tone is 80 dB below full scale, so that nothing is heard even where
an amplifier has no relay. It shows that decoder, card and its clock run; whether the horn sounds is measured when it plays.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import DAY, MINUTE, SECOND
from device_sim.card_events import CardEvent, Finished, Handle, Started

Samples = NDArray[np.int16]

TONE_AMPLITUDE: Final = 3  # of 32 768: -80 dBFS
TONE_MS: Final = 300
AHEAD_MS: Final = 500
_AFTER_BOOT_MS: Final = MINUTE
_TIMEOUT_MS: Final = 10 * SECOND
_OFF_MS: Final = 50
"""The card may report the start so far from the moment it was told."""


class Verdict(StrEnum):
    """What a self-test found."""

    OK = "ok"
    LATE = "late"
    LOST = "lost"
    STUCK = "stuck"
    NO_CARD = "no-card"


@dataclass
class SelfTest:
    """When to test and what came of it. Moments are by the speaker's own clock.

    Attributes:
        began: when this boot began.
        at: when the last test ended, over reboots; 0 for never.
        verdict: what it found.
        asked: somebody wants one now.
    """

    began: int
    at: int = 0
    verdict: Verdict | None = None
    asked: bool = False
    _handle: Handle | None = None
    _due: int = 0
    _off_ms: float = 0.0

    @property
    def running(self) -> bool:
        """Whether the tone is with the card."""
        return self._handle is not None

    def is_due(self, now: int) -> bool:
        """Once a day, and again when the clock was set back; not in the first minute after power came."""
        rested = now - self.began >= _AFTER_BOOT_MS or now < self.began
        return not self.running and (self.asked or (rested and not 0 <= now - self.at < DAY))

    def begun(self, handle: Handle, due: int) -> None:
        """The card has taken the tone, due at `due`."""
        self._handle, self._due, self._off_ms, self.asked = handle, due, 0.0, False

    def impossible(self, now: int) -> None:
        """The card did not take the tone."""
        self._end(Verdict.NO_CARD, now)

    def take(self, event: CardEvent, now: int) -> None:
        """The card reports."""
        if event.handle != self._handle:
            return
        if isinstance(event, Started):
            self._off_ms = abs(event.at_ms - self._due)
        elif isinstance(event, Finished):
            late = Verdict.LATE if self._off_ms > _OFF_MS else Verdict.OK
            self._end(Verdict.LOST if event.lost else late, now)

    def tick(self, now: int) -> None:
        """A card that never reports is stuck."""
        if self.running and not -_TIMEOUT_MS < now - self._due < _TIMEOUT_MS:
            self._end(Verdict.STUCK, now)

    def _end(self, verdict: Verdict, now: int) -> None:
        self._handle, self.verdict, self.at, self.asked = None, verdict, now, False


def beep(rate: int) -> Samples:
    """Three rising tones in 1.2 s, for `Identify`: nothing that is on air sounds like it."""
    heard = np.zeros(rate * 1_200 // SECOND, np.int16)
    for number, pitch_hz in enumerate((880, 1_175, 1_568)):
        at = np.arange(rate * 300 // SECOND)
        shape = np.clip(np.minimum(at, len(at) - at) / (rate * 10 / SECOND), 0, 1)
        begin = number * rate * 400 // SECOND
        heard[begin : begin + len(at)] = np.rint(12_000 * shape * np.sin(at * (2 * np.pi * pitch_hz / rate)))
    return heard


def tone(rate: int) -> Samples:
    """300 ms of 1 kHz, 80 dB below full scale."""
    turns = np.arange(rate * TONE_MS // SECOND) * (2 * np.pi * 1_000 / rate)
    samples: Samples = np.rint(TONE_AMPLITUDE * np.sin(turns)).astype(np.int16)
    return samples
