"""Clocks that tests move by hand."""

from datetime import UTC, datetime, timedelta

from broadcaster.clock import to_ms
from broadcaster.wire.units import UnixMs


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def now_ms(self) -> UnixMs:
        return to_ms(self.moment)

    def advance(self, step: timedelta) -> None:
        self.moment += step
