"""The few jobs there are, on APScheduler. Each recomputes from rows: a run that is missed or repeated changes nothing."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broadcaster import airing, presence, publishing, setup_documents
from broadcaster.clock import SystemClock, to_ms
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Distribution, Published, Schedule
from broadcaster.transport import Transport
from scheduler.planning import Planner
from scheduler.preparation import Preparation

log = logging.getLogger(__name__)

_BEAT_S: Final = 1
_PASS_S: Final = 10
"""At the latest so often everything is recomputed, wake or no wake."""
_HOUSEKEEPING_S: Final = 15


_WATCH_S: Final = 5
_SYSTEM: Final = SystemClock()
"""What APScheduler goes by."""
_SENDING: Final = frozenset({airing.BroadcastState.PLANNED, airing.BroadcastState.ON_AIR})


def _lead_s() -> float:
    """How far the system's clock is ahead of the time that only passes; it falls when the clock is set back."""
    return _SYSTEM.now_ms() / 1000 - time.monotonic()


class Runner:
    """Prepares, plans and delivers ahead of time; nothing has to happen here at air time."""

    def __init__(
        self,
        core: Core,
        *,
        planner: Planner,
        preparation: Preparation,
        distributor: Distributor,
        transport: Transport,
        report_ms: int,
    ) -> None:
        self._core, self._database, self._clock = core, core.database, core.clock
        self._planner, self._preparation = planner, preparation
        self._distributor, self._transport, self._report_ms = distributor, transport, report_ms
        self._woken = threading.Event()
        self._last_pass = float("-inf")
        self._lock = threading.Lock()
        self._confirmed: set[tuple[str, int]] = set()
        self._in_flight: set[tuple[str, int]] = set()
        self._connections = self._connections_noted = 0
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watch_clock, name="clock", daemon=True)
        self._jobs = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def start(self) -> None:
        """Start the jobs."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        jobs = (("beat", self.beat, _BEAT_S), ("prepare", self.prepare, _BEAT_S), ("tidy", self.tidy, _HOUSEKEEPING_S))
        for name, job, seconds in jobs:
            self._jobs.add_job(partial(self._guarded, name, job), "interval", seconds=seconds, id=name)
        self._jobs.start()
        self._watch.start()
        self.wake()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping.set()
        self._preparation.stop()
        if self._jobs.running:
            self._jobs.shutdown(wait=True)

    def wake(self) -> None:
        """Rows have changed: run the jobs now rather than at their next beat."""
        self._woken.set()
        self._run_now("beat", "prepare")

    def _run_now(self, *names: str) -> None:
        if self._jobs.running:
            for name in names:
                self._jobs.modify_job(name, next_run_time=_SYSTEM.now())

    def _watch_clock(self) -> None:
        """APScheduler sleeps by the system's clock; when that is set back, it would sleep for as long."""
        before = _lead_s()
        while not self._stopping.wait(_WATCH_S):
            now = _lead_s()
            if now < before - _BEAT_S:
                log.warning("the clock was set back seconds=%.0f", before - now)
                with self._core.counters.edge("clock"):
                    self._run_now("beat", "prepare", "tidy")
            before = now

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        with self._core.counters.edge(name):
            job()

    def broker_connected(self) -> None:
        """The broker is (back) there. What it may have lost is sent again: it costs little and asks nobody."""
        with self._lock:
            self._connections += 1
            self._confirmed.clear()
            self._in_flight.clear()
        self.wake()

    def beat(self) -> None:
        """Plan, hand signed documents to the broker, and send the clips they name."""
        due = time.monotonic() - self._last_pass >= _PASS_S
        if not (self._woken.is_set() or due):
            return
        self._woken.clear()
        self._last_pass = time.monotonic()
        with self._core.counters.edge("confirmations"):
            self._note_confirmations()
        with self._core.counters.edge("planning"):
            with self._database.write() as session:
                setup_documents.put_configs(session, self._core, self._report_ms)
            self._planner.plan()
        self.publish()
        self.distribute()

    def _note_confirmations(self) -> None:
        """Write down what the broker has confirmed; after a new connection, that it may have lost all it had."""
        with self._lock:
            connections, confirmed = self._connections, self._confirmed
            self._confirmed = set()
        if not confirmed and connections == self._connections_noted:
            return
        try:
            with self._database.write() as session:
                if connections != self._connections_noted:
                    publishing.forget_confirmations(session)
                for topic, seq in confirmed:
                    publishing.confirm(session, topic, seq)
            self._connections_noted = connections
        finally:  # what could not be written down is sent again
            with self._lock:
                self._in_flight -= confirmed

    def publish(self) -> None:
        """Hand every document that the broker has not confirmed to the broker."""
        if not self._transport.connected:
            return
        with self._database.read() as session:
            waiting = publishing.unconfirmed(session)
        self.hand_over(waiting)

    def hand_over(self, documents: Iterable[Published]) -> None:
        """Hand retained documents to the broker, each once; what it does not confirm is handed over again."""
        for topic, seq, envelope in [(row.topic, row.seq, row.envelope) for row in documents]:
            with self._lock:
                if (topic, seq) in self._in_flight:
                    continue
                self._in_flight.add((topic, seq))
            if not self._transport.publish(topic, envelope, retain=True, done=partial(self._confirm, topic, seq)):
                with self._lock:
                    self._in_flight.discard((topic, seq))

    def _confirm(self, topic: str, seq: int) -> None:
        with self._lock:
            self._confirmed.add((topic, seq))
        self.wake()

    def distribute(self) -> None:
        """Send the clips of what is planned to the zones that have not got them."""
        now = self._clock.now()
        with self._database.read() as session:
            planned = (
                select(Broadcast)
                .where(Broadcast.sent_at.is_not(None), Broadcast.start_at > now - timedelta(days=1))
                .options(joinedload(Broadcast.clip), joinedload(Broadcast.schedule).selectinload(Schedule.targets))
                .order_by(Broadcast.start_at)
            )
            wanted = [
                broadcast for broadcast in session.scalars(planned) if airing.state_of(broadcast, now) in _SENDING
            ]
            clips = {broadcast.clip_sha256 for broadcast in wanted}
            sent = select(Distribution).where(Distribution.clip_sha256.in_(clips))
            has = {(row.clip_sha256, row.zone) for row in session.scalars(sent)}
            geography = Geography.load(session) if wanted else None
            for broadcast in wanted:
                for place in broadcast.schedule.targets:
                    clip, zone = broadcast.clip, place.code
                    if geography and clip and broadcast.start_at and (clip.sha256, zone) not in has:
                        self._distributor.send(
                            clip.sha256,
                            clip.bytes,
                            zone,
                            geography.heard_by([zone]),
                            start_at=to_ms(broadcast.start_at),
                            done=partial(self._distributed, clip.sha256, zone),
                        )

    def _distributed(self, clip: str, zone: str) -> None:
        with self._database.write() as session:
            session.merge(Distribution(clip_sha256=clip, zone=zone, sent_at=self._clock.now()))
        log.info("clip sent clip=%s zone=%s", clip[:12], zone)

    def prepare(self) -> None:
        """Make the clips that are lacking."""
        self._preparation.prepare_all()

    def tidy(self) -> None:
        """Let go of what has expired, and notice speakers that fell silent."""
        now = self._clock.now()
        with self._database.write() as session:
            presence.mark_silent(session, now, self._report_ms)
            cleared = publishing.take_expired(session, to_ms(now))
        for topic in cleared:
            self._transport.publish(topic, b"", retain=True)
