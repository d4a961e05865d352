"""WAV files, for whoever wants to hear a sound before the speakers do."""

import wave
from pathlib import Path

from tts.pcm import Samples, to_int16


def write(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples of ±1.0 as 16 bits. Errors: OSError."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_int16(samples).tobytes())
