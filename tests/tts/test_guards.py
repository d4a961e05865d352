import pytest

from tests.tts.test_fallback import Staged
from tts.engine import EngineUnavailableError
from tts.guards import BURST, FAILURES, LONGEST_WAIT_S, PACE_PER_S, REST_S, GuardedEngine
from tts.voice import VOICES

pytestmark = pytest.mark.unit

VOICE = VOICES["online"]


class Hands:
    """A clock that moves by hand, and by sleeping."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def guarded(engine: Staged, hands: Hands) -> GuardedEngine:
    return GuardedEngine(engine, sleep=hands.sleep, monotonic=hands.monotonic)


def test_after_a_burst_sentences_keep_the_pace() -> None:
    hands = Hands()
    engine = guarded(Staged("gtts", 900), hands)
    for _ in range(BURST + 5):
        engine.speak("một", VOICE, 140)
    assert hands.now == pytest.approx(5 / PACE_PER_S)


def test_failures_in_a_row_open_the_circuit_and_rest_closes_it() -> None:
    hands, broken = Hands(), True
    inner = Staged("gtts", 900, lambda _: broken)
    engine = guarded(inner, hands)
    for _ in range(FAILURES + 3):
        with pytest.raises(EngineUnavailableError):
            engine.speak("một", VOICE, 140)
    assert len(inner.asked) == FAILURES
    hands.now += REST_S + 1
    with pytest.raises(EngineUnavailableError):
        engine.speak("một", VOICE, 140)
    assert len(inner.asked) == FAILURES + 1
    with pytest.raises(EngineUnavailableError, match="resting"):
        engine.speak("một", VOICE, 140)
    hands.now += REST_S + 1
    broken = False
    engine.speak("một", VOICE, 140)
    engine.speak("hai", VOICE, 140)
    assert len(inner.asked) == FAILURES + 3


def test_a_wait_that_is_too_long_is_refused_at_once() -> None:
    hands = Hands()
    engine = GuardedEngine(Staged("gtts", 900), sleep=lambda _s: None, monotonic=hands.monotonic)
    for _ in range(BURST + int(LONGEST_WAIT_S * PACE_PER_S)):
        engine.speak("một", VOICE, 140)
    with pytest.raises(EngineUnavailableError, match="too often"):
        engine.speak("một", VOICE, 140)
