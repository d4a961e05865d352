import numpy as np
import pytest

from tts.levelling import level, lowered_at_peaks, shaped
from tts.loudness import integrated_lufs, true_peak_dbtp
from tts.pcm import Samples

pytestmark = pytest.mark.unit

RATE = 24_000


def bursts() -> Samples:
    """Speech-like: syllables of noise with sharp peaks."""
    random = np.random.default_rng(3)
    noise = random.standard_normal(RATE * 6).astype(np.float32) * 0.05
    noise *= (np.sin(2 * np.pi * 3 * np.arange(noise.size) / RATE) > 0).astype(np.float32)
    noise[random.integers(0, noise.size, 200)] *= 8
    return noise


@pytest.mark.parametrize("target_lufs", [-16.0, -14.0])
@pytest.mark.parametrize("loudness_db", [-30.0, 0.0, 10.0])
def test_any_loudness_comes_to_the_target_under_the_ceiling(target_lufs: float, loudness_db: float) -> None:
    levelled = level(bursts() * np.float32(10 ** (loudness_db / 20)), RATE, target_lufs, -2.0)
    assert integrated_lufs(levelled, RATE) == pytest.approx(target_lufs, abs=0.5)
    assert true_peak_dbtp(levelled) <= -1.9


def test_levelling_keeps_the_length() -> None:
    assert level(bursts()[:100_001], RATE, -16.0, -2.0).size == 100_001


def test_silence_stays_silence() -> None:
    silence = np.zeros(RATE, np.float32)
    assert not level(shaped(silence, RATE, "noisy"), RATE, -14.0, -2.0).any()


def test_the_noisy_profile_cuts_the_bass_and_narrows_the_range() -> None:
    time_s = np.arange(RATE * 4) / RATE
    hum = np.sin(2 * np.pi * 80 * time_s).astype(np.float32) * np.float32(0.3)
    assert np.abs(shaped(hum, RATE, "noisy")[RATE : 2 * RATE]).max() < 0.06
    steps = np.sin(2 * np.pi * 1000 * time_s).astype(np.float32)
    steps[: 2 * RATE] *= np.float32(0.1)
    narrowed = shaped(steps, RATE, "noisy")
    loud, quiet = (np.abs(narrowed[start : start + RATE // 2]).max() for start in (3 * RATE, RATE))
    assert loud / quiet < 7
    np.testing.assert_array_equal(shaped(steps, RATE, "standard"), steps)


def test_only_the_milliseconds_around_an_overshoot_are_lowered() -> None:
    samples = np.full(RATE, 0.5, np.float32)
    heard = samples.copy()
    heard[12_000] = 1.5
    lowered = lowered_at_peaks(samples, heard, RATE, -1.0)
    assert lowered[12_000] < 0.32
    np.testing.assert_allclose(lowered[:11_500], 0.5)
    np.testing.assert_allclose(lowered[12_500:], 0.5)
