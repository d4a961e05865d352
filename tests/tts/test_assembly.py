import numpy as np
import pytest

from tts.assembly import AFTER_CHIME_MS, CHIME_LUFS, LEAD_MS, TAIL_MS, assemble
from tts.chime import CLOSING_S, DURATION_S, OPENING_S, closing_tune, opening_tune
from tts.pcm import Samples
from tts.settings import SpeechSettings

pytestmark = pytest.mark.unit

RATE = 24_000
MS = RATE // 1000


def tone(ms: int) -> Samples:
    return (0.9 * np.sin(2 * np.pi * 600 * np.arange(ms * MS) / RATE)).astype(np.float32)


def loud_spans_ms(samples: np.ndarray) -> list[tuple[int, int]]:
    """Beginning and end of each stretch of sound, in milliseconds."""
    loud = np.abs(samples[: samples.size // MS * MS].reshape(-1, MS)).max(axis=1) > 100
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def test_sentences_pauses_and_repeats_lie_where_they_should() -> None:
    settings = SpeechSettings(repeats=2, phrase_pause_ms=300, repeat_pause_ms=1000, chime=False)
    announcement = assemble([tone(500), tone(700), tone(600)], RATE, settings)
    one = [(0, 500), (800, 1500), (1800, 2400)]
    assert loud_spans_ms(announcement) == [
        (LEAD_MS + round_ms + start, LEAD_MS + round_ms + end) for round_ms in (0, 3400) for start, end in one
    ]
    assert announcement.size == (LEAD_MS + 3400 + 2400 + TAIL_MS) * MS


def test_the_bell_comes_once_and_first() -> None:
    with_bell = assemble([tone(500)], RATE, SpeechSettings(repeats=3))
    without = assemble([tone(500)], RATE, SpeechSettings(repeats=3, chime=False))
    assert with_bell.size - without.size == (DURATION_S * 1000 + AFTER_CHIME_MS) * MS


def test_no_sound_comes_in_the_first_tenth_of_a_second() -> None:
    assert LEAD_MS >= 100
    assert not assemble([tone(500)], RATE, SpeechSettings(chime=False))[: LEAD_MS * MS].any()


@pytest.mark.parametrize("amplitude", [0.01, 1.0])
def test_quiet_and_loud_engines_are_put_together_equally_loud_and_unclipped(amplitude: float) -> None:
    sound = tone(1000) * np.float32(amplitude)
    peak = np.abs(assemble([sound], RATE, SpeechSettings(chime=False)).astype(int)).max()
    assert peak == pytest.approx(2300, rel=0.2)


def test_tunes_stand_around_everything() -> None:
    plain = SpeechSettings(chime=False)
    opening, closing = opening_tune(RATE, CHIME_LUFS), closing_tune(RATE, CHIME_LUFS)
    bare, dressed = assemble([tone(1000)], RATE, plain), assemble([tone(1000)], RATE, plain, opening, closing)
    assert dressed.size - bare.size == round((OPENING_S + CLOSING_S + 2 * 0.4) * RATE)
    lead = round(0.2 * RATE)
    assert np.abs(dressed[lead : lead + RATE]).max() > 0
    assert np.abs(dressed[-round(0.25 * RATE) :]).max() == 0
