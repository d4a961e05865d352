"""Real sound files for tests, made by real encoders."""

import struct
from io import BytesIO
from typing import Final, cast

import av
import numpy as np
from numpy.typing import NDArray

RATE: Final = 48_000
KINDS: Final = {
    "bulletin.wav": ("wav", "pcm_s16le"),
    "bulletin.mp3": ("mp3", "libmp3lame"),
    "bulletin.flac": ("flac", "flac"),
    "bulletin.opus": ("ogg", "libopus"),
    "Ghi âm mới 12.m4a": ("ipod", "aac"),
    "lossless.m4a": ("ipod", "alac"),
    "recording.aac": ("adts", "aac"),
    "phone.3gp": ("3gp", "aac"),
    "browser.webm": ("webm", "libopus"),
}
"""File name → container and coder of PyAV."""


def melody(seconds: float, rate: int = RATE) -> NDArray[np.int16]:
    """A sound that is nowhere like itself: a rising tone, louder and softer."""
    time_s = np.arange(round(seconds * rate)) / rate
    pitch = 300 + 400 * time_s / max(seconds, 0.1)
    wave = 0.4 * np.sin(2 * np.pi * pitch * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * 1.3 * time_s))
    return (wave * 32767).astype(np.int16)


def encoded(container: str, coder: str, samples: NDArray[np.int16], rate: int = RATE, channels: int = 1) -> bytes:
    """A file with the sound in each of its channels."""
    file = BytesIO()
    layout = "mono" if channels == 1 else "stereo"
    with av.open(file, "w", format=container) as output:
        stream = cast("av.AudioStream", output.add_stream(coder, rate=rate))
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, channels).reshape(1, -1), "s16", layout)
        frame.rate = rate
        for packet in stream.encode(frame):
            output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return file.getvalue()


def amr(seconds: float = 2.0) -> bytes:
    """What an old phone's recorder makes."""
    return encoded("amr", "libopencore_amrnb", melody(seconds, 8_000), 8_000)


def made(name: str, seconds: float = 2.0) -> bytes:
    """The file of `KINDS` with this name."""
    return encoded(*KINDS[name], melody(seconds))


def wav_header_only(seconds: int, rate: int = RATE) -> bytes:
    """A WAV file that promises more than it has."""
    size = seconds * rate * 2
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + b"data" + struct.pack("<I", size) + b"\1\2" * 2000
