"""People at the speaker: its button, and its microphone."""

from pathlib import Path

import numpy as np
import pytest

from broadcaster.wire.documents import Class, Event, Why
from broadcaster.wire.units import MINUTE, SECOND
from broadcaster.wire.urgent import Part
from device_sim.actions import LocalMicrophone
from device_sim.microphone import AHEAD_MS, Microphone, Simulated
from device_sim.output import RATE
from device_sim.soundcard import FADE_OUT_MS, WavCard
from device_sim.timeline import read_timeline
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON

pytestmark = pytest.mark.unit


def test_the_button_silences_what_sounds_here_and_the_station_is_told(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT), bench.station.item("b2", AT + MINUTE))
    bench.run(AT + 5 * SECOND)
    bench.do(bench.machine.stage.press_stop(bench.own))
    bench.run(AT + 2 * MINUTE)
    assert bench.plays("b1") == [(AT, AT + 5_000, 0)]
    assert bench.events("b1")[-1] == (Event.STOPPED, Why.BUTTON)
    assert bench.plays("b2") == [(AT + MINUTE, AT + MINUTE + LENGTH, 0)]


def test_the_button_does_nothing_when_nothing_sounds(bench: Bench) -> None:
    assert bench.machine.stage.press_stop(bench.own) == []


@pytest.mark.parametrize("pressed_ms", [3_000, 9_000])
def test_the_button_silences_an_alert_until_its_next_round(bench: Bench, pressed_ms: int) -> None:
    siren, speech = bench.station.part(2, 0, Part.SIREN, 8 * SECOND), bench.station.part(3, 8 * SECOND)
    bench.deliver(bench.station.alert("bao", siren, speech, repeats=2, every_ms=5 * MINUTE))
    bench.deliver(*bench.station.clip_of(siren), *bench.station.clip_of(speech))
    bench.run(NOON + 400 + pressed_ms)
    bench.do(bench.machine.stage.press_stop(bench.own))
    bench.run(NOON + 4 * MINUTE)
    assert bench.alarms("bao")[-1][1] == NOON + 400 + pressed_ms
    assert bench.events("bao")[-1] == (Event.STOPPED, Why.BUTTON)
    bench.run(NOON + 6 * MINUTE)
    assert bench.alarms("bao")[-1] == (NOON + 400 + 5 * MINUTE, NOON + 400 + 5 * MINUTE + 10_000)


def test_the_microphone_takes_the_air_from_all_but_an_emergency(bench: Bench) -> None:
    emergency = bench.station.item("e1", AT + 10 * SECOND, klass=Class.EMERGENCY)
    bench.plan(bench.station.item("b1", AT))
    bench.deliver(bench.station.plan(emergency, zone="xa", key=bench.station.emergency))
    bench.deliver(*bench.station.sound(emergency))
    bench.run(AT + 5 * SECOND)
    bench.machine.stage.microphone(wanted=True)
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT, AT + 5_000, 0)]
    assert bench.events("b1")[-1] == (Event.PREEMPTED, Why.HIGHER_CLASS)
    assert bench.plays("e1") == [(AT + 10_000, AT + 10_000 + LENGTH, 0)]


def test_the_microphone_is_let_through_only_while_no_emergency_sounds(bench: Bench) -> None:
    emergency = bench.station.item("e1", AT, klass=Class.EMERGENCY)
    bench.deliver(bench.station.plan(emergency, zone="xa", key=bench.station.emergency))
    bench.deliver(*bench.station.sound(emergency))
    bench.machine.stage.microphone(wanted=True)
    let_through = []
    while bench.now < AT + MINUTE:
        bench.station.now += 100
        actions = bench.machine.tick(bench.own)
        let_through += [(bench.now, action.on) for action in actions if isinstance(action, LocalMicrophone)]
        bench.do(actions)
        bench.run(bench.now)
    assert [on for _, on in let_through] == [True, False, True]
    assert let_through[1][0] <= AT
    assert let_through[2][0] >= AT + LENGTH


def test_what_is_said_is_heard_without_a_gap_and_ends_at_once(tmp_path: Path) -> None:
    card = WavCard(tmp_path, "s", NOON, RATE)
    microphone = Microphone(Simulated(RATE), card, RATE)
    microphone.switch(NOON + 1_000, on=True)
    for now in range(1_000, 3_000, 50):
        microphone.feed(NOON + now)
        card.advance(NOON + now)
    microphone.switch(NOON + 3_000, on=False)
    for now in range(3_000, 4_000, 50):
        microphone.feed(NOON + now)
        card.advance(NOON + now)
    card.close()
    samples = read_timeline(card.path).samples
    there = np.flatnonzero(samples)
    first, last = there[0] * 1000 / RATE, there[-1] * 1000 / RATE
    assert first == 1_000 + AHEAD_MS + 1 / 24
    assert 3_000 < last < 3_150 + FADE_OUT_MS + 1  # what the device already had, and the fade
    whole = samples[int(1_300 * RATE / 1000) : int(2_900 * RATE / 1000)].astype(np.float64)
    assert np.array_equal(whole[: -RATE // 10], whole[RATE // 10 :])  # 300 Hz: every tenth of a second is the same
    assert card.late_samples == card.underrun_samples == 0
