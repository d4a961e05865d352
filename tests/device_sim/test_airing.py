"""What sounds, when, and what is said about it."""

from pathlib import Path

import pytest

from broadcaster.wire.documents import Action, Event, Why
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from device_sim.actions import StartSound
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, OWN, SPEAKER, TOP, WHOLE, Station
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit


def test_the_same_plan_twice_plays_once(bench: Bench) -> None:
    message = bench.plan(bench.station.item("b1", AT))
    bench.deliver(message, bench.station.copy(message))
    bench.run(AT + 10 * SECOND)
    bench.deliver(message)
    bench.run(AT + HOUR)
    bench.deliver(message)
    bench.run(AT + 2 * HOUR)
    assert bench.plays("b1") == WHOLE
    assert bench.events("b1") == [(Event.CACHED, None), (Event.STARTED, None), (Event.FINISHED, None)]


@pytest.mark.parametrize("newest", [OWN, TOP])
@pytest.mark.parametrize("first", [OWN, TOP])
def test_one_broadcast_through_two_zones_is_one_and_the_newest_word_counts(
    bench: Bench, newest: str, first: str
) -> None:
    station = bench.station
    old = station.plan(station.item("b1", AT + HOUR), zone=TOP if newest == OWN else OWN)
    station.now += SECOND
    new = station.plan(station.item("b1", AT), zone=newest)
    bench.deliver(*((new, old) if first == newest else (old, new)), *station.sound(station.item("b1", AT)))
    bench.run(AT + 2 * HOUR)
    assert bench.plays("b1") == WHOLE


def test_a_withdrawn_item_stops(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 5 * SECOND)
    bench.deliver(bench.station.plan())
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT, AT + 5_000, 0)]
    assert bench.events("b1")[-1] == (Event.STOPPED, Why.WITHDRAWN)
    assert bench.receipts("b1")[-1].played_ms == 5_000


def test_an_item_that_is_withdrawn_in_time_never_sounds(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.plan()
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == []
    assert bench.events("b1") == [(Event.CACHED, None)]


@pytest.mark.parametrize("known_ms", [10_000, 700], ids=["in time", "with the sound on the card already"])
@pytest.mark.parametrize("moved_ms", [5 * MINUTE, -300], ids=["later", "earlier"])
def test_an_item_that_is_moved_plays_once_where_it_is_now(bench: Bench, known_ms: int, moved_ms: int) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT - known_ms)
    bench.deliver(bench.station.plan(bench.station.item("b1", AT + moved_ms)))
    bench.run(AT + HOUR)
    assert bench.plays("b1") == [(AT + moved_ms, AT + moved_ms + LENGTH, 0)]


def test_an_item_whose_sound_is_replaced_plays_the_new_one(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT - SECOND)
    other = bench.station.item("b1", AT, opus_clip(2), duration_ms=7_000)
    bench.deliver(bench.station.plan(other), *bench.station.sound(other))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT, AT + 7_000, 0)]


def test_an_excluded_zone_does_not_play_and_a_later_exclusion_stops_it(bench: Bench) -> None:
    station = bench.station
    bench.plan(station.item("b1", AT, excluded=(OWN,)), station.item("b2", AT + 5 * SECOND))
    bench.run(AT + 10 * SECOND)
    bench.plan(station.item("b2", AT + 5 * SECOND, excluded=(OWN,)))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == []
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.EXCLUDED)
    assert bench.plays("b2") == [(AT + 5_000, AT + 11_000, 0)]
    assert bench.events("b2")[-1] == (Event.STOPPED, Why.EXCLUDED)


def test_that_it_was_excluded_is_the_reason_even_when_the_time_has_passed(bench: Bench) -> None:
    bench.run(AT + HOUR)
    bench.plan(bench.station.item("b1", AT, excluded=(OWN,)))
    bench.run(AT + HOUR + MINUTE)
    assert bench.events("b1") == [(Event.SKIPPED, Why.EXCLUDED)]


def test_stop_ends_one_broadcast_and_stop_all_everything_that_sounds_or_is_about_to(bench: Bench) -> None:
    station = bench.station
    items = [station.item(f"b{number}", AT + number * 30 * SECOND) for number in range(4)]
    bench.plan(*items)
    bench.run(AT + 5 * SECOND)
    bench.deliver(station.command(Action.STOP, "b0"), station.command(Action.STOP, "unknown"))
    bench.deliver(station.command(Action.STOP, "b3"))
    bench.run(AT + 29 * SECOND)  # b1 is with the card
    bench.deliver(station.command(Action.STOP_ALL, key=station.emergency))
    bench.run(AT + 10 * MINUTE)
    assert bench.plays("b0") == [(AT, AT + 5_000, 0)]
    assert bench.plays("b1") == bench.plays("b3") == []
    assert bench.plays("b2") == [(AT + 60_000, AT + 80_000, 0)]
    assert [bench.events(name)[-1] for name in ("b0", "b1", "b3")] == [(Event.STOPPED, Why.COMMAND)] * 3


