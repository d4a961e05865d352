"""Sirens (còi báo động) and the bell as clips, computed so that nobody's recording is needed."""

import hashlib
import math
from typing import Final

import numpy as np

from broadcaster.alert_templates import Siren
from tts import chime, encoding
from tts.encoding import RATE
from tts.levelling import level
from tts.loudness import integrated_lufs
from tts.pcm import Samples, to_int16
from tts.speech import PreparedClip

VERSION: Final = "1"
"""Changes whenever a siren sounds different."""

_EDGE_S: Final = 0.05
_TARGET_LUFS: Final = -14.0
_BELL_LUFS: Final = -18.0
_CEILING_DBTP: Final = -3.5
"""The limiter's of speech (see `tts.speech`)."""
_LEAD_S: Final = 0.1
_TAIL_S: Final = 0.3


def siren(of: Siren) -> PreparedClip:
    """The sound of a siren, with a moment of silence at both ends. Errors: EncodingError."""
    blast, pause = _blast(of), np.zeros(round(of.pause_s * RATE), np.float32)
    parts: list[Samples] = [np.zeros(round(_LEAD_S * RATE), np.float32)]
    for number in range(of.blasts * of.series):
        parts += [blast] if number == 0 else [pause, blast]
    parts.append(np.zeros(round(_TAIL_S * RATE), np.float32))
    return _finished(np.concatenate(parts), _TARGET_LUFS)


def bell() -> PreparedClip:
    """The bell before words that need no siren. Errors: EncodingError."""
    silence = np.zeros(round(_TAIL_S * RATE), np.float32)
    return _finished(np.concatenate([chime.chime(RATE, _BELL_LUFS), silence]), _BELL_LUFS)


def _blast(of: Siren) -> Samples:
    """One blast: a tone with its odd overtones that sweeps between the two pitches and ends where it began."""
    length_s = of.blast_s
    time_s = np.arange(round(length_s * RATE)) / RATE
    sweeps = max(1, round(length_s / of.sweep_s))
    pitch_hz = of.low_hz * (of.high_hz / of.low_hz) ** ((1 - np.cos(2 * math.pi * sweeps * time_s / length_s)) / 2)
    phase = 2 * math.pi * np.cumsum(pitch_hz) / RATE
    tone = np.sin(phase) + 0.35 * np.sin(3 * phase) + 0.15 * np.sin(5 * phase)
    edge = np.minimum(1, np.minimum(time_s, length_s - time_s) / _EDGE_S)
    blast: Samples = (0.5 * tone * edge).astype(np.float32)
    return blast


def _finished(sound: Samples, target_lufs: float) -> PreparedClip:
    samples = to_int16(level(sound, RATE, target_lufs, _CEILING_DBTP))
    encoded = encoding.encode(encoding.padded(samples), lambda: None)
    return PreparedClip(
        sha256=hashlib.sha256(encoded.opus).hexdigest(),
        opus=encoded.opus,
        duration_ms=encoded.heard.size * 1000 // RATE,
        loudness_lufs=integrated_lufs(encoded.heard, RATE),
        true_peak_dbtp=encoded.true_peak_dbtp,
        make_mp3=encoded.make_mp3,
    )
