from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.clock import SystemClock, from_ms, to_ms

pytestmark = pytest.mark.unit

MOMENTS = st.integers(0, 253_402_300_799_999)


@given(MOMENTS)
def test_a_moment_on_the_wire_and_back_loses_not_a_millisecond(moment: int) -> None:
    assert to_ms(from_ms(moment)) == moment


@given(MOMENTS, st.integers(-12, 14))
def test_the_zone_a_moment_is_told_in_changes_nothing(moment: int, hours: int) -> None:
    if 10**11 < moment < 253_000_000_000_000:
        assert to_ms(from_ms(moment).astimezone(timezone(timedelta(hours=hours)))) == moment


def test_the_system_clock_tells_one_time_in_two_forms() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(to_ms(clock.now()) - clock.now_ms()) < 1_000
    assert clock.now() > datetime(2025, 1, 1, tzinfo=UTC)
