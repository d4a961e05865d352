"""Volume and caps by hour, named exceptions from the quiet hours, and the digest of what a speaker has."""

import pytest

from broadcaster.wire.documents import Class, Config, Event, HourlyVolume, OffHours, QuietException, QuietHours, Why
from broadcaster.wire.units import HOUR, MINUTE
from device_sim.arbiter import volume_at
from device_sim.reports import digest
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, NOON, SPEAKER, UTC_OFFSET_MIN, WHOLE

pytestmark = pytest.mark.unit

HOURS = (
    HourlyVolume(start="12:00", until="13:00", volume=40, cap=50),
    HourlyVolume(start="12:30", until="14:00", cap=45),
)
FEAST = QuietException(name="Giao thừa", start=NOON + 2 * HOUR, until=NOON + 3 * HOUR, cap=30)
CONFIG = Config(speaker=SPEAKER, zones=(), volume=80, utc_offset_min=UTC_OFFSET_MIN, hourly=HOURS, exceptions=(FEAST,))


def test_the_hour_gives_the_volume_and_the_lowest_cap_counts() -> None:
    assert volume_at(CONFIG, None, Class.ROUTINE, NOON) == 40
    assert volume_at(CONFIG, 90, Class.PRIORITY, NOON) == 50
    assert volume_at(CONFIG, 90, Class.ROUTINE, NOON + 40 * MINUTE) == 45
    assert volume_at(CONFIG, None, Class.ROUTINE, NOON + 4 * HOUR) == 80
    assert volume_at(CONFIG, None, Class.ROUTINE, NOON + 2 * HOUR) == 30


def test_no_cap_counts_for_an_emergency() -> None:
    assert volume_at(CONFIG, 90, Class.EMERGENCY, NOON) == 90
    assert volume_at(CONFIG, None, Class.EMERGENCY, NOON) == 40  # as loud as the hour is


def test_a_named_exception_passes_the_quiet_hours(bench: Bench) -> None:
    quiet = (QuietHours(start="11:00", until="14:00"),)
    feast = QuietException(name="Giao thừa", start=NOON, until=NOON + 2 * MINUTE)
    bench.deliver(bench.station.config(quiet=quiet, exceptions=(feast,)))
    bench.plan(bench.station.item("b1", AT), bench.station.item("b2", AT + 5 * MINUTE))
    bench.run(NOON + HOUR)
    assert bench.plays("b1") == WHOLE
    assert bench.events("b2")[-1][0] is Event.SKIPPED


def test_the_heartbeat_carries_the_digest_of_what_the_hello_says(bench: Bench) -> None:
    bench.run(NOON + 5 * MINUTE, answered=True)
    bench.do(bench.machine.reports.greet(bench.own))
    assert bench.telemetry.have == digest(bench.hello.have)
    assert digest({"b": 2, "a": 1}) == digest({"a": 1, "b": 2}) != digest({"a": 1, "b": 3})


def test_an_item_that_would_not_have_ended_before_quiet_hours_is_not_begun(bench: Bench) -> None:
    bench.deliver(bench.station.config(quiet=(QuietHours(start="12:02", until="14:00"),)))
    bench.plan(bench.station.item("b1", NOON + MINUTE), bench.station.item("b2", NOON + 2 * MINUTE - 1_000))
    bench.run(NOON + HOUR)
    assert bench.plays("b1") == WHOLE
    assert bench.events("b2")[-1][0] is Event.SKIPPED


def off(start: int, until: int) -> tuple[OffHours, ...]:
    return (OffHours(start=start, until=until),)


def test_what_is_off_until_a_moment_plays_nothing_below_emergency_and_comes_back_by_itself(bench: Bench) -> None:
    bench.deliver(bench.station.config(off=off(NOON, NOON + 10 * MINUTE)))
    bench.plan(
        bench.station.item("b1", AT),
        bench.station.item("b2", NOON + 10 * MINUTE - 1_000),
        bench.station.item("b3", NOON + 10 * MINUTE),
    )
    bench.run(NOON + HOUR)
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.OFF)
    assert bench.plays("b2") == []
    assert len(bench.plays("b3")) == 1


def test_what_sounds_when_it_is_switched_off_stops_and_does_not_come_back(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 5_000)
    bench.deliver(bench.station.config(off=off(AT + 5_000, AT + 8_000)))
    bench.run(NOON + HOUR)
    ((_, ended, _),) = bench.plays("b1")
    assert AT + 5_000 <= ended < AT + 6_000
    assert bench.events("b1")[-1] == (Event.STOPPED, Why.OFF)


def test_off_until_and_weekdays_hold_after_a_power_cut_with_the_link_down(bench: Bench) -> None:
    bench.deliver(bench.station.config(off=off(NOON, NOON + 10 * MINUTE), weekdays=(6,)))
    bench.plan(bench.station.item("b1", AT), bench.station.item("b2", NOON + 20 * MINUTE))
    bench.run(NOON + 30_000)
    bench.disconnect()
    bench.reboot()
    bench.run(NOON + HOUR)
    assert bench.plays("b1") == []
    assert len(bench.plays("b2")) == 1


def test_only_on_permitted_weekdays_something_begins(bench: Bench) -> None:
    bench.deliver(bench.station.config(weekdays=(1, 2, 3, 4, 5)))
    bench.plan(bench.station.item("b1", AT))  # a Saturday
    bench.run(NOON + HOUR)
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.WEEKDAY)
