"""Puts a bulletin together: silence, tune, bell, sentences with pauses, repeats, tune, silence. The one importer of pydub."""

import math
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tts.chime import chime
from tts.loudness import integrated_lufs
from tts.pcm import Samples, to_float, to_int16
from tts.settings import SpeechSettings

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # it misses ffmpeg, which samples do not need, and an old module, which pyproject.toml replaces
    from pydub import AudioSegment

VERSION = "3"
"""Changes whenever the same sentences are put together differently."""

LEAD_MS: Final = 200
"""An amplifier that wakes late swallows this, never a syllable."""
TAIL_MS: Final = 300
AFTER_CHIME_MS: Final = 400
_SPEECH_LUFS: Final = -26.0
"""Well below full scale, so that putting together never clips; levelling comes after."""
CHIME_LUFS: Final = -28.0
"""Of bell and tunes."""


def assemble(
    sentences: Sequence[Samples],
    rate: int,
    settings: SpeechSettings,
    opening: Samples | None = None,
    closing: Samples | None = None,
) -> NDArray[np.int16]:
    """The whole announcement, not yet levelled.

    Args:
        sentences: at least one, each mono at `rate`.
        rate: samples per second of sentences and result.
        settings: pauses, repeats and bell.
        opening: the tune before it all, mono at `rate`, of any loudness.
        closing: the tune after it all, likewise.

    Returns:
        Mono samples, shape (n,).
    """
    said = _joined([_segment(sentence, rate) for sentence in sentences], settings.phrase_pause_ms)
    speech = _evenly_loud(said, rate, _SPEECH_LUFS)
    announcement = AudioSegment.silent(LEAD_MS, rate)
    if opening is not None:
        announcement += _tune(opening, rate) + AudioSegment.silent(AFTER_CHIME_MS, rate)
    if settings.chime:
        announcement += _segment(chime(rate, CHIME_LUFS), rate) + AudioSegment.silent(AFTER_CHIME_MS, rate)
    announcement += _joined([speech] * settings.repeats, settings.repeat_pause_ms)
    if closing is not None:
        announcement += AudioSegment.silent(AFTER_CHIME_MS, rate) + _tune(closing, rate)
    announcement += AudioSegment.silent(TAIL_MS, rate)
    return _samples(announcement)


def music_spans(size: int, rate: int, opening: Samples | None, closing: Samples | None) -> list[slice]:
    """Where the tunes lie in what `assemble` made of them, `size` samples long."""
    spans = []
    if opening is not None:
        start = LEAD_MS * rate // 1000
        spans.append(slice(start, start + opening.size))
    if closing is not None:
        end = size - TAIL_MS * rate // 1000
        spans.append(slice(end - closing.size, end))
    return spans


def _joined(parts: Sequence[AudioSegment], pause_ms: int) -> AudioSegment:
    """Parts with a pause between them, joined in halves: one after the other would copy the beginning each time."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    before, after = _joined(parts[:middle], pause_ms), _joined(parts[middle:], pause_ms)
    return before + AudioSegment.silent(pause_ms, before.frame_rate) + after


def _tune(samples: Samples, rate: int) -> AudioSegment:
    return _evenly_loud(_segment(samples, rate), rate, CHIME_LUFS)


def _evenly_loud(sound: AudioSegment, rate: int, lufs: float) -> AudioSegment:
    """Speech of any engine, and any tune, at the loudness the bell is made for."""
    loudness = integrated_lufs(to_float(_samples(sound)), rate)
    return sound if math.isinf(loudness) else sound.apply_gain(lufs - loudness)


def _segment(samples: Samples, rate: int) -> AudioSegment:
    return AudioSegment(to_int16(samples).tobytes(), sample_width=2, frame_rate=rate, channels=1)


def _samples(segment: AudioSegment) -> NDArray[np.int16]:
    return np.frombuffer(segment.raw_data, np.int16)
