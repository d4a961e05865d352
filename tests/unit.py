"""What a unit test leaves alone: other processes, the network, and the clock on the wall."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

OUTSIDE = frozenset({"os.fork", "os.posix_spawn", "socket.connect", "subprocess.Popen", "time.sleep"})
"""As Python calls them in its table of audit events."""
_running: list[str] = []


@contextmanager
def kept_apart(test: str) -> Iterator[None]:
    """Fails what ``test`` does of `OUTSIDE`; other threads may go on."""
    _watch()
    _running.append(test)
    try:
        yield
    finally:
        _running.clear()


@cache
def _watch() -> None:
    """Once for the process: an audit hook stays for ever."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _facts: object) -> None:
    if _running and event in OUTSIDE and threading.current_thread() is threading.main_thread():
        raise AssertionError(f"{_running[0]} is marked unit and called {event}")
