"""One speaker in the world: a real broker, a real store, a real card that plays into a file."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Event, Hello, PlanItem, Receipt, Receipts
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR
from device_sim import link
from device_sim import speaker as speaker_module
from device_sim.errors import KitError
from device_sim.fleet import wav_cards
from device_sim.hearing import find_clip
from device_sim.kit import Kit
from device_sim.mqtt import Connect, Message, MqttClient
from device_sim.opus import decode_clip
from device_sim.output import Decoder
from device_sim.own_clock import OwnClock
from device_sim.speaker import Speaker
from device_sim.store import Store
from device_sim.timeline import read_timeline
from tests.brokers import HOST, Broker, free_port
from tests.device_sim import station as by_hand
from tests.device_sim.conftest import PASSWORD
from tests.device_sim.station import SPEAKER, Station
from tests.wire.opus import opus_clip

DEADLINE_S = 20.0
FULL = "CREATE TRIGGER full_{0} BEFORE INSERT ON {0} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"


def kit(*ports: int, station: str = "st", host: str = HOST) -> Kit:
    brokers = tuple(f"mqtt://s1:{quote(PASSWORD)}@{host}:{port}" for port in ports)
    root = keys.public_text(Station().root.public)
    return Kit(station=station, speaker=SPEAKER, brokers=brokers, root=root, claim_code="00" * 16)


@dataclass
class Town:
    """The station by hand, over a real broker."""

    broker: Broker
    station: Station = field(default_factory=Station)
    clock: OwnClock = field(default_factory=OwnClock)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    have: dict[str, int] = field(default_factory=dict)

    @asynccontextmanager
    async def on_air(self) -> AsyncIterator["Town"]:
        self.client = MqttClient(self._take, lambda _: None)
        await self.client.connect(self.broker.host, self.broker.port, Connect("station", "s1", PASSWORD))
        await self.client.subscribe([(f"{self.station.topics.base}/speaker/+/up/#", 1)])
        try:
            yield self
        finally:
            await self.client.disconnect()

    def _take(self, message: Message) -> None:
        self.station.now = self.clock.now_ms()
        kind = self.station.topics.parse(message.topic).kind
        if kind is Kind.HELLO:
            self.have = strict_json.decode(message.payload, Hello).have
        if kind is Kind.RECEIPT:
            for receipt in strict_json.decode(envelope.parse(message.payload).payload, Receipts).receipts:
                self.receipts[receipt.id] = receipt
        self.say(*self.station.answer(message.topic, message.payload))

    def say(self, *messages: by_hand.Message, retain: bool = False) -> None:
        for message in messages:
            self.client.publish(message.topic, message.payload, 1, retain=retain)

    def plan(self, item: PlanItem) -> None:
        self.station.now = self.clock.now_ms()
        self.say(self.station.plan(item, exp=self.station.now + HOUR), retain=True)
        self.say(*self.station.sound(item))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110  there is no event for what a test waits for
            await asyncio.sleep(0.01)


@asynccontextmanager
async def living(speaker: Speaker) -> AsyncIterator[asyncio.Task[None]]:
    life = asyncio.create_task(speaker.run())
    try:
        yield life
    finally:
        speaker.stop()
        await life


def box(folder: Path, given: Kit, clock: OwnClock | None = None) -> tuple[Speaker, Store]:
    store = Store(folder / "store")
    return Speaker(given, store, wav_cards(folder), Decoder(), clock or OwnClock()), store


@pytest.mark.whole
@pytest.mark.parametrize("disk", ["well", "full"])
def test_a_bulletin_is_heard_at_its_millisecond_and_reported(
    nats: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture, disk: str
) -> None:
    """A disk that is full when the sound begins costs the notes, not the sound."""
    clip = opus_clip(1)
    town = Town(nats)

    async def air() -> PlanItem:
        speaker, store = box(tmp_path, kit(nats.port))
        async with town.on_air(), living(speaker) as life:
            town.station.now = town.clock.now_ms()
            town.say(town.station.trust(), town.station.config(report_ms=1_000), retain=True)
            config = town.station.topics.down(SPEAKER, "config")
            await until(lambda: config in town.have)  # said over a subscription to its zones
            start_at = town.clock.now_ms() + 1_300
            item = town.station.item(f"b-{disk}", start_at, clip, duration_ms=1_000, sent_by=start_at - 1_000)
            town.plan(item)
            await until(lambda: item.clip in speaker.machine.library.cached)
            if disk == "full":
                for table in ("note", "receipt"):
                    store._database.execute(FULL.format(table))
            await until(lambda: Event.FINISHED in [receipt.event for receipt in town.receipts.values()])
            await until(lambda: not speaker.machine.journal.waiting)
            assert not life.done()
        return item

    item = asyncio.run(air())
    (wav,) = tmp_path.glob("*.wav")
    heard = find_clip(read_timeline(wav), decode_clip(clip), expected_ms=item.start_at)
    assert heard is not None
    assert heard.error_ms is not None
    assert abs(heard.error_ms) < 1
    assert heard.played_fraction >= 0.99
    events = {receipt.event: receipt for receipt in town.receipts.values() if receipt.broadcast == item.id}
    assert set(events) == {Event.CACHED, Event.STARTED, Event.FINISHED}
    assert abs(events[Event.STARTED].at - item.start_at) <= 1
    assert events[Event.FINISHED].played_ms == pytest.approx(1_000, abs=20)
    assert ("can't keep" in caplog.text) == (disk == "full")


def test_a_refused_subscription_is_logged_and_counted(
    nats: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def listen() -> None:
        speaker, _ = box(tmp_path, kit(nats.port, station="other"))
        async with living(speaker):
            await until(lambda: speaker.machine.rejected["subscription-refused"])
            assert speaker.machine.rejected == {"subscription-refused": 1}

    asyncio.run(listen())
    assert "broker refused subscriptions speaker=loa-001" in caplog.text


async def _misbehave(
    manner: str, connections: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A broker that accepts, and then closes at SUBSCRIBE or never answers it."""
    connections.append(await reader.read(1_000))
    writer.write(b"\x20\x02\x00\x00")
    await reader.read(1_000)
    if manner == "silent":
        await reader.read()
    writer.close()


