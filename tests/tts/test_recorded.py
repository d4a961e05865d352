import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tts.test_fallback import Staged
from tts.engine import EngineUnavailableError
from tts.recorded import INDEX, RecordedEngine
from tts.settings import SpeechSettings
from tts.speech import Speech
from tts.voice import VOICES

pytestmark = pytest.mark.unit

VOICE = VOICES["recorded"]


def record(folder: Path, sentence: str, name: str) -> None:
    folder.mkdir(exist_ok=True)
    tone = (8_000 * np.sin(2 * np.pi * 600 * np.arange(24_000) / 24_000)).astype(np.int16)
    soundfile.write(folder / Path(name).name, np.stack([tone, tone], axis=1), 24_000)
    (folder / INDEX).write_text(json.dumps({sentence: name}))


def test_a_recorded_sentence_is_found_whatever_its_capitals_and_marks(tmp_path: Path) -> None:
    record(tmp_path, "Kính mời bà con, nghe đài!", "loi.wav")
    pcm = RecordedEngine(tmp_path).speak("kính mời bà con nghe đài.", VOICE, 140)
    assert (pcm.rate, pcm.samples.size) == (24_000, 24_000)


def test_a_sentence_that_nobody_recorded_gives_the_whole_message_to_another_voice(tmp_path: Path) -> None:
    record(tmp_path / "voices", "kính mời bà con", "loi.wav")
    speech = Speech(tmp_path / "cache", Staged("espeak", 300), RecordedEngine(tmp_path / "voices"))
    settings = SpeechSettings(voice="recorded", chime=False)
    assert speech.prepare(["kính mời bà con"], settings).voice == "recorded"
    clip = speech.prepare(["kính mời bà con", "hôm nay họp"], settings)
    assert clip.voice == "north"
    assert "not recorded: hôm nay họp" in clip.reason


@pytest.mark.parametrize("index", ["", "[]", '{"a": "missing.wav"}', '{"a": "../../etc/passwd"}', '{"a": 5}'])
def test_a_broken_folder_is_an_engine_that_is_unavailable(tmp_path: Path, index: str) -> None:
    (tmp_path / INDEX).write_text(index)
    with pytest.raises(EngineUnavailableError):
        RecordedEngine(tmp_path).speak("a", VOICE, 140)
