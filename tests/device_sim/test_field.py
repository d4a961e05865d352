"""The rules of the field: brokers on trial, boots that follow each other, bytes by the month, receipts beyond the limit."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcaster.wire.documents import Class, Event, Why
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from device_sim import receipt_limit
from device_sim.boots import Boots, refuse
from device_sim.brokers import KEPT_AFTER_S, TRIAL_S, UNREACHABLE_S, BrokerList
from device_sim.sim_month import SimMonth, month_of
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON

pytestmark = pytest.mark.unit

KIT: tuple[str, ...] = ("mqtts://kit-a", "mqtts://kit-b")
NEW: tuple[str, ...] = ("mqtts://new",)
OTHER: tuple[str, ...] = ("mqtts://other",)

# Brokers.


def test_a_new_list_is_kept_after_ten_minutes_connected_and_not_before() -> None:
    brokers = BrokerList(KIT)
    assert brokers.offer(NEW, 0)
    assert brokers.current == NEW
    brokers.connected(5)
    assert not brokers.tick(5 + KEPT_AFTER_S - 1)
    assert brokers.kept == KIT
    assert brokers.tick(5 + KEPT_AFTER_S)
    assert brokers.kept == NEW
    assert brokers.current == (*NEW, *KIT)


def test_a_new_list_that_nobody_answers_on_is_given_up_for_the_old_one() -> None:
    brokers = BrokerList(KIT)
    brokers.offer(NEW, 0)
    assert not brokers.tick(UNREACHABLE_S - 1)
    assert brokers.tick(UNREACHABLE_S)
    assert (brokers.kept, brokers.current) == (KIT, KIT)
    assert not brokers.offer(NEW, 200), "the same list is not tried again until a config names another"
    assert brokers.offer(OTHER, 300)
    assert brokers.offer(NEW, 400)


def test_a_new_list_that_never_holds_ten_minutes_is_given_up_too() -> None:
    brokers = BrokerList(KIT)
    brokers.offer(NEW, 0)
    now = 0.0
    while now < TRIAL_S:
        brokers.connected(now)
        assert not brokers.tick(now + KEPT_AFTER_S - 1)
        now += KEPT_AFTER_S - 1
        brokers.disconnected(now)
    assert brokers.tick(now)
    assert brokers.current == KIT


def test_a_list_that_is_kept_survives_a_reboot_and_the_kits_brokers_stay_the_last_resort() -> None:
    brokers = BrokerList(KIT, NEW)
    assert brokers.current == (*NEW, *KIT)
    assert not brokers.offer(NEW, 0)
    assert brokers.offer((), 1), "a config that names none means the kit's, on trial like any other"
    assert brokers.current == KIT


def test_the_list_one_has_is_no_trial_and_ends_one() -> None:
    brokers = BrokerList(KIT)
    assert not brokers.offer(KIT, 0)
    brokers.offer(NEW, 0)
    assert brokers.offer(KIT, 1)
    assert not brokers.on_trial


# Boots.


def boots(*log: tuple[int, int], now: int) -> bool:
    found = Boots(list(log))
    found.boot(now)
    return found.safe


@pytest.mark.parametrize(
    ("ran_s", "apart_s", "safe"),
    [
        (20, 30, True),
        (100, 120, True),
        (200, 205, False),  # they lasted
        (20, 7_200, False),  # a storm: power came and went, hours apart
        (20, -30, True),  # no battery: the clock begins again and again somewhere
    ],
)
def test_five_boots_in_ten_minutes_make_safe_mode(ran_s: int, apart_s: int, *, safe: bool) -> None:
    log = [(NOON + n * apart_s * SECOND, ran_s * SECOND) for n in range(4)]
    assert boots(*log, now=NOON + 4 * apart_s * SECOND) is safe


def test_four_boots_are_not_enough_and_only_the_last_five_count() -> None:
    assert not boots(*[(NOON, 0)] * 3, now=NOON)
    assert not boots((NOON, 0), (NOON, 0), (NOON, HOUR), (NOON, 0), (NOON, 0), (NOON, 0), now=NOON)


def test_safe_mode_ends_when_the_box_has_stood_ten_minutes() -> None:
    found = Boots([(NOON, SECOND)] * 4)
    found.boot(NOON)
    found.ran(10 * MINUTE - 1)
    assert found.safe
    found.ran(10 * MINUTE)
    assert not found.safe


def test_in_safe_mode_a_routine_item_is_skipped_with_its_reason_and_an_emergency_is_not(bench: Bench) -> None:
    routine = bench.station.item("b1", AT)
    emergency = bench.station.item("e1", AT + MINUTE, klass=Class.EMERGENCY)
    bench.plan(routine)
    bench.deliver(bench.station.plan(emergency, zone="xa", key=bench.station.emergency))
    bench.deliver(*bench.station.sound(emergency))
    bench.do(refuse(bench.machine.beliefs.items, bench.machine.journal, AT))
    bench.run(AT + 2 * MINUTE)
    assert bench.plays("b1") == []
    assert (Event.SKIPPED, Why.SAFE_MODE) in bench.events("b1")
    assert bench.plays("e1") == [(AT + MINUTE, AT + MINUTE + LENGTH, 0)]


# Bytes.


@pytest.mark.parametrize(
    ("local", "first_day", "month"),
    [
        ("2026-11-21T00:00", 1, "2026-11-01"),
        ("2026-11-21T00:00", 21, "2026-11-21"),
        ("2026-11-20T23:59", 21, "2026-10-21"),
        ("2027-01-03T00:00", 28, "2026-12-28"),
        ("2026-03-01T12:00", 28, "2026-02-28"),
    ],
)
def test_the_contracts_month_begins_on_its_day_by_local_time(local: str, first_day: int, month: str) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp() * SECOND - 7 * HOUR
    assert month_of(int(at), 7 * 60, first_day) == month


def test_bytes_are_counted_once_over_reboots_and_begin_again_with_the_month() -> None:
    first = SimMonth()
    first.saw(100, None)  # no idea of time yet: they count for the month that turns out to be
    first.saw(300, "2026-11-01")
    first.saw(450, "2026-11-01")
    after = SimMonth(first.month, first.count)
    after.saw(50, None)
    assert after.count == 500
    after.saw(80, "2026-12-01")
    assert (after.month, after.count) == ("2026-12-01", 30)


# Receipts.


def test_beyond_the_limit_the_least_telling_receipts_go_and_the_station_is_told_how_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_limit.surplus, "__defaults__", (20,))
    bench.station.deaf = True
    items = [bench.station.item(f"b{n}", AT + n * MINUTE) for n in range(12)]
    bench.plan(*items)
    bench.run(AT + 15 * MINUTE)
    waiting = list(bench.machine.journal.waiting.values())
    assert len(waiting) <= 20
    assert [receipt.broadcast for receipt in waiting if receipt.event is Event.FINISHED] == [item.id for item in items]
    dropped = bench.machine.journal.dropped
    assert dropped + len(waiting) == 36
    bench.reboot()
    assert bench.machine.journal.dropped == dropped
    assert list(bench.machine.journal.waiting.values()) == waiting
    bench.join()
    bench.run(bench.now + 5 * SECOND)
    assert bench.telemetry.dropped_receipts == dropped


# Autonomy.

TIMES = (5 * HOUR + 30 * MINUTE, 11 * HOUR, 17 * HOUR)
"""When a commune speaks, after local midnight."""


def test_with_broker_and_station_gone_for_seven_days_the_whole_horizon_plays_and_every_receipt_arrives(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    station = bench.station
    station.trust(), station.config(quiet=())
    midnight = NOON - 12 * HOUR
    clip = station.item("one", AT)  # one clip every day: repeats cost nothing
    planned = []
    for day in range(7):
        starts = [midnight + day * DAY + after for after in TIMES]
        items = [station.item(f"d{day}-{n}", at) for n, at in enumerate(starts) if at > NOON]
        date = datetime.fromtimestamp((midnight + day * DAY + 7 * HOUR) / SECOND, UTC).date().isoformat()
        station.plan(*items, date=date, exp=midnight + (day + 2) * DAY)
        planned += items
    bench.join()
    bench.deliver(*station.sound(clip))
    bench.run(NOON + SECOND)
    bench.disconnect()
    bench.run(NOON + 3 * DAY)
    bench.reboot()  # and the power fails once
    bench.run(midnight + 7 * DAY)
    assert [bench.plays(item.id) for item in planned] == [[(i.start_at, i.start_at + LENGTH, 0)] for i in planned]
    assert len(bench.machine.journal.waiting) == 3 * len(planned)
    bench.join()
    bench.run(bench.now + HOUR, answered=True)
    assert bench.machine.journal.waiting == {}
    for item in planned:
        assert [event for event, _ in bench.events(item.id)] == [Event.CACHED, Event.STARTED, Event.FINISHED]
