"""What SQLite does with the disk, done while nobody waits for it.

With ``synchronous=FULL`` every commit waits for the disk and keeps all other writers out meanwhile: 5 ms mostly, 100 and more at
times. Here a commit only writes to the log; whoever committed then waits for the disk by themselves, when others may write already.
The database is consistent after a power cut all the same, and what was waited for is there.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

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
            log = os.open(self._log, os.O_RDONLY)
            try:
                os.fdatasync(log)
            finally:
                os.close(log)
        if time.monotonic() - self._carried_at > _CHECKPOINT_EVERY_S and self._carrying.acquire(blocking=False):
            try:
                self._carry_over()
            finally:
                self._carrying.release()

    def _carry_over(self) -> None:
        """Passively: readers and writers go on."""
        self._carried_at = time.monotonic()
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()
