"""The wall clock as a port; the only module that asks the operating system what time it is."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from broadcaster.wire.units import UnixMs

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


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
    return _EPOCH + moment * _MS  # in whole numbers: a float would lose a millisecond now and then


def to_ms(moment: datetime) -> UnixMs:
    """The Unix milliseconds of an aware datetime, rounded down."""
    return UnixMs((moment - _EPOCH) // _MS)
