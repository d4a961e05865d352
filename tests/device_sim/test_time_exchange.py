"""The time of a speaker that has no NTP: how often it asks, and what it makes of the answers."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.wire import strict_json
from broadcaster.wire.documents import Hello
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from device_sim.speaker_time import SpeakerTime
from tests.device_sim.bench import Bench
from tests.device_sim.station import NOON

pytestmark = pytest.mark.unit

START = NOON + 20 * MINUTE
EVERY_MS = 1_500


def joined(folder: Path, *, synchronised: bool = False, wrong_ms: int = 7_000) -> Bench:
    """A speaker with something to play in 20 minutes."""
    bench = Bench(folder, synchronised=synchronised, wrong_ms=wrong_ms)
    item = bench.station.item("b1", START)
    bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    return bench


def hellos(bench: Bench) -> list[Hello]:
    return [strict_json.decode(payload, Hello) for payload in bench.said(Kind.HELLO)]


def asked_at(bench: Bench) -> list[int]:
    """When it asked for the time only, by the station's clock."""
    return [hello.t1 - bench.wrong_ms for hello in hellos(bench) if hello.time_only]


def test_without_ntp_the_time_is_asked_for_every_1500_ms_in_the_4_minutes_before_a_start(tmp_path: Path) -> None:
    bench = joined(tmp_path)
    bench.run(START + HOUR, answered=True)
    asked = asked_at(bench)
    assert asked[0] >= START - 4 * MINUTE
    assert asked[-1] < START
    assert 150 <= len(asked) <= 160
    assert min(later - one for one, later in pairwise(asked)) >= EVERY_MS
    whole = [hello.t1 for hello in hellos(bench) if not hello.time_only]
    assert {later - one for one, later in pairwise(whole) if later > one} == {10 * MINUTE}
    assert bench.plays("b1") == [(START, START + 20 * SECOND, 0)]


def test_with_ntp_the_time_is_not_asked_for_unless_it_is_surely_wrong(tmp_path: Path) -> None:
    right, wrong = (
        joined(tmp_path / "right", synchronised=True, wrong_ms=500),
        joined(tmp_path / "w", synchronised=True),
    )
    for bench in (right, wrong):
        bench.run(START + MINUTE, answered=True)
    assert asked_at(right) == []
    assert len(asked_at(wrong)) > 150


def test_a_hello_for_the_time_says_nothing_of_documents_and_its_answer_is_not_kept(tmp_path: Path) -> None:
    bench = joined(tmp_path)
    kept = bench.store.recall().documents
    floors = dict(bench.machine.beliefs.floors)
    bench.run(START - 3 * MINUTE, answered=True)
    assert hellos(bench)[-1].time_only
    assert hellos(bench)[-1].have == {}
    welcome = bench.station.topics.down("loa-001", "welcome")
    assert floors.keys() == bench.machine.beliefs.floors.keys()
    after = bench.store.recall().documents
    assert {topic: kept[topic] for topic in kept if topic != welcome} == {
        topic: after[topic] for topic in after if topic != welcome
    }
    assert bench.machine.time.measured_offset_ms == -7_000


def test_an_answer_about_the_time_alone_is_no_welcome(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False)
    item = bench.station.item("b1", NOON + MINUTE)
    trust, config, plan = bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.connect()
    whole = bench.hello
    bench.deliver(trust, config, plan, *bench.station.sound(item))
    asked = Hello(boot=whole.boot, nonce=whole.nonce, t1=whole.t1, time_only=True)
    bench.deliver(bench.station.welcome(asked))
    bench.run(item.start_at + 10 * SECOND)
    assert bench.machine.time.known
    assert bench.plays("b1") == []


def test_a_lost_answer_costs_nothing_and_the_next_is_taken(tmp_path: Path) -> None:
    bench = joined(tmp_path)
    bench.station.deaf = True
    bench.run(START - 2 * MINUTE, answered=True)
    bench.station.deaf = False
    bench.wrong_ms += 300
    bench.run(START - 2 * MINUTE + 5 * SECOND, answered=True)
    assert bench.machine.time.offset_ms == -7_300


