"""A command beside a clip on a link of 512 kbit/s: python -m benchmarks.link [--json].

A real broker, the station's two connections, its distributor, and a device behind a proxy that lets 512 kbit/s through. The
physical limit beside each figure is what the link needs for the bytes that no sender could keep from going first.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.tables import percentile, print_line
from broadcaster.wire import ogg
from broadcaster.wire.documents import Action
from tests.slow_link import Heard
from tests.whole.test_link import Line, line

LINK_BPS = 512_000
PACE_BPS = 128_000
SEGMENTS = 40
COMMANDS = 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    arguments = parser.parse_args()
    for name, rate_bps, every_s in (
        ("no clip", 0, 0.05),
        ("clip unpaced", 10**9, 0.05),
        ("clip paced", PACE_BPS, 0.25),
    ):
        with tempfile.TemporaryDirectory() as folder, line(Path(folder)) as made:
            found = measure(made, rate_bps, every_s)
            print_line({"beside": name} | found, as_json=arguments.json)


def measure(made: Line, rate_bps: int, every_s: float) -> dict[str, float]:
    """How long commands take from `publish` to the device, one after another while the clip travels."""
    distributor = made.send(rate_bps, SEGMENTS) if rate_bps else None
    if distributor:
        made.heard.wait_for(2)
    sent_at: dict[bytes, float] = {}
    for _ in range(COMMANDS):
        message = made.station.command(Action.STOP_ALL)
        sent_at[message.payload] = time.monotonic()
        made.prompt.publish(message.topic, message.payload)
        time.sleep(every_s)
    arrived = arrivals(made.heard, sent_at)
    if distributor:
        distributor.stop()
    took_ms = sorted((arrived[payload] - at) * 1000 for payload, at in sent_at.items())
    size = len(next(iter(sent_at)))
    ahead = {0: 0, PACE_BPS: ogg.MAX_SEGMENT_BYTES}.get(rate_bps, SEGMENTS * ogg.MAX_SEGMENT_BYTES)
    return {
        "p50_ms": round(percentile(took_ms, 50), 1),
        "p99_ms": round(percentile(took_ms, 99), 1),
        "worst_ms": round(took_ms[-1], 1),
        "link_needs_ms": round(size * 8 / LINK_BPS * 1000, 1),
        "link_needs_behind_what_went_first_ms": round((size + ahead) * 8 / LINK_BPS * 1000, 1),
    }


def arrivals(heard: Heard, wanted: dict[bytes, float]) -> dict[bytes, float]:
    """When each of these was received; waits for the last."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = {payload: at for at, _, payload in list(heard.messages) if payload in wanted}
        if len(found) == len(wanted):
            return found
        time.sleep(0.2)
    raise SystemExit("commands were lost")


if __name__ == "__main__":
    main()
