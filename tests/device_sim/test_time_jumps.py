"""A clock that jumps, the speaker's own or the station's, makes nothing sound twice and nothing stay silent."""

import ctypes
from pathlib import Path
from typing import Any

import pytest

from broadcaster.wire.documents import Event
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from device_sim import system_time
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, WHOLE

pytestmark = pytest.mark.unit


def ready(folder: Path, *, synchronised: bool = False) -> Bench:
    bench = Bench(folder, synchronised=synchronised)
    item = bench.station.item("b1", AT)
    bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    return bench


def set_own_clock(bench: Bench, by_ms: int) -> None:
    """Somebody sets the speaker's clock, and its system notices."""
    bench.wrong_ms += by_ms
    bench.machine.clock_stepped(by_ms)


def set_station_clock(bench: Bench, by_ms: int) -> None:
    """Somebody sets the station's clock; the speaker's stays as it was."""
    bench.station.now += by_ms
    bench.wrong_ms -= by_ms


@pytest.mark.parametrize("by_ms", [-HOUR, -90 * SECOND, 90 * SECOND, HOUR])
def test_an_own_clock_set_before_the_start_with_the_link_dead_changes_nothing(tmp_path: Path, by_ms: int) -> None:
    bench = ready(tmp_path)
    bench.disconnect()
    bench.run(AT - 20 * SECOND)
    set_own_clock(bench, by_ms)
    bench.run(AT + HOUR)
    assert bench.plays("b1") == WHOLE


@pytest.mark.parametrize("by_ms", [-HOUR, -10 * SECOND, 10 * SECOND, HOUR])
def test_an_own_clock_set_while_it_sounds_neither_repeats_nor_skips(tmp_path: Path, by_ms: int) -> None:
    bench = ready(tmp_path)
    bench.run(AT + 5 * SECOND)
    set_own_clock(bench, by_ms)
    bench.run(AT + HOUR)
    (begun, cut, start), (again, until, position) = bench.plays("b1")
    assert (begun, start, until) == (AT, 0, AT + LENGTH)
    assert cut <= again <= cut + 200
    assert position == again - AT
    assert [event for event, _ in bench.events("b1")].count(Event.FINISHED) <= 1


@pytest.mark.parametrize("by_ms", [-HOUR, -MINUTE])
def test_an_own_clock_set_back_over_what_was_played_does_not_play_it_again(tmp_path: Path, by_ms: int) -> None:
    bench = ready(tmp_path)
    bench.run(AT + LENGTH + 5 * SECOND)
    set_own_clock(bench, by_ms)
    bench.run(AT + 2 * HOUR, answered=True)
    assert bench.plays("b1") == WHOLE


@pytest.mark.parametrize("by_ms", [-HOUR, HOUR])
def test_after_a_jump_the_speaker_is_heard_of_as_often_as_before(tmp_path: Path, by_ms: int) -> None:
    bench = ready(tmp_path)
    bench.run(AT + 10 * MINUTE, answered=True)
    set_own_clock(bench, by_ms)
    said = len(bench.sent)
    bench.run(AT + 20 * MINUTE, answered=True)
    assert 10 <= len(bench.sent) - said <= 14


@pytest.mark.parametrize("synchronised", [True, False])
@pytest.mark.parametrize("by_ms", [-30 * SECOND, 30 * SECOND])
def test_a_stations_clock_set_before_the_start_moves_the_start_with_it(
    tmp_path: Path, by_ms: int, synchronised: bool
) -> None:
    bench = ready(tmp_path, synchronised=synchronised)
    bench.run(AT - 50 * SECOND)
    set_station_clock(bench, by_ms)
    bench.join()
    bench.run(AT + HOUR, answered=True)
    assert bench.plays("b1") == WHOLE


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_stations_clock_set_back_over_what_was_played_does_not_play_it_again(
    tmp_path: Path, synchronised: bool
) -> None:
    bench = ready(tmp_path, synchronised=synchronised)
    bench.run(AT + LENGTH + 5 * SECOND)
    set_station_clock(bench, -5 * MINUTE)
    bench.join()
    bench.run(NOON + HOUR, answered=True)
    assert len(bench.plays("b1")) == 1


class FakeLibc:
    """Says what a kernel would."""

    def __init__(self, state: int, status: int, maxerror: int) -> None:
        self._state, self._status, self._maxerror = state, status, maxerror

    def adjtimex(self, answer: Any) -> int:
        found = answer._obj
        found.status, found.maxerror = self._status, self._maxerror
        return self._state


@pytest.mark.parametrize(
    ("state", "status", "maxerror_us", "right"),
    [
        (0, 0x2001, 30_000, True),
        (1, 0x2001, 900_000, True),
        (5, 0x0040, 16_000_000, False),
        (0, 0x2041, 10, False),
        (0, 0x2001, 2_000_000, False),
        (-1, 0, 0, False),
    ],
)
def test_ntp_counts_when_the_kernel_says_that_the_clock_is_kept_within_a_second(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, maxerror_us: int, right: bool
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: FakeLibc(state, status, maxerror_us))
    assert system_time.is_synchronised() is right


def test_where_nobody_can_say_the_clock_does_not_count_as_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert system_time.is_synchronised() is False


def test_a_clock_that_is_set_is_noticed_once_and_one_that_only_runs_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, steady = [10**18], [10**15]
    monkeypatch.setattr("time.time_ns", lambda: wall[0])
    monkeypatch.setattr("time.clock_gettime_ns", lambda _: steady[0])
    watch = system_time.StepWatch()
    wall[0] += 10**12
    steady[0] += 10**12
    assert watch.step_ms() == 0
    wall[0] -= 3_600 * 10**9
    assert watch.step_ms() == -HOUR
    assert watch.step_ms() == 0
