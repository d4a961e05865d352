"""The bell before a bulletin (chuông báo), computed so that nobody's recording is needed."""

import math
from functools import cache

import numpy as np

from tts.loudness import integrated_lufs
from tts.pcm import Samples

VERSION = "1"
"""Changes whenever the bell sounds different."""

DURATION_S = 2.0
_NOTES = ((0.0, 783.99), (0.4, 659.26), (0.8, 523.25))
"""Seconds from the start and pitch in Hz: G5, E5, C5, a falling major chord that horns carry well."""
_PARTIALS = ((1.0, 1.0, 0.55), (2.0, 0.5, 0.35), (3.0, 0.25, 0.2), (4.2, 0.1, 0.1))
"""Frequency ratio, amplitude and decay time in seconds; the last one makes it metal."""
_ATTACK_S = 0.004
_FADE_S = 0.15


@cache
def chime(rate: int, loudness_lufs: float) -> Samples:
    """The bell at `rate` samples per second and the given integrated loudness; the same on every call, not to be written to."""
    time_s = np.arange(round(DURATION_S * rate)) / rate
    bell = np.zeros_like(time_s)
    for start_s, pitch_hz in _NOTES:
        since_s = np.maximum(time_s - start_s, 0)
        attack = np.minimum(since_s / _ATTACK_S, 1)
        for ratio, amplitude, decay_s in _PARTIALS:
            ring = np.sin(2 * math.pi * pitch_hz * ratio * since_s) * np.exp(-since_s / decay_s)
            bell += amplitude * attack * ring
    bell *= np.clip((DURATION_S - time_s) / _FADE_S, 0, 1)
    quiet: Samples = (bell / np.abs(bell).max()).astype(np.float32)
    gain_db = loudness_lufs - integrated_lufs(quiet, rate)
    quiet *= np.float32(10 ** (gain_db / 20))
    quiet.flags.writeable = False
    return quiet
