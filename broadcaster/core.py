"""What every part of a running station shares; made once, in the composition root."""

from dataclasses import dataclass

from broadcaster.clock import Clock
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.keyring import Keyring
from broadcaster.wire.topics import Topics


@dataclass(frozen=True)
class Core:
    """The rows, the keys, the names on the wire, the time, and the counts of what went wrong."""

    database: Database
    keyring: Keyring
    topics: Topics
    clock: Clock
    counters: Counters