def test_a_stop_that_came_too_late_to_cut_anything_is_a_finish(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 10 * SECOND)
    bench.deliver(bench.station.command(Action.STOP, "b1"))
    sound = bench._on_card["b1"]
    sound.until_ms, sound.cut = AT + LENGTH, False  # the card has the rest of it already
    bench.run(AT + MINUTE)
    assert bench.events("b1")[-1] == (Event.FINISHED, None)


def test_a_speaker_that_learns_late_joins_in_position(bench: Bench) -> None:
    bench.run(AT + 7 * SECOND)
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT + 8_000, AT + LENGTH, 8_000)]
    assert [receipt.position_ms for receipt in bench.receipts("b1")] == [0, 8_000, LENGTH]
    assert bench.receipts("b1")[-1].played_ms == 12_000


def test_a_speaker_that_learns_too_late_is_silent_and_says_so(bench: Bench) -> None:
    bench.run(AT + 5 * SECOND)
    bench.plan(bench.station.item("b1", AT, late_ms=4_000))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == []
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.LATE)


def test_a_speaker_far_from_the_others_starts_later_by_its_delay(bench: Bench) -> None:
    bench.deliver(bench.station.config(delay_ms=120))
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT + 120, AT + 120 + LENGTH, 0)]
    assert bench.events("b1")[-1] == (Event.FINISHED, None)


def test_a_sound_on_the_card_is_moved_when_the_clock_turns_out_wrong(tmp_path: Path) -> None:
    """It trusts its own clock after a reboot until it hears from the station again."""
    bench = Bench(tmp_path)
    bench.station.trust(), bench.station.config()
    bench.join()
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT - 13 * SECOND)
    bench.reboot()
    bench.wrong_ms = 12_000
    bench.run(AT - 12_500)
    assert list(bench.machine.stage.planned._playing) == ["b1"]
    bench.join()
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE


def test_a_sound_that_the_card_cuts_by_itself_is_joined_again_in_position(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 5 * SECOND)
    sound = bench._on_card["b1"]
    sound.until_ms, sound.cut = bench.now, True
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT, AT + 5_000, 0), (AT + 5_100, AT + LENGTH, 5_100)]
    assert [event for event, _ in bench.events("b1")] == [
        Event.CACHED,
        Event.STARTED,
        Event.STARTED,
        Event.FINISHED,
    ]


def test_a_clip_that_can_not_be_played_fails_and_is_fetched_again_for_the_next_time(bench: Bench) -> None:
    station = bench.station
    first, second = station.item("b1", AT), station.item("b2", AT + HOUR)
    bench.plan(first, second)
    bench.run(AT - SECOND)
    del bench._on_card["b1"]
    bench.do(bench.machine.sound_failed("b1", bench.own))
    assert not bench.store.clip_path(first.clip).exists()
    bench.run(AT + 2 * HOUR, answered=True)
    assert bench.events("b1")[-1] == (Event.FAILED, Why.UNDECODABLE)
    assert bench.plays("b2") == [(AT + HOUR, AT + HOUR + LENGTH, 0)]


def test_a_speaker_that_is_moved_forgets_the_plans_of_its_old_place_and_learns_them_again(bench: Bench) -> None:
    station = bench.station
    message = bench.plan(station.item("b1", AT))
    bench.deliver(station.config(zones=(TOP,)))
    assert bench.machine.beliefs.items == []
    bench.reboot()
    assert bench.machine.beliefs.items == []
    bench.connect()
    station.now += SECOND
    bench.deliver(station.config())
    assert message.topic not in bench.machine.beliefs.have
    bench.deliver(message)
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE


def test_the_volume_is_the_items_or_else_the_speakers(bench: Bench) -> None:
    station: Station = bench.station
    bench.plan(station.item("b1", AT), station.item("b2", AT + MINUTE, volume=35))
    volumes = {}
    for moment in range(AT - 3_000, AT + 2 * MINUTE, 500):
        station.now = moment
        for action in bench.machine.tick(bench.own):
            if isinstance(action, StartSound):
                volumes[action.broadcast] = action.volume
                bench.do([action])
    assert volumes == {"b1": 80, "b2": 35}


def test_its_topics_are_its_own(bench: Bench) -> None:
    bench.run(NOON + 2 * MINUTE)
    assert {publish.topic.rpartition("/up/")[0] for publish in bench.sent} == {f"loa/1/st/speaker/{SPEAKER}"}
