"""The process dies, the broker dies, the broker is not there: what was promised happens all the same."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from demo import free_port

from broadcaster import chain
from broadcaster.clock import SystemClock
from broadcaster.rows import DeliveryState, LedgerEntry
from tests.brokers import mosquitto_broker
from tests.whole.town import LiveTown, Town, TownProcesses, live, wait_until

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

SPEAKERS = 6


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[TownProcesses]:
    town = Town.make(tmp_path / "town", SPEAKERS, now_lead_ms=6_000)
    made = TownProcesses(town, free_port(0))
    made.start_station()
    try:
        yield made
    finally:
        made.end_station()
        town.database.dispose()


def all_in(town: Town, state: DeliveryState) -> bool:
    return town.states()[state] == SPEAKERS


def assert_heard_whole(town: Town) -> None:
    broadcast = town.broadcast()
    for number in range(1, SPEAKERS + 1):
        heard = town.heard(broadcast, f"loa-{number:03}")
        assert heard is not None
        assert heard.played_fraction > 0.98
        assert heard.error_ms is not None
        assert abs(heard.error_ms) < 20
    with town.database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None


def test_speakers_play_on_time_when_the_station_is_killed_after_planning_and_the_ledger_is_complete_after_restart(
    processes: TownProcesses,
) -> None:
    town = processes.town
    with processes.fleet():
        wait_until(lambda: town.ready() == SPEAKERS)
        town.submit()
        wait_until(lambda: all_in(town, DeliveryState.CACHED))
        processes.kill_station()
        end = town.broadcast().start_at
        assert end is not None
        assert SystemClock().now() < end, "the station was killed too late for this test to show anything"
        wait_until(lambda: SystemClock().now() > end + timedelta(seconds=12))
        assert all_in(town, DeliveryState.CACHED), "nobody was there to hear of it"
        processes.start_station()
        wait_until(lambda: all_in(town, DeliveryState.FINISHED))
    assert_heard_whole(town)


def test_a_broadcast_is_heard_although_the_broker_is_killed_before_it_begins(processes: TownProcesses) -> None:
    town = processes.town
    with processes.fleet():
        wait_until(lambda: town.ready() == SPEAKERS)
        town.submit()
        wait_until(lambda: all_in(town, DeliveryState.CACHED))
        killed = processes.broker_pid()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: all_in(town, DeliveryState.FINISHED))
        assert processes.broker_pid() != killed
    assert_heard_whole(town)


@pytest.fixture
def town_without_broker(tmp_path: Path) -> Iterator[tuple[LiveTown, Path]]:
    port = free_port(0)
    town = Town.make(tmp_path / "town", 2, broker_url=f"mqtt://station:secret@127.0.0.1:{port}")
    with live(town) as running:
        yield running, tmp_path


def test_a_bulletin_saved_while_the_broker_is_down_is_missed_with_its_reason_once_its_time_has_passed(
    town_without_broker: tuple[LiveTown, Path],
) -> None:
    running, _ = town_without_broker
    town = running.town
    town.submit(start_at=SystemClock().now() + timedelta(seconds=2))
    running.station.wake()
    wait_until(lambda: town.broadcasts() and town.broadcast().missed_at is not None)
    assert town.broadcast().missed_why == "broker-down"
    _, _, page = running.browser().ask("GET", "/")
    assert "Lỡ giờ" in page


def test_a_bulletin_saved_while_mosquitto_is_down_airs_when_it_is_back_in_time(tmp_path: Path) -> None:
    with mosquitto_broker(tmp_path) as broker:
        broker.stop()
        town = Town.make(tmp_path / "town", 2, broker_url=f"mqtt://station:secret@127.0.0.1:{broker.port}")
        with live(town) as running:
            town.submit(start_at=SystemClock().now() + timedelta(seconds=25))
            running.station.wake()
            wait_until(lambda: town.broadcasts() and town.broadcast().clip_sha256 is not None)
            broker.start()
            wait_until(lambda: town.states()[DeliveryState.FINISHED] == 2)
            assert town.broadcast().missed_at is None
