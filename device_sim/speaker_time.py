"""The speaker's idea of the station's time: its own clock, corrected by hello/welcome where it has to be. Pure."""

from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.units import MINUTE

_WINDOW_MS: Final = 30 * MINUTE
_NTP_LIMIT_MS: Final = 2_000
"""Signed time wins over NTP when they differ by more."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One exchange: how far the station is ahead, and how long the way there and back took."""

    at: int
    offset_ms: float
    round_trip_ms: float


@dataclass
class SpeakerTime:
    """Offset between own clock and station, from the exchange with the least delay of the last half hour.

    Attributes:
        synchronised: whether the operating system keeps the own clock right (NTP).
    """

    synchronised: bool
    _samples: list[Sample] = field(default_factory=list)

    def learn(self, t1: int, t2: int, t3: int, t4: int) -> None:
        """Take in one exchange: t1 and t4 by the own clock, t2 and t3 by the station's (RFC 5905 section 8)."""
        sample = Sample(t4, ((t2 - t1) + (t3 - t4)) / 2, (t4 - t1) - (t3 - t2))
        kept = [old for old in self._samples if 0 <= t4 - old.at < _WINDOW_MS]
        self._samples = [*kept, sample]

    @property
    def _best(self) -> Sample | None:
        return min(self._samples, key=lambda sample: sample.round_trip_ms, default=None)

    @property
    def known(self) -> bool:
        """Whether the speaker may trust its time at all."""
        return self.synchronised or self._best is not None

    @property
    def offset_ms(self) -> int:
        """Station time minus own clock, as applied."""
        best = self._best
        if best is None or (self.synchronised and abs(best.offset_ms) <= _NTP_LIMIT_MS):
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
