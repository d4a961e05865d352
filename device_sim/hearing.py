"""Was it heard? Finds a known clip in a timeline, whatever gain it was played at and however much of it.

Pieces of the clip, the probes, are searched by cross-correlation normalised to the level of both; every place they
point to is then compared with the whole clip, block by block. So a clip joined late, cut short or torn by an
underrun is found as well, and memory stays at a few megabytes whatever the length of either.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from device_sim.timeline import Samples, Timeline

BLOCK_MS: Final = 50
MATCH: Final = 0.9
"""The correlation from which a block counts as the same sound."""

SILENCE_RMS: Final = 33.0
"""-60 dBFS: a block of the clip below it is a pause, and pauses have to be pauses on the timeline too."""

_PROBE: Final = 1 << 15  # samples, 1.4 s at 24 kHz
_FFT: Final = 1 << 18
_FIRST_PROBES: Final = 6  # spread over the clip; the others are tried only if these find little
_CANDIDATE: Final = 0.3  # correlation of a probe from which its place is looked at
_ENOUGH: Final = 0.5  # share of the clip found by the first probes that makes the others needless
_SAME: Final = 0.01  # shares this near are equal: then correlation decides

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip on a timeline.

    Attributes:
        start_ms: Unix milliseconds, by the speaker's clock, of the clip's first sample, heard or not.
        played_fraction: the share of the clip, 0 to 1, that is there in its place; pauses count when they are pauses.
        error_ms: how much later than expected it was, negative when earlier; None when no start was expected.
    """

    start_ms: float
    played_fraction: float
    error_ms: float | None


def find_clip(
    timeline: Timeline,
    clip: Samples,
    rate: int = 24_000,
    *,
    expected_ms: float | None = None,
    within_ms: float = 2_000,
) -> Heard | None:
    """Where on the timeline the clip is, to the sample, or None when no part of it is.

    Of several airings the most complete is found; with `expected_ms` only those that start `within_ms` of it.
    Below a gain of about 0.05 the 16 bits of the timeline no longer resemble the clip.
    """
    first, last = -len(clip) + 1, len(timeline.samples) - 1
    if expected_ms is not None:
        expected = (expected_ms - timeline.epoch_ms) * rate / 1000
        first = max(first, round(expected - within_ms * rate / 1000))
        last = min(last, round(expected + within_ms * rate / 1000))
    best: tuple[float, float, int] | None = None
    seen: set[int] = set()
    for batch in _probes(clip):
        for lag in _lags(timeline.samples, clip, batch, (first, last)):
            if lag in seen:
                continue
            seen.add(lag)
            fraction, likeness = _compare(timeline.samples, clip, lag, rate * BLOCK_MS // 1000)
            if fraction > 0 and (best is None or _better((fraction, likeness), best)):
                best = fraction, likeness, lag
        if best is not None and best[0] >= _ENOUGH:
            break
    if best is None:
        return None
    fraction, _, lag = best
    start_ms = timeline.epoch_ms + lag * 1000 / rate
    return Heard(start_ms, fraction, None if expected_ms is None else start_ms - expected_ms)


def _better(found: tuple[float, float], best: tuple[float, float, int]) -> bool:
    if abs(found[0] - best[0]) > _SAME:
        return found[0] > best[0]
    return found[1] > best[1]


def _probes(clip: Samples) -> Iterator[list[int]]:
    """Where probes begin, loud ones only: first a few over the whole clip, then all the others."""
    starts = [
        start
        for start in range(0, len(clip), _PROBE)
        if _rms(clip[start : start + _PROBE].astype(np.float64)) >= SILENCE_RMS / 2
    ]
    few = starts[:: max(1, -(-len(starts) // _FIRST_PROBES))]
    yield few
    yield [start for start in starts if start not in few]


def _lags(heard: Samples, clip: Samples, starts: list[int], bounds: tuple[int, int]) -> Iterator[int]:
    """Starts of the clip, in samples of the timeline, that one of the probes points to."""
    if not starts:
        return
    first, last = bounds
    spectra = [np.conj(np.fft.rfft(clip[start : start + _PROBE], _FFT)) for start in starts]
    sizes = [min(_PROBE, len(clip) - start) for start in starts]
    norms = [float(np.linalg.norm(clip[start : start + _PROBE].astype(np.float64))) for start in starts]
    step = _FFT - _PROBE
    begin = max(first + starts[0], -_PROBE)
    end = min(last + starts[-1], len(heard) - 1)
    for at in range(begin, end + 1, step):
        window = _window(heard, at, at + _FFT)
        if not window.any():
            continue
        spectrum = np.fft.rfft(window)
        squares = np.concatenate(([0.0], np.cumsum(window * window)))
        for start, size, norm, probe in zip(starts, sizes, norms, spectra, strict=True):
            power = squares[size : size + step] - squares[:step]
            likeness = np.fft.irfft(spectrum * probe, _FFT)[:step] / (norm * np.sqrt(np.maximum(power, size / 4)))
            low, high = max(0, first + start - at), min(step, last + start - at + 1)
            if low < high:
                peak = low + int(np.argmax(likeness[low:high]))
                if likeness[peak] >= _CANDIDATE:
                    yield at + peak - start


def _compare(heard: Samples, clip: Samples, lag: int, block: int) -> tuple[float, float]:
    """The share of the clip's samples in matching blocks, and the correlation of all, if it starts at `lag`."""
    pauses = sounds = 0
    cross = own = other = 0.0
    for start in range(0, len(clip), block):
        if lag + start < 0 or lag + start >= len(heard):
            continue
        wanted = clip[start : start + block].astype(np.float64)
        found = _window(heard, lag + start, lag + start + len(wanted))
        product, wanted_square, found_square = (
            float(a @ b) for a, b in ((wanted, found), (wanted, wanted), (found, found))
        )
        cross, own, other = cross + product, own + wanted_square, other + found_square
        if _rms(wanted) < SILENCE_RMS:
            pauses += len(wanted) if _rms(found) < 2 * SILENCE_RMS else 0
        elif product > MATCH * math.sqrt(wanted_square * found_square):
            sounds += len(wanted)
    if not sounds:  # pauses alone are in every silence
        return 0.0, 0.0
    return (pauses + sounds) / len(clip), cross / math.sqrt(own * other)


def _window(heard: Samples, begin: int, end: int) -> Floats:
    """The samples from `begin` to `end`, zeros where the timeline has none."""
    window = np.zeros(end - begin)
    a, b = max(begin, 0), min(end, len(heard))
    if a < b:
        window[a - begin : b - begin] = heard[a:b]
    return window


def _rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples * samples)))
