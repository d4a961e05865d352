"""A database that was put back from an older copy, over a broker that has seen what came afterwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from paho.mqtt import publish, subscribe
from sqlalchemy import select

from broadcaster import alerting
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.rows import Alert, AlertEnd, Published
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.topics import Topics
from broadcaster.wire.urgent import Alert as Document
from tests.whole.town import Town, wait_until
from web.station import RunningStation

pytestmark = pytest.mark.whole


@contextmanager
def station(town: Town) -> Iterator[RunningStation]:
    running = RunningStation(town.settings)
    running.start()
    try:
        wait_until(lambda: running.health().broker_connected)
        yield running
    finally:
        running.stop()


def copied(town: Town, to: Path) -> Path:
    with closing(sqlite3.connect(town.home / "loa.db")) as database:
        database.execute("VACUUM INTO ?", [str(to)])
    return to


def put_back(town: Town, copy: Path) -> None:
    for path in town.home.glob("loa.db*"):
        path.unlink()
    (town.home / "loa.db").write_bytes(copy.read_bytes())


def at_broker(running: RunningStation) -> dict[str, Any]:
    """How somebody with the station's own password reaches its broker."""
    assert running.broker
    address = urlsplit(running.broker.url)
    auth = {"username": address.username or "", "password": address.password or ""}
    return {"hostname": "127.0.0.1", "port": address.port or 0, "auth": auth, "qos": 1}


def retained(running: RunningStation, topic: str) -> bytes:
    return bytes(subscribe.simple(topic, **at_broker(running)).payload)  # type: ignore[no-untyped-call]


def is_ended(message: bytes) -> bool:
    return strict_json.decode(envelope.parse(message).payload, Document).ended


def test_an_alert_that_ended_after_the_copy_was_made_stays_ended(tmp_path: Path) -> None:
    town = Town.make(tmp_path / "home", 1)
    town.database.dispose()
    copies = [copied(town, tmp_path / "before.db")]
    with station(town) as running:
        alert = running.raise_alert(Order("form", "bao", ("an-binh",)), By()).alert.id
        copies.append(copied(town, tmp_path / "while-it-was-in-force.db"))
        topic = Topics("an-binh").alert("an-binh", alert)
        with running.core.database.read() as session:
            raised = session.get_one(Published, topic).envelope
        running.end_alert(alert, By(), words=False, at_once=True)
        wait_until(lambda: is_ended(retained(running, topic)))
    for copy in copies:
        put_back(town, copy)
        with station(town) as running:
            database, health = running.core.database, running.health

            def end() -> AlertEnd | None:
                with database.read() as session:  # noqa: B023
                    return session.scalar(select(Alert.end).where(Alert.id == alert))

            wait_until(lambda: end() is AlertEnd.ENDED)
            publish.single(topic, raised, retain=True, **at_broker(running))
            wait_until(lambda: health().rejected.get("tampered"))  # noqa: B023
            wait_until(lambda: is_ended(retained(running, topic)))
            with database.read() as session:
                assert alerting.in_force(session, running.core.clock.now()) == []
            assert not health().errors
