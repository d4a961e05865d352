"""Sirens as they are written, measured on what a speaker would decode."""

import numpy as np
import pytest
from numpy.typing import NDArray

from broadcaster import alert_tables
from broadcaster.alert_templates import Siren
from tts import encoding, siren
from tts.encoding import RATE
from tts.pcm import Samples

_FRAME_S = 0.05

pytestmark = pytest.mark.unit


def loud(samples: Samples) -> list[tuple[float, float]]:
    """When something sounds, in seconds from the beginning."""
    step = round(_FRAME_S * RATE)
    frames = samples[: samples.size // step * step].reshape(-1, step)
    sounding = np.sqrt((frames.astype(float) ** 2).mean(axis=1)) > 0.02
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sounding, [False]]).astype(int)))
    return [(float(a) * _FRAME_S, float(b) * _FRAME_S) for a, b in edges.reshape(-1, 2)]


def pitches_hz(samples: Samples, begin_s: float, until_s: float) -> NDArray[np.intp]:
    """The strongest tone of each moment."""
    size = round(0.1 * RATE)
    part = samples[round(begin_s * RATE) : round(until_s * RATE)]
    frames = part[: part.size // size * size].reshape(-1, size) * np.hanning(size)
    strongest: NDArray[np.intp] = np.abs(np.fft.rfft(frames, RATE)).argmax(axis=1)
    return strongest


@pytest.mark.parametrize(
    "of",
    [
        Siren(2, 3, 1),
        Siren(1, 1, 0),
        Siren(2, 2, 0.5, 2),
        Siren(2, 1.5, 2, low_hz=700, high_hz=700),
        Siren(1, 6, 0, low_hz=300, high_hz=1_200, sweep_s=6),
        alert_tables.load("hue").sirens["lu"],
    ],
    ids=lambda of: of.name,
)
def test_a_siren_sounds_as_it_is_written(of: Siren) -> None:
    made = siren.siren(of)
    assert made.duration_ms == pytest.approx(of.length_s * 1000 + 400, abs=40)
    assert made.true_peak_dbtp <= -1
    assert made.loudness_lufs > -16.5
    samples, _ = encoding.decode(made.opus)
    blasts = loud(samples) if of.pause_s else [(0.1, 0.1 + of.length_s)]
    assert len(blasts) == (of.blasts * of.series if of.pause_s else 1)
    assert [end - begin for begin, end in blasts] == pytest.approx([of.blast_s] * len(blasts), abs=0.11)
    begins = [begin for begin, _ in blasts]
    assert np.diff(begins) == pytest.approx(of.blast_s + of.pause_s, abs=0.06)
    heard = pitches_hz(samples, begins[0], begins[0] + of.blast_s)
    assert heard.min() == pytest.approx(of.low_hz, rel=0.12)
    assert heard.max() == pytest.approx(of.high_hz, rel=0.12)


def test_a_siren_rises_and_falls_as_often_as_it_is_written() -> None:
    for sweep_s, tops in ((6.0, 1), (2.0, 3)):
        samples, _ = encoding.decode(siren.siren(Siren(1, 6, 0, sweep_s=sweep_s)).opus)
        above = pitches_hz(samples, 0.1, 6.1) > 850
        assert (np.diff(above.astype(int)) == 1).sum() == tops


def test_a_siren_and_the_bell_are_the_same_clip_every_time() -> None:
    one = Siren(1, 1, 0)
    assert siren.siren(one).sha256 == siren.siren(one).sha256
    assert siren.bell().sha256 == siren.bell().sha256


@pytest.mark.parametrize("of", [Siren(2, 3, 1), Siren(3, 2.5, 0.5, 2), Siren(1, 1, 1e-5, low_hz=500, high_hz=500.5)])
def test_the_name_of_a_siren_says_all_of_it(of: Siren) -> None:
    assert Siren.of_name(of.name) == of


@pytest.mark.parametrize(
    "text",
    [
        "Cảnh báo khẩn cấp về bão.",
        "99999x9999s/0s x9",
        "0x3s/1s x1",
        "10x60s/30s x3",
        "2x1.2.3s/1s x1",
        "2x3s/1e-es x1",
        "2x3s/1s x1 420-99999Hz/2.5s",
    ],
)
def test_words_that_are_no_siren_of_a_table_are_not_sounded_as_one(text: str) -> None:
    assert Siren.of_name(text) is None
