import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.pcm import Pcm, resample, to_float, to_int16

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("to_rate", [16_000, 24_000, 48_000])
def test_a_tone_survives_resampling(to_rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050).astype(np.float32)
    expected = np.sin(2 * np.pi * 1000 * np.arange(to_rate) / to_rate)
    np.testing.assert_allclose(resample(tone, 22_050, to_rate)[500:-500], expected[500:-500], atol=1e-3)


@given(st.integers(0, 5_000), st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100]))
def test_resampling_keeps_the_duration_to_a_sample(size: int, rate: int) -> None:
    assert abs(resample(np.ones(size, np.float32), rate, 24_000).size - size * 24_000 / rate) < 1


def test_sixteen_bits_round_trip_and_clip() -> None:
    samples = np.arange(-32_768, 32_768).astype(np.int16)
    np.testing.assert_array_equal(to_int16(to_float(samples)), samples)
    np.testing.assert_array_equal(to_int16(np.array([2.0, -2.0], np.float32)), [32_767, -32_768])


def test_silence_is_known() -> None:
    assert Pcm(np.zeros(10, np.int16), 22_050).is_silent
    assert Pcm(np.zeros(0, np.int16), 22_050).is_silent
    assert not Pcm(np.array([-32_768], np.int16), 22_050).is_silent
