"""Decoding aside, and handing sounds to the card and taking them back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device_sim.actions import StartSound, StopSound
from device_sim.card_events import Finished, Started, Stopped
from device_sim.output import RATE, Decoder, Output
from device_sim.soundcard import FADE_OUT_MS, WavCard
from device_sim.timeline import read_timeline
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

EPOCH = 1_795_237_200_000
LOUD = np.full(RATE, 10_000, np.int16)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[WavCard]:
    with WavCard(tmp_path, "s", EPOCH, RATE) as card:
        yield card


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.opus"
    path.write_bytes(opus_clip(1))
    return path


def start(at: int = EPOCH + 500) -> StartSound:
    return StartSound("b1", "c", at, 100)


def feed(card: WavCard, until: int, begin: int = EPOCH) -> list[Started | Finished | Stopped]:
    told = []
    for now in range(begin, until + 1, 50):
        told += [event for event in card.advance(now) if isinstance(event, Started | Finished | Stopped)]
    return told


def test_a_sound_ends_at_the_moment_it_was_told_long_before(card: WavCard) -> None:
    handle = card.play(LOUD, EPOCH + 200)
    card.stop(handle, EPOCH, EPOCH + 700)
    told = feed(card, EPOCH + 2_000)
    assert [(type(event), event.at_ms) for event in told] == [(Started, EPOCH + 200), (Stopped, EPOCH + 700)]
    card.close()
    samples = read_timeline(card.path).samples
    cut = 700 * RATE // 1000
    assert samples[cut - FADE_OUT_MS * RATE // 1000 - 1] == 10_000
    assert not samples[cut:].any()


def test_a_sound_that_is_over_by_then_is_not_cut(card: WavCard) -> None:
    handle = card.play(LOUD, EPOCH)
    card.stop(handle, EPOCH, EPOCH + 1_000)
    assert [type(event) for event in feed(card, EPOCH + 2_000)] == [Started, Finished]


@pytest.mark.parametrize("at_ms", [None, EPOCH + 300, EPOCH + 504])
def test_a_sound_that_would_begin_no_earlier_than_its_end_never_sounds(card: WavCard, at_ms: int | None) -> None:
    handle = card.play(LOUD, EPOCH + 500)
    card.stop(handle, EPOCH, at_ms)
    (event,) = feed(card, EPOCH + 2_000)
    assert isinstance(event, Stopped)
    assert event.played == 0


def test_a_moment_that_is_past_already_is_now(card: WavCard) -> None:
    handle = card.play(LOUD, EPOCH)
    feed(card, EPOCH + 400)
    card.stop(handle, EPOCH + 400, EPOCH + 100)
    (event,) = feed(card, EPOCH + 2_000, EPOCH + 450)
    assert event.at_ms == EPOCH + 550 + FADE_OUT_MS


class SlowDecoder(Decoder):
    """Decodes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def decode(self, clip: str, path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        await self.let.wait()
        return LOUD


def test_a_sound_that_is_stopped_while_it_is_decoded_never_reaches_the_card(card: WavCard, clip: Path) -> None:
    async def play() -> None:
        decoder, failed = SlowDecoder(), list[str]()
        output = Output(card, decoder, failed.append)
        output.start(start(), clip, lambda: EPOCH)
        await asyncio.sleep(0)
        assert list(output._decoding) == ["b1"]
        assert not output.stop(StopSound("b1"), EPOCH)
        decoder.let.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not output.busy
        assert card.idle
        assert failed == []
        await output.close()

    asyncio.run(play())


def test_what_the_card_says_while_the_next_clip_is_decoded_is_told(card: WavCard, clip: Path) -> None:
    async def told() -> list[tuple[str, type]]:
        output = Output(card, Decoder(), lambda _: None)
        output.start(start(EPOCH), clip, lambda: EPOCH)
        await asyncio.gather(*output._decoding.values())
        output.advance(EPOCH + 500)
        later = StartSound("b2", "c", EPOCH + 3_000, 100)
        output.start(later, clip, lambda: EPOCH + 2_000)  # the first has ended, and nobody has looked since
        await asyncio.gather(*output._decoding.values())
        return [(one.broadcast, type(one.event)) for one in output.advance(EPOCH + 2_000)]

    assert asyncio.run(told()) == [("b1", Started), ("b1", Finished)]


def test_a_sound_that_is_stopped_and_started_again_plays_once(card: WavCard, clip: Path) -> None:
    async def play() -> None:
        decoder = SlowDecoder()
        output = Output(card, decoder, lambda _: None)
        for _ in range(3):
            output.start(start(), clip, lambda: EPOCH)
            await asyncio.sleep(0)
            output.stop(StopSound("b1"), EPOCH)
        output.start(start(EPOCH + 900), clip, lambda: EPOCH)
        decoder.let.set()
        await asyncio.gather(*output._decoding.values())
        heard = [sounded.event for now in range(EPOCH, EPOCH + 3_000, 50) for sounded in output.advance(now)]
        assert [type(event) for event in heard] == [Started, Finished]
        assert heard[0].at_ms == EPOCH + 900
        assert not output.busy
        await output.close()

    asyncio.run(play())


@pytest.mark.parametrize("damage", ["gone", "garbage"])
def test_a_clip_that_can_not_be_decoded_is_told_once_for_each_who_wants_it(
    card: WavCard, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "bad.opus"
    if damage == "garbage":
        path.write_bytes(b"OggS" * 100)

    async def play() -> None:
        decoder, failed = Decoder(), list[str]()
        output = Output(card, decoder, failed.append)
        for broadcast in ("b1", "b2"):
            output.start(StartSound(broadcast, "c", EPOCH, 100), path, lambda: EPOCH)
        await asyncio.gather(*output._decoding.values())
        assert failed == ["b1", "b2"]
        path.write_bytes(opus_clip(1))
        output.start(start(), path, lambda: EPOCH)  # a failure is not remembered
        await asyncio.gather(*output._decoding.values())
        assert failed == ["b1", "b2"]
        assert list(output._handles) == ["b1"]
        await output.close()

    asyncio.run(play())


def test_one_clip_is_decoded_once_for_a_whole_fleet(clip: Path) -> None:
    async def decode() -> None:
        decoder = Decoder()
        one, *others = await asyncio.gather(*(decoder.decode("c", clip) for _ in range(5)))
        assert all(other is one for other in others)

    asyncio.run(decode())
