"""How a speaker joins: what it says first, and what it waits for."""

from pathlib import Path

import pytest

from broadcaster.wire import enrolment, envelope, keys, strict_json
from broadcaster.wire.documents import About, Event, Hello, SpeakerState, State
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, NOON, OWN, SPEAKER, TOP, Station

pytestmark = pytest.mark.unit

BASE = "loa/1/st"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_config_that_comes_before_the_first_trust_is_no_attack(tmp_path: Path) -> None:
    """A new speaker hears what is retained in any order; only who knows keys can find one unknown."""
    bench = Bench(tmp_path)
    station = bench.station
    config = station.config()
    bench.connect()
    bench.deliver(config)
    assert bench.machine.rejected == {}
    bench.deliver(station.trust())
    bench.converse()
    assert bench.machine.beliefs.config is not None
    bench.deliver(station.plan(station.item("evil", AT), key=station.stranger))
    assert bench.machine.rejected == {"unknown-key": 1}


def test_a_new_speaker_subscribes_to_its_own_topics_before_it_says_anything(bench: Bench) -> None:
    bench.online = True
    bench.do(bench.machine.connected())
    assert bench.subscribed == [(f"{BASE}/speaker/{SPEAKER}/down/#",)]
    assert bench.sent == []


def test_it_says_state_about_and_hello_in_that_order(bench: Bench) -> None:
    bench.connect()
    assert [publish.topic for publish in bench.sent] == [
        f"{BASE}/speaker/{SPEAKER}/up/{what}" for what in ("state", "about", "hello")
    ]
    state, about, hello = bench.sent
    assert strict_json.decode(state.payload, State).state is SpeakerState.READY
    assert (state.retain, about.retain, hello.retain, hello.qos) == (True, True, False, 0)
    known = strict_json.decode(about.payload, About)
    assert known.key == keys.public_text(bench.key.public)
    assert enrolment.proves(known.proof, "00" * 16, "st", SPEAKER, known.key)
    assert strict_json.decode(hello.payload, Hello).have == {}


def test_the_last_words_carry_the_number_of_the_connection_they_end(bench: Bench) -> None:
    for number in (1, 2):
        will = bench.machine.reports.will(bench.own)
        assert will.retain
        assert strict_json.decode(will.payload, State).state is SpeakerState.LOST
        assert strict_json.decode(will.payload, State).connection == number
        bench.connect()
        assert strict_json.decode(bench.said(Kind.STATE)[-1], State).connection == number
        bench.disconnect()


def test_leaving_in_good_order_is_said_only_while_connected(bench: Bench) -> None:
    assert bench.machine.reports.leaving(bench.own) == []
    bench.connect()
    bench.do(bench.machine.reports.leaving(bench.own))
    assert strict_json.decode(bench.said(Kind.STATE)[-1], State).state is SpeakerState.DISCONNECTED


def test_the_whole_road_from_an_empty_store_to_an_acknowledged_airing(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + MINUTE)
    bench.connect()
    bench.deliver(station.copy(station.trust()), station.welcome(bench.hello), station.config())
    assert bench.subscribed[-1] == (
        f"{BASE}/speaker/{SPEAKER}/down/#",
        f"{BASE}/zone/{OWN}/#",
        f"{BASE}/zone/{TOP}/#",
    )
    bench.deliver(station.plan(item), *station.sound(item))
    assert set(bench.machine.library.cached) == {item.clip}
    assert bench.store.clip_path(item.clip).read_bytes() == station.clips[item.clip]
    bench.run(item.start_at + 30 * SECOND)
    assert bench.plays("b1") == [(item.start_at, item.start_at + 20 * SECOND, 0)]
    cached, started, finished = bench.receipts("b1")
    assert (cached.event, started.event, finished.event) == (Event.CACHED, Event.STARTED, Event.FINISHED)
    assert (started.at, started.position_ms) == (item.start_at, 0)
    assert (finished.at, finished.played_ms) == (item.start_at + 20_000, 20_000)
    bench.deliver(station.ack(bench.written))
    assert bench.machine.journal.waiting == {}
    bench.reboot()
    assert bench.machine.journal.waiting == {}


