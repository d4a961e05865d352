"""A voice whose engine fails is replaced for the whole message, by the next that can speak, with its reason."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tts import encoding
from tts.engine import EngineUnavailableError
from tts.pcm import Pcm, to_int16
from tts.settings import SpeechSettings
from tts.speech import Speech
from tts.voice import VOICES, Voice

pytestmark = pytest.mark.unit

SENTENCES = ["câu một hai ba", "câu bốn năm sáu", "câu bảy tám chín"]
PIPER = SpeechSettings(voice="north-piper", chime=False)


class Staged:
    """A tone of its own pitch; `fails` decides which sentences it can't say."""

    version = "1"

    def __init__(self, name: str, pitch_hz: float, fails: Callable[[str], bool] = lambda _sentence: False) -> None:
        self.name, self.pitch_hz, self.fails = name, pitch_hz, fails
        self.asked: list[str] = []

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        self.asked.append(sentence)
        if self.fails(sentence):
            raise EngineUnavailableError(self.name, "out of order")
        tone = np.sin(2 * math.pi * self.pitch_hz * np.arange(12_000) / 24_000)
        return Pcm(to_int16((0.5 * tone).astype(np.float32)), 24_000)

    def close(self) -> None:
        self.asked.clear()


def pitches(opus: bytes) -> set[int]:
    """Which of the staged pitches are heard."""
    samples, rate = encoding.decode(opus)
    power = np.abs(np.fft.rfft(samples)) ** 2
    bins = np.fft.rfftfreq(samples.size, 1 / rate)
    loud = {pitch: power[np.abs(bins - pitch) < 15].sum() for pitch in (300, 600, 900)}
    return {pitch for pitch, value in loud.items() if value > 0.05 * max(loud.values())}


def test_a_voice_that_fails_in_the_middle_never_leaves_a_mixed_message(tmp_path: Path) -> None:
    piper = Staged("piper", 600, lambda sentence: "bảy" in sentence)
    clip = Speech(tmp_path, Staged("espeak", 300), piper).prepare(SENTENCES, PIPER)
    assert pitches(clip.opus) == {300}
    assert clip.voice == "north-female"
    assert clip.reason == "piper: out of order"


def test_a_voice_that_speaks_has_no_reason(tmp_path: Path) -> None:
    clip = Speech(tmp_path, Staged("espeak", 300), Staged("piper", 600)).prepare(SENTENCES, PIPER)
    assert (clip.voice, clip.reason, pitches(clip.opus)) == ("north-piper", "", {600})


def test_a_voice_that_is_not_installed_is_replaced_and_said_to_be_so(tmp_path: Path) -> None:
    speech = Speech(tmp_path, Staged("espeak", 300))
    clip = speech.prepare(SENTENCES, PIPER)
    assert (clip.voice, clip.reason) == ("north-female", "piper: not installed")
    assert not speech.offers("north-piper")


def test_the_order_of_the_fallbacks_is_kept_and_every_reason_told(tmp_path: Path) -> None:
    engines = (Staged("gtts", 900, lambda _: True), Staged("piper", 600, lambda _: True))
    clip = Speech(tmp_path, Staged("espeak", 300), *engines).prepare(SENTENCES, SpeechSettings(voice="online"))
    assert clip.voice == "north-female"
    assert clip.reason == "gtts: out of order; piper: out of order"


def test_when_nobody_speaks_the_last_reason_is_raised(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError):
        Speech(tmp_path, Staged("espeak", 300, lambda _: True)).prepare(SENTENCES, SpeechSettings())


def test_progress_ends_at_its_total_after_a_fallback(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    piper = Staged("piper", 600, lambda sentence: "bốn" in sentence)
    Speech(tmp_path, Staged("espeak", 300), piper).prepare(SENTENCES, PIPER, lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1]
    assert all(done <= total for done, total in told)


def test_sentence_by_sentence_keeps_the_voice_of_the_first(tmp_path: Path) -> None:
    piper = Staged("piper", 600, lambda sentence: "bảy" in sentence)
    clips = Speech(tmp_path, Staged("espeak", 300), piper).each(SENTENCES, PIPER)
    assert [next(clips).voice, next(clips).voice] == ["north-piper", "north-piper"]
    with pytest.raises(EngineUnavailableError):
        next(clips)


def test_the_chain_of_every_voice_ends_in_one_that_is_always_there() -> None:
    for key, voice in VOICES.items():
        assert key not in voice.fallbacks
        assert voice.engine == "espeak" or VOICES[voice.fallbacks[-1]].engine == "espeak"
