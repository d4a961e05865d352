"""Live streams: signed piece by piece, in step, and never heard when something higher is on."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.wire.documents import Action, Class, Event, Why
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from device_sim.actions import EndStream, LocalMicrophone, PlayUnit
from device_sim.stream import split
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, NOON, Message, Station
from tests.device_sim.test_alerts import raise_alert

pytestmark = pytest.mark.unit


def stream(bench: Bench, seconds: int, klass: Class = Class.ROUTINE, start: int | None = None) -> None:
    """Open a stream and speak into it for a while."""
    station = bench.station
    key = station.emergency if klass is Class.EMERGENCY else station.key
    start_at = bench.now + 500 if start is None else start
    for number in range(seconds * 5):
        if number % 10 == 0:
            bench.deliver(station.live_open("mic", klass, key=key, start_at=start_at))
        bench.deliver(station.live("mic", number, key=key))
        bench.run(bench.now + 200)


def units(bench: Bench) -> list[PlayUnit]:
    return [did for _, did in bench.did if isinstance(did, PlayUnit)]


def test_segments_sound_in_step_and_the_stream_ends_cleanly_when_they_stop(bench: Bench) -> None:
    stream(bench, 4)
    bench.run(NOON + MINUTE)
    assert [unit.number for unit in units(bench)] == list(range(20))
    assert [unit.start_at for unit in units(bench)] == [NOON + 500 + 200 * n for n in range(20)]
    assert units(bench)[0].packets == (b"abc", b"de")
    assert isinstance(bench.did[-1][1], EndStream)
    assert bench.events("mic") == [(Event.STARTED, None), (Event.STOPPED, Why.NO_SIGNAL)]
    assert bench.amplifier[-1][1] is False


def test_an_open_that_says_ended_ends_it_as_finished(bench: Bench) -> None:
    stream(bench, 2)
    bench.deliver(bench.station.live_open("mic", Class.ROUTINE, start_at=NOON + 500, ended=True))
    bench.run(NOON + MINUTE)
    assert bench.events("mic")[-1] == (Event.FINISHED, None)
    assert bench.receipts("mic")[-1].played_ms == 2_000


def test_segments_in_any_order_are_played_in_theirs(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=NOON + 2_000))
    bench.deliver(*(station.live("mic", number) for number in (3, 1, 0, 1, 2)))
    bench.run(NOON + 10 * SECOND)
    assert [unit.number for unit in units(bench)] == [0, 1, 2, 3]
    assert bench.machine.rejected == {"replayed": 1}


@pytest.mark.parametrize(("klass", "heard"), [(Class.ROUTINE, False), (Class.PRIORITY, True)])
def test_live_takes_the_air_from_its_own_class_and_below(bench: Bench, klass: Class, heard: bool) -> None:
    bench.plan(bench.station.item("b1", AT, klass=Class.PRIORITY))
    bench.run(AT + SECOND)
    stream(bench, 2, klass)
    assert bool(units(bench)) is heard
    assert (bench.events("b1")[-1][0] is Event.PREEMPTED) is heard


def test_an_alert_silences_live_priority_and_live_emergency_silences_the_alert(bench: Bench) -> None:
    stream(bench, 2, Class.PRIORITY)
    raise_alert(bench)
    bench.run(bench.now + SECOND)
    spoken = len(units(bench))
    assert bench.sounding
    assert (Event.PREEMPTED, Why.HIGHER_CLASS) in bench.events("mic")
    station = bench.station
    bench.deliver(station.live_open("chu-tich", Class.EMERGENCY, key=station.emergency))
    bench.deliver(station.live("chu-tich", 0, key=station.emergency))
    bench.run(bench.now + SECOND)
    assert len(units(bench)) == spoken + 1
    assert bench.sounding == []


def test_the_local_microphone_is_above_live_priority_and_below_an_alert(bench: Bench) -> None:
    bench.machine.stage.microphone(wanted=True)
    stream(bench, 1, Class.PRIORITY)
    assert units(bench) == []
    assert bench.did[-1][1] == LocalMicrophone(on=True)
    raise_alert(bench)
    bench.run(bench.now + SECOND)
    assert bench.did[-1][1] == LocalMicrophone(on=False)


def test_the_button_silences_what_is_heard_here(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + SECOND)
    bench.do(bench.machine.stage.press_stop(bench.own))
    bench.run(AT + MINUTE)
    assert bench.events("b1")[-1] == (Event.STOPPED, Why.BUTTON)


ATTACKS: dict[str, tuple[str, Callable[[Station], Message]]] = {
    "a segment of no stream": ("unknown-stream", lambda st: st.live("other", 0)),
    "a segment by another key": ("out-of-scope", lambda st: st.live("mic", 9, key=st.emergency)),
    "a segment by a stranger": ("unknown-key", lambda st: st.live("mic", 9, key=st.stranger)),
    "a segment that was played": ("replayed", lambda st: st.live("mic", 0)),
    "a segment of next year": ("future-dated", lambda st: st.live("mic", 999_999)),
    "no Opus": ("malformed", lambda st: st.live("mic", 9, payload=b"\x00\x09abc")),
    "an open above its class": ("out-of-scope", lambda st: st.live_open("two", Class.EMERGENCY)),
    "an open in another name": ("wrong-topic", lambda st: st.live_open("two", Class.ROUTINE, stream="three")),
    "an open by a stranger": ("unknown-key", lambda st: st.live_open("two", Class.ROUTINE, key=st.stranger)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_not_of_the_stream_is_not_heard(bench: Bench, attack: str) -> None:
    stream(bench, 1)
    bench.run(NOON + 1_400)
    reason, make = ATTACKS[attack]
    heard = len(units(bench))
    if attack == "no Opus":
        with pytest.raises(RejectedError):
            split(b"\x00\x09abc")
    bench.deliver(make(bench.station))
    bench.run(NOON + 10 * SECOND)
    assert len(units(bench)) == heard
    assert bench.machine.rejected == {reason: 1}


@pytest.mark.parametrize("later", [20 * SECOND, HOUR])
def test_a_recorded_stream_sounds_no_second_time(bench: Bench, later: int) -> None:
    station = bench.station
    recorded = [
        station.live_open("mic", Class.EMERGENCY, key=station.emergency),
        *(station.live("mic", number, key=station.emergency) for number in range(5)),
    ]
    bench.deliver(*recorded)
    bench.run(NOON + later)
    heard = len(units(bench))
    bench.deliver(*recorded)
    bench.run(bench.now + MINUTE)
    assert len(units(bench)) == heard == 5
    assert bench.machine.rejected["expired"] == len(recorded)


def test_a_missing_segment_is_waited_for_until_the_card_needs_it(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=NOON + 1_000, unit_ms=100))
    bench.deliver(*(station.live("mic", number) for number in (0, 2, 3)))
    bench.run(NOON + 760)
    bench.deliver(station.live("mic", 1))
    bench.run(NOON + 10 * SECOND)
    assert [unit.number for unit in units(bench)] == [0, 1, 2, 3]


def test_a_lost_segment_holds_up_nothing(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=NOON + 1_000))
    bench.deliver(*(station.live("mic", number) for number in (0, 2, 3)))
    bench.run(NOON + 10 * SECOND)
    assert [unit.number for unit in units(bench)] == [0, 2, 3]
    assert [at for at, did in bench.did if isinstance(did, PlayUnit)][1] <= NOON + 1_200 - 250


def test_what_was_handed_over_sounds_to_its_end_before_the_stream_is_said_to_have_finished(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=NOON + 500))
    bench.deliver(*(station.live("mic", number) for number in range(5)))
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=NOON + 500, ended=True))
    bench.run(NOON + 1_490)
    assert bench.events("mic") == [(Event.STARTED, None)]
    bench.run(NOON + 10 * SECOND)
    ended = [at for at, did in bench.did if isinstance(did, EndStream)]
    assert ended == [pytest.approx(NOON + 1_500, abs=60)]
    assert bench.receipts("mic")[-1].event is Event.FINISHED
    assert bench.receipts("mic")[-1].at == NOON + 1_500
    assert bench.receipts("mic")[-1].played_ms == 1_000


def test_a_stream_that_was_lost_is_joined_again_when_it_comes_back(bench: Bench) -> None:
    start = bench.now + 500
    stream(bench, 2)
    bench.run(bench.now + 5 * SECOND)
    station = bench.station
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=start))
    bench.deliver(*(station.live("mic", number) for number in range(38, 45)))
    bench.run(bench.now + SECOND)
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=start, ended=True))
    bench.run(bench.now + MINUTE)
    events = [(Event.STARTED, None), (Event.STOPPED, Why.NO_SIGNAL)]
    assert bench.events("mic") == [*events, (Event.STARTED, None), (Event.FINISHED, None)]
    assert bench.receipts("mic")[-1].played_ms == 2_000 + 7 * 200


@pytest.mark.parametrize("reboot", [False, True])
def test_a_stream_that_was_stopped_does_not_come_again(bench: Bench, reboot: bool) -> None:
    stream(bench, 2)
    bench.deliver(bench.station.command(Action.STOP, "mic"))
    bench.run(bench.now + 2 * SECOND)
    spoken = len(units(bench))
    if reboot:
        bench.reboot()
        bench.join()
    stream(bench, 2, start=NOON + 500)
    bench.run(bench.now + MINUTE)
    assert len(units(bench)) == spoken
    assert bench.events("mic") == [(Event.STARTED, None), (Event.STOPPED, Why.COMMAND)]


@pytest.mark.parametrize("reboot", [False, True])
def test_stopping_a_broadcast_silences_its_relay_at_once_and_every_further_one(bench: Bench, reboot: bool) -> None:
    station = bench.station
    bench.plan(station.item("b1", AT, duration_ms=MINUTE, resume=True))
    bench.run(AT + SECOND)
    start = bench.now + 500
    bench.deliver(station.live_open("mic", Class.ROUTINE, start_at=start, broadcast="b1"))
    bench.deliver(*(station.live("mic", number) for number in range(30)))
    bench.run(start + 2 * SECOND)
    bench.deliver(station.command(Action.STOP, broadcast="b1"))
    bench.run(start + 3 * SECOND)
    assert bench.events("mic") == [(Event.STARTED, None), (Event.STOPPED, Why.COMMAND)]
    assert bench.events("b1")[-1] == (Event.STOPPED, Why.COMMAND)
    if reboot:
        bench.reboot()
        bench.connect()
    said = len(bench.did)
    bench.deliver(station.live_open("again", Class.ROUTINE, start_at=bench.now + 500, broadcast="b1"))
    bench.deliver(*(station.live("again", number) for number in range(10)))
    bench.run(AT + 2 * MINUTE)
    assert not [did for _, did in bench.did[said:] if isinstance(did, PlayUnit)]
    assert len(bench.plays("b1")) == 1


def test_a_stop_holds_over_a_power_cut_where_the_broadcast_itself_was_never_planned(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.command(Action.STOP, broadcast="b1"))
    bench.reboot()
    bench.join()
    bench.deliver(station.live_open("again", Class.ROUTINE, start_at=bench.now + 500, broadcast="b1"))
    bench.deliver(*(station.live("again", number) for number in range(10)))
    urgent = station.live_open("mic", Class.EMERGENCY, key=station.emergency, start_at=bench.now + 500, broadcast="b1")
    bench.deliver(urgent, *(station.live("mic", number, key=station.emergency) for number in range(10)))
    bench.run(NOON + MINUTE)
    assert {unit.stream for unit in units(bench)} == {"mic"}, "a lesser key keeps no higher class away, then neither"


def test_a_lesser_key_keeps_no_relay_of_a_higher_class_from_beginning(bench: Bench) -> None:
    station = bench.station
    bench.deliver(station.command(Action.STOP, broadcast="b1"))
    bench.deliver(
        station.live_open("mic", Class.EMERGENCY, key=station.emergency, start_at=bench.now + 500, broadcast="b1")
    )
    bench.deliver(*(station.live("mic", number, key=station.emergency) for number in range(10)))
    bench.run(NOON + MINUTE)
    assert len(units(bench)) == 10


def test_the_button_and_a_lock_out_silence_a_stream_with_their_reason(bench: Bench) -> None:
    stream(bench, 1)
    bench.do(bench.machine.stage.press_stop(bench.own))
    bench.run(bench.now + 2 * SECOND)
    assert bench.events("mic")[-1] == (Event.STOPPED, Why.BUTTON)
    assert isinstance(bench.did[-1][1], EndStream)
    station = bench.station
    bench.deliver(station.live_open("two", Class.ROUTINE))
    bench.deliver(*(station.live("two", number) for number in range(5)))
    bench.run(bench.now + SECOND)
    keys = {"keys": (station.key.kid,), "until": bench.now + MINUTE}
    bench.deliver(station.command(Action.LOCK_OUT, key=station.emergency, members=keys))
    bench.run(bench.now + 2 * SECOND)
    assert bench.events("two") == [(Event.STARTED, None), (Event.STOPPED, Why.LOCKED_OUT)]


def test_a_stream_that_may_not_be_heard_says_why_and_does_not_switch_the_amplifier_on(bench: Bench) -> None:
    bench.deliver(bench.station.config(quiet=({"start": "11:00", "until": "13:00"},)))
    bench.run(NOON + SECOND)
    stream(bench, 1)
    bench.deliver(bench.station.live_open("mic", Class.ROUTINE, ended=True))
    bench.run(bench.now + 10 * SECOND)
    assert units(bench) == []
    assert bench.amplifier == []
    assert bench.events("mic") == [(Event.SKIPPED, Why.QUIET_HOURS)]


def test_in_safe_mode_only_a_live_emergency_sounds(bench: Bench) -> None:
    bench.machine.stage.live.emergencies_only = True
    stream(bench, 1, Class.PRIORITY)
    assert units(bench) == []
    bench.deliver(bench.station.live_open("mic", Class.PRIORITY, ended=True))
    bench.run(bench.now + 3 * SECOND)
    assert bench.events("mic") == [(Event.SKIPPED, Why.SAFE_MODE)]
    bench.deliver(bench.station.live_open("sos", Class.EMERGENCY, key=bench.station.emergency))
    bench.deliver(bench.station.live("sos", 0, key=bench.station.emergency))
    bench.run(bench.now + SECOND)
    assert len(units(bench)) == 1


_numbers = itertools.count()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 11), min_size=1, max_size=30))
def test_whatever_comes_in_whatever_order_is_played_once_in_its_own(tmp_path: Path, came: list[int]) -> None:
    """Segments lost, doubled and shuffled, all in time: each that came sounds once, in its place, and is told of."""
    bench = Bench(tmp_path / str(next(_numbers)))
    bench.station.trust(), bench.station.config()
    bench.join()
    start = bench.now + 1_000
    bench.deliver(bench.station.live_open("mic", Class.ROUTINE, start_at=start))
    bench.deliver(*(bench.station.live("mic", number) for number in came))
    bench.run(start + 10 * SECOND)
    assert [(unit.number, unit.start_at) for unit in units(bench)] == [(n, start + 200 * n) for n in sorted(set(came))]
    assert bench.receipts("mic")[-1].played_ms == 200 * len(set(came))
    assert bench.events("mic") == [(Event.STARTED, None), (Event.STOPPED, Why.NO_SIGNAL)]


@pytest.mark.parametrize(
    ("members", "why"),
    [({"off": ({"start": NOON, "until": NOON + MINUTE},)}, Why.OFF), ({"weekdays": (1,)}, Why.WEEKDAY)],
)
def test_a_stream_is_silent_while_the_speaker_is_off_or_the_day_is_not_permitted(
    bench: Bench, members: dict[str, Any], why: Why
) -> None:
    bench.deliver(bench.station.config(**members))
    stream(bench, 2)
    bench.run(NOON + MINUTE)
    assert units(bench) == []
    assert bench.events("mic") == [(Event.SKIPPED, why)]


def test_a_stream_that_sounds_falls_silent_when_the_speaker_is_switched_off(bench: Bench) -> None:
    bench.deliver(bench.station.config(off=({"start": NOON + 2_000, "until": NOON + MINUTE},)))
    stream(bench, 4)
    assert max(unit.start_at for unit in units(bench)) < NOON + 3_000
    assert (Event.PREEMPTED, Why.OFF) in bench.events("mic")


def test_a_live_emergency_is_heard_while_the_speaker_is_off(bench: Bench) -> None:
    bench.deliver(bench.station.config(off=({"start": NOON, "until": NOON + MINUTE},), weekdays=(1,)))
    stream(bench, 2, Class.EMERGENCY)
    assert len(units(bench)) >= 8
