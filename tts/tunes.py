"""Two tunes (nhạc hiệu) to begin with, computed so that nobody's music is needed: plucked strings on five-note scales."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from tts.encoding import RATE
from tts.pcm import Pcm, Samples, to_int16

_PEAK: Final = 0.5
_RELEASE_S: Final = 2.5
_DECAY: Final = 0.9965
"""Of the string at each of its own periods."""


@dataclass(frozen=True)
class Tune:
    """A melody: seconds a beat, and (MIDI note, beats) in order; note 0 is a rest."""

    beat_s: float
    notes: tuple[tuple[int, float], ...]


TUNES: Final = MappingProxyType(
    {
        "morning": Tune(
            0.42,
            (
                *((67, 1), (69, 0.5), (72, 0.5), (74, 1), (72, 1), (76, 1.5), (74, 0.5), (72, 1), (69, 1)),
                *((67, 1), (69, 0.5), (72, 0.5), (74, 1), (76, 1), (79, 1.5), (76, 0.5), (74, 0.5), (72, 2.5)),
            ),
        ),
        "closing": Tune(
            0.5,
            ((76, 1), (74, 0.5), (72, 0.5), (69, 1), (72, 1), (67, 2), (69, 0.5), (72, 0.5), (74, 1), (67, 1), (60, 3)),
        ),
    }
)


def play(name: str) -> Pcm:
    """A tune of `TUNES` at the rate of clips; the same on every call."""
    tune = TUNES[name]
    beats = sum(length for _, length in tune.notes)
    sound = np.zeros(round((beats * tune.beat_s + _RELEASE_S) * RATE), np.float32)
    at_s = 0.0
    for note, length in tune.notes:
        if note:
            for pitch, level in ((note, 1.0), (note - 12, 0.35)):
                _add(sound, at_s, _plucked(pitch, length * tune.beat_s + _RELEASE_S) * np.float32(level))
        at_s += length * tune.beat_s
    fade = np.linspace(1, 0, RATE, dtype=np.float32)
    sound[-RATE:] *= fade
    return Pcm(to_int16(sound * np.float32(_PEAK / np.abs(sound).max())), RATE)


def _plucked(note: int, length_s: float) -> Samples:
    """A string by Karplus and Strong (1983): a burst that runs round and is softened each time, period by period."""
    period = round(RATE / (440 * 2 ** ((note - 69) / 12)))
    burst = np.random.default_rng(note).uniform(-1, 1, period)
    burst = np.convolve(np.r_[burst[-2:], burst, burst[:2]], np.ones(5) / 5, "valid")  # fingers, no plectrum
    spectrum = np.fft.rfft(burst)
    rounds = np.empty((round(length_s * RATE) // period + 1, spectrum.size), np.complex128)
    rounds[0] = spectrum
    rounds[1:] = _DECAY * 0.5 * (1 + np.exp(-2j * np.pi * np.arange(spectrum.size) / period))
    np.multiply.accumulate(rounds, axis=0, out=rounds)
    string: Samples = np.fft.irfft(rounds, period, axis=1).astype(np.float32).ravel()
    return string


def _add(sound: Samples, at_s: float, note: Samples) -> None:
    begin = round(at_s * RATE)
    part = sound[begin : begin + note.size]
    part += note[: part.size]
