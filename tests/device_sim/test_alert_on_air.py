"""An alert over a real broker, a real store and a real card: both its sounds, joined without a gap, and its receipts."""

import asyncio
from pathlib import Path

import pytest

from broadcaster.wire.documents import Event
from broadcaster.wire.units import SECOND
from broadcaster.wire.urgent import AlertPart, Part
from device_sim.hearing import find_clip
from device_sim.opus import decode_clip
from device_sim.timeline import read_timeline
from tests.brokers import Broker
from tests.device_sim.station import SPEAKER
from tests.device_sim.test_speaker import Town, box, kit, living, until


@pytest.mark.whole
def test_an_alert_is_heard_at_its_millisecond_one_part_after_the_other(nats: Broker, tmp_path: Path) -> None:
    town = Town(nats)

    async def raised() -> tuple[int, list[AlertPart]]:
        speaker, _ = box(tmp_path, kit(nats.port))
        async with town.on_air(), living(speaker):
            station = town.station
            station.now = town.clock.now_ms()
            town.say(station.trust(), station.config(report_ms=1_000), retain=True)
            config = station.topics.down(SPEAKER, "config")
            await until(lambda: config in town.have)
            station.now = town.clock.now_ms()
            start_at = station.now + 1_000
            parts = [station.part(2, 0, Part.SIREN, SECOND), station.part(3, SECOND, lasts_ms=SECOND)]
            town.say(station.alert("bao", *parts, start_at=start_at), retain=True)
            for part in parts:
                town.say(*station.clip_of(part))
            await until(lambda: Event.FINISHED in [receipt.event for receipt in town.receipts.values()])
        return start_at, parts

    start_at, parts = asyncio.run(raised())
    (wav,) = tmp_path.glob("*.wav")
    for part in parts:
        clip = decode_clip(town.station.clips[part.clip])
        heard = find_clip(read_timeline(wav), clip, expected_ms=start_at + part.at_ms)
        assert heard is not None
        assert heard.error_ms is not None
        assert abs(heard.error_ms) < 1
        assert heard.played_fraction >= 0.99
    assert [receipt.event for receipt in town.receipts.values()] == [Event.ARMED, Event.STARTED, Event.FINISHED]
