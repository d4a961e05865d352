from datetime import UTC, datetime

import pytest

from broadcaster.rows import Station
from scheduler.quiet import is_quiet


def station(start: str | None, until: str | None) -> Station:
    return Station(timezone="Asia/Ho_Chi_Minh", quiet_start=start, quiet_until=until)


@pytest.mark.parametrize(
    ("time", "quiet"),
    [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("05:29", True), ("05:30", False)],
)
def test_quiet_hours_span_midnight_by_local_time(time: str, quiet: bool) -> None:
    moment = datetime.fromisoformat(f"2026-11-21T{time}:00+07:00").astimezone(UTC)
    assert is_quiet(station("21:00", "05:30"), moment) is quiet


@pytest.mark.parametrize(("time", "quiet"), [("11:59", False), ("12:00", True), ("13:59", True), ("14:00", False)])
def test_quiet_hours_may_lie_within_a_day(time: str, quiet: bool) -> None:
    moment = datetime.fromisoformat(f"2026-11-21T{time}:00+07:00")
    assert is_quiet(station("12:00", "14:00"), moment) is quiet


@pytest.mark.parametrize("hours", [(None, None), ("21:00", None), (None, "05:00")])
def test_without_both_ends_nothing_is_quiet(hours: tuple[str | None, str | None]) -> None:
    assert not is_quiet(station(*hours), datetime(2026, 11, 21, 20, tzinfo=UTC))
