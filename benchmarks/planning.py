"""How long one planning pass takes as a province grows: zones × 20 items a day × 7 days, from rows to signed plans.

`python -m benchmarks.planning [--zones 250 500 1000] [--url ADDRESS] [--json]`. The limit beside it: signing the same
plans and writing the same rows as plain ones in one transaction, nothing else. A transaction is what everybody else who writes waits for.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from broadcaster.database import Database
from broadcaster.rows import (
    Account,
    Clip,
    Delivery,
    Grant,
    Place,
    PlaceKind,
    Published,
    Role,
    ScheduleKind,
    Speaker,
    Station,
)
from broadcaster.wire import envelope
from broadcaster.wire.units import UnixMs
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


class Watched(Database):
    """Notes how long each of its transactions kept others from writing: by the clock, and in processor time."""

    held_s: ClassVar[list[tuple[float, float]]] = []

    @contextmanager
    def write(self) -> Iterator[Session]:
        """See `Database.write`."""
        with super().write() as session:
            begin = time.perf_counter(), time.thread_time()
            yield session
            session.commit()
            self.held_s.append((time.perf_counter() - begin[0], time.thread_time() - begin[1]))


def measure(zones: int, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        clock = FixedClock(START)
        database = Watched(url or f"sqlite:///{folder}/loa.db")
        database.migrate()
        fill(database, clock, zones)
        bench = Bench.make(database, clock, Path(folder))
        seconds, held = [], []
        for _ in range(2):
            database.held_s.clear()
            begin = time.process_time()
            bench.planner.plan()
            seconds.append(time.process_time() - begin)
            held.append(list(database.held_s))
        assert bench.core.counters.errors == {}
        limit = physical_limit(database, bench)
        database.dispose()
    return {
        "zones": zones,
        "deliveries": zones * ITEMS * DAYS,
        "first_s": round(seconds[0], 2),
        "limit_s": round(limit, 2),
        "transactions": len(held[0]),
        "longest_ms": round(max(wall for wall, _ in held[0]) * 1000),
        "longest_processor_ms": round(max(processor for _, processor in held[0]) * 1000),
        "again_s": round(seconds[1], 2),
        "transactions_again": len(held[1]),
    }


def physical_limit(database: Database, bench: Bench) -> float:
    """Seconds to sign the same plans and to write the same rows again, as plain rows in one transaction; nothing is decided."""
    key = bench.core.keyring.station
    with database.read() as session:
        deliveries = [tuple(row) for row in session.execute(select(Delivery.__table__))]
        plans = [tuple(row) for row in session.execute(select(Published.__table__))]
    with database.write() as session:
        session.execute(delete(Delivery))
        session.execute(delete(Published))
    begin = time.process_time()
    for number, plan in enumerate(plans):
        payload = envelope.parse(plan[5]).payload
        envelope.sign(key.private, key.kid, typ=plan[1], topic=plan[0], seq=UnixMs(number + 1), payload=payload)
    with database.write() as session:
        connection = session.connection()
        for table, rows in ((Delivery.__table__, deliveries), (Published.__table__, plans)):
            mark = ", ".join("?" if connection.dialect.name == "sqlite" else "%s" for _ in table.columns)
            connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({mark})", rows)
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--url", default="", help="an empty PostgreSQL database; SQLite without it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for zones in arguments.zones:
        found = measure(zones, arguments.url)
        print(
            json.dumps(found) if arguments.json else "  ".join(f"{name} {value}" for name, value in found.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