def test_with_an_empty_store_nothing_plays_before_one_welcome(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + MINUTE)
    bench.connect()
    bench.deliver(station.trust(), station.config(), station.plan(item), *station.sound(item))
    bench.run(item.start_at + 10 * SECOND)
    assert bench.plays("b1") == []
    bench.deliver(station.welcome(bench.hello))
    bench.run(item.start_at + MINUTE)
    assert bench.plays("b1") == [(item.start_at + 10_000, item.start_at + 20_000, 10_000)]


def test_after_a_reboot_it_plays_with_broker_and_station_dead(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + 10 * MINUTE)
    station.trust(), station.config(), station.plan(item)
    bench.join()
    bench.deliver(*station.sound(item))
    bench.reboot()
    bench.run(item.start_at + MINUTE)
    assert bench.plays("b1") == [(item.start_at, item.start_at + 20_000, 0)]


def test_a_clock_that_nobody_keeps_right_plays_nothing_after_a_reboot_until_the_welcome(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False)
    station = bench.station
    item = station.item("b1", NOON + 10 * MINUTE)
    station.trust(), station.config(), station.plan(item)
    bench.join()
    bench.deliver(*station.sound(item))
    bench.reboot()
    bench.run(item.start_at + 5 * SECOND)
    assert bench.plays("b1") == []
    bench.join()
    bench.run(item.start_at + MINUTE)
    assert bench.plays("b1") == [(item.start_at + 5_000, item.start_at + 20_000, 5_000)]


@pytest.mark.parametrize("wrong_ms", [10 * SECOND, -10 * SECOND, 400 * 86_400_000, -400 * 86_400_000])
@pytest.mark.parametrize("synchronised", [True, False])
def test_a_wrong_clock_is_set_right_by_one_welcome(tmp_path: Path, wrong_ms: int, synchronised: bool) -> None:
    bench = Bench(tmp_path, synchronised=synchronised, wrong_ms=wrong_ms)
    station = bench.station
    item = station.item("b1", NOON + 10 * MINUTE)
    station.trust(), station.config(), station.plan(item)
    bench.join()
    bench.deliver(*station.sound(item))
    bench.run(item.start_at + MINUTE)
    assert bench.plays("b1") == [(item.start_at, item.start_at + 20_000, 0)]
    assert [receipt.at for receipt in bench.receipts("b1")][1:] == [item.start_at, item.start_at + 20_000]
    assert bench.telemetry.offset_ms == -wrong_ms


def test_ntp_is_believed_within_two_seconds_of_signed_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, wrong_ms=1_500)
    bench.station.trust(), bench.station.config()
    bench.join()
    bench.run(NOON + 2 * SECOND)
    assert (bench.machine.time.offset_ms, bench.telemetry.offset_ms) == (0, -1_500)


def test_hello_is_repeated_ever_more_slowly_until_it_is_answered(bench: Bench) -> None:
    bench.connect()
    bench.run(NOON + 10 * MINUTE)
    moments = [strict_json.decode(payload, Hello).t1 - NOON for payload in bench.said(Kind.HELLO)]
    assert moments[:6] == [0, 5_000, 15_000, 35_000, 75_000, 155_000]


def test_the_answer_to_an_earlier_hello_is_as_good_and_times_the_right_way(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False, wrong_ms=10_000)
    station = bench.station
    bench.connect()
    first = bench.hello
    trust = station.trust()
    welcome = station.welcome(first)
    bench.run(NOON + 7 * SECOND)
    assert bench.hello.nonce != first.nonce
    bench.deliver(trust, welcome)
    assert bench.machine.may_play
    assert bench.machine.time.error_ms == 3_500


