"""Commands: who may stop what, and for how long that counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from broadcaster.wire.documents import Action, Class, Event, Why
from broadcaster.wire.rejection import Reason
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import ELSEWHERE, NOON, Message, Station

pytestmark = pytest.mark.unit


@pytest.fixture
def playing(bench: Bench) -> Bench:
    """The same speaker, half-way through a good bulletin."""
    bench.plan(bench.station.item("good", NOON + 5 * SECOND))
    bench.run(NOON + 10 * SECOND)
    assert bench.sounding == ["good"]
    return bench


STOPS: dict[str, tuple[Reason, Callable[[Station], list[Message]]]] = {
    "of a stranger": (
        Reason.UNKNOWN_KEY,
        lambda st: [st.command(Action.STOP, "good", key=st.stranger)],
    ),
    "expired": (Reason.EXPIRED, lambda st: [st.command(Action.STOP, "good", seq=st.now - 30_000, valid_ms=0)]),
    "valid for ever": (Reason.MALFORMED, lambda st: [st.command(Action.STOP, "good", valid_ms=HOUR)]),
    "for another zone": (Reason.NOT_MINE, lambda st: [st.command(Action.STOP, "good", zone=ELSEWHERE)]),
    "for all, by the station key": (Reason.OUT_OF_SCOPE, lambda st: [st.command(Action.STOP_ALL)]),
}


@pytest.mark.parametrize("attack", STOPS)
def test_a_stop_that_must_not_be_obeyed_stops_nothing(playing: Bench, attack: str) -> None:
    reason, make = STOPS[attack]
    playing.deliver(*make(playing.station))
    playing.run(NOON + MINUTE)
    assert playing.plays("good") == [(NOON + 5_000, NOON + 25_000, 0)]
    assert playing.machine.rejected == {reason: 1}


def test_the_station_key_stops_no_emergency(playing: Bench) -> None:
    station = playing.station
    alarm = station.item("alarm", NOON + 12 * SECOND, klass=Class.EMERGENCY)
    playing.deliver(station.plan(alarm, zone="xa", key=station.emergency))
    playing.run(NOON + 15 * SECOND)
    playing.deliver(station.command(Action.STOP, "alarm"))
    assert playing.machine.rejected == {"out-of-scope": 1}
    playing.run(NOON + MINUTE)
    assert playing.plays("alarm") == [(NOON + 12_000, NOON + 32_000, 0)]


def test_a_command_is_obeyed_once_even_over_a_reboot(playing: Bench) -> None:
    station = playing.station
    stop = station.command(Action.STOP_ALL, key=station.emergency)
    playing.deliver(stop)
    playing.run(NOON + 12 * SECOND)
    playing.reboot()
    playing.deliver(station.plan(station.item("next", NOON + 14 * SECOND)))
    playing.run(NOON + 16 * SECOND)
    playing.deliver(stop, station.copy(stop))
    playing.run(NOON + MINUTE)
    assert playing.plays("next") == [(NOON + 14_000, NOON + 34_000, 0)]
    assert playing.machine.rejected == {"replayed": 2}
    assert playing.events("good")[-1] == (Event.STOPPED, Why.COMMAND)
    assert not [topic for topic in playing.store.recall().documents if topic.endswith("/command")]


def test_without_a_clock_no_command_is_obeyed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False)
    bench.deliver(bench.station.trust(), bench.station.config(), bench.station.command(Action.STOP, "good"))
    assert bench.machine.rejected == {"expired": 1}
