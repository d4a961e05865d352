"""Brings a whole sound to its loudness: equaliser, compressor and clipper for noisy places, gain, and a look-ahead limiter.

Gains are computed for every millisecond or few and interpolated, so that ten minutes need little memory.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tts import filters
from tts.loudness import gated_lufs, hop_peaks, hop_powers, integrated_lufs
from tts.pcm import Samples
from tts.settings import Profile


@dataclass(frozen=True)
class _Target:
    loudness_lufs: float
    for_noise: bool


_TARGETS: Final = MappingProxyType[Profile, _Target](
    {
        "standard": _Target(-16.0, for_noise=False),
        "noisy": _Target(-14.0, for_noise=True),
    }
)
"""Harder processing than `noisy` lowers intelligibility."""

TOLERANCE_LU = 1.0
_CLOSE_ENOUGH_LU = 0.1
_MAX_GIVEN_BACK_DB = 18.0
"""Beyond this the limiter would flatten speech to a buzz: a sound that still misses the target stays below it."""

_HIGH_PASS_HZ = 250.0
_PRESENCE_HZ = 2500.0
_PRESENCE_DB = 5.0
_PRESENCE_Q = 1.0
_RATIO = 4.0
_THRESHOLD_BELOW_LOUDNESS_DB = 6.0
_CLIP_ABOVE_LOUDNESS_DB = 9.0
"""Clipping lowers loudness too, so this is less than the 10 dB between target and ceiling. Compressed speech of eSpeak peaks 16 to 18 dB above its loudness."""
_DETECTOR_HOP_MS = 5
_DETECTOR_RADIUS = 4
"""In hops: level is judged over ±20 ms, about a syllable's attack."""

_BLOCK_MS = 400
_LIMITER_HOP_MS = 1
_LIMITER_RADIUS = 4
"""In hops: the gain moves over ±4 ms, ahead of the peak as well as after it."""

_QUIETEST_POWER = 1e-10
_BLOCK_HOPS = 4096


def loudness_target_lufs(profile: Profile) -> float:
    """The integrated loudness a profile aims at, within `TOLERANCE_LU`."""
    return _TARGETS[profile].loudness_lufs


def shaped(samples: Samples, rate: int, profile: Profile) -> Samples:
    """The sound with equaliser, compressor and soft clipper if the profile has them; its loudness is not set yet."""
    if not _TARGETS[profile].for_noise:
        return samples
    presence = filters.peak(_PRESENCE_HZ, _PRESENCE_DB, _PRESENCE_Q, rate)
    equalised = filters.apply([filters.high_pass(_HIGH_PASS_HZ, rate), presence], samples, rate)
    return _softly_clipped(_compressed(equalised, rate), rate)


def level(samples: Samples, rate: int, target_lufs: float, ceiling_dbtp: float) -> Samples:
    """The sound at a loudness, with no true peak above the ceiling; silence stays silence.

    What the limiter takes is given back as gain. Its gains move slowly beside the filters of the loudness measure, so the loudness after
    it is computed from the powers before it.
    """
    hop = rate * _LIMITER_HOP_MS // 1000
    powers, peaks = hop_powers(samples, rate, hop), hop_peaks(samples, hop)
    loudness = gated_lufs(powers, _BLOCK_MS // _LIMITER_HOP_MS)
    if math.isinf(loudness):
        return samples
    ceiling = _amplitude(ceiling_dbtp)
    lowest_db, highest_db = target_lufs - loudness, target_lufs - loudness + _MAX_GIVEN_BACK_DB
    gain_db = lowest_db
    while True:
        gain = _amplitude(gain_db)
        curve = gain * _limiter_curve(peaks * gain, ceiling)
        missing = target_lufs - gated_lufs(powers * curve[: powers.size] ** 2, _BLOCK_MS // _LIMITER_HOP_MS)
        if abs(missing) <= _CLOSE_ENOUGH_LU or highest_db - lowest_db <= _CLOSE_ENOUGH_LU:
            return _scaled(samples, curve, hop)
        if missing > 0:
            lowest_db = gain_db
        else:
            highest_db = gain_db
        gain_db = (lowest_db + highest_db) / 2


def lowered_at_peaks(samples: Samples, heard: Samples, rate: int, ceiling_dbtp: float) -> Samples:
    """The samples, quieter for the few milliseconds where `heard`, what a codec made of them, is above the ceiling."""
    hop = rate * _LIMITER_HOP_MS // 1000
    return _scaled(samples, _limiter_curve(hop_peaks(heard, hop), _amplitude(ceiling_dbtp)), hop)


def _limiter_curve(peaks: Samples, ceiling: float) -> NDArray[np.float64]:
    """A gain for each hop that keeps every peak under the ceiling: the lowest needed nearby, then smoothed.

    The minimum reaches one hop further than the smoothing, because samples are scaled by what lies between two hops.
    """
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, ceiling))
    reach = _LIMITER_RADIUS + 1
    lowest = sliding_window_view(np.pad(needed, reach, mode="edge"), 2 * reach + 1).min(axis=1)
    return _smoothed(lowest, _LIMITER_RADIUS)


def _compressed(samples: Samples, rate: int) -> Samples:
    """What is louder than a threshold below the sound's own loudness grows by 1 dB in `_RATIO`."""
    loudness = integrated_lufs(samples, rate)
    if math.isinf(loudness):
        return samples
    hop = rate * _DETECTOR_HOP_MS // 1000
    starts = np.arange(0, samples.size, hop)
    powers = np.add.reduceat(np.square(samples, dtype=np.float32), starts, dtype=np.float64) / hop
    levels_db = 10 * np.log10(np.maximum(_smoothed(powers, _DETECTOR_RADIUS), _QUIETEST_POWER))
    over_db = np.maximum(levels_db - (loudness - _THRESHOLD_BELOW_LOUDNESS_DB), 0)
    return _scaled(samples, 10 ** (-over_db * (1 - 1 / _RATIO) / 20), hop)


def _softly_clipped(samples: Samples, rate: int) -> Samples:
    """Rounds off the pulse at the start of each pitch period, which no gain of whole milliseconds can lower alone."""
    loudness = integrated_lufs(samples, rate)
    if math.isinf(loudness):
        return samples
    bound = np.float32(_amplitude(loudness + _CLIP_ABOVE_LOUDNESS_DB))
    clipped = samples / bound
    np.tanh(clipped, out=clipped)
    clipped *= bound
    return clipped


def _scaled(samples: Samples, curve: NDArray[np.float64], hop: int) -> Samples:
    """Samples times a gain per hop, interpolated between the middles of the hops."""
    scaled = np.empty_like(samples)
    middles = np.arange(curve.size) * hop + (hop - 1) / 2
    block = _BLOCK_HOPS * hop
    for start in range(0, samples.size, block):
        piece = samples[start : start + block]
        near = slice(max(start // hop - 1, 0), start // hop + _BLOCK_HOPS + 1)
        gains = np.interp(np.arange(start, start + piece.size), middles[near], curve[near])
        np.multiply(piece, gains, out=scaled[start : start + piece.size], casting="same_kind")
    return scaled


def _smoothed(values: NDArray[np.floating], radius: int) -> NDArray[np.float64]:
    """A Hann-weighted mean over ±radius values, same length."""
    weights = np.hanning(2 * radius + 3)[1:-1]
    return np.convolve(np.pad(values, radius, mode="edge"), weights / weights.sum(), "valid")


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))