def exchange(
    time: SpeakerTime, true: float, rng: random.Random, *, ahead: float, drift: float = 0.0, least: float = 30
) -> None:
    """One exchange over a link of 30-300 ms, with an own clock that is ``ahead`` and gains by its drift."""
    there, back = rng.uniform(least, 300), rng.uniform(least, 300)
    own = [moment * (1 + drift) + ahead for moment in (true, true + there + 1 + back)]
    time.learn(int(own[0]), int(true + there), int(true + there + 1), int(own[1]))


@pytest.mark.parametrize("ppm", [-50, 0, 50])
def test_what_is_learned_of_the_drift_carries_over_a_bulletin_of_ten_minutes(ppm: int) -> None:
    rng, time = random.Random(ppm), SpeakerTime(synchronised=False)
    for step in range(160):
        exchange(time, HOUR + step * EVERY_MS, rng, ahead=5_000, drift=ppm * 1e-6)
    for ahead in (0, 5 * MINUTE, 10 * MINUTE):
        true = HOUR + 160 * EVERY_MS + ahead
        own = int(true * (1 + ppm * 1e-6) + 5_000)
        assert abs(time.station(own) - true) < 20 + ahead * 20e-6
        assert abs(time.own(int(true)) - own) < 20 + ahead * 20e-6


def test_own_and_station_time_are_each_others_inverse_also_years_apart() -> None:
    rng, time = random.Random(1), SpeakerTime(synchronised=False)
    for step in range(60):
        exchange(time, NOON + step * EVERY_MS, rng, ahead=-NOON + 60_000, drift=40e-6)
    for station in range(NOON - HOUR, NOON + HOUR, 7 * MINUTE):
        assert abs(time.station(time.own(station)) - station) <= 1


def test_a_clock_that_was_set_by_less_than_the_jitter_is_found_out() -> None:
    rng, time = random.Random(3), SpeakerTime(synchronised=False)
    for step in range(60):
        exchange(time, HOUR + step * EVERY_MS, rng, ahead=0)
    for step in range(60, 160):
        exchange(time, HOUR + step * EVERY_MS, rng, ahead=250)
    assert abs(time.offset_ms + 250) < 20


def test_a_step_that_the_system_tells_of_changes_no_moment_of_the_stations() -> None:
    rng, time = random.Random(3), SpeakerTime(synchronised=False)
    for step in range(60):
        exchange(time, HOUR + step * EVERY_MS, rng, ahead=0, drift=30e-6)
    own = HOUR + 200_000
    before = time.station(own)
    time.stepped(-3_600_000)
    assert abs(time.station(own - 3_600_000) - before) <= 1


def test_unequal_ways_are_told_as_uncertainty() -> None:
    time = SpeakerTime(synchronised=False)
    for step in range(10):
        true = HOUR + step * EVERY_MS
        time.learn(true, true + 200, true + 201, true + 231)
    assert time.measured_offset_ms == 85
    assert time.error_ms >= 85


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600), st.integers(1, 90_000)), min_size=1, max_size=19),
    st.integers(-(10**9), 10**9),
    st.floats(-50e-6, 50e-6),
)
def test_the_told_error_covers_the_truth(ways: list[tuple[int, int, int]], ahead: int, drift: float) -> None:
    time, true = SpeakerTime(synchronised=False), NOON
    own = float(true)
    for there, back, pause in ways:
        true += pause
        begun = (true - NOON) * (1 + drift) + NOON + ahead
        own = (true + there + back - NOON) * (1 + drift) + NOON + ahead
        time.learn(int(begun), true + there, true + there, int(own))
        true += there + back
    assert abs(time.measured_offset_ms - (true - own)) <= time.error_ms + 3
