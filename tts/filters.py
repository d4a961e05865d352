"""Second-order filters applied through their spectrum: a filter loop over samples would take minutes in Python."""

import cmath
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts.pcm import Samples

_BLOCK = 2**16
_HISTORY_S = 0.25
"""Every filter here rings shorter: the slowest, the 38 Hz high-pass of BS.1770, is 300 dB down after it."""


@dataclass(frozen=True)
class Biquad:
    """Coefficients of a second-order filter: feed-forward `b`, feedback `a`, with a[0] = 1."""

    b: tuple[float, float, float]
    a: tuple[float, float, float]

    def response(self, turns: NDArray[np.float64]) -> NDArray[np.complex128]:
        """The gain at frequencies given in cycles per sample."""
        delay = np.exp(-2j * math.pi * turns)
        powers = np.stack([np.ones_like(delay), delay, delay * delay])
        answer: NDArray[np.complex128] = (np.asarray(self.b) @ powers) / (np.asarray(self.a) @ powers)
        return answer


def high_pass(cutoff_hz: float, rate: int) -> Biquad:
    """A second-order Butterworth high-pass (Bristow-Johnson, Audio EQ Cookbook)."""
    cosine, alpha = _cookbook(cutoff_hz, rate, math.sqrt(0.5))
    return _normalised(((1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha))


def peak(centre_hz: float, gain_db: float, quality: float, rate: int) -> Biquad:
    """A bell that lifts `gain_db` around `centre_hz` (Bristow-Johnson, Audio EQ Cookbook)."""
    cosine, alpha = _cookbook(centre_hz, rate, quality)
    amplitude = 10 ** (gain_db / 40)
    return _normalised(
        (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude),
        (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude),
    )


def k_weighting(rate: int) -> tuple[Biquad, Biquad]:
    """The two stages of ITU-R BS.1770-4, annex 1, for any rate.

    The standard lists coefficients for 48 kHz only; these are the analogue prototypes behind them (as in libebur128),
    which give the listed values at 48 kHz.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = _normalised(
        (high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k),
        (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k),
    )
    k = math.tan(math.pi * 38.13547087602444 / rate)
    quality = 0.5003270373238773
    low_cut = _normalised((1.0, -2.0, 1.0), (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k))
    return shelf, Biquad((1.0, -2.0, 1.0), low_cut.a)  # the standard leaves the gain of this numerator at 1


def apply(chain: Sequence[Biquad], samples: Samples, rate: int) -> Samples:
    """The samples after every filter of the chain, same length; overlap-save, so memory stays near that of the result."""
    history = round(_HISTORY_S * rate)
    response = _response(tuple(chain))
    filtered = np.empty_like(samples)
    block = np.empty(_BLOCK)
    for start in range(0, samples.size, _BLOCK - history):
        first = start - history
        piece = samples[max(first, 0) : first + _BLOCK]
        before = max(-first, 0)
        block[:before] = 0
        block[before : before + piece.size] = piece
        block[before + piece.size :] = 0
        wave = np.fft.irfft(np.fft.rfft(block) * response, _BLOCK)[history:]
        room = filtered[start : start + wave.size]
        room[:] = wave[: room.size]
    return filtered


@functools.lru_cache(maxsize=8)
def _response(chain: tuple[Biquad, ...]) -> NDArray[np.complex128]:
    """The gain of a whole chain over a block; it costs more than filtering a sentence, and there are few chains."""
    turns = np.arange(_BLOCK // 2 + 1) / _BLOCK
    response = np.ones(turns.size, np.complex128)
    for filter_ in chain:
        response *= filter_.response(turns)
    response.setflags(write=False)
    return response


def _cookbook(frequency_hz: float, rate: int, quality: float) -> tuple[float, float]:
    turn = cmath.exp(2j * math.pi * frequency_hz / rate)
    return turn.real, turn.imag / (2 * quality)


def _normalised(b: tuple[float, float, float], a: tuple[float, float, float]) -> Biquad:
    return Biquad((b[0] / a[0], b[1] / a[0], b[2] / a[0]), (1.0, a[1] / a[0], a[2] / a[0]))
