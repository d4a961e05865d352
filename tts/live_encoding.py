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
_FRAME: Final = RATE_HZ * FRAME_MS // 1000


def _frame(samples: Samples, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = rate
    return frame


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
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) // _FRAME * _FRAME
        self._rest = joined[whole:]
        packets: list[bytes] = []
        for first in range(0, whole, _FRAME):
            packets += [bytes(packet) for packet in self._codec.encode(_frame(joined[first : first + _FRAME], RATE_HZ))]
        return packets

    def finish(self) -> list[bytes]:
        """What is left over, filled up with silence, and one packet in which its last sample arrives."""
        return self.encode(np.zeros(2 * _FRAME - len(self._rest), np.int16))


class LiveResampler:
    """Samples of any rate to ``RATE_HZ`` while they come, without a seam."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)

    def take(self, samples: Samples) -> Samples:
        """What is ready of these samples; the last few wait for more."""
        if self._rate_hz == RATE_HZ or not len(samples):
            return samples
        ready = self._resampler.resample(_frame(samples, self._rate_hz))
        return np.concatenate([np.zeros(0, np.int16), *(frame.to_ndarray()[0] for frame in ready)])
