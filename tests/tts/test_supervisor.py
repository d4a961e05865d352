import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tts import worker
from tts.engine import EngineUnavailableError, UnspeakableTextError
from tts.supervisor import ESPEAK_COMMAND, SupervisedEngine
from tts.voice import VOICES

NORTH = VOICES["north"]
ESPEAK = [voice for voice in VOICES.values() if voice.engine == "espeak"]
SENTENCE = "ủy ban nhân dân xã trung lộc thông báo."


def engine_of(code: str, deadline_s: float = 5.0, attempts: int = 3) -> SupervisedEngine:
    """An engine whose child speaks by `code`, the body of `speak(text, language, words_per_minute)`."""
    program = f"import os, sys, time\nfrom tts import worker\ndef speak(text, language, words_per_minute):\n    {code}\nworker.main(lambda: speak)"
    return SupervisedEngine("staged", "1", [sys.executable, "-c", program], deadline_s=deadline_s, attempts=attempts)


def test_espeak_speaks_every_voice(espeak_engine: SupervisedEngine) -> None:
    for voice in ESPEAK:
        pcm = espeak_engine.speak(SENTENCE, voice, 140)
        assert pcm.rate == 22_050
        assert 1.5 < pcm.samples.size / pcm.rate < 5
        assert not pcm.is_silent


def test_fewer_words_a_minute_take_longer(espeak_engine: SupervisedEngine) -> None:
    fast, slow = (espeak_engine.speak(SENTENCE, NORTH, rate).samples.size for rate in (200, 100))
    assert 1.5 < slow / fast < 2.5


@pytest.mark.parametrize("text", ["", "   ", "...!?", "\0"])
def test_text_without_letters_is_unspeakable(espeak_engine: SupervisedEngine, text: str) -> None:
    with pytest.raises(UnspeakableTextError):
        espeak_engine.speak(text, NORTH, 140)
    assert not espeak_engine.speak(SENTENCE, NORTH, 140).is_silent


def test_killing_the_worker_between_sentences_loses_nothing(espeak_engine: SupervisedEngine) -> None:
    espeak_engine.speak(SENTENCE, NORTH, 140)
    first = espeak_engine.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert not espeak_engine.speak(SENTENCE, NORTH, 140).is_silent
    assert espeak_engine.pid != first


def test_killing_the_worker_in_the_middle_of_a_sentence_loses_nothing() -> None:
    engine = engine_of("time.sleep(0.4); return 22_050, bytes([0, 64] * 100)")
    with ThreadPoolExecutor() as pool:
        spoken = pool.submit(engine.speak, SENTENCE, NORTH, 140)
        while engine.pid is None:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(engine.pid, signal.SIGKILL)
        assert spoken.result().samples.size == 100
    engine.close()


def test_a_hanging_worker_is_killed_at_its_deadline_and_its_reason_named() -> None:
    engine = engine_of("time.sleep(60)", deadline_s=0.3, attempts=2)
    with pytest.raises(EngineUnavailableError) as caught:
        engine.speak(SENTENCE, NORTH, 140)
    assert caught.value.engine == "staged"
    assert engine.pid is None


@pytest.mark.parametrize(
    "code",
    [
        "os._exit(3)",
        "raise ValueError('broken')",
        "os.write(3, b'garbage' * 100)",
        "return 0, bytes(100)",
        "return 22_050, bytes(101)",
    ],
    ids=["dies", "raises", "writes garbage", "no rate", "half a sample"],
)
def test_a_worker_that_always_fails_is_given_up_after_the_attempts(
    code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = engine_of(code, attempts=2, deadline_s=2.0)
    with pytest.raises(EngineUnavailableError):
        engine.speak(SENTENCE, NORTH, 140)
    assert engine.pid is None
    capfd.readouterr()


def test_what_a_library_prints_does_not_harm_the_answer() -> None:
    engine = engine_of("print('hello', flush=True); os.write(1, b'native'); return 22_050, bytes([0, 64] * 100)")
    assert engine.speak(SENTENCE, NORTH, 140).samples.size == 100
    engine.close()


def test_an_interrupted_sentence_never_answers_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of("return 22_050, bytes([0, 64] * len(text))")
    read = worker.read_frame

    def interrupted(_stream: object) -> tuple[bytes, bytes]:
        monkeypatch.setattr(worker, "read_frame", read)
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "read_frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.speak("một hai ba", NORTH, 140)
    assert engine.speak("bốn", NORTH, 140).samples.size == 3
    engine.close()


def test_a_silent_answer_is_unspeakable() -> None:
    engine = engine_of("return 22_050, bytes(200)")
    with pytest.raises(UnspeakableTextError):
        engine.speak(SENTENCE, NORTH, 140)
    engine.close()


def test_a_program_that_cannot_start_is_unavailable() -> None:
    with pytest.raises(EngineUnavailableError):
        SupervisedEngine("missing", "1", ["/nowhere/engine"]).speak(SENTENCE, NORTH, 140)


def test_a_closed_engine_is_unavailable_and_leaves_no_child(espeak_engine: SupervisedEngine) -> None:
    espeak_engine.speak(SENTENCE, NORTH, 140)
    pid = espeak_engine.pid
    espeak_engine.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EngineUnavailableError):
        espeak_engine.speak(SENTENCE, NORTH, 140)


def test_the_worker_ends_with_its_parents_pipe() -> None:
    child = subprocess.Popen(ESPEAK_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        worker.write_frame(child.stdin, worker.REQUEST, worker.request("một", "vi", 140))
        assert worker.read_frame(child.stdout)[0] == worker.SOUND
        child.stdin.close()
        assert child.wait(5) == 0


def test_threads_share_one_worker(espeak_engine: SupervisedEngine) -> None:
    heard: list[bool] = []

    def talk() -> None:
        heard.extend(not espeak_engine.speak(f"thôn {n}", NORTH, 140).is_silent for n in ("một", "hai", "ba"))

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [True] * 12


def test_a_worker_that_eats_memory_dies_of_its_own_limit(capfd: pytest.CaptureFixture[str]) -> None:
    engine = engine_of("hoard = bytearray(2**31) if 'ba' in text else b''; return 22_050, bytes([0, 64] * 100)")
    assert engine.speak("một", NORTH, 140).samples.size == 100
    with pytest.raises(EngineUnavailableError):
        engine.speak("ba", NORTH, 140)
    assert engine.speak("hai", NORTH, 140).samples.size == 100
    engine.close()
    assert "MemoryError" in capfd.readouterr().err
