"""The bell before a bulletin (chuông báo) and the tunes around it (nhạc hiệu, nhạc kết), computed so that nobody's recording is needed."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from tts.loudness import integrated_lufs
from tts.pcm import Samples

VERSION = "2"
"""Changes whenever the bell sounds different."""

DURATION_S = 2.0
OPENING_S = 5.0
CLOSING_S = 4.0
_OPENING = tuple(
    zip((0.0, 0.45, 0.9, 1.35, 1.8, 2.25, 3.15), (392.0, 440.0, 523.25, 587.33, 659.26, 587.33, 783.99), strict=True)
)
"""A rising line on the five tones of folk music (sol la đô rê mi)."""
_CLOSING = tuple(zip((0.0, 0.5, 1.0, 1.5, 2.0), (783.99, 659.26, 587.33, 523.25, 392.0), strict=True))
_NOTES = ((0.0, 783.99), (0.4, 659.26), (0.8, 523.25))
"""Seconds from the start and pitch in Hz: G5, E5, C5, a falling major chord that horns carry well."""
_PARTIALS = ((1.0, 1.0, 0.55), (2.0, 0.5, 0.35), (3.0, 0.25, 0.2), (4.2, 0.1, 0.1))
"""Frequency ratio, amplitude and decay time in seconds; the last one makes it metal."""
_ATTACK_S = 0.004
_FADE_S = 0.15


@cache
def chime(rate: int, loudness_lufs: float) -> Samples:
    """The bell at `rate` samples per second and the given integrated loudness; the same on every call, not to be written to."""
    return _rung(_NOTES, DURATION_S, rate, loudness_lufs)


@cache
def opening_tune(rate: int, loudness_lufs: float) -> Samples:
    """The tune that begins a broadcast; as `chime`."""
    return _rung(_OPENING, OPENING_S, rate, loudness_lufs)


@cache
def closing_tune(rate: int, loudness_lufs: float) -> Samples:
    """The tune that ends it; as `chime`."""
    return _rung(_CLOSING, CLOSING_S, rate, loudness_lufs)


def _rung(notes: Sequence[tuple[float, float]], duration_s: float, rate: int, loudness_lufs: float) -> Samples:
    """Notes (seconds from the start, pitch in Hz) on a bell."""
    time_s = np.arange(round(duration_s * rate)) / rate
    bell = np.zeros_like(time_s)
    for start_s, pitch_hz in notes:
        since_s = np.maximum(time_s - start_s, 0)
        attack = np.minimum(since_s / _ATTACK_S, 1)
        for ratio, amplitude, decay_s in _PARTIALS:
            ring = np.sin(2 * math.pi * pitch_hz * ratio * since_s) * np.exp(-since_s / decay_s)
            bell += amplitude * attack * ring
    bell *= np.clip((duration_s - time_s) / _FADE_S, 0, 1)
    quiet: Samples = (bell / np.abs(bell).max()).astype(np.float32)
    gain_db = loudness_lufs - integrated_lufs(quiet, rate)
    quiet *= np.float32(10 ** (gain_db / 20))
    quiet.flags.writeable = False
    return quiet
