"""The few jobs there are, on APScheduler. Each recomputes from rows: a run that is missed or repeated changes nothing."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broadcaster import airing, presence, publishing, setup_documents
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Distribution, Schedule
from broadcaster.transport import Transport
from scheduler.planning import Planner
from scheduler.preparation import Preparation

log = logging.getLogger(__name__)

_BEAT_S: Final = 1
_PASS_S: Final = 10
"""At the latest so often everything is recomputed, wake or no wake."""
_HOUSEKEEPING_S: Final = 15


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
        self._confirmed: deque[tuple[str, int]] = deque()
        self._in_flight: set[tuple[str, int]] = set()
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
        self.wake()

    def stop(self) -> None:
        """End after the jobs under way."""
        self._jobs.shutdown(wait=True)

    def wake(self) -> None:
        """Rows have changed: run the jobs now rather than at their next beat."""
        self._woken.set()
        if self._jobs.running:
            for name in ("beat", "prepare"):
                self._jobs.modify_job(name, next_run_time=self._clock.now())

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        with self._core.counters.edge(name):
            job()

    def broker_connected(self) -> None:
        """The broker is (back) there. What it may have lost is sent again: it costs little and asks nobody."""
        with self._database.write() as session:
            publishing.forget_confirmations(session)
        self._in_flight.clear()
        self.wake()

    def beat(self) -> None:
        """Plan, hand signed documents to the broker, and send the clips they name."""
        due = time.monotonic() - self._last_pass >= _PASS_S
        if not (self._woken.is_set() or due):
            return
        self._woken.clear()
        self._last_pass = time.monotonic()
        with self._database.write() as session:
            while self._confirmed:
                topic, seq = self._confirmed.popleft()
                publishing.confirm(session, topic, seq)
                self._in_flight.discard((topic, seq))
            setup_documents.put_configs(session, self._core, self._report_ms)
            self._planner.plan(session)
        self.publish()
        self.distribute()

    def publish(self) -> None:
        """Hand every document that the broker has not confirmed to the broker."""
        if not self._transport.connected:
            return
        with self._database.read() as session:
            waiting = [(row.topic, row.seq, row.envelope) for row in publishing.unconfirmed(session)]
        for topic, seq, envelope in waiting:
            if (topic, seq) not in self._in_flight:
                self._in_flight.add((topic, seq))
                self._transport.publish(topic, envelope, retain=True, done=partial(self._confirm, topic, seq))

    def _confirm(self, topic: str, seq: int) -> None:
        self._confirmed.append((topic, seq))
        self.wake()

    def distribute(self) -> None:
        """Send the clips of what is planned to the zones that have not got them."""
        now = self._clock.now()
        with self._database.read() as session:
            geography = Geography.load(session)
            has = {(row.clip_sha256, row.zone) for row in session.scalars(select(Distribution))}
            planned = (
                select(Broadcast)
                .where(Broadcast.sent_at.is_not(None), Broadcast.start_at > now - timedelta(days=1))
                .options(joinedload(Broadcast.clip), joinedload(Broadcast.schedule).selectinload(Schedule.targets))
                .order_by(Broadcast.start_at)
            )
            for broadcast in session.scalars(planned):
                state = airing.state_of(broadcast, now)
                if state not in {airing.BroadcastState.PLANNED, airing.BroadcastState.ON_AIR}:
                    continue
                for place in broadcast.schedule.targets:
                    if broadcast.clip and broadcast.start_at and (broadcast.clip.sha256, place.code) not in has:
                        clip, zone = broadcast.clip.sha256, place.code
                        done = partial(self._distributed, clip, zone)
                        audience = geography.heard_by([zone])
                        self._distributor.send(clip, zone, audience, to_ms(broadcast.start_at), done)

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
