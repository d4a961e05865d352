import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import own_keys, publishing
from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.rows import Broadcast, Distribution, Schedule, Speaker
from broadcaster.wire import envelope
from broadcaster.wire.documents import SpeakerState
from broadcaster.wire.keys import SigningKey
from scheduler import runner as runner_module
from scheduler.planning import Planner
from scheduler.relays import Relays
from scheduler.runner import Runner
from tests.broadcaster import town
from tests.broadcaster.town import DOAI, DONG, TOPICS, FakeTransport
from tests.clocks import FixedClock


@dataclass
class Idle:
    """A preparation with nothing to do."""

    runs: int = 0
    stopped: bool = False

    def prepare_all(self) -> None:
        self.runs += 1

    def produce_all(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Office:
    core: Core
    clock: FixedClock
    line: FakeTransport
    bulk: FakeTransport
    distributor: Distributor
    preparation: Idle
    runner: Runner
    store: ClipStore

    def beat(self) -> None:
        self.runner.wake()
        self.runner.beat()

    def schedule(self, *places: int, hours: float = 1, seed: int = 0) -> int:
        content = town.opus(seed=seed)
        self.store.put(content, b"")
        with self.core.database.write() as session:
            made = town.schedule(session, self.clock, *places, start_at=self.clock.now() + timedelta(hours=hours))
            town.sound(session, made.bulletin, content=content)
            return made.id

    def broadcast(self, schedule: int) -> Broadcast:
        with self.core.database.read() as session:
            return session.scalars(select(Broadcast).where(Broadcast.schedule_id == schedule)).one()

    def unconfirmed(self) -> list[str]:
        with self.core.database.read() as session:
            return [row.topic for row in publishing.unconfirmed(session)]

    def transfers(self) -> set[str]:
        return {zone for _, zone in self.distributor._transfers}


@pytest.fixture
def office(core: Core, clock: FixedClock, tmp_path: Path) -> Iterator[Office]:
    line, bulk, store = FakeTransport(), FakeTransport(), ClipStore(tmp_path)
    distributor = Distributor(bulk, store, TOPICS, 128_000, core.counters)
    idle = Idle()
    runner = Runner(
        core,
        planner=Planner(core, distributor, 2_000),
        preparation=idle,  # type: ignore[arg-type]  # only these two are asked for
        production=idle,  # type: ignore[arg-type]
        relays=Relays(core, line),
        distributor=distributor,
        transport=line,
        report_ms=60_000,
        take_up_keys=lambda: False,
    )
    yield Office(core, clock, line, bulk, distributor, idle, runner, store)
    runner.stop()
    assert idle.stopped


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


def test_a_beat_hands_every_document_to_the_broker_once_and_notes_what_it_confirms(office: Office) -> None:
    schedule = office.schedule(DONG)
    office.beat()
    office.beat()
    configs = {TOPICS.down(name, "config") for name in town.SPEAKERS}
    assert sorted(office.line.topics()) == sorted([*configs, TOPICS.plan("thon-dong", "2026-11-21")])
    assert all(sent.retain and sent.qos == 1 for sent in office.line.sent)
    assert office.broadcast(schedule).sent_at is None
    assert office.transfers() == set()
    office.line.confirm()
    office.beat()
    assert office.broadcast(schedule).sent_at == office.clock.now()
    assert office.unconfirmed() == []
    assert office.transfers() == {"thon-dong"}


def test_without_a_wake_a_beat_does_nothing_until_its_time(office: Office) -> None:
    office.beat()
    office.schedule(DONG)
    office.runner.beat()
    assert TOPICS.plan("thon-dong", "2026-11-21") not in office.line.topics()


def test_nothing_is_handed_over_without_a_connection_and_everything_is_after_it(office: Office) -> None:
    office.schedule(DONG)
    office.line.connected = False
    office.beat()
    assert office.line.sent == []
    office.line.connected = True
    office.runner.broker_connected()
    office.beat()
    assert len(office.line.sent) == 5


def test_after_a_new_connection_everything_in_force_is_sent_again(office: Office) -> None:
    office.schedule(DONG)
    office.beat()
    office.line.confirm()
    office.beat()
    office.line.sent.clear()
    office.runner.broker_connected()
    office.beat()
    assert len(office.line.sent) == 5
    office.line.confirm()
    office.beat()
    assert office.unconfirmed() == []


def test_a_confirmation_of_the_old_connection_does_not_count_for_the_new_one(office: Office) -> None:
    office.schedule(DONG)
    office.beat()
    office.line.confirm()
    office.runner.broker_connected()
    office.beat()
    assert len(office.unconfirmed()) == 5


def test_what_was_in_flight_when_the_line_broke_is_handed_over_again(office: Office) -> None:
    office.beat()
    office.line.waiting.clear()  # the confirmations never come
    office.line.sent.clear()
    office.runner.broker_connected()
    office.beat()
    assert len(office.line.sent) == len(town.SPEAKERS)


def test_what_the_transport_refuses_is_handed_over_at_the_next_beat(office: Office) -> None:
    office.line.full = True
    office.beat()
    office.line.full = False
    office.beat()
    assert len(office.line.sent) == len(town.SPEAKERS)


def test_confirmations_that_could_not_be_written_down_are_not_lost(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.beat()
    office.line.confirm()

    def fail(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "confirm", fail)
        office.beat()
    assert office.core.counters.errors == {"confirmations": 1}
    office.line.confirm()
    office.beat()
    assert office.unconfirmed() == []


def test_a_planning_pass_that_fails_does_not_hold_back_what_is_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.schedule(DONG)
    office.line.connected = False
    office.beat()
    office.line.connected = True

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(office.runner._planner, "plan", fail)
    office.beat()
    assert office.core.counters.errors == {"planning": 1}
    assert len(office.line.sent) == 5


def sent_through(office: Office, *schedules: int) -> None:
    office.beat()
    office.line.confirm()
    office.beat()
    assert all(office.broadcast(schedule).sent_at for schedule in schedules)


def test_a_clip_goes_once_to_each_zone_and_never_again(office: Office) -> None:
    first = office.schedule(DONG, DOAI)
    sent_through(office, first)
    assert office.transfers() == {"thon-dong", "thon-doai"}
    for transfer in list(office.distributor._transfers.values()):
        assert transfer.done
        transfer.done()
    office.distributor._transfers.clear()
    with office.core.database.write() as session:
        again = town.schedule(session, office.clock, DONG, start_at=office.clock.now() + timedelta(hours=3))
        again.bulletin.clip = session.get_one(Schedule, first).bulletin.clip
        second = again.id
    sent_through(office, second)
    assert office.transfers() == set()
    with office.core.database.read() as session:
        assert len(session.scalars(select(Distribution)).all()) == 2


def test_a_clip_of_what_is_over_or_called_off_is_not_begun(office: Office) -> None:
    over, off = office.schedule(DONG, seed=1), office.schedule(DOAI, hours=5, seed=2)
    office.beat()
    office.line.confirm()
    office.clock.advance(timedelta(hours=1, minutes=2))
    with office.core.database.write() as session:
        session.scalars(select(Broadcast).where(Broadcast.schedule_id == off)).one().cancelled_at = office.clock.now()
    office.beat()
    assert office.transfers() == set()
    assert over


def test_tidying_clears_what_has_expired_and_notices_who_fell_silent(office: Office) -> None:
    office.schedule(DONG)
    office.beat()
    with office.core.database.write() as session:
        row = session.get_one(Speaker, "loa-1")
        row.state, row.seen_at = SpeakerState.READY, office.clock.now()
    office.clock.advance(timedelta(days=2))
    office.line.sent.clear()
    office.runner.tidy()
    (cleared,) = office.line.sent
    assert (cleared.topic, cleared.payload, cleared.retain) == (TOPICS.plan("thon-dong", "2026-11-21"), b"", True)
    with office.core.database.read() as session:
        assert session.get_one(Speaker, "loa-1").state is SpeakerState.LOST


def test_tidying_says_again_whose_key_is_locked_out_while_it_is(office: Office) -> None:
    with office.core.database.write() as session:
        own_keys.note(session, office.core)
        own_keys.lock_out(session, office.core, office.core.keyring.station.kid, 1)
    office.runner.tidy()
    office.runner.tidy()
    assert office.line.topics() == [TOPICS.command("xa")] * 2
    assert not any(sent.retain for sent in office.line.sent)
    office.clock.advance(timedelta(days=1))
    office.line.sent.clear()
    office.runner.tidy()
    assert office.line.sent == []


def test_a_new_key_is_taken_up_before_anything_is_signed(office: Office) -> None:
    new = SigningKey.generate()

    def take_up() -> bool:
        office.core.keyring.station = new
        return True

    office.runner._take_up_keys = take_up
    office.beat()
    kids = {envelope.parse(sent.payload).header.kid for sent in office.line.sent}
    assert kids == {new.kid}


def test_the_jobs_run_and_a_wake_is_followed_at_once(office: Office) -> None:
    office.runner.start()
    wait_until(lambda: office.preparation.runs)
    wait_until(lambda: office.line.sent)
    office.schedule(DONG)
    began = time.monotonic()
    office.runner.wake()
    wait_until(lambda: TOPICS.plan("thon-dong", "2026-11-21") in office.line.topics())
    assert time.monotonic() - began < 1.5
    assert office.core.counters.errors == {}


def test_a_job_that_fails_runs_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(office.preparation, "prepare_all", fail)
    office.runner.start()
    wait_until(lambda: office.core.counters.errors.get("prepare", 0) >= 2)


def test_jobs_go_on_when_the_clock_is_set_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = threading.Event()
    monkeypatch.setattr(office.runner, "tidy", ran.set)
    monkeypatch.setattr(runner_module, "_WATCH_S", 0.02)
    office.runner.start()
    monkeypatch.setattr(runner_module, "_lead_s", iter(range(10**6, 0, -3600)).__next__)
    assert ran.wait(5), "tidy is due only in a quarter of a minute"


def test_what_was_never_started_can_be_stopped(office: Office) -> None:
    office.runner.stop()
    office.runner.wake()
