"""Sound as samples, and the change from one sampling rate to another; knows no engine and no codec."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]
"""Mono sound, shape (n,), full scale ±1.0."""

FULL_SCALE = 32768
_PAD_S = 0.02
"""Silence on both sides while resampling, so that the end of a sentence does not ring into its beginning."""


@dataclass(frozen=True, eq=False)
class Pcm:
    """Mono 16-bit sound as an engine makes it.

    Attributes:
        samples: shape (n,), int16.
        rate: samples per second.
    """

    samples: NDArray[np.int16]
    rate: int

    @property
    def is_silent(self) -> bool:
        """Whether not one sample could be heard (all within 60 dB below full scale)."""
        return self.samples.size == 0 or int(np.abs(self.samples.astype(np.int32)).max()) < FULL_SCALE // 1000

    def at(self, rate: int) -> Samples:
        """The same sound at `rate` samples per second, band-limited."""
        return resample(to_float(self.samples), self.rate, rate)


def to_float(samples: NDArray[np.int16]) -> Samples:
    """16-bit samples scaled to ±1.0."""
    scaled: Samples = samples.astype(np.float32)
    scaled /= FULL_SCALE
    return scaled


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Samples of ±1.0 rounded to 16 bits; what is beyond full scale is clipped."""
    scaled = samples * np.float32(FULL_SCALE)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return scaled.astype(np.int16)


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Change the sampling rate through the spectrum, exact for what both rates can hold.

    Meant for a sentence: time and memory grow with its length.
    """
    if from_rate == to_rate or samples.size == 0:
        return samples
    common = math.gcd(from_rate, to_rate)
    step_in, step_out = from_rate // common, to_rate // common
    pad_steps = math.ceil(_PAD_S * common)
    body_steps = math.ceil(samples.size / step_in)
    steps = _fast_length(body_steps + 2 * pad_steps)
    padded = np.zeros(steps * step_in, np.float32)
    padded[pad_steps * step_in :][: samples.size] = samples
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(steps * step_out // 2 + 1, np.complex128)
    shared = min(kept.size, spectrum.size)
    kept[:shared] = spectrum[:shared]
    wave = np.fft.irfft(kept, steps * step_out) * (step_out / step_in)
    length = math.ceil(samples.size * to_rate / from_rate)
    return wave[pad_steps * step_out :][:length].astype(np.float32)


def _fast_length(steps: int) -> int:
    """The next count whose only prime factors are 2, 3 and 5: others make the transform several times slower."""
    while True:
        rest = steps
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return steps
        steps += 1
