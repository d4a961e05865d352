"""Retained documents on their way to the broker: handed over once, again after a new connection, and noted when confirmed."""

import threading
from collections.abc import Callable, Collection, Iterable
from functools import partial

from broadcaster import publishing
from broadcaster.database import Database
from broadcaster.rows import Published
from broadcaster.transport import Transport
from broadcaster.wire.topics import Kind

_AT_ONCE = 500
"""Confirmations written down in one transaction."""


class Outbox:
    """What one connection owes the broker.

    Args:
        kinds: the documents that travel here; a new connection forgets what was confirmed of them.
        on_confirmed: called on the connection's inbox thread for each document that the broker has taken over.
    """

    def __init__(
        self, database: Database, transport: Transport, kinds: Collection[Kind], on_confirmed: Callable[[Kind], None]
    ) -> None:
        self._database, self._transport = database, transport
        self.kinds, self._on_confirmed = frozenset(kinds), on_confirmed
        self._lock = threading.Lock()
        self._confirmed: set[tuple[str, int]] = set()
        self._in_flight: set[tuple[str, int]] = set()
        self._connections = self._connections_noted = 0

    @property
    def connected(self) -> bool:
        """Whether what is handed over now can leave now."""
        return self._transport.connected

    def broker_connected(self) -> None:
        """The broker is (back) there. What it may have lost is sent again: it costs little and asks nobody."""
        with self._lock:
            self._connections += 1
            self._confirmed.clear()
            self._in_flight.clear()

    def hand_over(self, documents: Iterable[Published]) -> None:
        """Hand documents to the broker, each once; what it does not confirm is handed over again."""
        for kind, topic, seq, envelope in [(Kind(row.typ), row.topic, row.seq, row.envelope) for row in documents]:
            with self._lock:
                if (topic, seq) in self._in_flight:
                    continue
                self._in_flight.add((topic, seq))
            done = partial(self._confirm, kind, topic, seq)
            if not self._transport.publish(topic, envelope, retain=True, done=done):
                with self._lock:
                    self._in_flight.discard((topic, seq))

    def _confirm(self, kind: Kind, topic: str, seq: int) -> None:
        with self._lock:
            self._confirmed.add((topic, seq))
        self._on_confirmed(kind)

    def note(self) -> None:
        """Write down what the broker has confirmed; after a new connection, that it may have lost all it had."""
        with self._lock:
            connections, confirmed = self._connections, self._confirmed
            self._confirmed = set()
        try:
            if connections != self._connections_noted:
                with self._database.write() as session:
                    publishing.forget_confirmations(session, self.kinds)
                self._connections_noted = connections
            names = sorted(confirmed)
            for first in range(0, len(names), _AT_ONCE):
                with self._database.write() as session:
                    for topic, seq in names[first : first + _AT_ONCE]:
                        publishing.confirm(session, topic, seq)
        finally:  # what could not be written down is sent again
            with self._lock:
                self._in_flight -= confirmed
