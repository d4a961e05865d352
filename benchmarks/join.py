"""Speakers join the embedded broker and the station: python -m benchmarks.join [--json] [--speakers N ...].

The station runs in this process, the speakers in another one. A speaker has joined when its key is pinned and its state is
ready in the station's database. The physical limit beside it: bare connections with the same subscriptions to the same broker.
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

from benchmarks.tables import print_line
from broadcaster.clock import SystemClock
from broadcaster.settings import Settings
from broadcaster.wire.topics import Topics
from device_sim.fleet import read_kits
from device_sim.kit import Kit, broker_of
from device_sim.mqtt import Connect, MqttClient
from tests.whole.town import COMMUNE, Town, wait_until
from web import commune
from web.initialise import initialise
from web.station import RunningStation

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


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
