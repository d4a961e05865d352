import math

import numpy as np
import pytest

from tts import filters
from tts.loudness import hop_peaks, integrated_lufs, true_peak_dbtp
from tts.pcm import Samples

pytestmark = pytest.mark.unit


def sine(frequency_hz: float, rate: int, seconds: float, amplitude: float = 1.0, phase: float = 0.0) -> Samples:
    time_s = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * math.pi * frequency_hz * time_s + phase)).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_a_full_scale_sine_of_997_hz_reads_minus_3_01_lufs(rate: int) -> None:
    assert integrated_lufs(sine(997, rate, 5), rate) == pytest.approx(-3.01, abs=0.05)


def test_k_weighting_at_48_khz_is_the_table_of_the_standard() -> None:
    shelf, low_cut = filters.k_weighting(48_000)
    assert shelf.b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285))
    assert shelf.a == pytest.approx((1.0, -1.69065929318241, 0.73248077421585))
    assert low_cut.b == (1.0, -2.0, 1.0)
    assert low_cut.a == pytest.approx((1.0, -1.99004745483398, 0.99007225036621))


def test_filtering_by_spectrum_equals_the_recursion() -> None:
    noise = np.random.default_rng(1).standard_normal(70_000).astype(np.float32)
    chain = [filters.high_pass(250, 24_000), filters.peak(2500, 5, 1, 24_000)]
    expected = noise.astype(np.float64)
    for biquad in chain:
        expected = recursion(biquad, expected)
    np.testing.assert_allclose(filters.apply(chain, noise, 24_000), expected, atol=1e-5)


def recursion(biquad: filters.Biquad, samples: np.ndarray) -> np.ndarray:
    (b0, b1, b2), (_, a1, a2) = biquad.b, biquad.a
    x1 = x2 = y1 = y2 = 0.0
    filtered = []
    for x in samples.tolist():
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        x1, x2, y1, y2 = x, x1, y, y1
        filtered.append(y)
    return np.array(filtered)


def test_silence_between_does_not_lower_loudness() -> None:
    tone = sine(997, 24_000, 5, 0.1)
    with_pause = np.concatenate([tone, np.zeros(24_000 * 20, np.float32), tone])
    assert integrated_lufs(with_pause, 24_000) == pytest.approx(integrated_lufs(tone, 24_000), abs=0.3)


def test_silence_and_nothing_are_infinitely_quiet() -> None:
    for samples in (np.zeros(24_000, np.float32), np.zeros(0, np.float32)):
        assert integrated_lufs(samples, 24_000) == -math.inf
        assert true_peak_dbtp(samples) == -math.inf


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.3])
def test_a_sound_shorter_than_a_block_has_a_loudness(seconds: float) -> None:
    assert integrated_lufs(sine(997, 24_000, seconds), 24_000) == pytest.approx(-3.0, abs=2)


def test_a_peak_between_samples_is_found() -> None:
    samples = sine(6_000, 24_000, 1, phase=math.pi / 4) * np.hanning(24_000).astype(np.float32)
    assert np.abs(samples).max() < 0.708
    assert true_peak_dbtp(samples) == pytest.approx(0.0, abs=0.05)


def test_peaks_of_hops_are_the_same_in_one_block_or_many() -> None:
    noise = np.random.default_rng(2).standard_normal(600_001).astype(np.float32)
    whole = hop_peaks(noise, 24)
    tail = hop_peaks(noise[24 * 10_000 :], 24)
    np.testing.assert_array_equal(whole[10_001:], tail[1:])
    assert whole.size == math.ceil(noise.size / 24)
