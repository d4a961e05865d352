"""What was played is found in a recording: where, how much, how loud."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_sim.errors import ClipError, TimelineError
from device_sim.hearing import find_clip
from device_sim.opus import decode_clip
from device_sim.soundcard import WavCard
from device_sim.timeline import Samples, Timeline, read_timeline
from tests.device_sim.test_soundcard import EPOCH, RATE, card, run, speech, tone

pytestmark = pytest.mark.unit

__all__ = ["card"]


# Clips.


def opus(samples: Samples, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="OGG", subtype="OPUS", compression_level=0.96)
    return file.getvalue()


@pytest.mark.parametrize("made_at", [8_000, 16_000, 24_000, 48_000])
def test_a_clip_of_any_rate_is_decoded_at_the_rate_of_the_card(made_at: int) -> None:
    source = (8_000 * np.sin(2 * np.pi * 500 * np.arange(3 * made_at) / made_at)).astype(np.int16)
    clip = decode_clip(opus(source, made_at))
    assert len(clip) == 3 * RATE
    assert np.argmax(np.abs(np.fft.rfft(clip.astype(np.float64)))) / 3 == pytest.approx(500)


def test_whole_pages_of_the_beginning_are_decoded_to_the_beginning() -> None:
    data = opus(speech(5))
    whole, begun = decode_clip(data), decode_clip(data[: data.rindex(b"OggS")])
    assert 3 * RATE < len(begun) < len(whole)
    assert np.array_equal(begun, whole[: len(begun)])


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"RIFF" + bytes(100),
        b"OggS" + bytes(500),
        opus(tone(100))[:200],
        opus(np.zeros((2_400, 2), np.int16)),
    ],
    ids=["empty", "riff", "ogg", "cut", "stereo"],
)
def test_garbage_is_no_clip(garbage: bytes) -> None:
    with pytest.raises(ClipError):
        decode_clip(garbage)


def test_opus_has_five_rates() -> None:
    with pytest.raises(ValueError):
        decode_clip(opus(tone(100)), 44_100)


# Hearing.


@pytest.mark.parametrize("gain", [0.1, 1.0, 1.5])
def test_a_clip_is_found_to_the_sample_at_any_gain(card: WavCard, gain: float) -> None:
    clip = decode_clip(opus(speech(3)))
    card.advance(EPOCH)
    card.play(speech(4, seed=2), EPOCH + 200)  # another sound, louder
    card.play(clip, EPOCH + 5_000.25, gain=gain)
    run(card, 9_000)
    found = find_clip(read_timeline(card.path), clip, expected_ms=EPOCH + 5_000)
    assert found is not None
    assert found.start_ms == pytest.approx(EPOCH + 5_000.25, abs=0.001)
    assert found.error_ms == pytest.approx(0.25, abs=0.001)
    assert found.played_fraction == 1.0


def test_a_siren_is_found_though_it_repeats_itself(card: WavCard) -> None:
    card.advance(EPOCH)
    siren = tone(6_000, hertz=700)
    card.play(siren, EPOCH + 1_000)
    run(card, 8_000)
    found = find_clip(read_timeline(card.path), siren)
    assert found is not None
    assert (found.start_ms, found.played_fraction) == (EPOCH + 1_000, 1.0)


@pytest.mark.parametrize(
    ("begin", "end"), [(0.0, 0.3), (0.7, 1.0), (0.4, 0.6), (0.93, 1.0)], ids=["head", "tail", "middle", "a little"]
)
def test_a_part_is_found_in_its_place_and_measured(begin: float, end: float) -> None:
    clip = speech(20)
    samples = np.zeros(40 * RATE, np.int16)
    part = slice(round(begin * len(clip)), round(end * len(clip)))
    samples[5 * RATE :][part] = clip[part] // 2
    found = find_clip(Timeline(EPOCH, samples), clip)
    assert found is not None
    assert found.start_ms == EPOCH + 5_000
    pauses = 0.2 * (1 - (end - begin))  # of what was not played, the pauses match the silence
    assert found.played_fraction == pytest.approx(end - begin + pauses, abs=0.02)


def test_a_clip_that_began_before_the_timeline_is_found() -> None:
    clip = speech(10)
    found = find_clip(Timeline(EPOCH, clip[3 * RATE :]), clip)
    assert found is not None
    assert found.start_ms == EPOCH - 3_000
    assert found.played_fraction == pytest.approx(0.7, abs=0.01)


def test_an_underrun_shows_in_the_fraction() -> None:
    clip = speech(10)
    samples = np.concatenate((np.zeros(RATE, np.int16), clip, np.zeros(RATE, np.int16)))
    samples[4 * RATE : 5 * RATE] = 0
    found = find_clip(Timeline(EPOCH, samples), clip)
    assert found is not None
    assert found.start_ms == EPOCH + 1_000
    assert found.played_fraction == pytest.approx(0.92, abs=0.01)  # a second lost, a fifth of it pauses


def test_what_was_not_played_is_not_found() -> None:
    clip = speech(5)
    for samples in (np.zeros(20 * RATE, np.int16), speech(20, seed=9), np.zeros(0, np.int16), speech(1, seed=3)):
        assert find_clip(Timeline(EPOCH, samples), clip) is None


def test_of_two_airings_the_expected_one_is_measured() -> None:
    clip = speech(2)
    samples = np.zeros(30 * RATE, np.int16)
    for at in (3, 20):
        samples[at * RATE :][: len(clip)] = clip
    found = find_clip(Timeline(EPOCH, samples), clip, expected_ms=EPOCH + 19_990)
    assert found is not None
    assert (found.start_ms, found.error_ms) == (EPOCH + 20_000, 10)
    assert find_clip(Timeline(EPOCH, samples), clip, expected_ms=EPOCH + 10_000) is None


@pytest.mark.parametrize("name", ["noepoch.wav", "s1_1.wav", "s1_2.wav"])
def test_what_is_no_timeline_is_not_read_as_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "s1_1.wav").write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(TimelineError):
        read_timeline(tmp_path / name)
