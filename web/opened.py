"""A station's database, for a command that does one thing and ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from broadcaster.database import Database
from broadcaster.rows import Station
from broadcaster.settings import Settings
from web.station import NotInitialisedError


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Database, str]]:
    """The database of a station that is there, and the station's code. Errors: NotInitialisedError."""
    database = Database(settings.database)
    try:
        database.migrate()
        with database.read() as session:
            station = session.scalar(select(Station.code))
        if station is None:
            raise NotInitialisedError(str(settings.home_path))
        yield database, station
    finally:
        database.dispose()
