"""The speaker's idea of the station's time: its own clock, corrected by hello/welcome where it has to be. Pure."""

from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.units import MINUTE
from device_sim.offset import MAX_DRIFT, Bounds, Offset, estimate

_WINDOW_MS: Final = 30 * MINUTE
"""Older exchanges say little: a clock's drift follows the weather."""
_MOST: Final = 600
"""Exchanges kept: more than a busy half hour has."""
_NTP_LIMIT_MS: Final = 2_000
"""Signed time wins over NTP when they differ by more, whichever way the round trip was divided."""
_ROUNDING_MS: Final = 2
"""Four moments in whole milliseconds."""
_PARTING: Final = 2 * MAX_DRIFT
"""The most that two cheap clocks part."""


def _agree(old: Bounds, new: Bounds) -> bool:
    """Whether both can be true of clocks that nobody has set since; else only the new one counts."""
    slack_ms = abs(new.at - old.at) * _PARTING + _ROUNDING_MS
    return old.low - slack_ms <= new.high and new.low <= old.high + slack_ms


@dataclass
class SpeakerTime:
    """Offset between own clock and station, from the exchanges of the last half hour.

    Attributes:
        synchronised: whether the operating system keeps the own clock right (NTP).
    """

    synchronised: bool
    _exchanges: list[Bounds] = field(default_factory=list)
    _measured: Offset | None = None
    _at: float = 0
    """When that was measured, by the own clock."""

    def learn(self, t1: int, t2: int, t3: int, t4: int) -> bool:
        """Take in one exchange: t1 and t4 by the own clock, t2 and t3 by the station's (RFC 5905 section 8).

        Returns False, and learns nothing, when it can't be true because a clock was set in between.
        """
        new = Bounds.of(t1, t2, t3, t4)
        if new.high - new.low < -_ROUNDING_MS:
            return False
        kept = [old for old in self._exchanges if 0 <= t4 - old.at < _WINDOW_MS and _agree(old, new)]
        self._exchanges = [*kept[1 - _MOST :], new]
        self._measure(t4)
        return True

    def stepped(self, by_ms: float) -> None:
        """Somebody has set the own clock forward by so much; the station's has not moved."""
        self._exchanges = [exchange.moved(by_ms) for exchange in self._exchanges]
        if self._exchanges:
            self._measure(self._at + by_ms)

    def _measure(self, now: float) -> None:
        """Find the offset. What fits no steady clock was, in part, before one was set: the newer half counts."""
        measured = estimate(self._exchanges, now)
        while measured and measured.error_ms < -_ROUNDING_MS:
            self._exchanges = self._exchanges[(len(self._exchanges) + 1) // 2 :]
            measured = estimate(self._exchanges, now)
        self._measured, self._at = measured, now

    @property
    def known(self) -> bool:
        """Whether the speaker may trust its time at all."""
        return self.synchronised or self._measured is not None

    @property
    def own_clock_rules(self) -> bool:
        """Whether the own clock is taken as it is: NTP keeps it, and no signed time says that it is surely wrong."""
        if not self.synchronised or self._measured is None:
            return self.synchronised
        return abs(self._measured.ms) - self._measured.error_ms <= _NTP_LIMIT_MS

    def _correction(self, own_ms: float) -> float:
        """What to add to the own clock at one of its moments; the drift is not believed further than it was measured."""
        measured = self._measured
        if measured is None or self.own_clock_rules:
            return 0.0
        return measured.ms + measured.drift * max(-_WINDOW_MS, min(own_ms - self._at, _WINDOW_MS))

    @property
    def offset_ms(self) -> int:
        """Station time minus own clock, as applied, at the last exchange."""
        return round(self._correction(self._at))

    @property
    def measured_offset_ms(self) -> int:
        """Station time minus own clock, as measured."""
        return round(self._measured.ms) if self._measured else 0

    @property
    def error_ms(self) -> int:
        """Half of what the exchanges leave open: a constant difference between the two ways can't be seen."""
        return max(round(self._measured.error_ms), 0) if self._measured else 0

    def station(self, own_ms: int) -> int:
        """Station time of a moment by the own clock."""
        return round(own_ms + self._correction(own_ms))

    def own(self, station_ms: int) -> int:
        """Own clock's moment of a station time."""
        about = station_ms - self._correction(station_ms)  # the offset can be years, the drift is a hair
        return round(station_ms - self._correction(about))
