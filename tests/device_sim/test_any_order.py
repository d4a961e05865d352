"""Reliability is state, repeat and receipt: whatever is lost, doubled or late, one repair leads to the same end."""

from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.wire.documents import Event
from broadcaster.wire.units import MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import NOON, OWN, TOP, Message, Station
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

AT = NOON + 2 * MINUTE
LENGTH = 20 * SECOND
_numbers = count()


def town() -> tuple[Station, list[Message]]:
    """A station, and everything it says once about two bulletins, one of them through two zones."""
    station = Station()
    first = station.item("b1", AT, opus_clip(20))
    second = station.item("b2", AT + MINUTE, opus_clip(6))
    station.trust(), station.config(), station.plan(first)
    station.now += 1
    station.plan(first, second, zone=TOP)
    sound = [*station.sound(first), *station.sound(second)]
    return station, [*map(station.copy, station.documents.values()), *station.documents.values(), *sound]


def end(bench: Bench) -> None:
    """The final repair, and then time for both bulletins."""
    bench.reboot()
    bench.join()
    bench.run(AT + 5 * MINUTE, answered=True)
    assert set(bench.machine.library.cached) == set(bench.station.clips)
    for clip, data in bench.station.clips.items():
        assert bench.store.clip_path(clip).read_bytes() == data
    assert [planned.id for planned in bench.machine.beliefs.items] == ["b1", "b2"]
    for name, begin in (("b1", AT), ("b2", AT + MINUTE)):
        assert bench.plays(name) == [(begin, begin + LENGTH, 0)]
        assert [event for event, _ in bench.events(name)] == [Event.CACHED, Event.STARTED, Event.FINISHED]
    assert bench.machine.journal.waiting == {}


STEPS = st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["reboot", "reconnect", "wait"])), max_size=40)


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_any_order_loss_and_doubling_ends_in_one_airing_and_the_same_library(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str]
) -> None:
    station, said = town()
    bench = Bench(tmp_path_factory.mktemp(f"any{next(_numbers)}-"), station)
    bench.connect()
    bench.live_through(steps, said)
    end(bench)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(-3_000, LENGTH + 3_000), min_size=1, max_size=4))
def test_any_power_cut_ends_in_one_finish_and_no_second_is_heard_twice(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    station, said = town()
    bench = Bench(tmp_path_factory.mktemp(f"cut{next(_numbers)}-"), station)
    bench.join()
    bench.deliver(*said)
    for cut in sorted(cuts):
        bench.run(AT + cut)
        bench.reboot()
    bench.join()
    bench.run(AT + 5 * MINUTE, answered=True)
    events = [event for event, _ in bench.events("b1")]
    assert events.count(Event.FINISHED) == 1
    assert events[-1] is Event.FINISHED
    plays = bench.plays("b1")
    assert all(begin - position == AT for begin, _, position in plays)
    assert all(before[1] <= after[0] for before, after in pairwise(plays))
    assert plays[-1][1] == AT + LENGTH
    assert sum(until - begin for begin, until, _ in plays) >= LENGTH - len(cuts) * 200
    assert OWN in bench.machine.beliefs.zones
