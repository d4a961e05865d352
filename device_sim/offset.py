"""How far the station's clock is ahead of the own one, from many exchanges over a slow and jittery link. Pure.

Every exchange bounds the offset from both sides: the way there can't have taken less than nothing, nor the way back. The
line (offset, drift) that keeps the largest margin to all bounds is the estimate; a message that was late only makes its own
bound weak. Against taking the one exchange with the least round trip, this uses the best of each direction, and it allows
for the drift in between. Measured in docs/numbers.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MAX_DRIFT: Final = 100e-6
"""No quartz worth the name is worse, heat and age included."""
_FEW: Final = 20
"""With fewer exchanges a drift can't be told from jitter."""
_STEPS: Final = 30
"""Of the search for the drift: it ends below a microsecond in a minute."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """One exchange at ``at`` by the own clock: the offset was between ``low`` and ``high`` (all milliseconds)."""

    at: float
    low: float
    high: float

    @classmethod
    def of(cls, t1: float, t2: float, t3: float, t4: float) -> "Bounds":
        """From the four moments of an exchange: t1 and t4 by the own clock, t2 and t3 by the station's."""
        return cls(t4, t3 - t4, t2 - t1)

    def moved(self, by: float) -> "Bounds":
        """The same exchange after the own clock was set forward by so much."""
        return Bounds(self.at + by, self.low - by, self.high - by)


@dataclass(frozen=True, slots=True)
class Offset:
    """The estimate.

    Attributes:
        ms: station time minus own clock now.
        error_ms: half of what the bounds leave open; a constant difference between the two ways can't be seen. Negative
            when no steady clock fits all the exchanges.
        drift: own milliseconds lost per own millisecond.
    """

    ms: float
    error_ms: float
    drift: float


def estimate(exchanges: Sequence[Bounds], now: float) -> Offset | None:
    """The offset at ``now`` by the own clock, which no exchange is later than; None without one."""
    if not exchanges:
        return None
    # As lines over the drift: only those on the hull are ever the tightest.
    floors = _hull((now - exchange.at, -exchange.low) for exchange in exchanges)
    ceilings = _hull((now - exchange.at, exchange.high) for exchange in exchanges)
    drift, unknown = (_drift(floors, ceilings), 0.0) if len(exchanges) >= _FEW else (0.0, MAX_DRIFT)
    low, high = -_least(floors, unknown - drift), _least(ceilings, unknown + drift)
    return Offset((low + high) / 2, (high - low) / 2, drift)


def _least(lines: Iterable[Point], drift: float) -> float:
    """The tightest bound if the own clock loses so much."""
    return min(value + drift * age for age, value in lines)


def _hull(points: Iterable[Point]) -> list[Point]:
    """The lower convex hull, from left to right."""
    kept: list[Point] = []
    for point in sorted(points):
        while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept


def _turn(one: Point, two: Point, three: Point) -> float:
    """Above 0 when the way over three points turns left."""
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def _drift(floors: Sequence[Point], ceilings: Sequence[Point]) -> float:
    """The drift that leaves the most room between the bounds: the room is a concave function of it."""
    least, most = -MAX_DRIFT, MAX_DRIFT
    for _ in range(_STEPS):
        third = (most - least) / 3
        one, two = least + third, most - third
        if _least(ceilings, one) + _least(floors, -one) < _least(ceilings, two) + _least(floors, -two):
            least = one
        else:
            most = two
    return (least + most) / 2