@pytest.mark.parametrize("manner", ["closes", "silent"])
def test_a_connection_that_fails_while_subscribing_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(speaker_module, "_SUBACK_TIMEOUT_S", 0.05)

    async def insist() -> None:
        connections: list[bytes] = []
        server = await asyncio.start_server(
            lambda reader, writer: _misbehave(manner, connections, reader, writer), HOST, 0
        )
        speaker, _ = box(tmp_path, kit(server.sockets[0].getsockname()[1]))
        async with server, living(speaker) as life:
            await until(lambda: len(connections) >= 3)
            assert not speaker.machine.reports.online
            assert not life.done()

    asyncio.run(insist())


def test_what_goes_wrong_while_connecting_is_logged_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.01)

    async def insist() -> None:
        tries = 0
        speaker, _ = box(tmp_path, kit(free_port()))

        async def connect(*_: object, **__: object) -> None:
            nonlocal tries
            tries += 1
            raise RuntimeError("nobody thought of this")

        monkeypatch.setattr(MqttClient, "connect", connect)
        async with living(speaker):
            await until(lambda: tries >= 3)

    asyncio.run(insist())
    assert "nobody thought of this" in caplog.text


def test_a_beat_that_fails_is_said_once_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def beat() -> None:
        speaker, store = box(tmp_path, kit(free_port()))

        def advance(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(speaker.output, "advance", advance)
        for _ in range(3):
            speaker._beat()
        monkeypatch.undo()
        speaker._beat()
        await speaker.output.close()
        store.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(beat())
    assert caplog.text.count("speaker beat failed") == 1


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt://h:port", "mqtt://h:99999", "h:1883"])
def test_a_kit_with_an_impossible_broker_is_refused_at_once(tmp_path: Path, url: str) -> None:
    bad = Kit(station="st", speaker=SPEAKER, brokers=(url,), root=kit().root, claim_code="")

    async def make() -> None:
        with closing(Store(tmp_path)) as store, pytest.raises(KitError):
            Speaker(bad, store, wav_cards(tmp_path), Decoder(), OwnClock())

    asyncio.run(make())
