"""A disk that is full, and power that goes in the middle of a clip."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Event, Request, Why
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from device_sim.actions import Action, KeepSegment
from device_sim.journal import Journal
from device_sim.keeping import Keeper
from device_sim.mqtt import Message
from device_sim.store import Store
from tests.brokers import Broker
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, SPEAKER, Station
from tests.device_sim.test_speaker import Town, kit, until
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit


def written(count: int) -> list[Action]:
    """What a speaker wants kept of `count` broadcasts that were cached."""
    journal, station = Journal("a"), Station()
    return [action for n in range(count) for action in journal.write(station.item(f"b{n}", AT), Event.CACHED, AT)]


def fill(store: Store) -> None:
    """Leave no room for another page, as a full disk does."""
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")


def room(store: Store) -> None:
    store._database.execute("PRAGMA max_page_count = 1000000")


def test_receipts_that_a_full_disk_does_not_take_are_kept_in_order_when_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store(tmp_path)) as store:
        keeper = Keeper(store, "loa-001")
        fill(store)
        wanted = written(300)
        for first in range(0, len(wanted), 20):
            keeper.keep(wanted[first : first + 20])
        assert keeper.full
        kept = store.recall().journal.waiting
        assert list(kept) == [f"a-{n + 1}" for n in range(len(kept))], "all or nothing, in order"
        keeper.retry()
        assert caplog.text.count("can't keep") == 1
        room(store)
        keeper.retry()
        assert list(store.recall().journal.waiting) == [f"a-{n + 1}" for n in range(300)]


def test_a_segment_that_was_not_kept_is_not_owed_but_asked_for_again(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        keeper = Keeper(store, "loa-001")
        fill(store)
        segment = KeepSegment("0" * 64, 0, bytes(16_384))
        for _ in range(100):
            keeper.keep([segment])
        states = [keeper.full]
        assert keeper._owed == []
        room(store)
        keeper.keep([segment])
        assert [*states, keeper.full] == [True, False]


def test_a_full_disk_in_the_middle_of_a_transaction_leaves_nothing_half_written(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        fill(store)
        before = store.recall()
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.keep([*written(200), KeepSegment("0" * 64, 0, bytes(16_384))])
        assert store.recall().journal.waiting == before.journal.waiting
        assert store.recall().parts == before.parts


class Watching(Town):
    """Also remembers what was asked for."""

    asked: list[Request]

    def _take(self, message: Message) -> None:
        if message.topic.endswith("/request"):
            self.asked.append(strict_json.decode(message.payload, Request))
        super()._take(message)


async def _started(folder: Path, port: int) -> asyncio.subprocess.Process:
    given = folder / "kit.json"
    given.write_bytes(msgspec.json.encode(kit(port)))
    words = ("run", str(given), "--state", str(folder / "state"), "--wav", str(folder / "wav"))
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "device_sim.cli", *words)


def _parts(folder: Path) -> set[int]:
    """The segments on the disk of a speaker that runs, or has just been killed."""
    path = folder / "state" / SPEAKER / "speaker.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return {number for (number,) in database.execute("SELECT number FROM part WHERE number >= 0")}


@pytest.mark.whole
def test_a_speaker_killed_in_the_middle_of_a_transfer_asks_for_the_missing_segments_and_no_others(
    nats: Broker, tmp_path: Path
) -> None:
    town = Watching(nats)
    town.asked = []

    async def transfer() -> None:
        station = town.station
        async with town.on_air():
            process = await _started(tmp_path, nats.port)
            try:
                station.now = town.clock.now_ms()
                town.say(station.trust(), station.config(report_ms=1_000), retain=True)
                config = station.topics.down(SPEAKER, "config")
                await until(lambda: config in town.have)
                now = station.now = town.clock.now_ms()
                item = station.item("b1", now + HOUR, opus_clip(30), sent_by=now + SECOND)
                segments = station.segments(item)
                half = len(segments) // 2
                town.say(station.plan(item, exp=now + 2 * HOUR), retain=True)
                town.say(station.manifest(item), *segments[:half])
                await until(lambda: len(_parts(tmp_path)) == half)
            finally:
                process.kill()
                await process.wait()
            assert _parts(tmp_path) == set(range(half))
            town.asked.clear()
            process = await _started(tmp_path, nats.port)
            try:
                await until(lambda: Event.CACHED in {receipt.event for receipt in town.receipts.values()})
            finally:
                process.terminate()
                await process.wait()
            missing = clips.ranges(set(range(half, len(segments))))
            assert [request.missing for request in town.asked if request.missing] == [missing]
            assert not any(request.manifest for request in town.asked)
            stored = tmp_path / "state" / SPEAKER / "clips" / f"{item.clip}.opus"
            assert stored.read_bytes() == station.clips[item.clip]

    asyncio.run(transfer())


def test_a_clip_that_the_disk_has_no_room_for_is_asked_for_at_leisure_and_reported_with_that_reason(
    bench: Bench,
) -> None:
    item = bench.station.item("b1", AT + HOUR, opus_clip(20), sent_by=AT)
    bench.plan(item, sound=False)
    bench.deliver(bench.station.manifest(item))
    for number, segment in enumerate(bench.station.segments(item)):
        bench.machine.receive(segment.topic, segment.payload, bench.own)  # what it gives is not kept
        bench.machine.segment_unkept(item.clip, number, bench.own)
    bench.station.deaf = True
    bench.run(AT + 2 * HOUR)
    assert 0 < len(bench.said(Kind.REQUEST)) < 30
    assert bench.events("b1") == [(Event.SKIPPED, Why.STORE_FULL)]


def test_a_clip_there_is_room_for_again_is_whole_from_what_is_asked_for(bench: Bench) -> None:
    item = bench.station.item("b1", AT + HOUR, opus_clip(20), sent_by=AT)
    bench.plan(item, sound=False)
    bench.deliver(bench.station.manifest(item), *bench.station.segments(item)[:3])
    lost = bench.station.segments(item)[3]
    bench.machine.receive(lost.topic, lost.payload, bench.own)
    bench.machine.segment_unkept(item.clip, 3, bench.own)
    bench.run(AT + 10 * MINUTE, answered=True)
    assert bench.store.clip_path(item.clip).read_bytes() == bench.station.clips[item.clip]
    assert bench.machine.library.full == set()
