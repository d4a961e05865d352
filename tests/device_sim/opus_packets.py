"""Live segments for tests: the packets of a clip, as a station that encodes as it hears would send them."""

import functools
import io

import numpy as np
import soundfile

from broadcaster.wire import ogg
from tests.wire.opus import RATE, opus_clip

PACKETS_PER_UNIT = 10
"""20 ms each."""


def units(seconds: float, seed: int = 1) -> list[bytes]:
    """The payloads of segments of 200 ms."""
    return cut(opus_clip(seconds, seed))


def cut(clip: bytes) -> list[bytes]:
    packets = ogg.packets(clip)[2:]
    pieces = [packets[n : n + PACKETS_PER_UNIT] for n in range(0, len(packets), PACKETS_PER_UNIT)]
    return [b"".join(len(packet).to_bytes(2) + packet for packet in piece) for piece in pieces]


@functools.cache
def tone(seconds: float, pitch_hz: int = 440) -> bytes:
    """A clip of a tone: any click in it stands out."""
    file, at = io.BytesIO(), np.arange(round(seconds * RATE))
    soundfile.write(file, 0.3 * np.sin(at * (2 * np.pi * pitch_hz / RATE)), RATE, format="OGG", subtype="OPUS")
    return file.getvalue()
