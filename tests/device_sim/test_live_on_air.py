"""A live stream over a real broker to a real speaker and its card: what stands in the WAV file, and what it says of it."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broadcaster.wire.documents import Action, Class, Event, Receipt, Why
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.units import SECOND
from broadcaster.wire.urgent import Part
from device_sim.air import BEEP_MS
from device_sim.hearing import Heard, find_clip
from device_sim.opus import decode_clip
from device_sim.output import RATE
from device_sim.self_test import beep
from device_sim.speaker import Speaker
from device_sim.timeline import Timeline, read_timeline
from tests.brokers import Broker
from tests.device_sim.opus_packets import units
from tests.device_sim.station import SPEAKER
from tests.device_sim.test_speaker import Town, box, kit, living, until
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.whole

LOOK_AHEAD_MS = 6.5
"""Of the encoder: so much later its sound stands in the packets."""


def on_air(broker: Broker, folder: Path, scene: Callable[[Town, Speaker], Any]) -> tuple[Town, Timeline]:
    """Let a speaker join, and play a scene; returns the town and what was heard."""
    town = Town(broker)

    async def live() -> None:
        speaker, _ = box(folder, kit(broker.port))
        async with town.on_air(), living(speaker):
            town.station.now = town.clock.now_ms()
            town.say(town.station.trust(), town.station.config(report_ms=1_000), retain=True)
            config = town.station.topics.down(SPEAKER, "config")
            await until(lambda: config in town.have)
            town.station.now = town.clock.now_ms()
            await scene(town, speaker)

    asyncio.run(live())
    (wav,) = folder.glob("*.wav")
    return town, read_timeline(wav)


def find(heard: Timeline, clip: bytes, at: float) -> Heard | None:
    return find_clip(heard, decode_clip(clip), expected_ms=at, within_ms=500)


def told(town: Town, name: str) -> list[Receipt]:
    return [receipt for receipt in town.receipts.values() if receipt.broadcast == name]


def events(town: Town, name: str) -> list[tuple[Event, Why | None]]:
    return [(receipt.event, receipt.why) for receipt in told(town, name)]


def between(heard: Timeline, begin_ms: int, until_ms: int) -> np.ndarray:
    begin, end = ((at - heard.epoch_ms) * RATE // 1000 for at in (begin_ms, until_ms))
    return heard.samples[begin:end]


def test_a_stream_with_losses_disorder_and_forgeries_is_heard_in_its_place_and_ends_cleanly(
    nats: Broker, tmp_path: Path
) -> None:
    """It ends without goodbye. What a stranger signed, or somebody changed on the way, is not heard."""
    spoken, forged = units(4), units(4, seed=9)
    lost, start = {6, 7, 15}, 0

    async def scene(town: Town, speaker: Speaker) -> None:
        nonlocal start
        station = town.station
        start = station.now + 2_000
        town.say(station.live_open("mic", Class.ROUTINE, start_at=start))
        stranger = SigningKey.generate()
        stranger.kid = station.key.kid
        messages = [station.live("mic", n, payload=unit) for n, unit in enumerate(spoken) if n not in lost]
        random.Random(7).shuffle(messages)
        town.say(*(station.live("mic", n, key=stranger, payload=unit) for n, unit in enumerate(forged) if n % 3 == 0))
        await until(lambda: speaker.machine.rejected["bad-signature"])
        town.say(*messages)
        await until(lambda: (Event.STOPPED, Why.NO_SIGNAL) in events(town, "mic"))

    town, heard = on_air(nats, tmp_path, scene)
    found = find(heard, opus_clip(4), start)
    assert found is not None
    assert found.error_ms is not None
    assert abs(found.error_ms - LOOK_AHEAD_MS) < 1
    assert found.played_fraction > 0.7
    assert find(heard, opus_clip(4, seed=9), start) is None
    assert not between(heard, start + 4_200, start + 6_000).any()
    assert events(town, "mic") == [(Event.STARTED, None), (Event.STOPPED, Why.NO_SIGNAL)]
    started, stopped = told(town, "mic")
    assert abs(started.at - start) <= 1
    assert abs(stopped.played_ms - (4_010 - 200 * len(lost))) <= 200


def test_an_alert_interrupts_a_priority_stream_which_is_joined_again_in_position(nats: Broker, tmp_path: Path) -> None:
    spoken, start, raised_at = units(6), 0, 0

    async def scene(town: Town, _: Speaker) -> None:
        nonlocal start, raised_at
        station = town.station
        start = station.now + 1_000
        town.say(station.live_open("mic", Class.PRIORITY, start_at=start))
        town.say(*(station.live("mic", n, payload=unit) for n, unit in enumerate(spoken)))
        siren = station.part(2, 0, Part.SIREN, SECOND)
        town.say(*station.clip_of(siren))
        await until(lambda: (Event.STARTED, None) in events(town, "mic") and town.clock.now_ms() > start + 1_500)
        station.now = town.clock.now_ms()
        raised_at = station.now + 500
        town.say(station.alert("bao", siren, start_at=raised_at), retain=True)
        town.say(*station.clip_of(siren))
        await until(lambda: Event.FINISHED in [event for event, _ in events(town, "bao")])
        await until(lambda: events(town, "mic").count((Event.STARTED, None)) == 2)
        station.now = town.clock.now_ms()
        town.say(station.live_open("mic", Class.PRIORITY, start_at=start, ended=True))
        await until(lambda: (Event.FINISHED, None) in events(town, "mic"))

    town, heard = on_air(nats, tmp_path, scene)
    siren = find(heard, opus_clip(1, seed=2), raised_at)
    assert siren is not None
    assert siren.error_ms is not None
    assert abs(siren.error_ms) < 1
    assert siren.played_fraction >= 0.9
    first, preempted, again, finished = told(town, "mic")
    assert [receipt.event for receipt in (first, preempted, again, finished)] == [
        Event.STARTED,
        Event.PREEMPTED,
        Event.STARTED,
        Event.FINISHED,
    ]
    voice = decode_clip(opus_clip(6))
    for begin, until_at in ((first.at, preempted.at), (again.at, finished.at)):
        piece = slice((begin + 100 - start) * RATE // 1000, (until_at - 100 - start) * RATE // 1000)
        at = begin + 100 + LOOK_AHEAD_MS
        found = find_clip(heard, voice[piece], expected_ms=at, within_ms=200)
        assert found is not None
        assert found.error_ms is not None
        assert abs(found.error_ms) < 1
        assert found.played_fraction > 0.9
    assert preempted.at <= raised_at + 200
    assert again.at >= raised_at + SECOND


def test_asked_which_box_it_is_it_can_be_heard(nats: Broker, tmp_path: Path) -> None:
    async def scene(town: Town, speaker: Speaker) -> None:
        town.say(town.station.command(Action.IDENTIFY))
        await until(lambda: speaker.machine.stage._amplifier.on)
        await until(lambda: not speaker.machine.stage._amplifier.on)

    _, heard = on_air(nats, tmp_path, scene)
    found = find_clip(heard, beep(RATE))
    assert found is not None
    assert found.played_fraction >= 0.99
    assert len(beep(RATE)) == BEEP_MS * RATE // 1000
