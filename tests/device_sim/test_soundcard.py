import math
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.errors import TimelineError
from device_sim.hearing import find_clip
from device_sim.soundcard import CardEvent, Finished, Level, Started, Stopped, Underrun, WavCard
from device_sim.timeline import Samples, read_timeline

pytestmark = pytest.mark.unit

EPOCH = 1_800_000_000_000
RATE = 24_000
PER_MS = 24


@pytest.fixture
def card(tmp_path: Path) -> Iterator[WavCard]:
    with WavCard(tmp_path, "s1", EPOCH) as card:
        yield card


def tone(ms: float, amplitude: int = 8_000, hertz: float = 440) -> Samples:
    return (amplitude * np.cos(2 * np.pi * hertz * np.arange(round(ms * PER_MS)) / RATE)).astype(np.int16)


def speech(seconds: float, seed: int = 1) -> Samples:
    """Noise in syllables, with a pause of a tenth of a second in each."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.normal(0, 4_000, round(seconds * RATE)), np.ones(8) / 3, "same")
    syllable = (np.arange(len(noise)) % (RATE // 2)) < RATE * 2 // 5
    return np.clip(noise * syllable, -32_000, 32_000).astype(np.int16)


def run(card: WavCard, until_ms: float, *, since_ms: float = 0, step_ms: float = 20) -> list[CardEvent]:
    events: list[CardEvent] = []
    now = since_ms
    while now <= until_ms:
        events += card.advance(EPOCH + now)
        now += step_ms
    return events


def heard(card: WavCard) -> Samples:
    return read_timeline(card.path).samples


def test_a_sound_stands_at_its_sample_and_nothing_around_it(card: WavCard) -> None:
    card.advance(EPOCH)
    sound = tone(300)
    handle = card.play(sound, EPOCH + 1_000.5)
    events = run(card, 2_000)
    start = round(1_000.5 * PER_MS)
    assert np.array_equal(heard(card)[start : start + len(sound)], sound)
    assert not heard(card)[:start].any()
    assert not heard(card)[start + len(sound) :].any()
    assert events == [
        Started(handle, EPOCH + 1_000.5, skipped=0),
        Finished(handle, EPOCH + 1_300.5, played=len(sound), lost=0),
    ]


@given(st.lists(st.floats(1, 140), min_size=1, max_size=30), st.floats(0, 500))
def test_the_rhythm_of_advance_does_not_change_the_sound(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], start: float
) -> None:
    with WavCard(tmp_path_factory.mktemp("card"), "s1", EPOCH) as card:
        card.advance(EPOCH)
        sound = tone(400)
        card.play(sound, EPOCH + 150 + start)
        now = 0.0
        for step in steps:
            now += step
            card.advance(EPOCH + now)
        run(card, 1_200, since_ms=now)
        assert np.array_equal(np.trim_zeros(heard(card)), sound)
        assert card.underrun_samples == card.late_samples == 0


def test_nothing_is_started_or_finished_before_the_device_has_played_it(card: WavCard) -> None:
    card.advance(EPOCH)
    card.play(tone(100), EPOCH + 200)
    assert run(card, 200) == []  # written, not yet heard
    assert [type(event) for event in card.advance(EPOCH + 201)] == [Started]
    assert run(card, 299, since_ms=202) == []
    assert [type(event) for event in card.advance(EPOCH + 300)] == [Finished]


def test_gain_scales_and_sounds_mix_without_wrapping(card: WavCard) -> None:
    card.advance(EPOCH)
    card.play(np.full(2_400, 20_000, np.int16), EPOCH + 200, gain=0.5)
    card.play(np.full(2_400, 30_000, np.int16), EPOCH + 250)
    run(card, 500)
    out = heard(card)
    assert (out[200 * PER_MS], out[260 * PER_MS], out[310 * PER_MS]) == (10_000, 32_767, 30_000)


def test_a_start_in_the_past_is_joined_in_position_with_a_fade(card: WavCard) -> None:
    run(card, 1_000)
    sound = tone(1_000)
    handle = card.play(sound, EPOCH + 800)
    events = run(card, 2_000, since_ms=1_010)
    joined = 1_150  # the buffer was full up to here
    skipped = (joined - 800) * PER_MS
    out = heard(card)
    assert not out[: joined * PER_MS].any()
    assert np.abs(out[joined * PER_MS : joined * PER_MS + 24]).max() < 1_000  # the fade begins
    clean = slice((joined + 10) * PER_MS, 1_800 * PER_MS)
    assert np.array_equal(out[clean], sound[skipped + 240 :])
    assert events == [
        Started(handle, EPOCH + joined, skipped),
        Finished(handle, EPOCH + 1_800, len(sound) - skipped, lost=skipped),
    ]
    assert card.late_samples == skipped


def test_a_sound_wholly_too_late_was_never_heard(card: WavCard) -> None:
    run(card, 1_000)
    handle = card.play(tone(100), EPOCH + 500)
    assert run(card, 1_100, since_ms=1_010) == [Finished(handle, EPOCH + 600, played=0, lost=2_400)]
    assert not heard(card).any()


def test_the_earliest_start_loses_nothing(card: WavCard) -> None:
    run(card, 1_000)
    sound = tone(50)
    handle = card.play(sound, card.earliest_ms)
    assert run(card, 1_400, since_ms=1_010)[1] == Finished(handle, EPOCH + 1_200, len(sound), lost=0)


def test_an_underrun_leaves_silence_and_the_sound_goes_on_in_position(card: WavCard) -> None:
    card.advance(EPOCH)
    sound = tone(1_000)
    handle = card.play(sound, EPOCH + 100)
    events = run(card, 400)
    events += run(card, 2_000, since_ms=800)  # fed up to 550, then nobody came until 800
    out, hole = heard(card), slice(550 * PER_MS, 800 * PER_MS)
    expected = np.concatenate((np.zeros(100 * PER_MS, np.int16), sound))
    expected[hole] = 0
    expected[100 * PER_MS : 150 * PER_MS] = out[100 * PER_MS : 150 * PER_MS]  # the device had these when it was queued
    assert np.array_equal(out[160 * PER_MS : len(expected)], expected[160 * PER_MS :])
    assert Underrun(handle, EPOCH + 550, 6_000) in events
    assert events[-1] == Finished(handle, EPOCH + 1_100, played=24_000 - 6_000 - 1_200, lost=6_000 + 1_200)
    assert (card.underrun_samples, card.late_samples) == (6_000, 1_200)


def test_an_idle_card_has_no_underrun(card: WavCard) -> None:
    card.advance(EPOCH)
    assert card.advance(EPOCH + 60_000) == []
    assert card.underrun_samples == 0


def test_stop_fades_for_5_ms_behind_what_the_device_has(card: WavCard) -> None:
    card.advance(EPOCH)
    handle = card.play(np.full(24_000, 10_000, np.int16), EPOCH + 200)
    other = card.play(tone(100), EPOCH + 5_000)
    run(card, 400)
    card.stop(handle, EPOCH + 400)
    card.stop(handle, EPOCH + 401)  # again is harmless
    events = run(card, 600, since_ms=410)
    out = heard(card)
    assert out[550 * PER_MS - 1] == 10_000
    fade = out[550 * PER_MS : 555 * PER_MS].astype(int)
    assert (np.diff(fade) < 0).all()
    assert not out[555 * PER_MS :].any()
    assert events == [Stopped(handle, EPOCH + 555, played=355 * PER_MS, lost=0)]
    card.stop(None, EPOCH + 600)
    assert run(card, 800, since_ms=610) == [Stopped(other, EPOCH + 740, played=0, lost=0)]
    assert card.idle


def test_a_stop_after_the_last_sample_was_fed_is_a_finish(card: WavCard) -> None:
    card.advance(EPOCH)
    handle = card.play(tone(100), EPOCH + 200)
    run(card, 200)
    card.stop(None, EPOCH + 200)
    assert run(card, 400, since_ms=220)[1] == Finished(handle, EPOCH + 300, 2_400, lost=0)


def test_silence_costs_no_disk_and_the_header_is_right_at_every_moment(card: WavCard) -> None:
    card.advance(EPOCH)
    for second in range(1, 1_800, 2):
        card.advance(EPOCH + second * 1_000)
        if second % 301 == 0:
            with wave.open(str(card.path)) as file:
                assert file.getnframes() >= (second - 3) * RATE
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
    card.play(tone(100), card.earliest_ms)
    run(card, 1_800_000, since_ms=1_799_010)
    status = card.path.stat()
    assert status.st_size > 1_799 * RATE * 2
    assert status.st_blocks * 512 < 100_000


def test_a_kill_leaves_a_playable_file_with_all_that_was_written(card: WavCard) -> None:
    card.advance(EPOCH)
    sound = tone(5_000)
    card.play(sound, EPOCH + 200)
    run(card, 4_990)  # and here the process dies: nothing is closed
    with wave.open(str(card.path)) as file:
        told = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert len(told) > 2_900 * PER_MS
    assert np.array_equal(told[200 * PER_MS :], sound[: len(told) - 200 * PER_MS])
    assert len(heard(card)) >= 4_980 * PER_MS


def test_close_settles_the_header_and_twice_is_harmless(card: WavCard) -> None:
    run(card, 500)
    card.close()
    card.close()
    with wave.open(str(card.path)) as file:
        assert file.getnframes() == 650 * PER_MS


def test_a_timeline_rolls_after_its_hour_only_when_idle(tmp_path: Path) -> None:
    with WavCard(tmp_path, "s1", EPOCH, roll_ms=1_000) as card:
        card.advance(EPOCH)
        first, sound = card.path, tone(1_500)
        card.play(sound, EPOCH + 200)
        run(card, 1_600)
        assert card.path == first
        run(card, 1_800, since_ms=1_620)
        assert card.path != first
        assert card.path.name == f"s1_{card.epoch_ms}.wav"
        handle = card.play(sound, card.earliest_ms)
        at = card.earliest_ms
        assert run(card, 3_700, since_ms=1_810)[0] == Started(handle, at, skipped=0)
    assert len(list(tmp_path.iterdir())) >= 2
    found = [find_clip(read_timeline(path), sound) for path in sorted(tmp_path.iterdir())]
    assert [one.start_ms for one in found if one is not None] == [EPOCH + 200, at]


def test_a_clock_set_back_begins_a_timeline_and_cuts_what_sounds(tmp_path: Path) -> None:
    with WavCard(tmp_path, "s1", EPOCH) as card:
        run(card, 10_000)
        cut = card.play(tone(3_000), EPOCH + 10_200)
        run(card, 11_000, since_ms=10_020)
        assert run(card, 11_100, since_ms=10_900, step_ms=20) == []  # a small step is waited for
        back = EPOCH - 60_000
        assert card.advance(back) == [Stopped(cut, EPOCH + 11_250, played=1_050 * PER_MS, lost=0)]
        assert card.epoch_ms == back
        handle = card.play(tone(100), back + 200)
        card.advance(back + 100)
        assert Started(handle, back + 200, skipped=0) in card.advance(back + 240)


def test_a_timeline_is_never_overwritten(tmp_path: Path, card: WavCard) -> None:
    with pytest.raises(TimelineError):
        WavCard(tmp_path, "s1", EPOCH)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 2), np.int16), np.zeros(3, np.int32)])
def test_only_one_row_of_int16_is_played(card: WavCard, bad: Samples) -> None:
    with pytest.raises(ValueError):
        card.play(bad, EPOCH)


def test_a_gain_is_a_number_from_0_up_and_a_rate_whole_samples_a_millisecond(card: WavCard, tmp_path: Path) -> None:
    for gain in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError):
            card.play(tone(1), EPOCH, gain)
    with pytest.raises(ValueError):
        WavCard(tmp_path, "s2", EPOCH, rate=22_050)


def test_the_level_is_of_the_sound_and_not_of_the_pauses(card: WavCard) -> None:
    card.advance(EPOCH)
    card.play(tone(1_000, amplitude=16_384, hertz=1_000), EPOCH + 200)
    run(card, 5_000)
    level = card.level_dbfs()
    assert level.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert level.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert level.samples == RATE
    assert card.level_dbfs() == Level(-96.0, -96.0, 0)


def test_played_but_silent_shows_in_the_level(card: WavCard) -> None:
    card.advance(EPOCH)
    card.play(tone(100), EPOCH + 200, gain=0.0)
    events = run(card, 500)
    assert isinstance(events[-1], Finished)
    assert card.level_dbfs() == Level(-96.0, -96.0, 2_400)
