"""Server time of the pages of a province: 10 000 speakers, 1 000 000 deliveries, an alert in force, 101 bulletins on the air.

`python -m benchmarks.pages [--runs 20] [--speakers 10000] [--days 50] [--json]`. The limit beside each page: an
empty page of the same application, and its rows counted by the database, nothing else. Milliseconds; *cpu* is the processor time
of this process, which a busy machine does not change; the clock's time counts the waiting for others, too.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import Connection, insert, text

from benchmarks.tables import percentile, print_line
from broadcaster.database import Database
from broadcaster.rows import (
    Alert,
    AlertReport,
    AlertSource,
    AlertTarget,
    Base,
    Broadcast,
    Bulletin,
    Clip,
    Contact,
    Place,
    PlaceKind,
    Role,
    Schedule,
    ScheduleKind,
    ScheduleTarget,
    Speaker,
    Station,
)
from broadcaster.wire.documents import Class, SpeakerState
from tests.web import station
from tests.web.conftest import Browser, Humming
from tts.speech import Speech
from web.app import create_app

BUDGET_MS: Final = 200
COMMUNES, VILLAGES = 100, 10
"""Villages in each commune; the speakers are shared out among them."""
AHEAD: Final = 7
START: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)  # 17:00 in the province
ALERT: Final = "alert-20261121-0000000000"
_LENGTH: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """One page, with the query that counts what it is made of."""

    name: str
    path: str
    rows: str


PAGES: Final = (
    Page("home", "/", "SELECT count(*) FROM delivery WHERE broadcast_id IN (SELECT id FROM broadcast WHERE sent_at = :now)"),
    Page("home, living part", "/?part=live", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday"),
    Page("past (the ledger)", "/?before=1795100000000-z", "SELECT count(*) FROM broadcast WHERE start_at < :yesterday"),
    Page("on air", "/on-air", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday AND start_at <= :now"),
    Page("on air of a village", "/on-air?place=thon-57", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday AND start_at <= :now"),
    Page("speakers", "/speakers", "SELECT count(*) FROM speaker"),
    Page("schedule: week of the province", "/week", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday"),
    Page("schedule: week of a village", "/week?place=thon-57", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday"),
    Page("schedule: day of a village", "/day?place=thon-57", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday"),
    Page("a broadcast to everybody", "/broadcasts/all-today", "SELECT count(*) FROM delivery WHERE broadcast_id = 'all-today'"),
    Page("… its living part", "/broadcasts/all-today?part=live", "SELECT count(*) FROM delivery WHERE broadcast_id = 'all-today'"),
    Page("a broadcast to a commune", "/broadcasts/xa-3-today", "SELECT count(*) FROM delivery WHERE broadcast_id = 'xa-3-today'"),
    Page("duty board of an alert", f"/alerts/{ALERT}", f"SELECT count(*) FROM alert_report WHERE alert_id = '{ALERT}'"),
    Page("… its living part", f"/alerts/{ALERT}?part=live", f"SELECT count(*) FROM alert_report WHERE alert_id = '{ALERT}'"),
    Page("raise an alert", "/duty/bao/6f1d3c1e-0000-4000-8000-000000000000", "SELECT count(*) FROM place"),
    Page("write", "/write/6f1d3c1e-0000-4000-8000-000000000000", "SELECT count(*) FROM place"),
    Page("live voice", "/live", "SELECT count(*) FROM place"),
    Page("on and off", "/power", "SELECT count(*) FROM broadcast WHERE start_at > :yesterday"),
    Page("status", "/status", "SELECT count(*) FROM speaker"),
    Page("bulletin board of a village", "/bang-tin/thon-57", "SELECT count(*) FROM alert WHERE expires_at > :now"),
)  # fmt: skip
EMPTY: Final = "/phone"


def fill(database: Database, speakers: int, days: int) -> int:
    """Write the province down; returns how many deliveries that were."""
    with database.write() as session:
        session.add(Station(code="tinh", name="Đài tỉnh", timezone="Asia/Ho_Chi_Minh", quiet_start="21:00", quiet_until="05:00"))  # fmt: skip
        session.add(station.account("sep", Role.ADMINISTRATOR, START - days * _DAY))
        session.flush()
        connection = session.connection()
        _places(connection, speakers)
        _bulletins(connection, days)
        _alert(connection)
        return connection.execute(text(_DELIVERIES), {"now": _stored(START)}).rowcount


def _stored(moment: datetime) -> str:
    """As SQLite keeps it."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def _put(connection: Connection, kind: type[Base], rows: Rows) -> None:
    connection.execute(insert(kind), rows)


