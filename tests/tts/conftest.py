import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tts.engine import UnspeakableTextError
from tts.pcm import Pcm, to_int16
from tts.speech import Speech
from tts.supervisor import SupervisedEngine, espeak
from tts.voice import Voice


class ToneEngine:
    """A tone for every word; a sentence without letters has no sound. Remembers what it was asked."""

    name = "tone"
    version = "1"

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.closed = False

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        if not any(map(str.isalpha, sentence)):
            raise UnspeakableTextError(sentence)
        self.spoken.append(sentence)
        rate = 22_050
        time_s = np.arange(round(len(sentence.split()) * 60 / words_per_minute * rate)) / rate
        pitch_hz = 300 + len(voice.language) * 20
        return Pcm(to_int16((0.5 * np.sin(2 * math.pi * pitch_hz * time_s)).astype(np.float32)), rate)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def tone_engine() -> ToneEngine:
    return ToneEngine()


@pytest.fixture
def tones(tmp_path: Path, tone_engine: ToneEngine) -> Speech:
    return Speech(tmp_path, tone_engine)


@pytest.fixture
def espeak_engine() -> Iterator[SupervisedEngine]:
    engine = espeak()
    yield engine
    engine.close()
