import numpy as np
import pytest

from tts.chime import DURATION_S, chime
from tts.loudness import integrated_lufs

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_the_bell_has_its_length_loudness_and_a_soft_beginning_and_end(rate: int) -> None:
    bell = chime(rate, -28.0)
    assert bell.size == DURATION_S * rate
    assert integrated_lufs(bell, rate) == pytest.approx(-28.0, abs=0.05)
    assert abs(bell[0]) < 1e-6
    assert np.abs(bell[-rate // 100 :]).max() < 1e-3


def test_the_bell_is_the_same_every_time() -> None:
    first = chime(24_000, -20.0)
    chime.cache_clear()
    np.testing.assert_array_equal(first, chime(24_000, -20.0))
