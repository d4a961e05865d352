"""What the thief of a station's key can't do to a speaker: outlive the key, whatever he told it before."""

import pytest

from broadcaster.wire import strict_json
from broadcaster.wire.documents import Action, Hello, Welcome
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from device_sim.actions import Publish
from device_sim.beliefs import LOCK_OUT
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, NOON, SPEAKER, TOP, WHOLE, Message
from tests.device_sim.test_alerts import raise_alert
from tests.device_sim.test_lock_out import lock


def replace_station_key(bench: Bench) -> SigningKey:
    """As the station does it: trust first, then what was in force, signed anew. Returns the stolen key."""
    station = bench.station
    stolen, station.key = station.key, SigningKey.generate()
    station.now += SECOND
    bench.deliver(station.trust(revoked=(stolen.kid,)), station.config())
    return stolen


def forged_welcome(bench: Bench, key: SigningKey, current: dict[str, int], *, ahead_ms: int = 0) -> Message:
    """The thief was quicker than the station with his answer to a hello."""
    station = bench.station
    greetings = [one for one in bench.machine.reports.greet(bench.own) if isinstance(one, Publish)]
    [hello] = [strict_json.decode(one.payload, Hello) for one in greetings]
    at = station.now + ahead_ms
    said = Welcome(nonce=hello.nonce, t1=hello.t1, t2=at, t3=at, current=current)
    return station.sign(Kind.WELCOME, station.topics.down(SPEAKER, "welcome"), said, key=key, exp=at + MINUTE)


