"""What SQLite does with the disk, done while nobody waits for it.

With ``synchronous=FULL`` every commit waits for the disk and keeps all other writers out meanwhile: 5 ms mostly, 100 and more at
times. Here a commit only writes to the log; whoever committed then waits for the disk by themselves, when others may write already.
The database is consistent after a power cut all the same, and what was waited for is there.
"""

import logging
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

log = logging.getLogger(__name__)

ENOUGH_BYTES: Final = 1_000_000_000
"""Less room than this on the disk, and a person is told."""
RESERVE_BYTES: Final = 32 * 2**20
"""Some thousand alerts, and what the broker writes down of them."""
_CHECKPOINT_EVERY_S: Final = 10.0


class Disk:
    """The write-ahead log of one SQLite database.

    Args:
        database: path of its file.
    """

    def __init__(self, engine: Engine, database: str) -> None:
        self._engine, self._log = engine, Path(f"{database}-wal")
        self._carrying = threading.Lock()
        self._carried_at = time.monotonic()

    def sync(self) -> None:
        """Wait until the disk has all of the log; now and then carry it over into the database. Errors: OSError."""
        with suppress(FileNotFoundError):  # the last connection was closed, and carried everything over
            file = os.open(self._log, os.O_RDONLY)
            try:
                os.fdatasync(file)
            finally:
                os.close(file)
        if time.monotonic() - self._carried_at > _CHECKPOINT_EVERY_S and self._carrying.acquire(blocking=False):
            try:
                self._carry_over()
            finally:
                self._carrying.release()

    def _carry_over(self) -> None:
        """Passively: readers and writers go on. Where it can't be, as on a full disk, everything stays in the log."""
        self._carried_at = time.monotonic()
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.OperationalError as error:  # what was committed is on the disk: nobody's order has failed
            log.warning("the log could not be carried over into the database error=%s", error)
        finally:
            connection.close()


class Reserve:
    """Room that is given up for an alert when the disk is full: a file to delete.

    Args:
        path: of the file.
        size: of it, bytes.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path, self._size = path, size

    def keep(self) -> None:
        """Set the room aside; a disk that has none is said in the log."""
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            log.warning("no room can be kept for alerts, free the disk path=%s error=%s", self._path.parent, error)

    def give_up(self, error: OperationalError) -> bool:
        """Make room when that is what was lacking; False when it was not, or there is nothing left to give up."""
        if "disk is full" not in str(error.orig):
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        log.error("the disk is full, what was kept for alerts is used now path=%s", self._path)
        return True
