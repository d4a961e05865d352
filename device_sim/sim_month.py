"""Bytes by the month that a mobile contract counts. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from broadcaster.wire.units import MINUTE, SECOND

LAST_DAY: Final = 28
"""A contract's month begins on a day that every month has."""


def month_of(at: int, utc_offset_min: int, first_day: int) -> str:
    """The contract's month of a moment, named by the date of its first day."""
    local = datetime.fromtimestamp((at + utc_offset_min * MINUTE) / SECOND, UTC).date()
    if local.day < first_day:
        local = local.replace(day=1) - timedelta(days=1)
    return local.replace(day=first_day).isoformat()


@dataclass
class SimMonth:
    """A counter kept over reboots.

    Attributes:
        month: the month that is counted, empty before the first.
        count: MQTT bytes of it in both directions; what TCP and TLS add is not seen here.
    """

    month: str = ""
    count: int = 0
    _seen: int = 0

    def saw(self, total: int, month: str | None) -> None:
        """The connections of this boot have carried `total` bytes so far; `month` is None while time is unknown."""
        if month is not None and month != self.month:
            if self.month:
                self.count = 0
            self.month = month
        self.count += total - self._seen
        self._seen = total
