"""The part of a sound that shall be heard."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tts.flac import from_flac
from tts.pcm import Pcm, Samples

_FADE_MS: Final = 10
"""A cut in the middle of a wave would click."""


@dataclass(frozen=True)
class Part:
    """From `start_ms` to `end_ms` of a sound; None is its end."""

    start_ms: int = 0
    end_ms: int | None = None


def trimmed(pcm: Pcm, part: Part, rate: int) -> Samples:
    """The part as samples at `rate`, faded in and out where it was cut; empty for a part beyond the end."""
    samples = pcm.at(rate)
    start = part.start_ms * rate // 1000
    end = samples.size if part.end_ms is None else min(part.end_ms * rate // 1000, samples.size)
    kept = samples[start : max(start, end)].copy()
    fade = np.linspace(0, 1, min(_FADE_MS * rate // 1000, kept.size), dtype=np.float32)
    if start > 0:
        kept[: fade.size] *= fade
    if end < samples.size and fade.size:
        kept[-fade.size :] *= fade[::-1]
    return kept


def trimmed_flac(flac: bytes, part: Part, rate: int) -> Samples:
    """`trimmed` of a stored sound. Errors: EncodingError."""
    return trimmed(from_flac(flac), part, rate)
