import numpy as np
import pytest

from tts import tunes
from tts.encoding import RATE

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", tunes.TUNES)
def test_a_tune_sounds_all_the_way_begins_at_once_and_ends_in_silence(name: str) -> None:
    pcm = tunes.play(name)
    samples = pcm.samples.astype(float) / 32768
    assert pcm.rate == RATE
    assert 6 < samples.size / RATE < 15
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)
    assert np.abs(samples[: RATE // 20]).max() > 0.05
    assert np.abs(samples[-RATE // 50 :]).max() < 0.01
    halves = samples[: (samples.size - 4 * RATE) // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2)
    assert np.abs(halves).max(axis=1).min() > 0.02


def test_a_tune_is_in_tune() -> None:
    samples = tunes.play("morning").samples[: int(0.4 * RATE)].astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 1 << 17))
    pitch_hz = np.fft.rfftfreq(1 << 17, 1 / RATE)
    wanted = 440 * 2 ** ((67 - 69) / 12)
    near = (pitch_hz > wanted * 0.9) & (pitch_hz < wanted * 1.1)
    assert pitch_hz[near][spectrum[near].argmax()] == pytest.approx(wanted, rel=0.015)


def test_a_tune_is_the_same_every_time() -> None:
    assert np.array_equal(tunes.play("closing").samples, tunes.play("closing").samples)
