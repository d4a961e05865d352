"""How loud a sound is: integrated loudness and true peak as ITU-R BS.1770-4 measures them."""

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tts import filters
from tts.pcm import Samples

_HOPS_PER_S = 10
_HOPS_PER_BLOCK = 4
"""Blocks of 400 ms, 75 % overlapping."""
_OFFSET_LU = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OVERSAMPLING = 4
_HALF_TAPS = 12
_BLOCK = 2**18


def integrated_lufs(samples: Samples, rate: int) -> float:
    """Gated loudness of a whole mono sound in LUFS; minus infinity for silence.

    A sound shorter than one 400 ms block is measured as one block of its own length.
    """
    return gated_lufs(hop_powers(samples, rate, rate // _HOPS_PER_S), _HOPS_PER_BLOCK)


def hop_powers(samples: Samples, rate: int, hop: int) -> NDArray[np.float64]:
    """The K-weighted power of every `hop` samples, shape (n // hop,); one value for less than a hop."""
    if samples.size == 0:
        return np.empty(0)
    weighted = filters.apply(filters.k_weighting(rate), samples, rate)
    whole = weighted[: max(weighted.size // hop, 1) * hop].reshape(-1, min(hop, weighted.size))
    powers: NDArray[np.float64] = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    return powers / whole.shape[1]


def gated_lufs(powers: NDArray[np.float64], block: int) -> float:
    """Integrated loudness from `hop_powers`, `block` of which make 400 ms."""
    if powers.size == 0:
        return -math.inf
    if powers.size < block:
        blocks = powers.mean(keepdims=True)
    else:
        blocks = sliding_window_view(powers, block)[:: max(block // _HOPS_PER_BLOCK, 1)].mean(axis=1)
    heard = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
    if heard.size == 0:
        return -math.inf
    gate = heard.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
    return _lufs(float(heard[heard > gate].mean()))


def true_peak_dbtp(samples: Samples) -> float:
    """The highest peak on and between the samples in dB of full scale; minus infinity for silence."""
    highest = float(hop_peaks(samples, _OVERSAMPLING).max(initial=0.0))
    return 20 * math.log10(highest) if highest > 0 else -math.inf


def hop_peaks(samples: Samples, hop: int) -> Samples:
    """The true peak of every `hop` samples as an amplitude, shape (ceil(n / hop),).

    Points are measured on each sample and at 1/4, 1/2 and 3/4 of the way to the next.
    """
    block = hop * (_BLOCK // hop)
    parts = []
    for start in range(0, samples.size, block):
        envelope = _envelope(samples, start, min(start + block, samples.size))
        parts.append(np.maximum.reduceat(envelope, np.arange(0, envelope.size, hop)))
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _envelope(samples: Samples, start: int, stop: int) -> Samples:
    """The envelope of samples[start:stop], with what lies around them taken into account."""
    first, last = start - _HALF_TAPS, stop + _HALF_TAPS
    window = np.zeros(last - first, np.float32)
    inside = samples[max(first, 0) : last]
    window[max(-first, 0) :][: inside.size] = inside
    highest = np.abs(samples[start:stop])
    for taps in _interpolators():
        between = np.convolve(window, taps, "valid")[1 : 1 + highest.size]
        np.abs(between, out=between)
        np.maximum(highest, between, out=highest)
    return highest


@cache
def _interpolators() -> tuple[Samples, ...]:
    """Windowed sinc filters for the points 1/4, 1/2 and 3/4 of the way to the next sample."""
    positions = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)
    taps = []
    for phase in range(1, _OVERSAMPLING):
        distance = positions - phase / _OVERSAMPLING
        window = 0.5 + 0.5 * np.cos(np.pi * distance / (_HALF_TAPS + 0.5))
        sinc = np.sinc(distance) * window
        taps.append((sinc / sinc.sum())[::-1].astype(np.float32))  # reversed: convolution turns it back
    return tuple(taps)


def _lufs(power: float) -> float:
    return _OFFSET_LU + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))
