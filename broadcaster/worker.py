"""A thread that works, rests until it is woken or time has passed, and ends in order."""

import threading
from collections.abc import Callable

from broadcaster.counters import Counters


class Worker:
    """Looks after one thing for as long as the station runs.

    Args:
        name: of the thread; its errors are counted under it.
        work: does what is due; returns for how many seconds to rest at most, 0 when there is more to do.
        rest_s: the rest after an error.
        patience_s: how long `stop` waits for the work under way.
    """

    def __init__(
        self, name: str, counters: Counters, work: Callable[[], float], *, rest_s: float, patience_s: float = 10.0
    ) -> None:
        self._name, self._counters, self._work = name, counters, work
        self._rest_s, self._patience_s = rest_s, patience_s
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def stop(self) -> None:
        """End after the work under way."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(self._patience_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            rest_s = self._rest_s
            with self._counters.edge(self._name):
                rest_s = self._work()
            if rest_s:
                self._woken.wait(rest_s)
                self._woken.clear()
