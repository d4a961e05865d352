"""From schedules to signed plans: what every zone airs on each local day of the horizon, computed from rows alone.

A pass that is missed, late or repeated changes nothing.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.publishing import Publisher
from broadcaster.rows import Broadcast, Published, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class, Plan, PlanItem
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE
from scheduler import quiet
from scheduler.recurrence import occurrences

log = logging.getLogger(__name__)

HORIZON: Final = timedelta(days=7)
LATE_MS: Final = 5 * MINUTE
"""How late a speaker may still join a broadcast, in position."""
_LOOK_BACK: Final = timedelta(days=30)
_SENT_MARGIN_MS: Final = 2_000

BROKER_DOWN: Final = "broker-down"
NOT_PREPARED: Final = "not-prepared"
QUIET_HOURS: Final = "quiet-hours"


def materialise(session: Session, station: Station, now: datetime) -> int:
    """Write a broadcast for every occurrence of every schedule within the horizon that has none; returns how many.

    Occurrences that passed while the station was off are written too: they will be found missed, with the reason.
    """
    zone = ZoneInfo(station.timezone)
    made = 0
    active = select(Schedule).where(Schedule.cancelled_at.is_(None)).options(joinedload(Schedule.bulletin))
    for schedule in session.scalars(active):
        made += sum(_materialise_one(session, schedule, moment) for moment in _moments(schedule, zone, now))
    session.flush()
    return made


def _moments(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Iterable[datetime]:
    if schedule.kind is ScheduleKind.NOW or schedule.start_at is None:
        return [schedule.created_at]
    if schedule.kind is ScheduleKind.ONCE:
        return [schedule.start_at] if schedule.start_at < now + HORIZON else []
    start = max(schedule.created_at, now - _LOOK_BACK)
    return occurrences(schedule.rrule, schedule.start_at, zone, start, now + HORIZON)


def _materialise_one(session: Session, schedule: Schedule, moment: datetime) -> bool:
    same = select(Broadcast.id).where(Broadcast.schedule_id == schedule.id, Broadcast.occurrence == moment)
    if session.scalar(same) is not None:
        return False
    session.add(
        Broadcast(
            id=secrets.token_hex(6),
            schedule=schedule,
            bulletin_id=schedule.bulletin_id,
            occurrence=moment,
            start_at=None if schedule.kind is ScheduleKind.NOW else moment,
            klass=schedule.bulletin.klass,
            late_ms=LATE_MS,
            created_at=moment,
        )
    )
    return True


class Planner:
    """Keeps broadcasts, deliveries and the plans in force in step with the rows."""

    def __init__(self, core: Core, distributor: Distributor, now_lead_ms: int) -> None:
        self._keyring, self._topics, self._clock = core.keyring, core.topics, core.clock
        self._distributor, self._now_lead_ms = distributor, now_lead_ms

    def plan(self, session: Session) -> None:
        """One pass over everything that is still to air. Call it in a write transaction."""
        now = self._clock.now()
        station = session.scalars(select(Station)).one()
        geography = Geography.load(session)
        materialise(session, station, now)
        pending = self._pending(session, now)
        for broadcast in pending:
            self._settle(session, broadcast, station, geography, now)
        self._publish(session, [broadcast for broadcast in pending if _to_air(broadcast, now)], station, now)
        for broadcast in pending:
            self._note_sent(session, broadcast, station, now)

    @staticmethod
    def _pending(session: Session, now: datetime) -> list[Broadcast]:
        """Broadcasts that are not over, and those that are but never left the station."""
        recent = now - timedelta(days=2)
        undecided = Broadcast.cancelled_at.is_(None) & Broadcast.stopped_at.is_(None) & Broadcast.missed_at.is_(None)
        query = (
            select(Broadcast)
            .where(
                undecided, Broadcast.start_at.is_(None) | (Broadcast.start_at > recent) | Broadcast.sent_at.is_(None)
            )
            .options(
                joinedload(Broadcast.bulletin),
                joinedload(Broadcast.clip),
                joinedload(Broadcast.schedule).selectinload(Schedule.targets),
                selectinload(Broadcast.excluded),
            )
            .order_by(Broadcast.start_at, Broadcast.id)
        )
        return list(session.scalars(query))

    def _settle(
        self, session: Session, broadcast: Broadcast, station: Station, geography: Geography, now: datetime
    ) -> None:
        """Fix the sound, the moment and the audience of one broadcast as far as they are known by now."""
        if broadcast.clip_sha256 is None and broadcast.bulletin.clip is not None:
            broadcast.clip = broadcast.bulletin.clip
        if broadcast.clip is None:
            self._miss_if_past(broadcast, now, NOT_PREPARED)
            return
        audience = geography.heard_by(place.code for place in broadcast.schedule.targets)
        if broadcast.sent_by is None:
            airing.ensure_deliveries(session, broadcast, geography)
            travel_ms = self._distributor.estimate_ms(broadcast.clip.bytes, audience)
            broadcast.sent_by = now + timedelta(milliseconds=travel_ms + _SENT_MARGIN_MS)
        if broadcast.start_at is None:
            start_ms = to_ms(broadcast.sent_by) + self._now_lead_ms  # the wire knows whole milliseconds
            broadcast.start_at = from_ms(start_ms)
            log.info("broadcast planned broadcast=%s start_at=%s", broadcast.id, broadcast.start_at.isoformat())
        if broadcast.klass is not Class.EMERGENCY and quiet.is_quiet(station, broadcast.start_at):
            broadcast.missed_at, broadcast.missed_why = now, QUIET_HOURS
        elif broadcast.sent_at is None:
            self._miss_if_past(broadcast, now, BROKER_DOWN)

    @staticmethod
    def _miss_if_past(broadcast: Broadcast, now: datetime, why: str) -> None:
        start = broadcast.start_at
        if start is None:
            return
        last = start + timedelta(milliseconds=broadcast.late_ms)
        if end := airing.end_of(broadcast):
            last = min(last, end)
        if now >= last:
            broadcast.missed_at, broadcast.missed_why = now, why
            log.error("broadcast missed broadcast=%s why=%s", broadcast.id, why)

    def _publish(self, session: Session, broadcasts: list[Broadcast], station: Station, now: datetime) -> None:
        zone = ZoneInfo(station.timezone)
        plans: dict[tuple[str, str], list[PlanItem]] = defaultdict(list)
        for broadcast in broadcasts:
            item = plan_item(broadcast)
            for place in broadcast.schedule.targets:
                plans[place.code, _day(broadcast, zone)].append(item)
        for key in self._plans_in_force(session, now):
            plans.setdefault(key, [])  # what is no longer planned is taken back
        publisher = Publisher(session, self._clock)
        for (code, day), items in sorted(plans.items()):
            document = Plan(zone=code, date=day, items=tuple(items))
            exp = to_ms(datetime.fromisoformat(day).replace(tzinfo=zone) + timedelta(hours=30))
            publisher.put(self._keyring.station, Kind.PLAN, self._topics.plan(code, day), document, exp)

    def _plans_in_force(self, session: Session, now: datetime) -> list[tuple[str, str]]:
        valid = select(Published.topic).where(Published.typ == Kind.PLAN.value, Published.exp > to_ms(now))
        addresses = [self._topics.parse(topic) for topic in session.scalars(valid)]
        return [(address.zone, address.date) for address in addresses]

    def _note_sent(self, session: Session, broadcast: Broadcast, station: Station, now: datetime) -> None:
        """Note when the broker has confirmed every plan that holds this broadcast."""
        if broadcast.sent_at or broadcast.missed_at or broadcast.clip is None or broadcast.start_at is None:
            return
        day = _day(broadcast, ZoneInfo(station.timezone))
        rows = [session.get(Published, self._topics.plan(place.code, day)) for place in broadcast.schedule.targets]
        if all(row is not None and row.confirmed_seq >= row.seq for row in rows):
            broadcast.sent_at = now


def _to_air(broadcast: Broadcast, now: datetime) -> bool:
    """Whether a plan names the broadcast: one that has ended stays in its day's plan, so that no slow clock cuts it."""
    settled = broadcast.clip is not None and broadcast.start_at is not None and broadcast.missed_at is None
    return settled and broadcast.start_at is not None and broadcast.start_at < now + HORIZON


def _day(broadcast: Broadcast, zone: ZoneInfo) -> str:
    if broadcast.start_at is None:
        raise ValueError(f"broadcast {broadcast.id} has no start yet")
    return broadcast.start_at.astimezone(zone).date().isoformat()


def plan_item(broadcast: Broadcast) -> PlanItem:
    """One broadcast as the speakers are told of it."""
    if broadcast.clip is None or broadcast.start_at is None or broadcast.sent_by is None:
        raise ValueError(f"broadcast {broadcast.id} is not settled yet")
    return PlanItem(
        id=broadcast.id,
        start_at=to_ms(broadcast.start_at),
        klass=broadcast.klass,
        clip=broadcast.clip.sha256,
        manifest=broadcast.clip.manifest_sha256,
        bytes=broadcast.clip.bytes,
        duration_ms=broadcast.clip.duration_ms,
        late_ms=broadcast.late_ms,
        sent_by=to_ms(broadcast.sent_by),
        excluded=tuple(place.code for place in broadcast.excluded),
        title=broadcast.bulletin.title,
    )
