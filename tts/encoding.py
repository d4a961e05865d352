"""Sound to bytes and back: Ogg Opus for speakers, MP3 of the same samples for browsers, which nothing on air waits for. The one importer of soundfile here.

libopus does 50 seconds a second on one core (docs/adr/0015), so long sounds are encoded in parts, on all cores. A part begins and ends in the
silence between two sentences, on the 20 ms grid of Opus packets, and the packets then go into one file: all encoders have the same delay,
so what they say lies end to end, and silence hides that a new one starts without memory.

At speech bitrates Opus now and then overshoots the limiter by 3 dB for a millisecond. Such a part is softened there and encoded again.
"""

import io
import logging
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from broadcaster.errors import LoaError
from tts import ogg, opus
from tts.levelling import lowered_at_peaks
from tts.loudness import true_peak_dbtp
from tts.pcm import Samples, to_float, to_int16

_log = logging.getLogger(__name__)

VERSION = "3"
"""Changes whenever the same samples become other bytes."""

RATE: Final = 24_000
"""Samples per second of every clip: what an Opus encoder takes for super-wideband speech, about all that engines make and horns play."""
FRAME: Final = RATE * ogg.PACKET_GRANULES // ogg.GRANULES_PER_S
"""Samples of one Opus packet, 20 ms; a clip is a whole number of them."""

_OPUS_MUSIC_COMPRESSION: Final = 0.92
"""About 24, for a part with music in it."""
_OPUS_COMPRESSION: Final = 0.95
"""libsndfile maps 0..1 to 256..6 kbit/s a channel: about 18 in the file. At 16 three times as many parts overshoot."""
_MP3_COMPRESSION: Final = 0.6
"""About 55 kbit/s variable: a third faster than constant rate, whose frames below 64 kbit/s also lack room for the exact length."""
_PART_FRAMES: Final = 8 * RATE // FRAME
"""8 s: the shortest part."""
_SILENT_FRAMES: Final = 10
"""A joint has 100 ms of silence on either side, more than the 80 ms that Opus needs to converge."""
MAX_TRUE_PEAK_DBTP: Final = -1.0
"""Of the decoded Opus, which is what a speaker plays."""
_SOFTENED_TO_DBTP: Final = -2.0
"""And 1 dB less at every further attempt."""
_OPUS_ATTEMPTS: Final = 5
_SILENCE: Final = 8
"""Highest sample, of 32 768, that counts as silence."""


class EncodingError(LoaError):
    """The codec did not give back what it was given."""


@dataclass(frozen=True)
class Encoded:
    """One sound in both of its forms.

    Attributes:
        opus: a whole Ogg Opus file.
        heard: the Opus decoded again, mono at `RATE`.
        true_peak_dbtp: of `heard`.
        make_mp3: a whole MP3 file of the same samples. That of a long sound was made beside the Opus, that of a short one is made when asked.
    """

    opus: bytes
    heard: Samples
    true_peak_dbtp: float
    make_mp3: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class _Part:
    """An encoded part: packets, one more than fit because of the encoder's delay, and what is heard."""

    stream: ogg.Stream
    heard: Samples
    true_peak_dbtp: float


def padded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """The samples with silence up to a whole number of packets, so that every duration is a whole number of milliseconds."""
    return np.pad(samples, (0, -samples.size % FRAME))


def part_count(samples: NDArray[np.int16]) -> int:
    """How often `encode` will call `step`."""
    return len(_parts(samples))


