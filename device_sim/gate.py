"""At most 50 signatures a second are checked: what is over that waits, and alerts and commands go first. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import SECOND

PER_SECOND: Final = 50
_RESERVED: Final = 10
"""Verifications that only what is urgent may use."""
_MOST: Final = 256
"""Messages of one urgency that wait, of 120 kB at most each."""
_URGENT: Final = frozenset({Kind.ALERT, Kind.COMMAND, Kind.WELCOME, Kind.TRUST, Kind.LIVE, Kind.LIVE_OPEN})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that has passed the cheap checks; it came at ``arrived`` by the own clock."""

    topic: str
    message: bytes
    arrived: int


class Gate:
    """Counts verifications, and keeps what must wait for one."""

    def __init__(self) -> None:
        self._left = float(PER_SECOND)
        self._counted_at: int | None = None
        self._queues: dict[bool, deque[Waiting]] = {True: deque(), False: deque()}

    def admits(self, kind: Kind, now: int) -> bool:
        """Whether a signature may be checked now; it counts."""
        if self._counted_at is not None:
            passed_ms = max(0, now - self._counted_at)
            self._left = min(float(PER_SECOND), self._left + passed_ms * PER_SECOND / SECOND)
        self._counted_at = now
        if self._left < 1 + (0 if kind in _URGENT else _RESERVED):
            return False
        self._left -= 1
        return True

    def hold(self, kind: Kind, waiting: Waiting) -> None:
        """Let a message wait. Errors: RejectedError (too-many)."""
        queue = self._queues[kind in _URGENT]
        if len(queue) >= _MOST:
            raise RejectedError(Reason.TOO_MANY, waiting.topic)
        queue.append(waiting)

    def release(self) -> list[Waiting]:
        """Everything that waits, what is urgent first; what is not admitted now is held again."""
        released = [*self._queues[True], *self._queues[False]]
        for queue in self._queues.values():
            queue.clear()
        return released

    def wake_at(self, now: int) -> int | None:
        """When something that waits may be looked at."""
        return now + 2 * SECOND // PER_SECOND if any(self._queues.values()) else None
