"""Power comes and goes; what was promised and what was done stays."""

import sqlite3
from pathlib import Path

import pytest

from broadcaster.wire.documents import Event, Receipt, Why
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from device_sim.actions import ForgetClip, KeepDocument, KeepReceipt
from device_sim.store import Store
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, OWN
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A speaker that holds one bulletin, and whose station is gone."""
    bench = Bench(tmp_path)
    item = bench.station.item("b1", AT)
    bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    bench.station.deaf = True
    return bench


def test_power_lost_in_the_middle_is_joined_in_position_and_finished_once(bench: Bench) -> None:
    bench.run(AT + 5 * SECOND)
    bench.cut_power()
    bench.station.now = AT + 12 * SECOND
    bench.boot()
    bench.connect()
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT, AT + 5_000, 0), (AT + 12_000, AT + LENGTH, 12_000)]
    events = bench.events("b1")
    assert events.count((Event.FINISHED, None)) == 1
    assert events[-1] == (Event.FINISHED, None)
    assert [receipt.position_ms for receipt in bench.receipts("b1") if receipt.event is Event.STARTED] == [0, 12_000]


def test_a_broadcast_that_began_in_time_is_joined_after_a_long_power_cut_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    item = bench.station.item("b1", AT, duration_ms=30 * MINUTE, late_ms=MINUTE)
    bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    bench.run(AT + 5 * SECOND)
    bench.cut_power()
    bench.station.now = AT + 10 * MINUTE
    bench.boot()
    bench.run(AT + HOUR)
    assert bench.plays("b1")[-1] == (AT + 10 * MINUTE, AT + 30 * MINUTE, 10 * MINUTE)


def test_power_that_comes_back_too_late_is_a_failure_with_its_reason(bench: Bench) -> None:
    bench.run(AT + 5 * SECOND)
    bench.cut_power()
    bench.station.now = AT + HOUR
    bench.boot()
    bench.connect()
    bench.run(AT + HOUR + MINUTE)
    assert bench.events("b1")[-1] == (Event.FAILED, Why.POWER)


def test_a_finished_broadcast_is_not_played_again_after_a_reboot(bench: Bench) -> None:
    bench.run(AT + LENGTH + SECOND)
    bench.reboot()
    bench.connect()
    bench.run(AT + HOUR)
    assert len(bench.plays("b1")) == 1
    assert bench.events("b1") == [(Event.CACHED, None), (Event.STARTED, None), (Event.FINISHED, None)]


def test_notes_survive_a_clock_that_was_far_ahead_before_the_welcome(tmp_path: Path) -> None:
    bench = Bench(tmp_path, synchronised=False)
    item = bench.station.item("b1", AT, duration_ms=10 * MINUTE)
    bench.station.trust(), bench.station.config(), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    bench.run(AT + 2 * MINUTE)
    bench.deliver(bench.station.plan())  # withdrawn by mistake, and planned again
    bench.run(AT + 3 * MINUTE)
    bench.deliver(bench.station.plan(item))
    bench.cut_power()
    bench.wrong_ms = 400 * DAY
    bench.boot()
    bench.run(AT + 4 * MINUTE)
    bench.join()
    bench.run(AT + HOUR)
    assert len(bench.plays("b1")) == 1


def test_receipts_are_sent_again_ever_more_slowly_until_they_are_acknowledged(bench: Bench) -> None:
    bench.run(AT + MINUTE)
    sent = len([publish for publish in bench.sent if publish.topic.endswith("/receipt")])
    bench.run(AT + HOUR)
    again = len([publish for publish in bench.sent if publish.topic.endswith("/receipt")]) - sent
    assert 14 <= again <= 20
    bench.station.deaf = False
    bench.run(AT + HOUR + 10 * MINUTE, answered=True)
    assert bench.machine.journal.waiting == {}
    assert bench.telemetry.waiting_receipts == 0


def test_new_receipts_do_not_wait_for_the_turn_of_old_ones(bench: Bench) -> None:
    bench.run(AT - SECOND)
    before = len(bench.written)
    bench.run(AT + SECOND)
    assert len(bench.written) == before + 1


def test_acknowledging_what_is_not_known_does_no_harm(bench: Bench) -> None:
    bench.run(AT + SECOND)
    waiting = dict(bench.machine.journal.waiting)
    bench.deliver(bench.station.ack(["x-1", "y_2"]))
    assert bench.machine.journal.waiting == waiting


def test_an_id_is_never_used_again_even_if_the_store_could_not_keep_it(bench: Bench) -> None:
    bench.run(AT + SECOND)
    bench.deliver(bench.station.ack(bench.written))
    names = set(bench.written)
    bench.store._database.execute("DELETE FROM receipt")  # as after a disk that was full
    bench.reboot()
    bench.connect()
    bench.run(AT + MINUTE)
    assert bench.events("b1")[-1] == (Event.FINISHED, None)
    assert names < set(bench.written)


def test_receipts_wait_in_the_order_they_were_written_over_reboots(bench: Bench) -> None:
    for seconds in (0, 2, 4, 6):
        bench.run(AT + seconds * SECOND)
        bench.reboot()
    waiting = list(bench.machine.journal.waiting.values())
    assert waiting == sorted(waiting, key=lambda receipt: receipt.at)
    assert [receipt.event for receipt in waiting] == [Event.CACHED, *[Event.STARTED] * 4][: len(waiting)]


def test_segments_are_kept_over_a_reboot(bench: Bench) -> None:
    station = bench.station
    item = station.item("b2", AT + HOUR, opus_clip(20))
    bench.deliver(station.plan(item), station.manifest(item), *station.segments(item)[:4])
    bench.reboot()
    assert bench.machine.library.arriving[item.clip].have == {0, 1, 2, 3}
    bench.deliver(*station.segments(item)[4:])
    assert bench.store.clip_path(item.clip).read_bytes() == station.clips[item.clip]


def test_a_clip_whose_last_segment_came_just_before_the_power_cut_is_joined_after_it(bench: Bench) -> None:
    station = bench.station
    item = station.item("b2", AT + HOUR, opus_clip(6))
    bench.deliver(station.plan(item), *station.sound(item)[:-1])
    last = station.segments(item)[-1]
    bench.store.keep(bench.machine.receive(last.topic, last.payload, bench.own))  # kept, not yet joined
    bench.reboot()
    bench.run(bench.now + SECOND)
    assert item.clip in bench.machine.library.cached


def test_parts_that_nothing_needs_any_more_are_cleared_away(bench: Bench) -> None:
    station = bench.station
    item = station.item("b2", AT + HOUR, opus_clip(20))
    bench.deliver(station.plan(item), *station.sound(item)[:4])
    bench.run(bench.now + SECOND)
    bench.deliver(station.plan())
    assert bench.store.recall().parts == {}
    bench.deliver(station.plan(item), *station.sound(item)[:4])
    bench.store.keep([KeepDocument(*vars(station.plan()).values())])
    bench.reboot()
    bench.run(bench.now + SECOND)
    assert bench.store.recall().parts == {}


def test_a_manifest_that_is_not_the_plans_any_more_does_not_stop_the_speaker_from_booting(bench: Bench) -> None:
    station = bench.station
    item = station.item("b2", AT + HOUR, opus_clip(20))
    bench.deliver(station.plan(item), *station.sound(item)[:4])
    changed = station.plan(station.item("b2", AT + HOUR, opus_clip(20), manifest="0" * 64))
    bench.store.keep([KeepDocument(changed.topic, changed.payload)])
    bench.reboot()
    assert bench.machine.library.arriving[item.clip].have == set()


def test_a_store_that_was_full_once_works_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store._database.execute("CREATE TRIGGER full BEFORE INSERT ON document BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.Error, match="full"):
        store.keep([KeepReceipt(_receipt("a-1")), KeepDocument("t", b"e")])
    assert store.recall().journal.waiting == {}
    store._database.execute("DROP TRIGGER full")
    store.keep([KeepReceipt(_receipt("a-1")), KeepDocument("t", b"e")])
    assert list(store.recall().journal.waiting) == ["a-1"]


def _receipt(name: str) -> Receipt:
    return Receipt(id=name, broadcast="b", event=Event.CACHED, at=NOON)


def test_what_a_crash_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    aside = store.clip_path("0" * 64).with_suffix(".aside")
    aside.write_bytes(b"half")
    store.close()
    assert Store(tmp_path).recall().clips == {}
    assert not aside.exists()


def test_the_store_is_its_owners_and_its_key_stays_the_same(tmp_path: Path) -> None:
    first = Store(tmp_path / "s")
    key, boots = first.key().kid, first.count_boot()
    first.close()
    second = Store(tmp_path / "s")
    assert (second.key().kid, second.count_boot()) == (key, boots + 1)
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_a_forgotten_clip_leaves_the_disk(bench: Bench) -> None:
    (clip,) = bench.machine.library.cached
    bench.store.keep([ForgetClip(clip)])
    assert bench.store.recall().clips == {}


def test_clips_that_nothing_needs_are_kept_for_a_repeat_up_to_a_limit(bench: Bench) -> None:
    station = bench.station
    bench.machine.library.room_bytes = 12_000
    for number in (2, 3, 4):
        item = station.item(f"b{number}", AT + HOUR, opus_clip(1, seed=number))
        station.now += SECOND
        bench.deliver(station.plan(item, zone=OWN), *station.sound(item))
    assert len(bench.machine.library.cached) == len(bench.store.recall().clips) == 2
