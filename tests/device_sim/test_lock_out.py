"""Stopping a thief who still transmits, and a flood that must not keep an alert out."""

from pathlib import Path

import pytest

from broadcaster.wire.documents import Action, Event, Why
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from device_sim.actions import Identify, SelfTest, StopSound
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, WHOLE, Message
from tests.device_sim.test_alerts import raise_alert
from tests.device_sim.test_attacks import _with_signature_of

pytestmark = pytest.mark.unit


def lock(bench: Bench, kid: str, *, by_root: bool = False, until_ms: int = HOUR) -> Message:
    station = bench.station
    members = {"keys": (kid,), "until": station.now + until_ms}
    return station.command(Action.LOCK_OUT, members=members, key=station.root if by_root else station.emergency)


@pytest.mark.parametrize("by_root", [False, True])
def test_a_thief_who_keeps_talking_is_silenced_even_over_a_reboot(bench: Bench, by_root: bool) -> None:
    """He holds the station key, and takes the highest numbers on every topic."""
    station = bench.station
    bench.plan(station.item("evil", AT))
    bench.run(AT + 5 * SECOND)
    thief = station.command(Action.STOP, "nothing", seq=station.now + 4 * MINUTE, valid_ms=4 * MINUTE + 30_000)
    bench.deliver(thief, lock(bench, station.key.kid, by_root=by_root))
    bench.run(AT + 6 * SECOND)
    assert bench.sounding == []
    assert bench.events("evil")[-1] == (Event.STOPPED, Why.WITHDRAWN)
    bench.reboot()
    bench.connect()
    bench.deliver(station.plan(station.item("again", AT + 20 * SECOND)))
    bench.run(AT + MINUTE)
    assert bench.plays("again") == []
    assert bench.machine.rejected["locked-out"] >= 1


def test_an_alert_is_still_heard_while_the_station_key_is_locked_out(bench: Bench) -> None:
    bench.deliver(lock(bench, bench.station.key.kid))
    raise_alert(bench)
    bench.run(NOON + MINUTE)
    assert len(bench.alarms("bao")) == 2


def test_a_lock_out_ends_by_itself_and_what_comes_then_is_played(bench: Bench) -> None:
    station = bench.station
    bench.deliver(lock(bench, station.key.kid, until_ms=20 * SECOND))
    bench.run(NOON + 30 * SECOND)
    item = station.item("b1", AT)
    bench.deliver(station.plan(item), *station.sound(item))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE


def test_without_a_clock_of_its_own_it_ends_with_the_next_alert_that_is_later(bench: Bench) -> None:
    """The clock comes with a welcome, which the locked key signs."""
    station = bench.station
    bench.deliver(lock(bench, station.key.kid, until_ms=20 * SECOND))
    bench.synchronised = False
    bench.reboot()
    bench.run(NOON + 10 * MINUTE)
    bench.join()
    assert not bench.machine.time.known
    raise_alert(bench)
    bench.join()
    assert bench.machine.time.known


def test_another_lock_out_brings_back_none_that_is_over(bench: Bench) -> None:
    station = bench.station
    bench.plan(station.item("b1", AT))
    bench.deliver(lock(bench, station.key.kid))
    members = {"keys": (station.key.kid, "0" * 16), "until": station.now + 2 * SECOND}
    bench.deliver(station.command(Action.LOCK_OUT, members=members, key=station.root))
    bench.run(NOON + 10 * SECOND)
    bench.deliver(station.plan(station.item("b1", AT)))
    bench.deliver(lock(bench, "1" * 16, by_root=True))
    assert station.key.kid in bench.machine.beliefs.believed
    assert [item.id for item in bench.machine.beliefs.items] == ["b1"]


def test_the_root_key_lifts_a_lock_out(bench: Bench) -> None:
    station = bench.station
    bench.deliver(lock(bench, station.key.kid))
    bench.run(NOON + SECOND)
    bench.deliver(lock(bench, station.key.kid, by_root=True, until_ms=-SECOND))
    item = station.item("b1", AT)
    bench.deliver(station.plan(item), *station.sound(item))
    bench.run(AT + LENGTH)
    assert len(bench.plays("b1")) == 1


def test_the_station_key_locks_nobody_out_and_nobody_for_longer_than_a_day(bench: Bench) -> None:
    station = bench.station
    members = {"keys": (station.emergency.kid,), "until": NOON + HOUR}
    bench.deliver(station.command(Action.LOCK_OUT, members=members))
    bench.deliver(lock(bench, station.key.kid, until_ms=DAY + SECOND))
    assert bench.machine.rejected == {"out-of-scope": 1, "malformed": 1}
    raise_alert(bench)
    assert bench.machine.rejected == {"out-of-scope": 1, "malformed": 1}


