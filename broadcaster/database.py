"""The database: engine, transactions, migrations. The only module that knows which database it is."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

from broadcaster import migrations
from broadcaster.disk import Disk
from broadcaster.turns import Turns

_BUSY_MS: Final = 15_000
_CHECKPOINT_PAGES: Final = 16_000
"""64 MB: only should `Disk` not come to it, a writer carries the log over within its commit."""
_WRITES: Final = "loa_writes"
_MIGRATION_LOCK: Final = 0x10B


def alone(session: Session, lock: int) -> None:
    """Wait until no other transaction holds this lock, and hold it until the end of this one; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def _set_up_sqlite(engine: Engine) -> None:
    """WAL, a writer takes its lock at BEGIN so that no transaction fails half-way."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # and `Disk` does the rest
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    """SQLite alters some tables by making them anew, which it refuses where rows point to them. Begin no transaction before."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection
    driver.cursor().execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.cursor().execute("PRAGMA foreign_keys = ON")


class Database:
    """Transactions over one database.

    Args:
        url: SQLAlchemy address, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_engine(url)
            _set_up_sqlite(self.engine)
            self._turns: Turns | None = Turns()
            self._disk: Disk | None = Disk(self.engine, parsed.database) if parsed.database else None
        else:
            self._turns = self._disk = None  # it has a lock for each row, and waits for the disk at each commit
            self.engine = create_engine(url, pool_pre_ping=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self, *, urgent: bool = False, sync: bool = True) -> Iterator[Session]:
        """A session whose changes are committed together, or not at all; an urgent one is the next to write.

        A transaction should be over within 100 ms, for an alert waits for the one under way. Afterwards it is on the disk, unless
        ``sync`` is off: who writes so calls `sync` as soon as what can't wait for the disk has left.
        """
        turn = self._turns.turn(urgent=urgent, patience_s=_BUSY_MS / 1000) if self._turns else nullcontext()
        with turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={_WRITES: True})
            yield session
        if sync:
            self.sync()

    def sync(self) -> None:
        """Wait until everything that was committed survives a power cut."""
        if self._disk:
            self._disk.sync()

    def migrate(self) -> None:
        """Bring the tables to this version of the software."""
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        with (
            self.engine.connect().execution_options(**{_WRITES: True}) as connection,
            _without_references(connection),
            connection.begin(),
        ):
            if connection.dialect.name == "postgresql":  # one process at a time, as SQLite sees to by itself
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def ping(self) -> None:
        """Ask the database for one answer. Errors: sqlalchemy.exc.SQLAlchemyError."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()
