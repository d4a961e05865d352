"""What was refused and what went wrong since the start, counted by name for the technician's page."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

log = logging.getLogger(__name__)


class Counters:
    """Thread-safe counts of refused messages and of errors caught at an edge."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rejected: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def reject(self, reason: str, detail: str = "") -> None:
        """Count a message that is not acted on."""
        with self._lock:
            self._rejected[reason] += 1
            first = self._rejected[reason] == 1
        log.log(logging.WARNING if first else logging.DEBUG, "message refused reason=%s detail=%s", reason, detail)

    @contextmanager
    def edge(self, place: str) -> Iterator[None]:
        """Log and count any error at an edge of the program, so that its thread lives on."""
        try:
            yield
        except Exception:
            with self._lock:
                self._errors[place] += 1
            log.exception("error caught at=%s", place)

    @property
    def rejected(self) -> Mapping[str, int]:
        """Refused messages by reason."""
        with self._lock:
            return dict(self._rejected)

    @property
    def errors(self) -> Mapping[str, int]:
        """Errors by place."""
        with self._lock:
            return dict(self._errors)
