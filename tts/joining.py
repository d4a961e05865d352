"""Finished clips, one after the other, as one clip: the very packets that speakers have for each, so nothing is encoded twice."""

import hashlib
import io
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from tts import encoding, ogg
from tts.encoding import FRAME, RATE
from tts.pcm import to_int16
from tts.speech import PreparedClip

_FRAME_MS: Final = FRAME * 1000 // RATE


def length_ms(opus: bytes) -> int:
    """How long a clip of ours is: its last packet belongs to the encoder's delay. Errors: OggError."""
    return (len(ogg.read(opus).packets) - 1) * _FRAME_MS


def join(clips: Sequence[bytes]) -> PreparedClip:
    """One clip of several, each a whole Ogg Opus file of ours; every clip begins and ends in silence, where joints are not heard.

    The MP3 for browsers is made of what speakers will hear. Loudness and peak are those of the parts and not measured again.

    Errors: OggError, EncodingError.
    """
    streams = [ogg.read(clip) for clip in clips]
    if len({stream.head for stream in streams}) != 1:  # some are from before the station had its present encoder
        streams = [_encoded_anew(clip) for clip in clips]
    packets = [packet for stream in streams for packet in stream.packets[:-1]]
    packets.append(streams[-1].packets[-1])
    opus = ogg.write(ogg.Stream(streams[0].head, packets), (len(packets) - 1) * ogg.PACKET_GRANULES)
    return PreparedClip(
        sha256=hashlib.sha256(opus).hexdigest(),
        opus=opus,
        make_mp3=partial(_mp3, clips),
        duration_ms=(len(packets) - 1) * _FRAME_MS,
        loudness_lufs=float("nan"),
        true_peak_dbtp=float("nan"),
    )


def _encoded_anew(clip: bytes) -> ogg.Stream:
    samples, _rate = encoding.decode(clip)
    return ogg.read(encoding.encode(encoding.padded(to_int16(samples)), lambda: None).opus)


def _mp3(clips: Sequence[bytes]) -> bytes:
    """Clip by clip: a programme of an hour does not fit into a small PC's memory at once."""
    file = io.BytesIO()
    with encoding.mp3_writer(file) as mp3:
        for clip in clips:
            samples, _rate = encoding.decode(clip)
            mp3.write(to_int16(samples))
    return file.getvalue()


def silence(length_ms: int) -> bytes:
    """A clip in which nothing is heard, a whole number of packets long."""
    return encoding.encode(np.zeros(length_ms // _FRAME_MS * FRAME, np.int16), lambda: None).opus
