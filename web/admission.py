"""Keeps the broker's users and the plans in line with the rows, whoever changes them: a page, or another process."""

import threading
from collections.abc import Callable
from typing import Final

from broadcaster import enrolment
from broadcaster.broker import EmbeddedBroker
from broadcaster.core import Core

_LOOK_S: Final = 1.0


class Admission:
    """Looks once a second whether somebody has changed something; cheap: one number from the audit log.

    Args:
        broker: the embedded broker; None when the broker's users are kept elsewhere (``loa broker users``).
        wake: called after a change, so that configs are signed and plans renewed.
    """

    def __init__(self, core: Core, broker: EmbeddedBroker | None, wake: Callable[[], None]) -> None:
        self._core, self._broker, self._wake = core, broker, wake
        self._seen = -1
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="admission", daemon=True)

    def look(self) -> bool:
        """Bring the broker in line when something has changed; returns whether it has."""
        with self._core.database.read() as session:
            mark = enrolment.mark(session)
            if mark == self._seen:
                return False
            if self._broker:
                self._broker.set_users(enrolment.broker_users(session))
        self._seen = mark
        return True

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            with self._core.counters.edge("admission"):
                if self.look():
                    self._wake()
