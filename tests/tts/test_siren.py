import pytest

from tts import siren

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("blasts", "blast_s", "pause_s", "seconds"), [(2, 3, 1, 7), (1, 1, 0, 1)])
def test_a_siren_lasts_as_long_as_its_blasts_and_pauses(
    blasts: int, blast_s: float, pause_s: float, seconds: float
) -> None:
    made = siren.siren(blasts, blast_s, pause_s)
    assert made.duration_ms == pytest.approx(seconds * 1000 + 400, abs=40)
    assert made.true_peak_dbtp <= -1
    assert made.loudness_lufs > -16.5
    assert made.opus[:4] == b"OggS"


def test_a_siren_and_the_bell_are_the_same_clip_every_time() -> None:
    assert siren.siren(1, 1, 0).sha256 == siren.siren(1, 1, 0).sha256
    assert siren.bell().sha256 == siren.bell().sha256