def _places(connection: Connection, speakers: int) -> None:
    villages = range(2 + COMMUNES, 2 + COMMUNES + COMMUNES * VILLAGES)

    def commune_of(village: int) -> int:
        return 2 + (village - 2 - COMMUNES) // VILLAGES

    _put(connection, Place, [{"id": 1, "code": "tinh", "name": "Tỉnh", "kind": PlaceKind.PROVINCE, "position": 0}])
    _put(connection, Place, [{"id": 1 + one, "code": f"xa-{one}", "name": f"Xã {one}", "kind": PlaceKind.COMMUNE, "parent_id": 1, "position": one} for one in range(1, COMMUNES + 1)])  # fmt: skip
    _put(connection, Place, [{"id": one, "code": f"thon-{one - 1 - COMMUNES}", "name": f"Thôn {one - 1 - COMMUNES}", "kind": PlaceKind.VILLAGE, "parent_id": commune_of(one), "position": one} for one in villages])  # fmt: skip
    _put(connection, Contact, [{"place_id": one, "name": f"Trưởng thôn {one}", "role": "trưởng thôn", "phone": f"09{one:08}"} for one in villages])  # fmt: skip
    _put(connection, Speaker, [{"id": f"loa-{one}", "place_id": villages[one % len(villages)], "name": f"Cụm {one}", "claim_code": "", "broker_token": "", "latitude": 20 + one % 100 / 100, "longitude": 105 + one // 100 / 100, "state": SpeakerState.LOST if one % 33 == 0 else SpeakerState.READY, "state_since": START, "seen_at": START} for one in range(speakers)])  # fmt: skip


def _bulletins(connection: Connection, days: int) -> None:
    """A bulletin that airs everywhere each day, and every day one of each commune; seven days of them are to come."""
    _put(connection, Clip, [{"sha256": "a" * 64, "manifest_sha256": "b" * 64, "bytes": 1, "duration_ms": _LENGTH // timedelta(milliseconds=1), "created_at": START}])  # fmt: skip
    ages = range(days - AHEAD - 1, -AHEAD - 1, -1)
    first = START - ages[0] * _DAY
    wanted = [("all", 0, 1, START - age * _DAY - timedelta(minutes=1), age) for age in ages]
    for age in ages:
        wanted += [
            (f"xa-{one}", 0, 1 + one, START - age * _DAY - timedelta(minutes=3), age) for one in range(1, COMMUNES + 1)
        ]
    bulletins: Rows = []
    schedules: Rows = []
    broadcasts: Rows = []
    targets: Rows = []
    known: dict[str, int] = {}
    for name, _, place, at, age in wanted:
        series = "all" if name == "all" else f"{name}-{age}"
        if series not in known:
            number = known[series] = len(known) + 1
            bulletins.append({"id": number, "submission": f"s{number}", "title": f"Bản tin {number}", "text": "Mời bà con đi họp.", "spoken": "Mời bà con đi họp.", "klass": Class.ROUTINE, "category": "họp dân", "voice": "north", "repeats": 1, "chime": True, "account_id": 1, "created_at": first, "clip_sha256": "a" * 64})  # fmt: skip
            schedules.append({"id": number, "bulletin_id": number, "kind": ScheduleKind.REPEATED if name == "all" else ScheduleKind.ONCE, "rrule": "RRULE:FREQ=DAILY" if name == "all" else "", "start_at": at, "account_id": 1, "created_at": first})  # fmt: skip
            targets.append({"schedule_id": number, "place_id": place})
        number = known[series]
        day = "today" if age == 0 else str(age)
        broadcasts.append({"id": f"{name}-{day}", "schedule_id": number, "bulletin_id": number, "occurrence": at, "start_at": at, "klass": Class.ROUTINE, "late_ms": 60_000, "clip_sha256": "a" * 64, "created_at": first, "sent_at": at})  # fmt: skip
    for kind, rows in (
        (Bulletin, bulletins),
        (Schedule, schedules),
        (ScheduleTarget, targets),
        (Broadcast, broadcasts),
    ):
        _put(connection, kind, rows)


_DELIVERIES: Final = """
INSERT INTO delivery (broadcast_id, speaker_id, state, why, started_at, ended_at, start_position_ms, played_ms)
SELECT broadcast.id, speaker.id,
    CASE WHEN broadcast.start_at > :now THEN 'cached' WHEN speaker.place_id % 33 = 0 THEN 'missed' ELSE 'finished' END,
    NULL, broadcast.start_at, broadcast.start_at, 0, 0
FROM broadcast
JOIN schedule_target ON schedule_target.schedule_id = broadcast.schedule_id
JOIN place ON place.parent_id = schedule_target.place_id OR (schedule_target.place_id = 1 AND place.kind = 'village')
JOIN speaker ON speaker.place_id = place.id
"""


def _alert(connection: Connection) -> None:
    """A storm warning to everybody; one speaker in thirty has not sounded."""
    _put(connection, Alert, [{"id": ALERT, "request": "duty::1", "request_sha256": "", "template": "bao", "title": "Bão", "level": 3, "drill": False, "siren": True, "repeats": 3, "every_ms": 0, "source": AlertSource.DUTY, "account_id": 1, "raised_at": START - timedelta(minutes=5), "start_at": START - timedelta(minutes=5), "expires_at": START + timedelta(hours=6), "audience_at": START}])  # fmt: skip
    _put(connection, AlertTarget, [{"alert_id": ALERT, "place_id": 1}])
    connection.execute(
        insert(AlertReport).from_select(
            ["alert_id", "speaker_id", "armed_at", "started_at"],
            text(
                f"SELECT '{ALERT}', id, CASE state WHEN 'ready' THEN state_since END, CASE state WHEN 'ready' THEN state_since END"
                " FROM speaker"
            ).columns(),
        )
    )


def measure(app: Flask, database: Database, runs: int) -> list[dict[str, Any]]:
    """Every page, ``runs`` times after one that warms up."""
    browser = Browser(app.test_client())
    assert browser.sign_in("sep").status_code == HTTPStatus.SEE_OTHER

    def asked(path: str) -> int:
        answer = browser.get(path)
        assert answer.status_code == HTTPStatus.OK, (path, answer.status_code)
        return len(answer.data)

    def counted(query: str) -> Callable[[], object]:
        moments = {"now": _stored(START), "yesterday": _stored(START - _DAY)}

        def count() -> object:
            with database.engine.connect() as connection:
                used = {name: at for name, at in moments.items() if f":{name}" in query}
                return connection.execute(text(query), used).scalar()

        return count

    empty = _timed(lambda: asked(EMPTY), runs)
    found = []
    for page in PAGES:
        figures = _timed(lambda page=page: asked(page.path), runs)
        limit = _timed(counted(page.rows), runs)
        found.append(
            {
                "page": page.name,
                **figures,
                "limit_p95": round(empty["p95"] + limit["p95"], 1),
                "budget": BUDGET_MS,
                "kB": round(asked(page.path) / 1000),
                "kept": figures["cpu_p95"] <= BUDGET_MS,
            }
        )
    return found


def _timed(act: Callable[[], object], runs: int) -> Mapping[str, float]:
    """Milliseconds by the clock, and of the processor."""
    act()
    wall, processor = [], []
    for _ in range(runs):
        begin = time.perf_counter(), time.process_time()
        act()
        wall.append((time.perf_counter() - begin[0]) * 1000)
        processor.append((time.process_time() - begin[1]) * 1000)
    told = {"p50": percentile(sorted(wall), 50), "p95": percentile(sorted(wall), 95)}
    told |= {"cpu_p50": percentile(sorted(processor), 50), "cpu_p95": percentile(sorted(processor), 95)}
    return {name: round(value, 1) for name, value in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--speakers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=50, help="of broadcasts, seven of which are to come")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = Database(f"sqlite:///{home / 'loa.db'}")
        database.migrate()
        begun = time.perf_counter()
        deliveries = fill(database, arguments.speakers, arguments.days)
        told = {
            "speakers": arguments.speakers,
            "deliveries": deliveries,
            "filled_s": round(time.perf_counter() - begun, 1),
        }
        print_line(told, as_json=arguments.json)
        stage = station.build(home, Speech(home / "speech", Humming()))
        stage.clock.moment = START
        for figures in measure(create_app(stage.services), database, arguments.runs):
            print_line(figures, as_json=arguments.json)
        stage.services.talks.stop()
        database.dispose()


if __name__ == "__main__":
    main()