def plays_again(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", AT)
    bench.deliver(station.plan(item), *station.sound(item))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE


@pytest.mark.parametrize("seq", [NOON + HOUR, NOON + 400 * DAY])
def test_a_forged_welcome_keeps_neither_the_revocation_out_nor_what_follows_it(bench: Bench, seq: int) -> None:
    station = bench.station
    topics = station.topics
    plan = topics.plan(station.zones[0], "2026-11-21")
    evil = dict.fromkeys((topics.trust(TOP), topics.down(SPEAKER, "config"), plan), seq)
    bench.deliver(forged_welcome(bench, station.key, evil))
    stolen = replace_station_key(bench)
    assert stolen.kid not in bench.machine.beliefs.believed
    assert bench.machine.beliefs.floors[topics.trust(TOP)].seq == station.now
    plays_again(bench)


def test_a_welcome_can_speak_of_documents_only(bench: Bench) -> None:
    """Not of commands, or a lock-out would be too old; nor of what is no topic at all."""
    station = bench.station
    command = f"{station.topics.command(station.zones[0])}#{station.emergency.kid}"
    bench.deliver(
        forged_welcome(bench, station.key, {command: NOON + 400 * DAY, "rubbish": 5, "loa/1/st/zone/ /trust": 9})
    )
    bench.deliver(lock(bench, station.key.kid))
    assert station.key.kid not in bench.machine.beliefs.believed
    bench.run(bench.now + 5 * MINUTE)
    bench.reboot()
    bench.connect()


def test_a_clock_that_the_thief_has_set_forward_is_set_right_by_the_next_key(bench: Bench) -> None:
    bench.synchronised = False
    bench.reboot()
    bench.join()
    bench.deliver(forged_welcome(bench, bench.station.key, {}, ahead_ms=400 * DAY))
    assert bench.machine.time.station(bench.own) > bench.now + 399 * DAY
    bench.sent.clear()
    replace_station_key(bench)
    assert [sent.topic for sent in bench.sent if sent.topic.endswith("/hello")]  # at once, not in ten minutes
    bench.converse()
    assert abs(bench.machine.time.station(bench.own) - bench.now) < SECOND
    plays_again(bench)


def test_an_older_trust_is_no_way_back_after_a_newer_one_was_spoken_of(bench: Bench) -> None:
    station = bench.station
    old = station.documents[station.topics.trust(TOP)]
    stolen = replace_station_key(bench)
    bench.converse()
    station.now += SECOND
    station.trust(revoked=(stolen.kid,))  # which the thief at the broker holds back
    bench.deliver(forged_welcome(bench, station.key, {old.topic: station.now}))
    assert bench.machine.beliefs.lacking == {Kind.TRUST}
    bench.deliver(old)
    bench.reboot()
    assert stolen.kid not in bench.machine.beliefs.believed


@pytest.mark.parametrize("for_ever", [False, True])
def test_what_the_thief_ordered_at_once_falls_silent_with_his_key(bench: Bench, *, for_ever: bool) -> None:
    station = bench.station
    item = station.item("evil", NOON + SECOND, duration_ms=3 * MINUTE)
    bench.deliver(station.command(Action.AIR, members={"item": item}), *station.sound(item))
    bench.run(NOON + MINUTE)  # his command has expired, and what it ordered goes on
    assert bench.sounding
    if for_ever:
        replace_station_key(bench)
    else:
        bench.deliver(lock(bench, station.key.kid))
    bench.run(bench.now + SECOND)
    assert not bench.sounding


def test_lock_outs_by_a_revoked_emergency_key_count_no_more_over_a_reboot_neither(bench: Bench) -> None:
    station = bench.station
    bench.deliver(lock(bench, station.key.kid, until_ms=23 * HOUR))
    assert station.key.kid not in bench.machine.beliefs.believed
    stolen, station.emergency = station.emergency, SigningKey.generate()
    station.now += SECOND
    bench.deliver(station.trust(revoked=(stolen.kid,)))
    assert bench.machine.beliefs.believed == {station.key.kid, station.emergency.kid}
    assert not [place for place in bench.store.recall().documents if place.endswith(LOCK_OUT)]
    bench.reboot()
    bench.join()
    assert bench.machine.beliefs.believed == {station.key.kid, station.emergency.kid}
    plays_again(bench)
    raise_alert(bench)
    bench.run(bench.now + MINUTE)
    assert bench.alarms("bao")


def test_an_alert_of_a_stolen_emergency_key_is_silent_at_once_and_for_ever(bench: Bench) -> None:
    station = bench.station
    [alert, *_] = raise_alert(bench)
    bench.run(NOON + 3 * SECOND)
    assert bench.sounding
    stolen, station.emergency = station.emergency, SigningKey.generate()
    bench.deliver(station.trust(revoked=(stolen.kid,)))
    bench.run(bench.now + SECOND)
    assert not bench.sounding
    bench.deliver(alert)
    bench.reboot()
    bench.connect()
    bench.deliver(alert)
    bench.run(bench.now + MINUTE)
    assert not bench.sounding
    assert bench.machine.rejected["revoked-key"] >= 1


@pytest.mark.parametrize("for_ever", [False, True])
def test_an_alert_whose_successor_the_thief_spoke_of_goes_on_without_his_key(bench: Bench, *, for_ever: bool) -> None:
    station = bench.station
    topic = raise_alert(bench)[0].topic
    bench.run(NOON + 3 * SECOND)
    bench.deliver(forged_welcome(bench, station.key, {topic: NOON + 400 * DAY}))
    if for_ever:
        replace_station_key(bench)
    else:
        bench.deliver(lock(bench, station.key.kid))
    bench.run(bench.now + SECOND)
    assert bench.sounding
    bench.converse()
    bench.reboot()
    bench.connect()
    bench.run(bench.now + SECOND)
    assert bench.sounding
    bench.deliver(station.alert("bao", ended=True))
    bench.run(bench.now + SECOND)
    assert not bench.sounding


def test_a_thiefs_alert_is_silent_though_the_station_spoke_of_a_newer_one(bench: Bench) -> None:
    station = bench.station
    topic = raise_alert(bench)[0].topic
    bench.run(NOON + 3 * SECOND)
    bench.deliver(forged_welcome(bench, station.key, {topic: station.now + SECOND}))  # for once a true one
    assert bench.sounding
    stolen, station.emergency = station.emergency, SigningKey.generate()
    bench.deliver(station.trust(revoked=(stolen.kid,)))
    bench.run(bench.now + SECOND)
    assert not bench.sounding


def test_a_lock_out_that_is_said_again_and_again_is_kept_once(bench: Bench) -> None:
    for _ in range(5):
        until = AT + HOUR
        bench.deliver(lock(bench, bench.station.key.kid, until_ms=until - bench.now))
        bench.run(bench.now + 15 * SECOND)
    assert len([place for place in bench.store.recall().documents if place.endswith(LOCK_OUT)]) == 1
    bench.deliver(lock(bench, bench.station.key.kid, until_ms=2 * HOUR))  # renewed
    bench.reboot()
    bench.run(AT + HOUR + MINUTE)
    assert bench.station.key.kid not in bench.machine.beliefs.believed


def test_a_lock_out_that_the_root_key_lifted_stays_lifted_over_a_reboot(bench: Bench) -> None:
    bench.deliver(lock(bench, bench.station.key.kid))
    bench.run(NOON + SECOND)
    bench.deliver(lock(bench, bench.station.key.kid, by_root=True, until_ms=-SECOND))
    bench.run(NOON + 2 * SECOND)
    bench.reboot()
    bench.join()
    plays_again(bench)


def test_a_speaker_whose_plans_left_its_zones_takes_them_from_the_next_key(bench: Bench) -> None:
    """The thief's plan had the highest number that counts, before his config took the zone away."""
    station = bench.station
    far = station.plan(station.item("evil", AT), seq=station.now + 4 * MINUTE)
    bench.deliver(far, station.config(zones=(TOP,)))
    bench.run(bench.now + SECOND)
    replace_station_key(bench)
    plays_again(bench)


def test_a_trust_that_takes_nobodys_word_away_is_no_reason_to_ask_again(bench: Bench) -> None:
    bench.sent.clear()
    bench.deliver(bench.station.trust())
    assert bench.sent == []


def test_who_is_away_loses_a_revoked_key_when_it_comes_back(bench: Bench) -> None:
    station = bench.station
    bench.plan(station.item("evil", AT))
    bench.disconnect()
    bench.cut_power()
    stolen, station.key = station.key, SigningKey.generate()
    station.now += SECOND
    station.trust(revoked=(stolen.kid,)), station.config()
    station.documents.pop(station.topics.plan(station.zones[0], "2026-11-21"))
    bench.boot()
    bench.join()
    bench.deliver(station.plan(station.item("evil", AT), key=stolen))
    bench.run(AT + MINUTE)
    assert bench.plays("evil") == []
    assert bench.machine.rejected["revoked-key"] >= 1
