"""Is a relayed stream fit to be heard? Judged by what came of it, with no clock of its own. Pure."""

import math
from collections import deque
from enum import StrEnum
from typing import Final

import numpy as np

from tts.live_encoding import RATE_HZ, Samples

SILENCE_DBFS: Final = -55.0
"""Below what any programme has for long; the noise of an open line is often higher, and is then heard."""
_SLOW: Final = 0.85
"""Of the sound that a moment lasts; less can't be made up for by waiting."""
_ALIKE: Final = 0.95
"""Correlation with itself some time before: loops have 0.98 and more, also encoded anew; speech has 0.1, a tone 1.0."""
_SHORTEST_LOOP_S: Final = 0.2
_STEP: Final = 4
_AVERAGED: Final = 16
"""Samples that are averaged for the comparison, every fourth time: below 1 kHz is enough to know a sound again."""


class Fault(StrEnum):
    """What may be wrong with a stream."""

    DEAD = "dead"
    SLOW = "slow"
    SILENT = "silent"
    LOOPING = "looping"


class RelayWatch:
    """Listens to the last seconds of a stream.

    Args:
        window_s: how long a fault is listened to before it is one.
    """

    def __init__(self, window_s: float = 8.0) -> None:
        self._window_s = window_s
        self._sound: deque[Samples] = deque()
        self._arrived: deque[tuple[float, float]] = deque()
        self._begun: float | None = None
        self._heard_at: float | None = None
        self._checked = 0.0

    def take(self, samples: Samples, now: float) -> None:
        """What came in the moment before ``now`` (seconds); nothing counts as well."""
        if self._begun is None:
            self._begun = self._heard_at = now
        if len(samples):
            self._heard_at = now
            self._sound.append(samples)
        self._arrived.append((now, len(samples) / RATE_HZ))
        while self._arrived and self._arrived[0][0] <= now - self._window_s:
            self._arrived.popleft()
        kept = sum(map(len, self._sound))
        while self._sound and kept - len(self._sound[0]) >= self._window_s * RATE_HZ:
            kept -= len(self._sound.popleft())

    def fault(self, now: float) -> Fault | None:
        """What is wrong with the stream at ``now``, if anything is."""
        if self._begun is None or self._heard_at is None:
            return None
        if now - self._heard_at >= self._window_s / 2:
            return Fault.DEAD
        if now - self._begun < self._window_s or now > self._heard_at:
            return None
        if sum(seconds for _, seconds in self._arrived) < _SLOW * self._window_s:
            return Fault.SLOW
        return self._fault_of(np.concatenate(list(self._sound)))

    def _fault_of(self, sound: Samples) -> Fault | None:
        if len(sound) < _SLOW * self._window_s * RATE_HZ:
            return None
        if level_dbfs(sound) < SILENCE_DBFS:
            return Fault.SILENT
        return Fault.LOOPING if alike(sound) > _ALIKE else None


def level_dbfs(samples: Samples) -> float:
    """Root mean square, in dB below full scale."""
    square = float(np.mean(np.square(samples.astype(np.float64) / 32_768))) if len(samples) else 0.0
    return 10 * math.log10(max(square, 1e-12))


def alike(samples: Samples) -> float:
    """How much a sound is the same as itself a third of its length before, or less: 1.0 for a loop, or a steady tone."""
    sums = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64))])
    coarse = (sums[_AVERAGED:] - sums[:-_AVERAGED])[::_STEP] / _AVERAGED
    coarse -= coarse.mean()
    count = len(coarse)
    if not coarse.any():
        return 0.0
    spectrum = np.fft.rfft(coarse, 2 * count)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    energy = np.concatenate([[0.0], np.cumsum(np.square(coarse))])
    first, last = round(_SHORTEST_LOOP_S * RATE_HZ / _STEP), count // 3
    lags = np.arange(first, last)
    head, tail = energy[count - lags], energy[count] - energy[lags]
    return float(np.max(products[first:last] / np.sqrt(np.maximum(head * tail, 1e-9)))) if last > first else 0.0
