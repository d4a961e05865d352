"""The speaker's idea of the station's time: its own clock, corrected by hello/welcome where it has to be. Pure."""

from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.units import MINUTE

_WINDOW_MS: Final = 30 * MINUTE
_NTP_LIMIT_MS: Final = 2_000
"""Signed time wins over NTP when they differ by more, whichever way the round trip was divided."""
_ROUNDING_MS: Final = 2
"""Four moments in whole milliseconds."""
_DRIFT: Final = 200e-6
"""The most that two cheap clocks part: 100 ppm each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One exchange: how far the station is ahead, and how long the way there and back took."""

    at: int
    offset_ms: float
    round_trip_ms: float


def _agree(old: Sample, new: Sample) -> bool:
    """Whether both can be true of clocks that nobody has set since; else only the new one counts."""
    drift_ms = abs(new.at - old.at) * _DRIFT
    return abs(new.offset_ms - old.offset_ms) <= (old.round_trip_ms + new.round_trip_ms) / 2 + drift_ms + _ROUNDING_MS


@dataclass
class SpeakerTime:
    """Offset between own clock and station, from the exchange with the least delay of the last half hour.

    Attributes:
        synchronised: whether the operating system keeps the own clock right (NTP).
    """

    synchronised: bool
    _samples: list[Sample] = field(default_factory=list)
    _best: Sample | None = None

    def learn(self, t1: int, t2: int, t3: int, t4: int) -> bool:
        """Take in one exchange: t1 and t4 by the own clock, t2 and t3 by the station's (RFC 5905 section 8).

        Returns False, and learns nothing, when it can't be true because a clock was set in between.
        """
        sample = Sample(t4, ((t2 - t1) + (t3 - t4)) / 2, (t4 - t1) - (t3 - t2))
        if sample.round_trip_ms < -_ROUNDING_MS:
            return False
        kept = [old for old in self._samples if 0 <= t4 - old.at < _WINDOW_MS and _agree(old, sample)]
        self._samples = [*kept, sample]
        self._best = min(self._samples, key=lambda one: one.round_trip_ms)
        return True

    @property
    def known(self) -> bool:
        """Whether the speaker may trust its time at all."""
        return self.synchronised or self._best is not None

    @property
    def offset_ms(self) -> int:
        """Station time minus own clock, as applied."""
        best = self._best
        if best is None:
            return 0
        surely_off_ms = abs(best.offset_ms) - best.round_trip_ms / 2
        if self.synchronised and surely_off_ms <= _NTP_LIMIT_MS:
            return 0
        return round(best.offset_ms)

    @property
    def measured_offset_ms(self) -> int:
        """Station time minus own clock, as measured."""
        return round(self._best.offset_ms) if self._best else 0

    @property
    def error_ms(self) -> int:
        """Half the round trip of the best exchange: asymmetry can't be seen."""
        return round(self._best.round_trip_ms / 2) if self._best else 0

    def station(self, own_ms: int) -> int:
        """Station time of a moment by the own clock."""
        return own_ms + self.offset_ms

    def own(self, station_ms: int) -> int:
        """Own clock's moment of a station time."""
        return station_ms - self.offset_ms
