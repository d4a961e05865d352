"""Uploaded and recorded sound to samples: WAV, MP3, FLAC, Ogg Opus and Vorbis, M4A and AAC, AMR, 3GP, WebM (docs/adr/0017)."""

from pathlib import Path
from typing import Final

import numpy as np

from tts.encoding import RATE
from tts.limited import Limits, RefusedFileError, ask
from tts.pcm import Pcm

MAX_SOUND_S: Final = 20 * 60
"""The longest sound of one bulletin."""
MIN_SOUND_S: Final = 0.4
"""Loudness is not defined for less (BS.1770)."""
MAX_FILE_BYTES: Final = 240 * 2**20
"""`MAX_SOUND_S` of 16-bit stereo WAV at 48 kHz, the largest a phone or a studio makes of it."""

_SLACK_S: Final = 2
"""Coders add a little silence at both ends."""
_LIMITS: Final = Limits(seconds=60, memory_bytes=2**30, output_bytes=(MAX_SOUND_S + 2 * _SLACK_S) * RATE * 2)
"""Twenty minutes of AAC take 6 s and 0.5 GB of address space, most of it libraries."""


def decode_file(path: Path) -> Pcm:
    """The sound of a file as mono samples at `tts.encoding.RATE`, decoded in a child process with limits.

    Raises:
        RefusedFileError: see `tts.decoding_worker.decode` and `tts.limited.ask`; also `too-large`, `too-short`, `silent`.
        OSError: the file can't be read.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise RefusedFileError("too-large", str(MAX_FILE_BYTES // 2**20))
    try:
        _, body = ask("tts.decoding_worker", path, _LIMITS, str(RATE), str((MAX_SOUND_S + _SLACK_S) * RATE))
    except RefusedFileError as refusal:
        if refusal.code == "too-long":
            raise RefusedFileError("too-long", *refusal.values, str(MAX_SOUND_S // 60)) from refusal
        raise
    pcm = Pcm(np.frombuffer(body, np.int16), RATE)
    if pcm.samples.size < MIN_SOUND_S * RATE:
        raise RefusedFileError("too-short")
    if pcm.is_silent:
        raise RefusedFileError("silent")
    return pcm


def peaks_of(pcm: Pcm, count: int = 240) -> list[int]:
    """The highest sample of each of `count` equal stretches, 0 to 100: the picture of a sound."""
    edges = np.linspace(0, pcm.samples.size, count + 1).astype(int)[:-1]
    highest = np.maximum.reduceat(np.abs(pcm.samples.astype(np.int32)), edges)
    return [int(peak) for peak in np.ceil(highest * 100 / 32768)]
