"""What every part of a running station shares; made once, in the composition root."""

from dataclasses import dataclass, field

from broadcaster import alert_tables
from broadcaster.alert_tables import AlertTable
from broadcaster.clock import Clock
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.keyring import Keyring
from broadcaster.wire.topics import Topics


@dataclass(frozen=True)
class Core:
    """The rows, the keys, the names on the wire, the time, the counts of what went wrong, and what alerts are made of."""

    database: Database
    keyring: Keyring
    topics: Topics
    clock: Clock
    counters: Counters
    alert_table: AlertTable = field(default_factory=alert_tables.load)
