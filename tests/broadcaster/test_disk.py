"""What is on the disk when: a shadow of it is made at each moment that somebody waited for it, and nothing else counts."""

import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from broadcaster.database import Database
from broadcaster.disk import Reserve
from broadcaster.rows import Account
from tests.clocks import FixedClock


class Shadow:
    """The disk as a power cut would leave it."""

    def __init__(self, database: Path, home: Path, patch: pytest.MonkeyPatch) -> None:
        self._database, self._home = database, home
        self._lock, self._waits = threading.Lock(), 0
        self._really = os.fdatasync
        patch.setattr(os, "fdatasync", self._wait)

    def _wait(self, log: int) -> None:
        self._really(log)
        with self._lock:
            self._waits += 1
            there = self._home / str(self._waits)
            there.mkdir()
            for ending in ("", "-wal"):
                shutil.copy(f"{self._database}{ending}", there / f"loa.db{ending}")

    def names(self) -> set[str]:
        """Who is in the database after a power cut now."""
        with self._lock:
            there = shutil.copytree(
                self._home / str(self._waits), self._home / f"looked-{threading.get_ident()}-{self._waits}"
            )
        cut = Database(f"sqlite:///{there}/loa.db")
        with cut.read() as session:
            found = set(session.scalars(select(Account.username)))
        cut.dispose()
        return found


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/loa.db")
    database.migrate()
    return database


@pytest.fixture
def shadow(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shadow:
    (tmp_path / "shadow").mkdir()
    shadow = Shadow(tmp_path / "loa.db", tmp_path / "shadow", monkeypatch)
    database.sync()
    return shadow


def write(database: Database, name: str, **how: bool) -> None:
    with database.write(**how) as session:
        session.add(Account(username=name, password_hash="", created_at=FixedClock().now()))


def test_what_was_written_survives_a_power_cut_also_beside_other_writers(database: Database, shadow: Shadow) -> None:
    def several(writer: int) -> None:
        for number in range(5):
            write(database, f"{writer}-{number}")
            assert f"{writer}-{number}" in shadow.names()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(several, range(3))) == [None] * 3


def test_what_cannot_wait_is_committed_first_and_survives_once_it_was_waited_for(
    database: Database, shadow: Shadow
) -> None:
    write(database, "an alert", urgent=True, sync=False)
    with database.read() as session:
        assert session.scalars(select(Account.username)).all() == ["an alert"]
    assert shadow.names() == set()
    database.sync()
    assert shadow.names() == {"an alert"}


def test_the_log_is_carried_over_while_others_write(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.disk._CHECKPOINT_EVERY_S", 0.0)
    write(database, "one")
    with database.read() as session:
        session.scalars(select(Account.username)).all()  # a reader that stays
        for number in range(20):
            write(database, f"a{number}")
    with database.engine.connect() as connection:
        busy, pages, carried = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    assert busy == 0
    assert carried == pages
    assert pages < 100, "without carrying over, the tables that were made would stand in the log as well"


def test_what_was_committed_has_not_failed_because_the_log_could_not_be_carried_over(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite refuses within a transaction, as it does on a full disk."""

    class Amidst:
        def raw_connection(self) -> sqlite3.Connection:
            connection = sqlite3.connect(tmp_path / "loa.db", isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            return connection

    monkeypatch.setattr("broadcaster.disk._CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(database._disk, "_engine", Amidst())
    write(database, "one")
    assert "could not be carried over" in caplog.text
    with database.read() as session:
        assert session.scalars(select(Account.username)).all() == ["one"]


def test_a_database_that_nobody_has_open_has_nothing_to_wait_for(database: Database) -> None:
    write(database, "one")
    database.dispose()
    database.sync()


def test_a_disk_that_fails_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(OSError, match="Input/output"):
        write(database, "one")


def full(message: str = "database or disk is full") -> OperationalError:
    return OperationalError("INSERT", {}, sqlite3.OperationalError(message))


def test_what_is_kept_for_an_alert_is_given_up_once_and_only_when_the_disk_is_full(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=100_000)
    reserve.keep()
    reserve.keep()
    held = (tmp_path / "reserve").stat()
    assert (held.st_size, held.st_blocks * 512 >= 100_000) == (100_000, True), "not a file of holes"
    assert not reserve.give_up(full("database is locked"))
    assert reserve.give_up(full())
    assert not reserve.give_up(full())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Reserve(tmp_path / "reserve", size=2**62).keep()
    assert "free the disk" in caplog.text
