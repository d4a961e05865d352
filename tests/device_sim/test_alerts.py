"""Alerts: at once, by the table of who has the air, growing, repeated, ended, and through whatever gets lost."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.wire.documents import Class, Event, Why
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from broadcaster.wire.urgent import Part
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, NOON, OWN, Message, Station

pytestmark = pytest.mark.unit

SIREN = 8 * SECOND
_numbers = count()


def raise_alert(bench: Bench, name: str = "bao", **members: Any) -> list[Message]:
    """A siren and one sentence after it, with their sound."""
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    message = station.alert(name, siren, speech, **members)
    said = [*station.clip_of(siren), *station.clip_of(speech)]
    bench.deliver(message, *said)
    return [message, *said]


def test_an_alert_sounds_at_its_moment_and_the_amplifier_is_on_at_once(bench: Bench) -> None:
    raise_alert(bench)
    bench.run(NOON + MINUTE)
    start = NOON + 400
    assert bench.alarms("bao") == [(start, start + SIREN), (start + SIREN, start + SIREN + 10_000)]
    assert bench.amplifier[0] == (NOON, True)
    assert [event for event, _ in bench.events("bao")] == [Event.ARMED, Event.STARTED, Event.FINISHED]


def test_an_alert_displaces_a_bulletin_which_does_not_resume(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 5 * SECOND)
    raise_alert(bench)
    bench.run(AT + 2 * MINUTE)
    assert bench.plays("b1")[0][1] <= AT + 5 * SECOND + 400
    assert bench.events("b1")[-1] == (Event.PREEMPTED, Why.HIGHER_CLASS)
    assert len(bench.plays("b1")) == 1
    assert len(bench.alarms("bao")) == 2


def test_a_bulletin_whose_policy_is_to_resume_joins_in_position(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT, duration_ms=MINUTE, resume=True))
    bench.run(AT + 5 * SECOND)
    raise_alert(bench)
    bench.run(AT + 2 * MINUTE)
    (first, second) = bench.plays("b1")
    assert second[1] == AT + MINUTE
    assert second[0] - second[2] == AT, "in position"
    assert second[0] >= bench.alarms("bao")[-1][1]
    assert first[0] == AT
    assert [event for event, _ in bench.events("b1")] == [
        Event.CACHED,
        Event.STARTED,
        Event.PREEMPTED,
        Event.STARTED,
        Event.FINISHED,
    ]


def test_speech_is_said_as_often_as_asked_and_again_at_regular_times_without_the_siren(bench: Bench) -> None:
    raise_alert(bench, repeats=3, pause_ms=2_000, every_ms=10 * MINUTE, valid_ms=25 * MINUTE)
    bench.run(NOON + HOUR, answered=True)
    start = NOON + 400
    begins = [begin - start for begin, _ in bench.alarms("bao")]
    assert begins == [0, SIREN, SIREN + 12_000, SIREN + 24_000, 10 * MINUTE, 20 * MINUTE]


@pytest.mark.parametrize("lead_ms", [0, 5_000])
def test_rounds_that_follow_each_other_closely_are_each_heard_to_their_end(bench: Bench, lead_ms: int) -> None:
    bench.deliver(bench.station.config(amp_lead_ms=lead_ms))
    words = [bench.station.part(2, 0, lasts_ms=3 * SECOND), bench.station.part(3, 3 * SECOND, lasts_ms=SECOND)]
    bench.deliver(bench.station.alert("bao", *words, every_ms=5 * SECOND))
    bench.deliver(*(said for part in words for said in bench.station.clip_of(part)))
    bench.run(NOON + 18 * SECOND)
    begins = [begin - NOON - 400 for begin, _ in bench.alarms("bao")]
    assert begins == [0, 3_000, 5_000, 8_000, 10_000, 13_000, 15_000]
    told = bench.receipts("bao")
    assert [(one.event, one.played_ms) for one in told if one.event is Event.FINISHED] == [(Event.FINISHED, 4_000)]


def test_sentences_that_are_made_later_are_joined_to_it(bench: Bench) -> None:
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    bench.deliver(station.alert("lu", siren, growing=True, start_at=NOON + 400), *station.clip_of(siren))
    bench.run(NOON + 3 * SECOND)
    bench.deliver(station.alert("lu", siren, speech, start_at=NOON + 400), *station.clip_of(speech))
    bench.run(NOON + MINUTE)
    start = NOON + 400
    assert bench.alarms("lu") == [(start, start + SIREN), (start + SIREN, start + SIREN + 10_000)]
    assert [event for event, _ in bench.events("lu")] == [Event.ARMED, Event.STARTED, Event.FINISHED]


def test_the_end_document_silences_it_at_once_and_after_a_reboot(bench: Bench) -> None:
    station = bench.station
    raised = raise_alert(bench)
    bench.run(NOON + 5 * SECOND)
    bench.deliver(station.alert("bao", ended=True))
    bench.run(NOON + 6 * SECOND)
    assert bench.sounding == []
    assert bench.events("bao")[-1] == (Event.STOPPED, Why.WITHDRAWN)
    bench.reboot()
    bench.connect()
    bench.deliver(*raised)
    bench.run(NOON + MINUTE)
    assert len(bench.alarms("bao")) == 1
    assert bench.machine.rejected["rolled-back"] == 1


def test_it_expires_by_the_own_clock(bench: Bench) -> None:
    raise_alert(bench, every_ms=MINUTE, valid_ms=5 * SECOND)
    bench.run(NOON + 10 * MINUTE)
    ((_, until),) = bench.alarms("bao")
    assert until <= NOON + 5 * SECOND + 200


def test_a_speaker_that_was_away_plays_a_round_of_its_own_when_it_comes_back(bench: Bench) -> None:
    bench.disconnect()
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    station.alert("bao", siren, speech)
    bench.run(NOON + 5 * MINUTE)
    bench.join()
    bench.deliver(*station.clip_of(siren), *station.clip_of(speech))
    bench.run(NOON + 7 * MINUTE, answered=True)
    sounds = bench.alarms("bao")
    assert [until - begin for begin, until in sounds] == [SIREN, 10_000]
    assert NOON + 5 * MINUTE <= sounds[0][0] <= NOON + 5 * MINUTE + 1_000
    assert bench.events("bao")[-1][0] is Event.FINISHED


def test_a_speaker_that_comes_back_in_its_first_round_joins_in_position(bench: Bench) -> None:
    bench.disconnect()
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    station.alert("bao", siren, speech)
    bench.run(NOON + 4 * SECOND)
    bench.join()
    bench.deliver(*station.clip_of(siren), *station.clip_of(speech))
    bench.run(NOON + MINUTE, answered=True)
    start = NOON + 400
    (first, second) = bench.alarms("bao")
    assert first[1] == start + SIREN
    assert second == (start + SIREN, start + SIREN + 10_000)


def test_a_speaker_that_comes_back_in_the_middle_of_the_words_says_them_whole_afterwards(bench: Bench) -> None:
    bench.disconnect()
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    station.alert("bao", siren, speech)
    bench.run(NOON + 14 * SECOND)
    bench.join()
    bench.deliver(*station.clip_of(siren), *station.clip_of(speech))
    bench.run(NOON + 2 * MINUTE, answered=True)
    tail, *own = bench.alarms("bao")
    assert tail[1] == NOON + 400 + SIREN + 10_000
    assert [until - begin for begin, until in own] == [SIREN, 10_000]
    assert [event for event, _ in bench.events("bao")] == [Event.ARMED, Event.STARTED, Event.STARTED, Event.FINISHED]


def test_an_alert_that_a_short_voice_cut_in_two_is_said_whole_afterwards(bench: Bench) -> None:
    raise_alert(bench)
    bench.run(NOON + 10 * SECOND)
    station = bench.station
    start = bench.now + 500
    for number in range(10):
        bench.deliver(station.live_open("mic", Class.EMERGENCY, key=station.emergency, start_at=start))
        bench.deliver(station.live("mic", number, key=station.emergency))
        bench.run(bench.now + 200)
    bench.deliver(station.live_open("mic", Class.EMERGENCY, key=station.emergency, start_at=start, ended=True))
    bench.run(NOON + 2 * MINUTE)
    assert [until - begin for begin, until in bench.alarms("bao")[-2:]] == [SIREN, 10_000]
    assert bench.events("bao")[-1] == (Event.FINISHED, None)
    assert bench.events("mic") == [(Event.STARTED, None), (Event.FINISHED, None)]


def test_words_that_never_come_keep_no_alert_going_round(bench: Bench) -> None:
    station = bench.station
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    bench.deliver(station.alert("bao", siren, speech), *station.clip_of(siren))
    bench.run(NOON + 10 * MINUTE)
    assert len(bench.alarms("bao")) == 1
    assert bench.events("bao")[-1] == (Event.FINISHED, None)


def test_without_a_clock_an_alert_sounds_at_once(bench: Bench) -> None:
    bench.synchronised = False
    bench.reboot()
    bench.connect()
    raise_alert(bench)
    bench.plan(bench.station.item("b1", AT))
    bench.run(NOON + MINUTE + 10 * SECOND)
    assert not bench.machine.time.known
    assert [until - begin for begin, until in bench.alarms("bao")] == [SIREN, 10_000]
    assert bench.alarms("bao")[0][0] <= NOON + 1_000
    assert bench.plays("b1") == []


def test_without_a_clock_yesterdays_alert_is_not_believed(bench: Bench) -> None:
    bench.synchronised = False
    old = bench.station.alert("bao", bench.station.part(2, 0), valid_ms=MINUTE)
    bench.run(NOON + 2 * HOUR)
    bench.deliver(bench.station.config())
    bench.reboot()
    bench.connect()
    bench.deliver(old)
    assert bench.machine.rejected == {"expired": 1}


def test_the_same_alert_through_two_zones_sounds_once(bench: Bench) -> None:
    raise_alert(bench)
    raise_alert(bench, zone=OWN)
    bench.run(NOON + MINUTE)
    assert len(bench.alarms("bao")) == 2
    assert [event for event, _ in bench.events("bao")] == [Event.ARMED, Event.STARTED, Event.FINISHED]


def test_the_higher_level_has_the_air_and_the_displaced_one_follows(bench: Bench) -> None:
    raise_alert(bench, "mua", level=2)
    bench.run(NOON + 3 * SECOND)
    raise_alert(bench, "lu-quet", level=5)
    bench.run(NOON + 2 * MINUTE)
    flood, rain = bench.alarms("lu-quet"), bench.alarms("mua")
    assert [until - begin for begin, until in flood] == [SIREN, 10_000]
    assert rain[0][1] <= flood[0][0]
    assert [until - begin for begin, until in rain[1:]] == [SIREN, 10_000], "a whole round, later"
    assert rain[1][0] >= flood[-1][1]
    assert (Event.PREEMPTED, Why.HIGHER_CLASS) in bench.events("mua")
    assert bench.events("mua")[-1][0] is Event.FINISHED


def test_of_two_equal_levels_the_newer_has_the_air(bench: Bench) -> None:
    raise_alert(bench, "mot")
    bench.run(NOON + 3 * SECOND)
    raise_alert(bench, "hai")
    bench.run(NOON + 5 * SECOND)
    assert [name.partition(".")[0] for name in bench.sounding] == ["hai"]


@pytest.mark.parametrize("klass", [Class.EMERGENCY, Class.PRIORITY])
def test_planned_items_of_every_class_give_way(bench: Bench, klass: Class) -> None:
    station = bench.station
    item = station.item("b1", AT, klass=klass, late_ms=0)
    bench.deliver(station.plan(item, key=station.emergency if klass is Class.EMERGENCY else station.key))
    bench.deliver(*station.sound(item))
    bench.run(AT - SECOND)
    raise_alert(bench)
    bench.run(AT + 2 * MINUTE)
    assert bench.plays("b1") == []
    assert bench.events("b1")[-1] == (Event.SKIPPED, Why.HIGHER_CLASS)


ATTACKS: dict[str, tuple[str, Callable[[Station], Message]]] = {
    "the station key": ("out-of-scope", lambda st: st.alert("evil", st.part(2, 0), key=st.key)),
    "a stranger": ("unknown-key", lambda st: st.alert("evil", st.part(2, 0), key=st.stranger)),
    "the root key": ("unknown-key", lambda st: st.alert("evil", st.part(2, 0), key=st.root)),
    "expired": ("expired", lambda st: st.alert("evil", st.part(2, 0), valid_ms=0)),
    "endless": ("malformed", lambda st: st.alert("evil", st.part(2, 0), valid_ms=-st.now)),
    "for three days": ("malformed", lambda st: st.alert("evil", st.part(2, 0), valid_ms=3 * DAY)),
    "another name": (
        "wrong-topic",
        lambda st: st.alert("evil", st.part(2, 0), alert="bao"),
    ),
    "another zone": ("not-mine", lambda st: st.alert("evil", st.part(2, 0), zone="thon-9")),
    "level 9": ("malformed", lambda st: st.alert("evil", st.part(2, 0), level=9)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_alert_that_must_not_be_believed_is_silent(bench: Bench, attack: str) -> None:
    reason, make = ATTACKS[attack]
    bench.deliver(make(bench.station))
    for clip in bench.station.clips:
        assert clip not in bench.machine.library.arriving
    bench.run(NOON + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {reason: 1}


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["reboot", "reconnect", "wait"])), max_size=25),
    ended=st.booleans(),
)
def test_any_order_loss_doubling_and_restart_ends_in_the_same_sound(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str], ended: bool
) -> None:
    station = Station()
    station.trust(), station.config()
    bench = Bench(tmp_path_factory.mktemp(f"alert{next(_numbers)}-"), station)
    bench.join()
    siren, speech = station.part(2, 0, Part.SIREN, SIREN), station.part(3, SIREN)
    start = NOON + MINUTE
    said = [station.alert("bao", siren, growing=True, start_at=start)]
    said += [
        station.alert("bao", siren, speech, start_at=start),
        station.alert("bao", siren, speech, zone=OWN, start_at=start),
    ]
    if ended:
        said.append(station.alert("bao", start_at=start, ended=True))
        said.append(station.alert("bao", start_at=start, ended=True, zone=OWN))
    said += [*station.clip_of(siren), *station.clip_of(speech)]
    bench.live_through(steps, said)
    bench.reboot()
    bench.join()
    bench.deliver(*said)
    bench.run(start + 5 * MINUTE, answered=True)
    if ended:
        assert bench.alarms("bao") == []
    else:
        assert bench.alarms("bao") == [(start, start + SIREN), (start + SIREN, start + SIREN + 10_000)]
        assert [event for event, _ in bench.events("bao")] == [Event.ARMED, Event.STARTED, Event.FINISHED]
    assert bench.machine.journal.waiting == {}


def test_a_store_that_knows_no_welcome_plays_no_alert(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.station.deaf = True
    bench.deliver(bench.station.trust(), bench.station.config())
    raise_alert(bench)
    bench.run(NOON + MINUTE)
    assert bench.heard == []


def test_a_rehearsal_is_answered_and_makes_no_sound(bench: Bench) -> None:
    message = bench.station.alert("thu", drill=True, level=5)
    bench.deliver(message)
    bench.deliver(message)
    bench.run(NOON + 2 * HOUR)
    assert bench.alarms("thu") == []
    assert bench.amplifier == []
    assert bench.events("thu") == [(Event.ARMED, None)]


def test_a_drill_whose_sounds_are_still_to_come_is_no_rehearsal(bench: Bench) -> None:
    bench.deliver(bench.station.alert("tap", drill=True, growing=True))
    bench.run(NOON + MINUTE)
    assert bench.events("tap") == []


@pytest.mark.parametrize("name", ["diễn tập", "thử đường truyền"])
def test_what_was_recorded_on_a_quiet_day_is_worth_nothing_on_another(bench: Bench, name: str) -> None:
    recorded = raise_alert(bench, "thu", drill=True) if name == "diễn tập" else [bench.station.alert("thu", drill=True)]
    bench.deliver(*recorded)
    bench.run(NOON + HOUR + MINUTE)
    heard, before = len(bench.heard), dict(bench.machine.rejected)
    bench.run(NOON + DAY)
    bench.deliver(*recorded)
    bench.run(NOON + DAY + MINUTE)
    assert len(bench.heard) == heard
    assert bench.machine.rejected["expired"] == before.get("expired", 0) + 1


def test_a_rehearsal_takes_the_air_from_nobody(bench: Bench) -> None:
    bench.plan(bench.station.item("b1", AT))
    bench.run(AT + 5 * SECOND)
    bench.deliver(bench.station.alert("thu", drill=True, level=5))
    bench.run(AT + 2 * MINUTE)
    assert [event for event, _ in bench.events("b1")] == [Event.CACHED, Event.STARTED, Event.FINISHED]


def correct(bench: Bench, *before: str) -> list[Message]:
    """The end of the last alert of ``before``, and words that only those need who have begun one of them."""
    station = bench.station
    words = station.part(5, 0)
    said = [station.alert(before[0], ended=True), station.alert("sai", words, level=1, if_begun=before)]
    return [*said, *station.clip_of(words)]


def test_words_about_an_alert_are_said_where_it_has_begun_and_only_there(bench: Bench) -> None:
    raise_alert(bench)
    bench.run(NOON + 3 * SECOND)
    bench.deliver(*correct(bench, "bao"))
    bench.run(NOON + MINUTE)
    assert [event for event, _ in bench.events("sai")] == [Event.ARMED, Event.STARTED, Event.FINISHED]
    bench.deliver(bench.station.alert("khac", bench.station.part(6, 0), if_begun=("lu", "chay")))
    bench.run(NOON + 2 * MINUTE)
    assert bench.alarms("khac") == []
    assert bench.events("khac") == [(Event.SKIPPED, Why.NOT_BEGUN)]


def test_who_never_began_the_alert_switches_nothing_on_for_its_correction(bench: Bench) -> None:
    bench.deliver(*correct(bench, "bao"))
    bench.run(NOON + HOUR)
    bench.deliver(bench.station.alert("sai", ended=True, if_begun=("bao",)))
    bench.run(NOON + 2 * HOUR)
    assert bench.heard == []
    assert bench.amplifier == []
    assert bench.events("sai") == [(Event.SKIPPED, Why.NOT_BEGUN)]


def test_who_lost_its_power_in_the_middle_of_the_alert_says_the_correction_afterwards(bench: Bench) -> None:
    raise_alert(bench)
    bench.run(NOON + 3 * SECOND)
    bench.cut_power()
    correct(bench, "bao")
    bench.station.now = NOON + 10 * MINUTE
    bench.boot()
    bench.join()
    bench.deliver(*bench.station.clip_of(bench.station.part(5, 0)))
    bench.run(NOON + 12 * MINUTE, answered=True)
    assert len(bench.alarms("bao")) == 1
    assert len(bench.alarms("sai")) == 1
    assert bench.events("sai")[-1][0] is Event.FINISHED


def test_who_was_away_from_an_update_says_the_correction_for_what_it_had_begun(bench: Bench) -> None:
    raise_alert(bench, "mot")
    bench.run(NOON + 3 * SECOND)
    bench.deliver(*correct(bench, "hai", "mot"))
    bench.run(NOON + MINUTE)
    assert len(bench.alarms("sai")) == 1


def test_a_correction_that_comes_before_the_alert_is_said_when_that_begins_after_all(bench: Bench) -> None:
    words = correct(bench, "bao")[1:]
    bench.deliver(*words)
    bench.run(NOON + SECOND)
    assert bench.events("sai") == [(Event.SKIPPED, Why.NOT_BEGUN)]
    raise_alert(bench, valid_ms=20 * SECOND)
    bench.run(NOON + MINUTE)
    assert len(bench.alarms("bao")) == 2
    assert bench.events("sai")[-1][0] is Event.FINISHED


def test_a_sound_that_the_card_had_begun_before_it_could_say_so_has_begun(bench: Bench) -> None:
    raise_alert(bench)
    bench.run(NOON + 399)
    (siren,) = bench._on_card.values()
    bench.station.now = NOON + 420
    bench.deliver(bench.station.alert("bao", ended=True))
    bench.do(bench.machine.tick(bench.own))
    bench.do(bench.machine.stage.sound_started(siren.broadcast, bench.own - 20, 0))
    bench.deliver(*correct(bench, "bao")[1:])
    bench.run(NOON + MINUTE)
    assert [event for event, _ in bench.events("bao")] == [Event.ARMED, Event.SKIPPED, Event.STARTED]
    assert len(bench.alarms("sai")) == 1
