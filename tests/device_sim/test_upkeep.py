"""What a box knows of itself is kept over reboots and told in telemetry; a reconnect does not touch the sound."""

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from broadcaster.wire import strict_json
from broadcaster.wire.documents import About, Event, Telemetry
from broadcaster.wire.fields import SpeakerRole
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE
from device_sim import link
from device_sim.hearing import find_clip
from device_sim.mqtt import Message, Traffic
from device_sim.opus import decode_clip
from device_sim.output import RATE
from device_sim.self_test import Verdict
from device_sim.store import Store
from device_sim.timeline import read_timeline
from device_sim.upkeep import Upkeep
from tests.brokers import Broker
from tests.device_sim.bench import Bench
from tests.device_sim.station import NOON, SPEAKER
from tests.device_sim.test_speaker import Town, box, kit, living, until
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

PLAIN = Telemetry(at=NOON, boot="b", offset_ms=0, error_ms=0, clips=0, waiting_receipts=0)


def test_windows_self_test_bytes_and_boots_are_kept_over_a_reboot_and_told(bench: Bench, tmp_path: Path) -> None:
    traffic = Traffic()
    with closing(Store(tmp_path / "box")) as store:
        first = Upkeep(kit(1), store, traffic, RATE, NOON)
        first.power.switched(NOON, on=True)
        first.power.switched(NOON + 20_000, on=False)
        first.test.at, first.test.verdict = NOON + MINUTE, Verdict.OK
        traffic.bytes_in, traffic.bytes_out = 1_000, 24
        first.tick(bench.machine, NOON + HOUR, HOUR)
        second = Upkeep(kit(1), store, Traffic(), RATE, NOON + 2 * HOUR)
    told = second.complete(PLAIN)
    assert told.amplifier == ((NOON, NOON + 20_000),)
    assert (told.self_test, told.self_test_at) == ("ok", NOON + MINUTE)
    assert told.month_bytes == 1_024
    assert told.faults == ()
    assert second.boots.log == [(NOON, HOUR), (NOON + 2 * HOUR, 0)]
    strict_json.decode(strict_json.encode(told), Telemetry)


def test_every_fault_is_told_by_its_word(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        for _ in range(4):
            Upkeep(kit(1), store, Traffic(), RATE, NOON)
        upkeep = Upkeep(kit(1), store, Traffic(), RATE, NOON)
    upkeep.store_full, upkeep.test.verdict = True, Verdict.STUCK
    told = upkeep.complete(msgspec.structs.replace(PLAIN, dropped_receipts=3))
    assert told.faults == ("receipts-dropped", "safe-mode", "self-test", "store-full")


def test_what_was_kept_and_can_not_be_read_is_begun_anew(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.remember("upkeep", b"\xff{")
        assert Upkeep(kit(1), store, Traffic(), RATE, NOON).power.windows == []


class Listening(Town):
    """Also keeps what a speaker says of itself."""

    about: About | None = None
    telemetry: Telemetry | None = None

    def _take(self, message: Message) -> None:
        kind = self.station.topics.parse(message.topic).kind
        if kind is Kind.ABOUT:
            self.about = strict_json.decode(message.payload, About)
        if kind is Kind.TELEMETRY:
            self.telemetry = strict_json.decode(message.payload, Telemetry)
        super()._take(message)


@pytest.mark.whole
def test_a_connection_that_breaks_in_the_middle_of_a_sound_is_not_heard(
    nats: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway, for the sake of its role; its telemetry tells when the amplifier was on."""
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.05)
    town, clip = Listening(nats), opus_clip(3)

    async def air() -> int:
        speaker, _ = box(tmp_path, msgspec.structs.replace(kit(nats.port), role=SpeakerRole.GATEWAY))
        async with town.on_air(), living(speaker):
            town.station.now = town.clock.now_ms()
            town.say(town.station.trust(), town.station.config(report_ms=1_000), retain=True)
            await until(lambda: town.station.topics.down(SPEAKER, "config") in town.have)
            await asyncio.sleep(0.5)  # the zone's SUBACK: what is said before it is not heard
            start_at = town.clock.now_ms() + 3_000
            item = town.station.item("b1", start_at, clip, duration_ms=3_000, sent_by=start_at - 2_500)
            town.plan(item)
            await until(lambda: Event.STARTED in [receipt.event for receipt in town.receipts.values()])
            before = speaker.machine.reports._connection
            speaker._client.abort()
            await until(lambda: speaker.machine.reports._connection > before)
            await until(lambda: Event.FINISHED in [receipt.event for receipt in town.receipts.values()])
            await until(lambda: town.telemetry and town.telemetry.amplifier and town.telemetry.amplifier[-1][1])
            return start_at

    start_at = asyncio.run(air())
    (wav,) = tmp_path.glob("*.wav")
    heard = find_clip(read_timeline(wav), decode_clip(clip), expected_ms=start_at)
    assert heard is not None
    assert heard.played_fraction >= 0.99
    assert town.about is not None
    assert town.about.role == "gateway"
    assert town.telemetry is not None
    ((on_at, off_at),) = town.telemetry.amplifier
    assert start_at - 1_100 <= on_at <= start_at - 800
    assert start_at + 3_000 <= off_at
    assert town.telemetry.month_bytes
    assert town.telemetry.faults == ()
