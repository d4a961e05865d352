"""The wall clock as a port; the only module that asks the operating system what time it is."""

import time
from datetime import UTC, datetime
from typing import Protocol

from broadcaster.wire.units import UnixMs


class Clock(Protocol):
    """Tells the wall-clock time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def now_ms(self) -> UnixMs:
        """The present moment in Unix milliseconds."""
        ...


class SystemClock:
    """The operating system's wall clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  this module is the one place

    def now_ms(self) -> UnixMs:
        """The present moment in Unix milliseconds."""
        return UnixMs(time.time_ns() // 1_000_000)  # noqa: TID251  this module is the one place


def from_ms(moment: int) -> datetime:
    """The aware UTC datetime of a Unix moment in milliseconds."""
    return datetime.fromtimestamp(moment / 1000, UTC)


def to_ms(moment: datetime) -> UnixMs:
    """The Unix milliseconds of an aware datetime, rounded down."""
    return UnixMs(int(moment.timestamp() * 1000))
