"""Station time over a link that delays every message differently."""

import random

import pytest

from device_sim.offset import Bounds, estimate

pytestmark = pytest.mark.unit

HOUR = 3_600_000.0


def exchange(true: float, *, offset: float, drift: float, there: float, back: float) -> Bounds:
    """An exchange begun at ``true`` station time by a clock that is ``offset`` ms ahead and ``drift`` fast."""

    def own(moment: float) -> float:
        return moment * (1 + drift) + offset

    return Bounds.of(own(true), true + there, true + there + 2, own(true + there + 2 + back))


def test_without_an_exchange_nothing_is_known() -> None:
    assert estimate([], 0.0) is None


def test_one_exchange_with_equal_ways_gives_the_offset_and_half_its_round_trip_as_error() -> None:
    found = estimate([exchange(1_000, offset=5_000, drift=0, there=40, back=40)], 6_082)
    assert found is not None
    assert found.ms == pytest.approx(-5_000)
    assert found.error_ms == pytest.approx(40)


def test_the_error_that_is_told_covers_unequal_ways() -> None:
    found = estimate([exchange(1_000, offset=5_000, drift=0, there=300, back=30)], 6_332)
    assert found is not None
    assert abs(found.ms + 5_000) <= found.error_ms


def test_speakers_with_drift_behind_a_4g_like_link_agree_within_20_ms_for_99_of_100() -> None:
    rng = random.Random(4)
    errors = []
    for _ in range(150):
        offset, drift = rng.uniform(-5_000, 5_000), rng.uniform(-50e-6, 50e-6)
        begun = [HOUR - 1_800_000 + step * 600_000.0 for step in range(3)]
        begun += [HOUR - 240_000 + step * 1_500.0 for step in range(159)]
        exchanges = [
            exchange(true, offset=offset, drift=drift, there=rng.uniform(30, 300), back=rng.uniform(30, 300))
            for true in begun
        ]
        own = HOUR * (1 + drift) + offset
        found = estimate(exchanges, own)
        assert found is not None
        errors.append(own + found.ms - HOUR)
    apart = sorted(abs(one - other) for one in errors for other in errors)
    assert apart[len(apart) * 99 // 100] < 20
