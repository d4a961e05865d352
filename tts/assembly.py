"""Puts a bulletin together: silence, tune, bell, sentences with pauses, repeats, tune, silence. The one importer of pydub."""

import math
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tts.chime import chime, closing_tune, opening_tune
from tts.loudness import integrated_lufs
from tts.pcm import Samples, to_float, to_int16
from tts.settings import SpeechSettings

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # it misses ffmpeg, which samples do not need, and an old module, which pyproject.toml replaces
    from pydub import AudioSegment

VERSION = "2"
"""Changes whenever the same sentences are put together differently."""

LEAD_MS: Final = 200
"""An amplifier that wakes late swallows this, never a syllable."""
TAIL_MS: Final = 300
AFTER_CHIME_MS: Final = 400
_SPEECH_LUFS: Final = -26.0
"""Well below full scale, so that putting together never clips; levelling comes after."""
_CHIME_LUFS: Final = -28.0


def assemble(sentences: Sequence[Samples], rate: int, settings: SpeechSettings) -> NDArray[np.int16]:
    """The whole announcement, not yet levelled.

    Args:
        sentences: at least one, each mono at `rate`.
        rate: samples per second of sentences and result.
        settings: pauses, repeats and bell.

    Returns:
        Mono samples, shape (n,).
    """
    speech = _evenly_loud(_joined([_segment(sentence, rate) for sentence in sentences], settings.phrase_pause_ms), rate)
    announcement = AudioSegment.silent(LEAD_MS, rate)
    if settings.opening_tune:
        announcement += _segment(opening_tune(rate, _CHIME_LUFS), rate) + AudioSegment.silent(AFTER_CHIME_MS, rate)
    if settings.chime:
        announcement += _segment(chime(rate, _CHIME_LUFS), rate) + AudioSegment.silent(AFTER_CHIME_MS, rate)
    announcement += _joined([speech] * settings.repeats, settings.repeat_pause_ms)
    if settings.closing_tune:
        announcement += AudioSegment.silent(AFTER_CHIME_MS, rate) + _segment(closing_tune(rate, _CHIME_LUFS), rate)
    announcement += AudioSegment.silent(TAIL_MS, rate)
    return _samples(announcement)


def _joined(parts: Sequence[AudioSegment], pause_ms: int) -> AudioSegment:
    """Parts with a pause between them, joined in halves: one after the other would copy the beginning each time."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    before, after = _joined(parts[:middle], pause_ms), _joined(parts[middle:], pause_ms)
    return before + AudioSegment.silent(pause_ms, before.frame_rate) + after


def _evenly_loud(speech: AudioSegment, rate: int) -> AudioSegment:
    """Speech of any engine at the loudness the bell is made for."""
    loudness = integrated_lufs(to_float(_samples(speech)), rate)
    return speech if math.isinf(loudness) else speech.apply_gain(_SPEECH_LUFS - loudness)


def _segment(samples: Samples, rate: int) -> AudioSegment:
    return AudioSegment(to_int16(samples).tobytes(), sample_width=2, frame_rate=rate, channels=1)


def _samples(segment: AudioSegment) -> NDArray[np.int16]:
    return np.frombuffer(segment.raw_data, np.int16)
