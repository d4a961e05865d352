"""Speakers join the embedded broker and the station, then 10 000 receipts: python -m benchmarks.join [--json] [--speakers N ...].

The station runs in this process, the speakers in another one. A speaker has joined when its key is pinned and its state is
ready in the station's database. The physical limits beside it: bare connections with the same subscriptions and one
message each over the same broker, and the bare verification of as many signatures.
"""

import argparse
import asyncio
import os
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from benchmarks.tables import print_line
from broadcaster.clock import SystemClock
from broadcaster.rows import LedgerEntry, Speaker
from broadcaster.settings import Settings
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Event, Receipt, Receipts
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from device_sim.fleet import read_kits
from device_sim.kit import Kit, broker_of
from device_sim.mqtt import Connect, Message, MqttClient
from tests.whole.town import COMMUNE, Town, wait_until
from web import commune
from web.initialise import initialise
from web.station import RunningStation

RECEIPTS = 10_000
MESSAGES_EACH = 10
"""A speaker that says more than 50 things a second is not listened to, and says them again; this one keeps to it."""
FLEET = Path(sysconfig.get_path("scripts")) / "loa-speaker"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a fleet")
    parser.add_argument("--speakers", type=int, nargs="+", default=[200, 1_000])
    arguments = parser.parse_args()
    for speakers in arguments.speakers:
        with tempfile.TemporaryDirectory() as folder:
            print_line(measure(Path(folder), speakers), as_json=arguments.json)


def measure(home: Path, speakers: int) -> dict[str, object]:
    """One station, one fleet."""
    town = make_town(home, speakers)
    station = RunningStation(town.settings)
    station.start()
    try:
        wait_until(lambda: station._prompt.connected)
        kits = read_kits(town.initialised.kits)
        bare_s = asyncio.run(bare_join(kits))
        joined_s, refused = join(town, station, speakers)
        memory_mb = resident_mb(os.getpid())
        broker_mb = resident_mb(station.broker.pid or 0) if station.broker else 0.0
        received_s, kept, limit_s = asyncio.run(receive(town, station, kits))
    finally:
        station.stop()
        town.database.dispose()
    return {
        "speakers": speakers,
        "joined_s": round(joined_s, 1),
        "bare_connections_s": round(bare_s, 1),
        "refused": refused,
        "station_mb": round(memory_mb),
        "broker_mb": round(broker_mb),
        "receipts": RECEIPTS,
        "receipts_s": round(received_s, 1),
        "verifying_alone_s": round(limit_s, 1),
        "receipts_not_written_after_60_s": RECEIPTS - kept,
    }


def make_town(home: Path, speakers: int, **changes: object) -> Town:
    """The demo's commune with as many speakers as wanted; ``changes`` are of the settings."""
    file = commune.read(COMMUNE)
    zones = sorted({entry["zone"] for entry in file.speakers})
    entries = [
        {"id": f"loa-{number:05}", "zone": zones[number % len(zones)], "name": f"Cụm {number}"}
        for number in range(speakers)
    ]
    settings = msgspec.convert({"home": str(home), "port": 0} | changes, Settings)
    made = initialise(settings, msgspec.structs.replace(file, speakers=entries), SystemClock(), quiet_hours=False)
    return Town(home, settings, made)


def join(town: Town, station: RunningStation, speakers: int) -> tuple[float, int]:
    """Start the fleet; seconds until all are known, and how many messages or subscriptions were refused."""
    command = [str(FLEET), "fleet", str(town.initialised.kits), "--state", str(town.home / "speakers")]
    began = time.monotonic()
    fleet = subprocess.Popen([*command, "--wav", str(town.home / "wav")])
    try:
        wait_until(lambda: town.ready() == speakers, 240)
        return time.monotonic() - began, sum(station.core.counters.rejected.values())
    finally:
        fleet.terminate()
        fleet.wait(60)


async def connect(kit: Kit, topics: Sequence[str] = ()) -> MqttClient:
    """A bare client with a kit's credentials."""
    address = broker_of(kit.brokers[0])
    client = MqttClient(lambda _: None, lambda _: None)
    given = Connect(client_id=f"{kit.speaker}-bare", username=address.username, password=address.password)
    await client.connect(address.host, address.port, given, timeout_s=60)
    if topics:
        await client.subscribe([(topic, 0) for topic in topics])
    return client


async def bare_join(kits: Sequence[Kit]) -> float:
    """Seconds for as many clients to connect and subscribe, and do nothing else."""
    topics = Topics(kits[0].station)
    began = time.monotonic()
    filters = [topics.zone_filter("an-binh"), topics.zone_filter("thon-dong")]
    down = f"{topics.base}/speaker"
    clients = await asyncio.gather(*(connect(kit, [f"{down}/{kit.speaker}/down/#", *filters]) for kit in kits))
    took_s = time.monotonic() - began
    for client in clients:
        client.abort()
    return took_s


async def receive(town: Town, station: RunningStation, kits: Sequence[Kit]) -> tuple[float, int, float]:
    """Seconds from the first of 10 000 signed receipts to the last row; how many rows; seconds to verify as many."""
    key = SigningKey.generate()
    with town.database.write() as session:
        for speaker in session.scalars(select(Speaker)):
            speaker.public_key = keys.public_text(key.public)
    each = max(1, RECEIPTS // (len(kits) * MESSAGES_EACH))
    messages = [
        signed(key, station, kits[number % len(kits)], range(number * each, (number + 1) * each))
        for number in range(RECEIPTS // each)
    ]
    began = time.monotonic()
    for _, message in messages:
        envelope.verify(envelope.parse(message.payload), key.public)
    limit_s = time.monotonic() - began
    clients = {kit.speaker: await connect(kit) for kit in kits}
    before = rows(town)
    began = time.monotonic()
    for name, message in messages:
        clients[name].publish(message.topic, message.payload, 1)
    deadline = began + 60
    while (kept := await asyncio.to_thread(rows, town) - before) < RECEIPTS and time.monotonic() < deadline:  # noqa: ASYNC110  another thread writes the rows
        await asyncio.sleep(0.05)
    took_s = time.monotonic() - began
    for client in clients.values():
        client.abort()
    return took_s, kept, limit_s


def signed(key: SigningKey, station: RunningStation, kit: Kit, numbers: range) -> tuple[str, Message]:
    """Some receipts in one envelope."""
    topic = Topics(kit.station).up(kit.speaker, "receipt")
    now = station.core.clock.now_ms()
    receipts = tuple(Receipt(id=f"r{number}", broadcast="b", event=Event.FINISHED, at=now) for number in numbers)
    payload = strict_json.encode(Receipts(receipts=receipts))
    message = envelope.sign(
        key.private, key.kid, typ=Kind.RECEIPT.value, topic=topic, seq=UnixMs(now + numbers.start), payload=payload
    )
    return kit.speaker, Message(topic, message, 1, retain=False)


def rows(town: Town) -> int:
    """Receipts in the ledger."""
    with town.database.read() as session:
        return session.scalar(select(func.count()).select_from(LedgerEntry)) or 0


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
