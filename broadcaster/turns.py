"""Who may write next.

SQLite lets one write at a time and makes the others try again and again, up to 100 ms apart: nobody knows who comes next, and
one that writes without a pause keeps everybody out. Here they queue, and what can't wait goes first.
"""

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """One turn at a time within this process: urgent ones first, of two alike the one that asked first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._taken = False

    @contextmanager
    def turn(self, *, urgent: bool, patience_s: float) -> Iterator[None]:
        """Wait for a turn and hold it; when it does not come within ``patience_s``, go on without one."""
        me = (not urgent, next(self._numbers))
        with self._changed:
            heapq.heappush(self._waiting, me)
            mine = self._changed.wait_for(lambda: not self._taken and self._waiting[0] == me, patience_s)
            self._waiting.remove(me)
            heapq.heapify(self._waiting)
            self._taken |= mine
            self._changed.notify_all()
        try:
            yield
        finally:
            if mine:
                with self._changed:
                    self._taken = False
                    self._changed.notify_all()
