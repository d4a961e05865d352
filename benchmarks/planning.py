"""How long one planning pass takes as a province grows: zones × 20 items a day × 7 days, from rows to signed plans.

`python -m benchmarks.planning [--zones 250 500 1000] [--json]`. The limit beside it: encoding and signing the same plans, nothing else.
"""

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broadcaster.database import Database
from broadcaster.rows import Account, Clip, Grant, Place, PlaceKind, Published, Role, ScheduleKind, Speaker, Station
from broadcaster.wire import envelope
from broadcaster.wire.topics import Kind
from tests.broadcaster import town
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

ITEMS, DAYS = 20, 7
START = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)  # midnight in the province


def fill(database: Database, clock: FixedClock, zones: int) -> None:
    with database.write() as session:
        session.add(
            Station(
                id=1,
                code="an-binh",
                name="Đài tỉnh",
                timezone="Asia/Ho_Chi_Minh",
                quiet_start="21:00",
                quiet_until="05:00",
            )
        )
        session.add(
            Account(
                username="lan",
                password_hash="",
                created_at=clock.now(),
                grants=[Grant(role=Role.EDITOR, granted_at=clock.now())],
            )
        )
        session.add(
            Clip(sha256="a" * 64, manifest_sha256="b" * 64, bytes=100_000, duration_ms=60_000, created_at=clock.now())
        )
        session.flush()
        villages = [
            Place(id=number, code=f"thon-{number}", name="", kind=PlaceKind.VILLAGE) for number in range(1, zones + 1)
        ]
        session.add_all(villages)
        session.flush()
        session.add_all(
            Speaker(id=f"loa-{each.id}", place_id=each.id, name="", claim_code="", broker_token="") for each in villages
        )
        for number in range(ITEMS):
            start = START + timedelta(hours=6, minutes=40 * number)
            made = town.schedule(session, clock, start_at=start, kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=DAILY")
            made.bulletin.clip_sha256 = "a" * 64
            made.targets = villages


def measure(zones: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        clock = FixedClock(START)
        database = Database(f"sqlite:///{folder}/loa.db")
        database.migrate()
        fill(database, clock, zones)
        bench = Bench.make(database, clock, Path(folder))
        seconds = []
        for _ in range(2):
            begin = time.process_time()
            with database.write() as session:
                bench.planner.plan(session)
            seconds.append(time.process_time() - begin)
        assert bench.core.counters.errors == {}
        key = bench.core.keyring.station
        with database.read() as session:
            plans = [envelope.parse(row.envelope) for row in session.query(Published).filter_by(typ=Kind.PLAN.value)]
        begin = time.process_time()
        for number, plan in enumerate(plans):
            envelope.sign(
                key.private, key.kid, typ=Kind.PLAN.value, topic="t", seq=number + 1, payload=plan.payload, exp=0
            )  # type: ignore[arg-type]
        limit = time.process_time() - begin
        database.dispose()
    return {
        "zones": zones,
        "plans": len(plans),
        "first_s": round(seconds[0], 2),
        "again_s": round(seconds[1], 2),
        "signing_s": round(limit, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for zones in arguments.zones:
        found = measure(zones)
        print(
            json.dumps(found) if arguments.json else "  ".join(f"{name} {value}" for name, value in found.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
