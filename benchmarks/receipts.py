"""10 000 receipts from the broker into the ledger: python -m benchmarks.receipts [--json] [--told N ...].

The station runs in this process as `loa serve` runs it, 200 speakers in another one (`benchmarks.receipts_fleet`), each with ten
signed messages at once. Counted is from the first message until every receipt is a row, by the clock and by the
processor time of this process. The physical limits beside it, in the same run: the same messages taken from the broker by the same
connection and thrown away, and their signatures verified alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from benchmarks.join import make_town
from benchmarks.tables import print_line
from broadcaster.clock import SystemClock
from broadcaster.rows import LedgerEntry, Speaker
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Event, Receipt, Receipts
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from device_sim.fleet import read_kits
from device_sim.kit import Kit
from tests.whole.town import Town, wait_until
from web.serve import be_prompt
from web.station import RunningStation

SPEAKERS: Final = 200
MESSAGES_EACH: Final = 10
"""A speaker that says more than 50 things a second is not listened to, and says them again; this one keeps to it."""
MESSAGES: Final = SPEAKERS * MESSAGES_EACH
PATIENCE_S: Final = 120.0
QUIET_S: Final = 5.0
"""Until everything is planned and the limiter has forgotten the messages before."""


def signed(key: SigningKey, kit: Kit, name: str, told: int) -> tuple[str, bytes]:
    """A message of one speaker with some receipts, and its topic."""
    topic, now = Topics(kit.station).up(kit.speaker, "receipt"), SystemClock().now_ms()
    receipts = tuple(Receipt(id=f"{name}-{n}", broadcast="b", event=Event.FINISHED, at=now) for n in range(told))
    payload = strict_json.encode(Receipts(receipts=receipts))
    return topic, envelope.sign(key.private, key.kid, typ=Kind.RECEIPT.value, topic=topic, seq=now, payload=payload)


@contextmanager
def speaking(kits: Path, key: SigningKey, told: int) -> Iterator["subprocess.Popen[str]"]:
    """The speakers' process, for the time of the block."""
    secret = key.private.private_bytes_raw().hex()
    command = [sys.executable, "-m", "benchmarks.receipts_fleet", str(kits), secret, str(told)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as fleet:
        hear(fleet)
        yield fleet
        say(fleet, "")


def say(fleet: "subprocess.Popen[str]", line: str) -> None:
    """One line to the speakers' process."""
    if fleet.stdin:
        print(line, file=fleet.stdin, flush=True)


def hear(fleet: "subprocess.Popen[str]") -> None:
    """Wait for one line of the speakers' process."""
    if fleet.stdout:
        fleet.stdout.readline()


def spend(fleet: "subprocess.Popen[str]", name: str, done: Callable[[], bool]) -> tuple[float, float]:
    """Let every speaker speak: seconds until ``done``, by the clock and of this process's processor time."""
    say(fleet, name)
    hear(fleet)
    began, spent = time.monotonic(), time.process_time()
    say(fleet, "now")
    while not done() and time.monotonic() < began + PATIENCE_S:
        time.sleep(0.05)
    return time.monotonic() - began, time.process_time() - spent


def measure(home: Path, told: int) -> dict[str, object]:
    """One station, whose speakers speak twice: into the void, and into the ledger."""
    town = make_town(home, SPEAKERS, keep_sounds=False)
    station, key = RunningStation(town.settings), SigningKey.generate()
    with town.database.write() as session:
        for speaker in session.scalars(select(Speaker)):
            speaker.public_key = keys.public_text(key.public)
    station.start()
    try:
        wait_until(lambda: station._prompt.connected)
        be_prompt()
        with speaking(town.initialised.kits, key, told) as fleet:
            time.sleep(QUIET_S)
            take, dropped = station._prompt._on_batch, list[int]()
            station._prompt._on_batch = lambda batch: dropped.append(len(batch))
            broker_s, broker_cpu_s = spend(fleet, "void", lambda: sum(dropped) >= MESSAGES)
            station._prompt._on_batch = take
            time.sleep(QUIET_S)
            written_s, written_cpu_s = spend(fleet, "ledger", lambda: rows(town) >= MESSAGES * told)
    finally:
        station.stop()
        town.database.dispose()
    return {
        "receipts": MESSAGES * told,
        "messages": MESSAGES,
        "written_s": round(written_s, 2),
        "written_cpu_s": round(written_cpu_s, 2),
        "lost": MESSAGES * told - rows(town),
        "broker_alone_s": round(broker_s, 2),
        "broker_alone_cpu_s": round(broker_cpu_s, 2),
        "verifying_alone_cpu_s": round(verifying(key, next(iter(read_kits(town.initialised.kits))), told), 2),
    }


def verifying(key: SigningKey, kit: Kit, told: int) -> float:
    """Processor seconds to parse as many messages and verify them."""
    _, message = signed(key, kit, "one", told)
    began = time.process_time()
    for _ in range(MESSAGES):
        envelope.verify(envelope.parse(message), key.public)
    return time.process_time() - began


def rows(town: Town) -> int:
    """Receipts in the ledger, by the number of the last: asking must cost nothing."""
    with town.database.read() as session:
        return session.scalar(select(func.max(LedgerEntry.id))) or 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a measurement")
    parser.add_argument("--told", type=int, nargs="+", default=[5, 1], help="receipts in a message")
    arguments = parser.parse_args()
    for told in arguments.told:
        with tempfile.TemporaryDirectory() as folder:
            print_line(measure(Path(folder), told), as_json=arguments.json)


if __name__ == "__main__":
    main()