def test_a_welcome_counts_once_and_only_for_a_hello_of_this_speaker(bench: Bench) -> None:
    station = bench.station
    bench.connect()
    bench.deliver(station.trust())
    stranger = Hello(boot="b", nonce="n", t1=NOON)
    bench.deliver(station.welcome(stranger))
    assert not bench.machine.beliefs.welcomed
    welcome = station.welcome(bench.hello)
    bench.deliver(welcome, welcome)
    assert bench.machine.may_play
    assert bench.machine.rejected == {"stale-welcome": 1, "replayed": 1}


def test_a_clock_set_back_between_hello_and_welcome_teaches_nothing(bench: Bench) -> None:
    station = bench.station
    bench.connect()
    bench.deliver(station.trust())
    welcome = station.welcome(bench.hello)
    bench.wrong_ms = -60_000
    bench.deliver(welcome)
    assert not bench.machine.may_play
    assert bench.machine.rejected == {"stale-welcome": 1}


def test_a_clock_that_was_set_makes_older_measurements_worthless(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False, wrong_ms=10_000)
    station = bench.station
    station.trust(), station.config()
    bench.join()
    assert bench.machine.time.offset_ms == -10_000
    bench.wrong_ms = 0  # NTP has come
    bench.run(NOON + 11 * MINUTE, answered=True)
    assert bench.machine.time.offset_ms == 0


def test_hello_lists_what_is_here_and_the_station_sends_the_rest_as_copies(bench: Bench) -> None:
    station = bench.station
    trust, config = station.trust(), station.config()
    bench.join()
    have = {message.topic: envelope.parse(message.payload).header.seq for message in (trust, config)}
    item = station.item("b1", NOON + MINUTE)
    station.plan(item)
    bench.disconnect()
    bench.join()
    assert strict_json.decode(bench.said(Kind.HELLO)[0], Hello).have.items() >= have.items()
    assert [planned.id for planned in bench.machine.beliefs.items] == ["b1"]


def test_a_config_that_comes_between_subscribe_and_its_answer_is_subscribed_to(bench: Bench) -> None:
    station = bench.station
    bench.online = True
    bench.do(bench.machine.connected())
    bench.deliver(station.trust(), station.config())
    assert f"{BASE}/zone/{OWN}/#" in bench.subscribed[-1]


def test_a_plan_that_fell_between_config_and_the_new_subscription_is_not_lost(bench: Bench) -> None:
    station = bench.station
    trust, config = station.trust(), station.config()
    bench.connect()
    bench.deliver(station.copy(trust), station.welcome(bench.hello))
    station.plan(station.item("b1", NOON + MINUTE))  # said to the zone while nobody listened
    bench.sent.clear()
    bench.deliver(config)
    assert len(bench.said(Kind.HELLO)) == 1
    bench.converse()
    assert [planned.id for planned in bench.machine.beliefs.items] == ["b1"]


def test_a_reconnection_subscribes_to_everything_again(bench: Bench) -> None:
    bench.station.trust(), bench.station.config()
    bench.join()
    bench.disconnect()
    bench.subscribed.clear()
    bench.join()
    assert len(bench.subscribed) == 1
    assert len(bench.subscribed[0]) == 3


def test_without_a_station_an_unwelcomed_speaker_sleeps(bench: Bench) -> None:
    """A request that may not be made yet must not keep it awake."""
    station = bench.station
    bench.connect()
    bench.deliver(station.trust(), station.config(), station.plan(station.item("b1", NOON + 2 * MINUTE)))
    bench.run(NOON + 3 * MINUTE)
    assert bench.machine.wake_at(bench.own) - bench.own >= SECOND


def test_a_kit_for_another_station_does_not_stumble_over_what_was_kept(bench: Bench, tmp_path: Path) -> None:
    bench.station.trust(), bench.station.config()
    bench.join()
    bench.cut_power()
    moved = Bench(tmp_path, Station(name="khac"))
    assert moved.machine.rejected == {"unknown-topic": 3}