def test_air_now_plays_its_item(bench: Bench) -> None:
    station = bench.station
    item = station.item("now", NOON + 2 * SECOND, sent_by=NOON)
    bench.deliver(station.command(Action.AIR, members={"item": item}), *station.sound(item))
    bench.run(NOON + MINUTE)
    assert bench.plays("now") == [(NOON + 2_000, NOON + 22_000, 0)]


def test_a_technician_may_ask_it_to_test_itself(bench: Bench) -> None:
    bench.deliver(bench.station.command(Action.SELF_TEST))
    assert bench.did[-1][1] == SelfTest()


def test_asked_which_box_it_is_it_blinks_and_beeps_quietly_behind_the_amplifiers_lead(bench: Bench) -> None:
    bench.deliver(bench.station.command(Action.IDENTIFY))
    bench.run(NOON + 10 * SECOND)
    assert bench.did[-1] == (NOON, Identify(NOON + 800, 40))
    assert [on for _, on in bench.amplifier] == [True, False]
    assert bench.amplifier[0][0] == NOON


def test_asked_while_something_sounds_or_at_night_it_only_blinks(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + SECOND)
    bench.deliver(bench.station.command(Action.IDENTIFY))
    bench.run(AT + 30 * SECOND)
    assert bench.did[-1][1] == Identify(None)
    bench.deliver(bench.station.config(quiet=({"start": "11:00", "until": "13:00"},)))
    bench.deliver(bench.station.command(Action.IDENTIFY))
    bench.run(AT + MINUTE)
    assert bench.did[-1] == (AT + 30_000, Identify(None))


def test_what_wants_the_air_ends_the_beep(bench: Bench) -> None:
    bench.deliver(bench.station.command(Action.IDENTIFY))
    bench.run(NOON + 900)
    raise_alert(bench)
    bench.run(NOON + 1_000)
    assert StopSound(".identify") in [did for _, did in bench.did]


def test_a_flood_of_forgeries_costs_fifty_checks_a_second_and_the_alert_goes_first(bench: Bench) -> None:
    station = bench.station
    forged = [_with_signature_of(station.plan(station.item("evil", AT)), station.plan()) for _ in range(310)]
    bench.deliver(*forged)
    assert bench.machine.rejected["bad-signature"] <= 50
    raise_alert(bench)
    bench.run(NOON + 2 * SECOND)
    assert bench.alarms("bao"), "before most of the flood was looked at"
    assert bench.machine.rejected["bad-signature"] <= 50 + 2 * 50
    assert bench.machine.rejected["too-many"] > 0


def test_what_waited_for_its_check_is_acted_on_later(bench: Bench) -> None:
    station = bench.station
    first = [station.plan(date=f"2026-{month:02}-{day:02}") for month in (1, 2, 3) for day in range(1, 29)]
    bench.deliver(*first)
    assert len(bench.machine.beliefs.have) < len(first)
    bench.run(NOON + 3 * SECOND)
    assert {message.topic for message in first} <= set(bench.machine.beliefs.have)


def test_a_document_the_welcome_spoke_of_and_that_got_lost_is_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    station = bench.station
    station.trust(), station.config(), station.plan(station.item("b1", AT + HOUR))
    bench.connect()
    for message in station.answer(bench.sent[-1].topic, bench.sent[-1].payload)[:-1]:
        bench.deliver(message)
    assert bench.machine.beliefs.items == []
    bench.run(NOON + MINUTE, answered=True)
    assert [item.id for item in bench.machine.beliefs.items] == ["b1"]


def test_the_end_of_an_alert_that_got_lost_is_asked_for_within_seconds(bench: Bench) -> None:
    station = bench.station
    raise_alert(bench)
    bench.run(NOON + SECOND)
    bench.disconnect()
    end = station.alert("bao", ended=True)
    bench.connect()
    answer = station.answer(bench.sent[-1].topic, bench.sent[-1].payload)
    bench.deliver(*(message for message in answer if message.payload != end.payload))
    bench.run(NOON + 2 * SECOND, answered=True)
    assert bench.sounding
    bench.run(NOON + 4 * SECOND, answered=True)
    assert not bench.sounding


def test_the_disk_that_is_too_small_is_named(bench: Bench) -> None:
    bench.machine.library.room_bytes = 1_000
    bench.plan(bench.station.item("b1", AT, late_ms=0))
    bench.run(AT + MINUTE)
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.STORE_FULL)
