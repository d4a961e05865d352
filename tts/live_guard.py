"""What a microphone gives is brought to a level that horns can carry, while it is spoken, and never above the ceiling."""

import math
from typing import Final

import numpy as np

from tts.levelling import lowered_at_peaks
from tts.live_encoding import RATE_HZ
from tts.live_encoding import Samples as Int16
from tts.pcm import Samples, to_float, to_int16

CEILING_DBTP: Final = -1.5
_TARGET_DB: Final = -20.0
"""Root mean square of a stretch of speech; about -18 LUFS, with room for its peaks."""
_MOST_GAIN_DB: Final = 12.0
_LEAST_GAIN_DB: Final = -12.0
_RISE_DB_S: Final = 4.0
_FALL_DB_S: Final = 20.0
SILENCE_DB: Final = -50.0
"""Nobody speaks below it."""

_HOP: Final = RATE_HZ // 1000
_REACH: Final = 12 * _HOP
"""A limiter's gain depends on what comes within 11 ms before and after."""
_FADE: Final = RATE_HZ // 50


class LiveGuard:
    """The level of one microphone. What goes in comes out 12 ms later; the first and the last sample are silent.

    Attributes:
        silent_ms: for how long nobody has spoken.
    """

    def __init__(self) -> None:
        self._gain_db = 0.0
        self._held: Samples = np.zeros(0, np.float32)
        self._done = 0
        self._begun = False
        self.silent_ms = 0.0

    def take(self, samples: Int16) -> Int16:
        """What is ready when these samples have come."""
        if not len(samples):
            return samples
        sound = to_float(samples)
        if not self._begun:
            self._begun = True
            count = min(_FADE, len(sound))
            sound[:count] *= np.linspace(0, 1, count, dtype=np.float32)
        self._held = np.concatenate([self._held, sound * self._gains(sound)])
        return self._release(max(self._done, (len(self._held) - _REACH) // _HOP * _HOP))

    def finish(self) -> Int16:
        """What is left, faded out."""
        count = min(_FADE, len(self._held) - self._done)
        self._held[len(self._held) - count :] *= np.linspace(1, 0, count, dtype=np.float32)
        return self._release(len(self._held))

    def _gains(self, sound: Samples) -> Samples:
        """From the gain there was to the one this stretch asks for, as fast as it may move."""
        level_db = 10 * math.log10(float(np.mean(np.square(sound))) + 1e-12)
        before_db, seconds = self._gain_db, len(sound) / RATE_HZ
        if level_db < SILENCE_DB:
            self.silent_ms += seconds * 1000
        else:
            self.silent_ms = 0.0
            wanted = min(_MOST_GAIN_DB, max(_LEAST_GAIN_DB, _TARGET_DB - level_db))
            self._gain_db = min(before_db + _RISE_DB_S * seconds, max(before_db - _FALL_DB_S * seconds, wanted))
        decibels = np.linspace(before_db, self._gain_db, len(sound), dtype=np.float32)
        return np.power(np.float32(10), decibels / 20)

    def _release(self, until: int) -> Int16:
        limited = lowered_at_peaks(self._held, self._held, RATE_HZ, CEILING_DBTP)[self._done : until]
        kept = max(0, until - _REACH) // _HOP * _HOP
        self._held, self._done = self._held[kept:], until - kept
        return to_int16(limited)
