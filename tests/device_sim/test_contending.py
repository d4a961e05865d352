"""Who has the air, and when nobody has."""

import pytest

from broadcaster.wire.documents import Class, Event, QuietHours, Why
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, TOP, WHOLE

pytestmark = pytest.mark.unit

QUIET = (QuietHours(start="21:00", until="05:30"), QuietHours(start="12:00", until="12:30"))


def test_in_quiet_hours_only_an_emergency_sounds(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.config(quiet=QUIET))
    later = NOON + 30 * MINUTE
    bench.plan(station.item("b1", AT), station.item("b2", AT, klass=Class.PRIORITY), station.item("b3", later))
    alarm = station.item("alarm", AT + MINUTE, klass=Class.EMERGENCY)
    bench.deliver(station.plan(alarm, zone=TOP, key=station.emergency), *station.sound(alarm))
    bench.run(NOON + HOUR)
    assert bench.events("b1")[-1] == bench.events("b2")[-1] == (Event.SKIPPED, Why.QUIET_HOURS)
    assert [sound.broadcast for sound in bench.heard] == ["alarm", "b3"]


@pytest.mark.parametrize("known_ms", [30 * SECOND, SECOND, 100, -3 * SECOND])
def test_a_higher_class_takes_the_air_at_its_very_moment(bench: Bench, known_ms: int) -> None:
    """However short the notice is; once it is past the moment, at once."""
    station = bench.station
    bench.plan(station.item("b1", AT))
    urgent_at = AT + 10_037
    bench.run(urgent_at - known_ms)
    urgent = station.item("urgent", urgent_at, klass=Class.PRIORITY)
    bench.deliver(station.plan(urgent, zone=TOP), *station.sound(urgent))
    bench.run(AT + MINUTE)
    begin = max(urgent_at, urgent_at - known_ms)
    assert bench.plays("b1") == [(AT, begin, 0)]
    assert bench.plays("urgent") == [(begin, urgent_at + LENGTH, begin - urgent_at)]
    assert bench.events("b1")[-1] == (Event.PREEMPTED, Why.HIGHER_CLASS)
    assert bench.events("urgent")[-1] == (Event.FINISHED, None)
    ((told_at, silent_at),) = bench.stops
    assert silent_at == begin
    assert begin - told_at >= 300 or known_ms < 300, "the card's buffer is filled 150 ms ahead"


def test_a_lower_class_that_is_over_by_then_is_not_preempted(bench: Bench) -> None:
    station = bench.station
    bench.plan(station.item("b1", AT), station.item("b2", AT + LENGTH, klass=Class.PRIORITY))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE
    assert bench.plays("b2") == [(AT + LENGTH, AT + 2 * LENGTH, 0)]


def test_among_equals_the_first_keeps_the_air_and_the_other_says_why(bench: Bench) -> None:
    station = bench.station
    bench.plan(station.item("b1", AT), station.item("b2", AT + 5 * SECOND, late_ms=10_000))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE
    assert bench.plays("b2") == []
    assert bench.events("b2")[-1] == (Event.SKIPPED, Why.BUSY)


def test_an_item_that_found_the_air_taken_joins_in_position_if_it_may(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT), bench.station.item("b2", AT + 5 * SECOND))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE
    ((begin, end, position),) = bench.plays("b2")
    assert (AT + LENGTH <= begin <= AT + LENGTH + 100, end) == (True, AT + 25_000)
    assert position == begin - AT - 5_000


def test_one_that_waits_for_the_air_does_not_hide_a_higher_class(bench: Bench) -> None:
    station = bench.station
    urgent_at = AT + 12 * SECOND
    waiting = station.item("b2", AT + 5 * SECOND)
    bench.plan(station.item("b1", AT), waiting, station.item("urgent", urgent_at, klass=Class.PRIORITY))
    bench.run(AT + MINUTE)
    assert bench.plays("urgent") == [(urgent_at, urgent_at + LENGTH, 0)]
    assert bench.events("b1")[-1] == (Event.PREEMPTED, Why.HIGHER_CLASS)


def test_three_classes_at_one_moment_leave_the_highest_alone_on_the_air(bench: Bench) -> None:
    station = bench.station
    alarm = station.item("alarm", AT, klass=Class.EMERGENCY)
    bench.plan(station.item("b1", AT), station.item("b2", AT, klass=Class.PRIORITY))
    bench.deliver(station.plan(alarm, zone=TOP, key=station.emergency))
    bench.run(AT + 2 * MINUTE)
    assert [sound.broadcast for sound in bench.heard] == ["alarm"]
    assert bench.plays("alarm") == WHOLE


@pytest.mark.parametrize("lead_ms", [0, 800, 5_000])
def test_the_amplifier_is_on_its_lead_before_the_sound_and_off_after_it(bench: Bench, lead_ms: int) -> None:
    bench.deliver(bench.station.config(amp_lead_ms=lead_ms))
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + MINUTE)
    (on_at, on), (off_at, off) = bench.amplifier
    assert (on, off) == (True, False)
    assert AT - lead_ms - 100 <= on_at <= AT - lead_ms
    assert AT + LENGTH + 300 <= off_at <= AT + LENGTH + 500