def encode(samples: NDArray[np.int16], step: Callable[[], None], music: Sequence[slice] = ()) -> Encoded:
    """Encode mono samples of `RATE`, as `padded` makes them; `step` is called in this thread as each part is done.

    Args:
        samples: what is to be heard.
        step: called as each part is done.
        music: the samples that get a third more bytes.

    Raises:
        EncodingError: the codec's packets do not fit the samples.
    """
    parts = _parts(samples)
    is_music = _music_frames(samples.size // FRAME, music)
    packets: list[bytes] = []
    heard = np.empty(samples.size, np.float32)
    peak_dbtp = -math.inf
    make_mp3: Callable[[], bytes] = partial(_mp3, samples)
    with ThreadPoolExecutor(os.cpu_count() or 1, "encode") as pool:
        if len(parts) > 1:
            make_mp3 = pool.submit(make_mp3).result
        for part, done in zip(parts, pool.map(partial(_opus, samples, is_music), parts), strict=True):
            head = done.stream.head
            packets[part.start // FRAME :] = done.stream.packets  # over the last part's extra packet
            heard[part] = done.heard
            peak_dbtp = max(peak_dbtp, done.true_peak_dbtp)
            step()
    file = ogg.write(ogg.Stream(head, packets), samples.size * ogg.GRANULES_PER_S // RATE)
    return Encoded(file, heard, peak_dbtp, make_mp3)


def decode(data: bytes) -> tuple[Samples, int]:
    """The mono samples of an encoded sound, shape (n,), and their rate.

    Raises:
        EncodingError: it can't be decoded.
    """
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise EncodingError(str(error)) from error
    return samples, int(rate)


def _parts(samples: NDArray[np.int16]) -> list[slice]:
    """Slices that together are all samples; joints lie in silence, on the packet grid."""
    frames = samples.reshape(-1, FRAME)
    is_silent = (frames.max(axis=1) <= _SILENCE) & (frames.min(axis=1) >= -_SILENCE)
    around = np.convolve(is_silent, np.ones(_SILENT_FRAMES), "same") >= _SILENT_FRAMES
    joints = [0]
    for joint in np.flatnonzero(around).tolist():
        if min(joint - joints[-1], len(frames) - joint) >= _PART_FRAMES:
            joints.append(joint)
    return [slice(start * FRAME, stop * FRAME) for start, stop in pairwise([*joints, len(frames)])]


def _music_frames(count: int, music: Sequence[slice]) -> NDArray[np.bool_]:
    """Which packets hold music."""
    frames = np.zeros(count, np.bool_)
    for span in music:
        frames[span.start // FRAME : -(-span.stop // FRAME)] = True
    return frames


def _opus(whole: NDArray[np.int16], is_music: NDArray[np.bool_], part: slice) -> _Part:
    samples, is_music = whole[part], is_music[part.start // FRAME : part.stop // FRAME]
    for attempt in range(_OPUS_ATTEMPTS):
        stream = (
            opus.encode(samples, RATE, is_music)
            if opus.library()
            else _soundfile_opus(samples, music=bool(is_music.any()))
        )
        heard, _rate = decode(ogg.write(stream, samples.size * ogg.GRANULES_PER_S // RATE))
        peak_dbtp = true_peak_dbtp(heard)
        if peak_dbtp <= MAX_TRUE_PEAK_DBTP:
            break
        samples = to_int16(lowered_at_peaks(to_float(samples), heard, RATE, _SOFTENED_TO_DBTP - attempt))
    else:
        _log.warning("clip overshoots true_peak_dbtp=%.2f", peak_dbtp)
    expected = samples.size // FRAME + 1
    if len(stream.packets) != expected or heard.size != samples.size:
        raise EncodingError(f"{len(stream.packets)} packets and {heard.size} samples from {samples.size}")
    return _Part(stream, heard, peak_dbtp)


def _soundfile_opus(samples: NDArray[np.int16], *, music: bool) -> ogg.Stream:
    """What the encoder behind soundfile makes of a part, where the operating system has no libopus."""
    file = io.BytesIO()
    compression = _OPUS_MUSIC_COMPRESSION if music else _OPUS_COMPRESSION
    soundfile.write(file, samples, RATE, format="OGG", subtype="OPUS", compression_level=compression)
    return ogg.read(file.getvalue())


def _mp3(samples: NDArray[np.int16]) -> bytes:
    file = io.BytesIO()
    with mp3_writer(file) as mp3:
        mp3.write(samples)
    return file.getvalue()


def mp3_writer(file: io.BytesIO) -> soundfile.SoundFile:
    """An MP3 file for browsers, to be written with mono samples of `RATE`."""
    return soundfile.SoundFile(
        file,
        "w",
        RATE,
        channels=1,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=_MP3_COMPRESSION,
        bitrate_mode="VARIABLE",
    )
