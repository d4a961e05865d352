import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import alembic.command
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from broadcaster import migrations
from broadcaster.database import Database
from broadcaster.rows import Account, Base, Delivery, DeliveryState, Place, PlaceKind, Role, Speaker, Station
from broadcaster.wire.fields import SpeakerRole
from tests.clocks import FixedClock

NOW = FixedClock().now()


def account(name: str, at: datetime = NOW) -> Account:
    return Account(username=name, password_hash="", created_at=at)


def test_the_migrations_make_exactly_the_tables_of_the_rows(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.write() as session:
        session.add(account("lan"))
    database.migrate()
    with database.read() as session:
        assert session.scalars(select(Account.username)).all() == ["lan"]


def test_speakers_of_an_older_station_are_taken_over_as_speakers(database: Database) -> None:
    """Up from the tables of before, with rows in them, and down again."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    def to(revision: str, command: Callable[[Config, str], None]) -> None:
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command(config, revision)

    with database.write() as session:
        place = Place(code="thon", name="Thôn", kind=PlaceKind.VILLAGE)
        session.add(Speaker(id="loa-1", place=place, name="Cụm 1", claim_code="c", broker_token="t"))
    to("0002", alembic.command.downgrade)
    to("head", alembic.command.upgrade)
    with database.read() as session:
        one = session.get_one(Speaker, "loa-1")
        assert (one.role, one.faults, one.month_bytes) == (SpeakerRole.SPEAKER, "", None)


MIGRATE = "import sys; from broadcaster.database import Database; Database(sys.argv[1]).migrate()"


def test_several_processes_may_migrate_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MIGRATE, f"sqlite:///{tmp_path / 'loa.db'}"]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]


def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    hanoi = datetime(2026, 11, 22, 6, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=7)))
    with database.write() as session:
        session.add(account("lan", hanoi))
    with database.read() as session:
        kept = session.scalars(select(Account.created_at)).one()
    assert kept == hanoi
    assert kept.tzinfo is UTC


def test_a_naive_moment_is_a_programming_error(database: Database) -> None:
    with pytest.raises(StatementError, match="aware"), database.write() as session:
        session.add(account("lan", datetime(2026, 1, 1)))  # noqa: DTZ001  that is the point


def test_moments_are_compared_in_the_database(database: Database) -> None:
    with database.write() as session:
        session.add_all(account(f"a{hours}", NOW + timedelta(hours=hours)) for hours in (-1, 0, 1))
    with database.read() as session:
        assert session.scalars(select(Account.username).where(Account.created_at > NOW)).all() == ["a1"]


def test_sqlite_commits_to_its_log_and_keeps_references_true(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}


def test_a_row_that_refers_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Delivery(broadcast_id="none", speaker_id="none", state=DeliveryState.PLANNED))


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(account("lan"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as session:
        assert session.scalars(select(Account)).all() == []


def test_writers_that_read_first_wait_for_each_other_instead_of_failing(database: Database) -> None:
    with database.write() as session:
        session.add(account("0"))

    def count_up(_number: int) -> None:
        with database.write() as session:
            row = session.scalars(select(Account).with_for_update()).one()
            row.username = str(int(row.username) + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(40)))
    with database.read() as session:
        assert session.scalars(select(Account.username)).one() == "40"


def test_a_reader_is_not_held_up_by_a_writer(database: Database) -> None:
    written, read = threading.Event(), threading.Event()

    def write() -> None:
        with database.write() as session:
            session.add(account("lan"))
            session.flush()
            written.set()
            assert read.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    assert written.wait(10)
    with database.read() as session:
        assert session.scalars(select(Account)).all() == []
    read.set()
    writer.join()


def test_a_ping_asks_the_database(database: Database) -> None:
    database.ping()
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_what_an_account_could_do_it_can_still_do_after_grants_came(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'loa.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.engine.connect().execution_options(loa_writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(
            text(
                "INSERT INTO account (username, full_name, password_hash, role, created_at) VALUES (:n, '', '', :r, :t)"
            ),
            [{"n": role.value, "r": role.value, "t": "2026-11-21 03:00:00.000000"} for role in Role],
        )
        connection.execute(text("INSERT INTO station (code, name, timezone) VALUES ('x', 'x', 'UTC')"))
        connection.commit()
    database.migrate()
    with database.read() as session:
        held = [
            (account.username, grant.role, grant.place_id)
            for account in session.scalars(select(Account))
            for grant in account.grants
        ]
        assert held == [(role.value, role, None) for role in Role]
        assert session.scalars(select(Station.approval)).one() is False, "it goes on as before"
    with database.engine.connect().execution_options(loa_writes=True) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        connection.commit()
        roles = connection.execute(text("SELECT username FROM account WHERE role = username")).all()
    assert len(roles) == len(Role)
    database.dispose()


def test_a_station_that_has_aired_comes_to_this_version_with_all_of_its_rows(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'loa.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    rows = (
        "account (id, username, full_name, password_hash, role, created_at) VALUES (1, 'a', '', '', 'editor', '2026')",
        (
            "bulletin (id, submission, title, text, spoken, klass, category, voice, repeats, chime, account_id,"
            " created_at) VALUES (1, 's', '', '', '', 'routine', '', 'north', 1, 0, 1, '2026')"
        ),
        "schedule (id, bulletin_id, kind, rrule, account_id, created_at) VALUES (1, 1, 'now', '', 1, '2026')",
        (
            "broadcast (id, schedule_id, bulletin_id, occurrence, klass, late_ms, created_at)"
            " VALUES ('b', 1, 1, '2026', 'routine', 0, '2026')"
        ),
    )
    with database.engine.connect().execution_options(loa_writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for row in rows:
            connection.execute(text(f"INSERT INTO {row}"))
        connection.commit()
    database.migrate()
    with database.read() as session:
        assert [session.scalar(text(f"SELECT count(*) FROM {row.split()[0]}")) for row in rows] == [1, 1, 1, 1]
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    database.dispose()
