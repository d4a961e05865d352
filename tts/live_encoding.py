"""Sound to Opus packets while it happens, one encoder a stream; the only module that knows how PyAV encodes."""

from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE_HZ: Final = 24_000
FRAME_MS: Final = 20
SPEECH_BPS: Final = 24_000
MUSIC_BPS: Final = 32_000
"""Mono, as it is heard from a horn; what is worth it was measured (docs/numbers.md)."""


class LiveEncoder:
    """Samples of ``RATE_HZ``, mono, to packets of 20 ms. Sound stands 6.5 ms later in them: the encoder looks ahead."""

    def __init__(self, bitrate_bps: int = SPEECH_BPS) -> None:
        codec = av.AudioCodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = RATE_HZ, "mono", "s16"
        codec.bit_rate = bitrate_bps
        codec.options = {"frame_duration": str(FRAME_MS), "application": "audio", "compression_level": "10"}
        self._codec = codec
        self._rest: Samples = np.zeros(0, np.int16)

    def encode(self, samples: Samples) -> list[bytes]:
        """The packets that are full with these samples; what is left over waits for more."""
        joined, size = np.concatenate([self._rest, samples]), RATE_HZ * FRAME_MS // 1000
        whole = len(joined) // size * size
        self._rest = joined[whole:]
        packets: list[bytes] = []
        for first in range(0, whole, size):
            frame = av.AudioFrame.from_ndarray(joined[np.newaxis, first : first + size], format="s16", layout="mono")
            frame.sample_rate = RATE_HZ
            packets += [bytes(packet) for packet in self._codec.encode(frame)]
        return packets
