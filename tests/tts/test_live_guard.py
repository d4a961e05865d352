"""A live voice is brought to a level and kept under the ceiling, however it comes in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.opus import PacketDecoder
from tests.streams import programme
from tts.live_encoding import RATE_HZ, LiveEncoder, LiveResampler, Samples
from tts.live_guard import CEILING_DBTP, LiveGuard
from tts.loudness import true_peak_dbtp
from tts.pcm import to_float

pytestmark = pytest.mark.unit

VOICE = programme(6)


def guarded(samples: Samples, sizes: list[int]) -> Samples:
    guard, at, parts, turn = LiveGuard(), 0, [], 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        parts.append(guard.take(samples[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*parts, guard.finish()])


def decibels(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(to_float(samples)))))


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(700, 30_000), min_size=1, max_size=5))
def test_every_sample_comes_out_once_and_none_is_too_loud_however_it_is_cut(sizes: list[int]) -> None:
    shouted = (np.clip(VOICE[:RATE_HZ].astype(int) * 6, -32_768, 32_767)).astype(np.int16)
    out = guarded(shouted, sizes)
    assert len(out) == len(shouted)
    assert true_peak_dbtp(to_float(out)) < CEILING_DBTP + 0.3
    assert out[0] == out[-1] == 0


@pytest.mark.parametrize("factor", [0.1, 1.0, 3.0])
def test_a_whisper_and_a_shout_come_out_much_alike(factor: float) -> None:
    spoken = (np.clip(VOICE * factor, -32_768, 32_767)).astype(np.int16)
    out = guarded(spoken, [4_800])[RATE_HZ * 3 :]
    assert -28 < decibels(out) < -17


def test_no_seam_is_heard_between_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveGuard, "_gains", lambda _, sound: np.full_like(sound, 9))
    bursts = np.repeat(np.random.default_rng(2).choice([0.1, 1], 200), 120)  # the limiter has work all the time
    spoken = (VOICE[: len(bursts)] * bursts).astype(np.int16)
    whole = guarded(spoken, [len(spoken)]).astype(int)
    for sizes in ([4_800], [1_003, 7_001]):
        assert np.abs(guarded(spoken, sizes) - whole).max() <= 1


def test_silence_stays_silence_and_is_counted_until_somebody_speaks() -> None:
    guard = LiveGuard()
    assert not guard.take(np.full(RATE_HZ * 2, 3, np.int16)).max() > 30
    assert guard.silent_ms == 2_000
    guard.take(VOICE[:4_800])
    assert guard.silent_ms == 0


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_any_rate_becomes_ours_without_a_seam(rate: int) -> None:
    tone = (9_000 * np.sin(2 * np.pi * 300 * np.arange(rate * 2) / rate)).astype(np.int16)
    resampler = LiveResampler(rate)
    out = np.concatenate([resampler.take(tone[at : at + rate // 5]) for at in range(0, len(tone), rate // 5)])
    assert abs(len(out) - RATE_HZ * 2) < RATE_HZ // 100
    assert np.abs(np.diff(out[500:-500].astype(int))).max() < 800


def test_the_last_sample_is_in_the_last_packet() -> None:
    encoder, click = LiveEncoder(), np.zeros(RATE_HZ // 2 + 7, np.int16)
    click[-240:] = 12_000
    packets = encoder.encode(click) + encoder.finish()
    heard = PacketDecoder().decode(tuple(packets)).astype(int)
    assert np.abs(heard[len(click) - 240 :]).max() > 6_000
    assert len(packets) == 27
