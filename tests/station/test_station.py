import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from broadcaster.airing import BroadcastState, NotOnAirError, state_of
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.broker import BrokerError
from broadcaster.rows import Account, AuditEntry, Broadcast, Place, Published, ScheduleKind
from broadcaster.settings import Settings
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Action, Command
from scheduler.submissions import Submission, submit
from tests.broadcaster.town import FakeTransport
from tests.clocks import FixedClock
from web.initialise import Initialised
from web.station import NotInitialisedError, RunningStation


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def resting(settings: Settings, station: Initialised, clock: FixedClock) -> Iterator[RunningStation]:
    """A station that is put together and not started; what it says goes to a fake line."""
    made = RunningStation(settings, clock)
    made._prompt = FakeTransport()  # type: ignore[assignment]  # its lever
    yield made
    made.core.database.dispose()
    made.services.speech.close()


def broadcast(station: RunningStation, *places: str, starts_in: timedelta) -> str:
    clock, database = station.core.clock, station.core.database
    with database.write() as session:
        schedule = submit(
            session,
            Submission(
                f"form-{starts_in}", "Họp", "Mời họp.", ScheduleKind.ONCE, places, start_at=clock.now() + starts_in
            ),
            account_id=1,
            now=clock.now(),
        )
        assert schedule.id
    for step in (station._runner.beat, station._preparation.prepare_all, station._runner.beat):
        station._runner.wake()
        step()
    with database.read() as session:
        return session.scalars(select(Broadcast.id).order_by(Broadcast.created_at.desc())).first() or ""


def commands(station: RunningStation) -> list[tuple[str, str, Command]]:
    """Zone, key and content of every command that was sent."""
    said = []
    line = station._prompt
    assert isinstance(line, FakeTransport)
    ring = station.core.keyring
    for sent in line.sent:
        if sent.topic.endswith("/command"):
            read = envelope.parse(sent.payload)
            keys = {key.kid: key for key in (ring.station, ring.emergency)}
            envelope.verify(read, keys[read.header.kid].public)
            assert read.header.exp - read.header.seq <= 30_000
            assert not sent.retain
            name = "emergency" if read.header.kid == ring.emergency.kid else "station"
            said.append((sent.topic.split("/")[4], name, strict_json.decode(read.payload, Command)))
    return said


def test_stopping_a_broadcast_orders_its_zones_to_stop_and_takes_it_back(
    resting: RunningStation, clock: FixedClock
) -> None:
    number = broadcast(resting, "thon-dong", starts_in=timedelta(hours=1))
    with resting.core.database.write() as session:
        session.get_one(Broadcast, number).sent_at = clock.now()  # no broker is there to confirm
    clock.advance(timedelta(hours=1))
    resting.stop_broadcast(number, 1)
    assert commands(resting) == [("thon-dong", "station", Command(action=Action.STOP, broadcast=number))]
    with resting.core.database.read() as session:
        assert state_of(session.get_one(Broadcast, number), clock.now()) is BroadcastState.STOPPED
    with pytest.raises(NotOnAirError):
        resting.stop_broadcast(number, 1)


def test_stopping_in_one_place_orders_that_place_alone(resting: RunningStation, clock: FixedClock) -> None:
    number = broadcast(resting, "xa", starts_in=timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    with resting.core.database.read() as session:
        place = session.get_one(Broadcast, number).schedule.targets[0].children[1].id
    resting.stop_in_place(number, place, 1)
    assert commands(resting) == [("tdp-4", "station", Command(action=Action.STOP, broadcast=number))]


def test_stop_all_takes_the_emergency_key_and_is_sent_even_when_nothing_sounds(resting: RunningStation) -> None:
    assert resting.stop_all(1) == 0
    assert commands(resting) == [("xa", "emergency", Command(action=Action.STOP_ALL))]
    with resting.core.database.read() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[-1] == "broadcast.stop-all"


def test_a_folder_without_a_station_is_refused(settings: Settings) -> None:
    with pytest.raises(NotInitialisedError):
        RunningStation(settings)


def wait_until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


@pytest.mark.whole
def test_a_station_starts_publishes_what_is_in_force_and_ends_without_leaving_a_thread_or_process(
    settings: Settings, station: Initialised
) -> None:
    before = set(threading.enumerate())
    running = RunningStation(settings)
    running.start()
    try:
        assert running.broker
        wait_until(lambda: running.health().broker_connected)
        wait_until(lambda: all_confirmed(running))
        with pytest.raises(BrokerError, match="already running"):
            RunningStation(settings).start()
    finally:
        running.stop()
    assert running.health().errors == {}
    assert running.broker.pid is None
    wait_until(lambda: set(threading.enumerate()) <= before)


def all_confirmed(running: RunningStation) -> bool:
    with running.core.database.read() as session:
        rows = session.scalars(select(Published)).all()
        return len(rows) == 3 and all(row.confirmed_seq == row.seq for row in rows)


def fill_the_disk(station: RunningStation) -> Path:
    """SQLite's own limit stands for the end of the disk; what is returned, what was kept for alerts, lies before it."""
    database, kept = station.core.database, station.settings.home_path / "reserve"

    @event.listens_for(database.engine, "checkout")
    def _(connection: Any, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages if kept.exists() else 1_000_000}")

    def fill() -> None:
        for number in range(1_000):
            with database.write() as session:
                session.add(
                    Account(username=f"a{number}", password_hash="x" * 500, created_at=station.core.clock.now())
                )

    with pytest.raises(OperationalError, match="disk is full"):
        fill()
    return kept


def test_everything_can_be_stopped_also_when_the_disk_is_full(resting: RunningStation) -> None:
    kept = fill_the_disk(resting)
    for _ in range(100):
        resting.stop_all(1)
        if not kept.exists():
            break
    assert not kept.exists(), "the disk was never full for a stop"


def test_an_alert_is_raised_and_ended_also_when_the_disk_is_full(resting: RunningStation) -> None:
    kept = fill_the_disk(resting)
    with resting.core.database.read() as session:
        places = tuple(session.scalars(select(Place.code).where(Place.parent_id.is_(None)).limit(1)))
    for number in range(100):
        raised = resting.raise_alert(Order(f"order {number}", "chay", places), By())
        assert len(raised.documents) == 1
        assert resting.end_alert(raised.alert.id, By(), words=True, at_once=True).documents
        if not kept.exists():
            break
    assert not kept.exists(), "the disk was never full for an alert"
