"""Live segments on a card: what is in its file, with seams, gaps, a sudden end, and a clock that is corrected."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from device_sim.actions import PlayUnit
from device_sim.errors import ClipError
from device_sim.hearing import find_clip
from device_sim.live_sound import LivePlayer, LiveSounded
from device_sim.opus import PacketDecoder, decode_clip, packet_ms
from device_sim.soundcard import WavCard
from device_sim.stream import split
from device_sim.timeline import Timeline, read_timeline
from tests.device_sim.opus_packets import cut, tone, units
from tests.wire.opus import RATE, opus_clip

pytestmark = pytest.mark.unit

BEGIN = 1_795_237_200_000
UNIT_MS = 200
HAND_MS = 400
LOUDEST_STEP = 0.15
"""Between two samples of 440 Hz the step is 0.115 of the peak."""


def play(folder: Path, given: Iterable[PlayUnit], until_ms: int = 4_000) -> tuple[Timeline, list[LiveSounded]]:
    """Hand each segment over 400 ms ahead, and run the card in beats of 50 ms."""
    card = WavCard(folder, "s", BEGIN, RATE)
    player, waiting, told = LivePlayer(card, RATE), list(given), []
    for now in range(BEGIN, BEGIN + until_ms, 50):
        while waiting and waiting[0].start_at - HAND_MS <= now:
            player.play(waiting.pop(0), now)
        player.feed(now)
        for event in card.advance(now):
            player.take(event)
        told += player.told()
    card.close()
    return read_timeline(card.path), told


def segments(seconds: float, missing: Iterable[int] = (), payloads: Iterable[bytes] = ()) -> list[PlayUnit]:
    return [
        PlayUnit("mic", number, BEGIN + 1_000 + UNIT_MS * number, split(payload), 100)
        for number, payload in enumerate(payloads or units(seconds))
        if number not in set(missing)
    ]


def part(heard: Timeline, begin_ms: float, until_ms: float) -> np.ndarray:
    return heard.samples[round(begin_ms * RATE / 1000) : round(until_ms * RATE / 1000)].astype(np.float64)


def loudness(heard: Timeline, begin_ms: float, until_ms: float) -> float:
    return float(np.sqrt(np.mean(part(heard, begin_ms, until_ms) ** 2)))


def steps(heard: Timeline, at_ms: float) -> float:
    """The largest step between samples around a seam, as a share of the peak around it."""
    around = part(heard, at_ms - 2, at_ms + 2)
    return float(np.abs(np.diff(around)).max() / max(1.0, np.abs(part(heard, at_ms - 50, at_ms + 50)).max()))


def test_segments_joined_are_the_clip_to_the_sample_and_everything_heard_is_told(tmp_path: Path) -> None:
    heard, told = play(tmp_path, segments(2))
    found = find_clip(heard, decode_clip(opus_clip(2)), expected_ms=BEGIN + 1_000)
    assert found is not None
    assert found.played_fraction > 0.97  # the first 10 ms fade in
    assert found.error_ms == pytest.approx(6.5, abs=0.1)  # the encoder's look-ahead, which a clip's header tells
    assert told[0] == LiveSounded("mic", BEGIN + 1_000)
    assert sum(one.played_ms or 0 for one in told) == 2_010


def test_a_lost_segment_is_concealed_without_a_step_and_the_next_ones_are_in_their_place(tmp_path: Path) -> None:
    heard, told = play(tmp_path, segments(2, missing={4}))
    assert loudness(heard, 1_800, 1_840) > 0.3 * loudness(heard, 1_750, 1_800)
    assert loudness(heard, 1_950, 2_000) < 0.2 * loudness(heard, 1_750, 1_800)
    found = find_clip(heard, decode_clip(opus_clip(2)), expected_ms=BEGIN + 1_000)
    assert found is not None
    assert found.played_fraction > 0.8
    assert found.error_ms == pytest.approx(6.5, abs=0.1)
    assert sum(one.played_ms or 0 for one in told) == 2_010 - UNIT_MS  # what was made up was not heard


def test_neither_a_seam_nor_a_gap_clicks(tmp_path: Path) -> None:
    heard, _ = play(tmp_path, segments(2, missing={4}, payloads=cut(tone(2))))
    assert max(steps(heard, at) for at in range(1_200, 2_800, UNIT_MS)) < LOUDEST_STEP


def test_a_stream_that_dies_fades_out_and_then_there_is_silence(tmp_path: Path) -> None:
    heard, _ = play(tmp_path, segments(1, payloads=cut(tone(1)))[:3])
    assert loudness(heard, 1_600, 1_620) > 0
    assert np.abs(part(heard, 1_699, 1_700)).max() < 100
    assert steps(heard, 1_600) < LOUDEST_STEP
    assert not part(heard, 1_701, 4_000).any()


def test_after_a_long_gap_it_comes_back_in_its_place(tmp_path: Path) -> None:
    heard, _ = play(tmp_path, segments(3, missing=range(3, 10)), until_ms=5_000)
    assert not part(heard, 2_100, 2_999).any()
    found = find_clip(heard, decode_clip(opus_clip(3)), expected_ms=BEGIN + 1_000)
    assert found is not None
    assert found.error_ms == pytest.approx(6.5, abs=0.1)


def test_a_clock_that_is_corrected_by_a_little_tears_no_hole(tmp_path: Path) -> None:
    moved = [
        PlayUnit(unit.stream, unit.number, unit.start_at + (15 if unit.number > 4 else 0), unit.packets, unit.volume)
        for unit in segments(2)
    ]
    heard, _ = play(tmp_path, moved)
    found = find_clip(heard, decode_clip(opus_clip(2)), expected_ms=BEGIN + 1_000)
    assert found is not None
    assert found.played_fraction > 0.97


def test_a_new_volume_comes_gradually(tmp_path: Path) -> None:
    quieter = [
        PlayUnit(unit.stream, unit.number, unit.start_at, unit.packets, 100 if unit.number < 5 else 10)
        for unit in segments(2)
    ]
    loud, _ = play(tmp_path / "loud", _made(tmp_path / "loud", segments(2)))
    heard, _ = play(tmp_path / "quiet", _made(tmp_path / "quiet", quieter))
    share = [loudness(heard, at, at + 20) / loudness(loud, at, at + 20) for at in range(1_960, 2_140, 20)]
    assert share[0] == pytest.approx(1, abs=0.01)
    assert share[-1] == pytest.approx(0.1, abs=0.01)
    assert all(earlier >= later - 0.01 for earlier, later in itertools.pairwise(share))
    assert max(earlier - later for earlier, later in itertools.pairwise(share)) < 0.25


def _made(folder: Path, given: list[PlayUnit]) -> list[PlayUnit]:
    folder.mkdir()
    return given


def test_a_stream_that_is_cut_is_silent_at_once_and_may_come_again(tmp_path: Path) -> None:
    card = WavCard(tmp_path, "s", BEGIN, RATE)
    player = LivePlayer(card, RATE)
    for unit in segments(2)[:4]:
        player.play(unit, BEGIN)
    for now in range(BEGIN, BEGIN + 1_300, 50):
        card.advance(now)
    player.end("mic", BEGIN + 1_300)
    for unit in segments(2)[5:]:
        player.play(unit, BEGIN + 1_300)
    for now in range(BEGIN + 1_300, BEGIN + 4_000, 50):
        player.feed(now)
        card.advance(now)
    card.close()
    heard = read_timeline(card.path)
    assert not part(heard, 1_460, 2_000).any()
    assert loudness(heard, 2_000, 2_100) > 0


def test_what_is_no_opus_is_told_as_unheard(tmp_path: Path) -> None:
    bad = PlayUnit("mic", 2, BEGIN + 1_400, (b"\x03",), 100)
    good = segments(1)
    heard, told = play(tmp_path, [*good[:2], bad, *good[3:]])
    assert LiveSounded("mic", BEGIN + 1_000, 0) in told
    assert loudness(heard, 1_650, 1_800) > 0


def test_what_a_packet_says_of_its_length_is_read_as_the_standard_has_it() -> None:
    lengths = {b"\x00": 10, b"\x18": 60, b"\x68": 20, b"\x80": 2.5, b"\x98": 20, b"\x99": 40, b"\x9b\x03": 60}
    assert {packet: packet_ms(packet) for packet in lengths} == lengths
    for wrong in (b"", b"\x03", b"\x03\x00", b"\x1b\x03"):  # no frame count, no frames, 180 ms
        with pytest.raises(ClipError):
            packet_ms(wrong)


def test_a_decoder_that_has_heard_nothing_conceals_nothing() -> None:
    assert len(PacketDecoder().conceal(200)) == 0


def test_pieces_decoded_one_by_one_are_what_they_are_together() -> None:
    packets = [packet for unit in units(3) for packet in split(unit)]
    whole, decoder = PacketDecoder().decode(packets), PacketDecoder()
    pieces = np.concatenate([decoder.decode(split(unit)) for unit in units(3)])
    assert np.abs(whole.astype(np.int32) - pieces).max() < 100
    assert np.corrcoef(whole, pieces)[0, 1] > 0.9999
