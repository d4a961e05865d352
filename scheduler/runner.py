"""The few jobs there are, on APScheduler. Each recomputes from rows: a run that is missed or repeated changes nothing."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broadcaster import airing, lock_outs, presence, publishing, setup_documents
from broadcaster.clock import SystemClock, to_ms
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.outbox import Outbox
from broadcaster.rows import Broadcast, Distribution, Schedule, Station
from broadcaster.transport import Transport
from broadcaster.wire.topics import Kind
from scheduler.planning import Planner
from scheduler.preparation import Preparation
from scheduler.production import Production
from scheduler.relays import Relays
from scheduler.switching import Switches

log = logging.getLogger(__name__)

_BEAT_S: Final = 1
_PASS_S: Final = 10
"""At the latest so often everything is recomputed, wake or no wake."""
_HOUSEKEEPING_S: Final = 15
_CONFIGS_A_TIME: Final = 200
"""Signed in one transaction."""


_WATCH_S: Final = 5
_SYSTEM: Final = SystemClock()
"""What APScheduler goes by."""
_SENDING: Final = frozenset({airing.BroadcastState.PLANNED, airing.BroadcastState.ON_AIR})


def _lead_s() -> float:
    """How far the system's clock is ahead of the time that only passes; it falls when the clock is set back."""
    return _SYSTEM.now_ms() / 1000 - time.monotonic()


class Runner:
    """Prepares, plans and delivers ahead of time; nothing has to happen here at air time."""

    def __init__(  # noqa: PLR0913  the parts of a station that have jobs
        self,
        core: Core,
        *,
        planner: Planner,
        preparation: Preparation,
        production: Production,
        relays: Relays,
        distributor: Distributor,
        transport: Transport,
        report_ms: int,
        take_up_keys: Callable[[], bool],
    ) -> None:
        self._core, self._database, self._clock = core, core.database, core.clock
        self._planner, self._preparation, self._production = planner, preparation, production
        self._relays = relays
        self._distributor, self._transport, self._report_ms = distributor, transport, report_ms
        self._take_up_keys = take_up_keys
        self._woken = threading.Event()
        self._last_pass = float("-inf")
        self._outbox = Outbox(core.database, transport, publishing.RETAINED - {Kind.ALERT}, self._confirmed)
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
        jobs = (
            ("beat", self.beat, _BEAT_S),
            ("prepare", self.prepare, _BEAT_S),
            ("produce", self.produce, _BEAT_S),
            ("tidy", self.tidy, _HOUSEKEEPING_S),
        )
        for name, job, seconds in jobs:
            self._jobs.add_job(partial(self._guarded, name, job), "interval", seconds=seconds, id=name)
        self._jobs.start()
        self._watch.start()
        self.wake()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping.set()
        self._preparation.stop()
        self._production.stop()
        if self._jobs.running:
            self._jobs.shutdown(wait=True)
        self._relays.stop()

    def wake(self) -> None:
        """Rows have changed: run the jobs now rather than at their next beat."""
        self._woken.set()
        self._run_now("beat", "prepare", "produce")

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
                    self._run_now("beat", "prepare", "produce", "tidy")
            before = now

    def _guarded(self, name: str, job: Callable[[], None]) -> None:
        with self._core.counters.edge(name):
            job()

    def broker_connected(self) -> None:
        """The broker is (back) there: what it may have lost is sent again."""
        self._outbox.broker_connected()
        self.wake()

    def beat(self) -> None:
        """Plan, hand signed documents to the broker, and send the clips they name."""
        with self._core.counters.edge("confirmations"):
            self._outbox.note()
        due = time.monotonic() - self._last_pass >= _PASS_S
        if not (self._woken.is_set() or due):
            return
        self._woken.clear()
        self._last_pass = time.monotonic()
        with self._core.counters.edge("keys"):
            self._take_up_keys()  # before anything is signed, and before the speakers hear of them
        with self._core.counters.edge("configs"):
            self._put_configs()
        with self._core.counters.edge("planning"):
            self._planner.plan()
        with self._core.counters.edge("relays"):
            self._relays.beat()
        self.publish()
        self.distribute()

    def _put_configs(self) -> None:
        """Sign the configs that have changed, some at a time."""
        now = self._clock.now()
        with self._database.read() as session:
            switches = Switches.load(session, session.scalars(select(Station)).one(), now)
            off_times = partial(switches.documents, now=now)
            lacking = setup_documents.without_config(session, self._core, self._report_ms, off_times)
        for first in range(0, len(lacking), _CONFIGS_A_TIME):
            with self._database.write() as session:
                some = lacking[first : first + _CONFIGS_A_TIME]
                setup_documents.put_configs(session, self._core, self._report_ms, off_times, some)

    def _confirmed(self, kind: Kind) -> None:
        if kind is Kind.PLAN:  # its clips may follow
            self.wake()

    def publish(self) -> None:
        """Hand every document that the broker has not confirmed to the broker."""
        if not self._outbox.connected:
            return
        with self._database.read() as session:
            waiting = publishing.unconfirmed(session, self._outbox.kinds)
        self._outbox.hand_over(waiting)

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

    def produce(self) -> None:
        """Make the sound of programmes: beside bulletins, so that a bulletin for now never waits for a long programme."""
        self._production.produce_all()

    def tidy(self) -> None:
        """Let go of what has expired, notice speakers that fell silent, and say again whose key is locked out."""
        now = self._clock.now()
        with self._database.write() as session:
            presence.mark_silent(session, now, self._report_ms)
            cleared = publishing.take_expired(session, to_ms(now))
            locked = lock_outs.to_everybody(session, self._core, lock_outs.in_force(session, now))
        for topic in cleared:
            self._transport.publish(topic, b"", retain=True)
        for topic, order in locked:
            self._transport.publish(topic, order)
