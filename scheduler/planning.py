"""From broadcasts to signed plans: what every zone airs on each local day of the horizon, computed from rows alone.

A pass that is missed, late or repeated changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing, approval, village
from broadcaster.approval import Approvals
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.hours import Stretch
from broadcaster.publishing import HORIZON, STANDING_DAY, Publisher
from broadcaster.rows import Broadcast, Bulletin, Clip, Distribution, Grant, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class, Plan, PlanItem
from broadcaster.wire.topics import Kind
from scheduler import plausible, rules
from scheduler.materialisation import materialise
from scheduler.rules import Breach, Commune, Listener, Rule
from scheduler.timeline import RANK

log = logging.getLogger(__name__)

NOW_PATIENCE: Final = timedelta(minutes=30)
"""How long a broadcast that shall air now is waited for: later it would come as a surprise."""
_RECENT: Final = timedelta(days=2)
"""Longer than the plan of a day is valid."""
_SENT_MARGIN_MS: Final = 2_000

BROKER_DOWN: Final = "broker-down"
NOT_PREPARED: Final = "not-prepared"
STATION_OFF: Final = "station-off"


@dataclass
class _Pass:
    """What one pass goes by.

    Attributes:
        ahead: clips that will be sent before the next one: their hash, bytes and listeners.
        pending: every broadcast that is still to air, or was on the air lately.
        approvals: who said what about them.
        villages: the grants by which village heads sent in schedules, by schedule.
        pushing: those of them that may make others wait.
        stands: where an audience stands, for the rules.
    """

    session: Session
    station: Station
    geography: Geography
    now: datetime
    regrouped: bool
    commune: Commune
    ahead: list[tuple[str, int, frozenset[str]]] = field(default_factory=list)
    pending: list[Broadcast] = field(default_factory=list)
    pushing: list[Broadcast] = field(default_factory=list)
    stands: dict[frozenset[str], frozenset[Listener]] = field(default_factory=dict)
    approvals: Approvals | None = None
    villages: dict[int, Grant] = field(default_factory=dict)

    def may_air(self, broadcast: Broadcast) -> bool:
        """Whether this very sound was approved for these places and times, or needs no approval."""
        clip = broadcast.clip_sha256 if broadcast.clip is None else broadcast.clip.sha256
        return self.approvals is None or self.approvals.of(broadcast.schedule, clip).may_air

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return ZoneInfo(self.station.timezone)

    def listeners(self, audience: frozenset[str]) -> frozenset[Listener]:
        """Where an audience stands; asked once for each."""
        if audience not in self.stands:
            self.stands[audience] = rules.listeners(self.geography, audience)
        return self.stands[audience]

    def day(self, start_at: datetime) -> str:
        """The local day of a moment."""
        return start_at.astimezone(self.zone).date().isoformat()


_BETWEEN: Final = timedelta(seconds=2)
"""Silence between a broadcast and one that waited for it."""
GAP_PATIENCE: Final = timedelta(minutes=10)
"""How long a priority bulletin for now waits for a routine one to end; after that it cuts it."""
MAX_SHIFT: Final = timedelta(hours=1)
"""How far a priority bulletin may push what was planned: later it would be another slot."""


class Planner:
    """Keeps broadcasts, deliveries and the plans in force in step with the rows."""

    def __init__(self, core: Core, distributor: Distributor, now_lead_ms: int) -> None:
        self._keyring, self._topics, self._clock, self._counters = core.keyring, core.topics, core.clock, core.counters
        self._distributor, self._now_lead_ms = distributor, now_lead_ms
        self._on_since: datetime | None = None
        self._geography: Geography | None = None

    def plan(self, session: Session) -> None:
        """One pass over everything that is still to air. Call it in a write transaction."""
        now = self._clock.now()
        self._on_since = self._on_since or now
        station = session.scalars(select(Station)).one()
        if self._doubts_clock(session, station):
            return
        geography = Geography.load(session)
        commune = Commune.load(session, station, now)
        this = _Pass(session, station, geography, now, geography != self._geography, commune)
        materialise(session, station, now, self._counters)
        this.pending = pending = _pending(session, now)
        this.approvals = Approvals.load(session, {broadcast.schedule_id for broadcast in pending}, now)
        this.villages = village.recent(session, now)
        this.pushing = [each for each in pending if each.klass is Class.PRIORITY or is_displaced(each)]
        for broadcast in pending:
            with self._counters.edge("planning"):
                self._settle(this, broadcast)
        confirmed = self._publish(this, [broadcast for broadcast in pending if _to_air(broadcast, now)])
        for broadcast in pending:
            self._note_sent(this, broadcast, confirmed)
        self._geography = geography

    def _doubts_clock(self, session: Session, station: Station) -> bool:
        """Whether nothing may be planned because the station's clock can't be right; a person is asked."""
        doubt = plausible.judge(self._clock.now_ms(), plausible.evidence(session, station))
        if doubt != station.clock_doubt:
            log.log(logging.ERROR if doubt else logging.INFO, "clock doubt=%s", doubt or "none")
            station.clock_doubt = doubt
        return bool(doubt)

    def _settle(self, this: _Pass, broadcast: Broadcast) -> None:
        """Fix the sound, the moment and the audience of one broadcast as far as they are known by now."""
        begun = broadcast.start_at is not None and broadcast.start_at <= this.now
        sound = broadcast.bulletin.clip
        if sound is not None and sound is not broadcast.clip and (broadcast.clip is None or not begun):
            broadcast.clip, broadcast.sent_by, broadcast.sent_at = sound, None, None
        if not (begun and broadcast.sent_at) and not this.may_air(broadcast):
            self._hold(this, broadcast)
        elif not (begun and broadcast.sent_at) and _is_off(this, broadcast):
            self._rest(this, broadcast)
        elif broadcast.sent_at is None and (last := _last_moment(broadcast)) and last <= this.now:
            self._miss(this, broadcast, NOT_PREPARED if broadcast.clip is None else BROKER_DOWN, last)
        elif broadcast.clip is not None and broadcast.sent_at is None and _over_quota(this, broadcast, broadcast.clip):
            self._miss(this, broadcast, village.QUOTA, this.now)
        elif broadcast.clip is not None:
            self._settle_moment(this, broadcast, broadcast.clip, begun=begun)

    def _hold(self, this: _Pass, broadcast: Broadcast) -> None:
        """Keep an unapproved broadcast out of every plan; once its moment has come, it is missed."""
        broadcast.sent_by = broadcast.sent_at = None
        now_kind = broadcast.schedule.kind is ScheduleKind.NOW
        broadcast.start_at = None if now_kind else broadcast.start_at
        last = broadcast.occurrence + (NOW_PATIENCE if now_kind else timedelta(0))
        if last <= this.now:
            self._miss(this, broadcast, approval.NOT_APPROVED if broadcast.clip else NOT_PREPARED, last)

    def _rest(self, this: _Pass, broadcast: Broadcast) -> None:
        """Keep a broadcast out of every plan while all its speakers are off then: they may be on again before it begins."""
        start = broadcast.start_at or this.now
        broadcast.sent_by = broadcast.sent_at = None
        if start <= this.now:
            self._miss(this, broadcast, Rule.OFF, start)

    def _settle_moment(self, this: _Pass, broadcast: Broadcast, clip: Clip, *, begun: bool) -> None:
        audience = this.geography.heard_by(place.code for place in broadcast.schedule.targets)
        if broadcast.sent_by is None or (this.regrouped and not begun):
            airing.ensure_deliveries(this.session, broadcast, this.geography)
        shift = broadcast.schedule.kind is ScheduleKind.NOW and broadcast.sent_at is None and begun
        if broadcast.sent_by is None or shift:
            travel = timedelta(milliseconds=self._travel_ms(this, broadcast, clip, audience) + _SENT_MARGIN_MS)
            broadcast.sent_by = this.now + travel
        if broadcast.start_at is None or shift:
            start_ms = to_ms(broadcast.sent_by) + self._now_lead_ms  # the wire knows whole milliseconds
            broadcast.start_at, begun = _after_what_sounds(this, broadcast, audience, from_ms(start_ms)), False
            log.info("broadcast planned broadcast=%s start_at=%s", broadcast.id, broadcast.start_at.isoformat())
        elif not begun and broadcast.schedule.kind is not ScheduleKind.NOW:
            self._make_room(this, broadcast, clip, audience)
        if broadcast.klass is not Class.EMERGENCY and not begun and (broken := _breach(this, broadcast, audience)):
            self._miss(this, broadcast, broken.rule, this.now)
        elif broadcast.sent_at is None:
            this.ahead.append((clip.sha256, clip.bytes, audience))

    def _make_room(self, this: _Pass, broadcast: Broadcast, clip: Clip, audience: frozenset[str]) -> None:
        """Let a broadcast begin after what displaces it, and at its own time again when nothing does any more."""
        start = _after_what_displaces(this, broadcast, clip, audience)
        if start != broadcast.start_at and start > this.now:
            log.info("broadcast moved broadcast=%s start_at=%s", broadcast.id, start.isoformat())
            broadcast.start_at, broadcast.sent_at = start, None
            this.pushing.append(broadcast)

    def _travel_ms(self, this: _Pass, broadcast: Broadcast, clip: Clip, audience: frozenset[str]) -> int:
        """How long the clip will take, behind those that go first; nothing where every zone has had it."""
        has = set(this.session.scalars(select(Distribution.zone).where(Distribution.clip_sha256 == clip.sha256)))
        if has >= {place.code for place in broadcast.schedule.targets}:
            return 0
        ahead = {sha256: size for sha256, size, heard in this.ahead if sha256 != clip.sha256 and heard & audience}
        return self._distributor.estimate_ms(clip.bytes + sum(ahead.values()), audience)

    def _miss(self, this: _Pass, broadcast: Broadcast, why: str, last: datetime) -> None:
        """It will not air any more; ``last`` is when it still could have."""
        if self._on_since and last < self._on_since:
            why = STATION_OFF
        airing.miss(this.session, broadcast, why, this.geography, this.now)
        log.error("broadcast missed broadcast=%s why=%s", broadcast.id, why)

    def _publish(self, this: _Pass, broadcasts: Sequence[Broadcast]) -> set[str]:
        """Bring the plans in force in line; returns the topics of those that the broker has confirmed."""
        publisher = Publisher(this.session, self._clock)
        kept = publisher.recall(Kind.PLAN)
        plans: dict[tuple[str, str], list[PlanItem]] = defaultdict(list)
        for broadcast in broadcasts:
            if broadcast.start_at is not None:
                item = plan_item(broadcast)
                for place in broadcast.schedule.targets:
                    plans[place.code, this.day(broadcast.start_at)].append(item)
        for address in (self._topics.parse(row.topic) for row in kept):
            if address.date == STANDING_DAY:
                continue  # what speakers keep is no broadcast
            plans.setdefault((address.zone, address.date), [])  # what is no longer planned is taken back
        for (code, day), items in sorted(plans.items(), key=lambda plan: plan[0]):
            exp = to_ms(datetime.fromisoformat(day).replace(tzinfo=this.zone) + timedelta(hours=30))
            if exp > to_ms(this.now):
                document = Plan(
                    zone=code, date=day, items=tuple(sorted(items, key=lambda item: (item.start_at, item.id)))
                )
                publisher.put(self._keyring.station, Kind.PLAN, self._topics.plan(code, day), document, exp)
        return {row.topic for row in kept if row.confirmed_seq >= row.seq}

    def _note_sent(self, this: _Pass, broadcast: Broadcast, confirmed: Collection[str]) -> None:
        """Note when the broker has confirmed every plan that holds this broadcast."""
        if broadcast.sent_at or not _to_air(broadcast, this.now) or broadcast.start_at is None:
            return
        day = this.day(broadcast.start_at)
        topics = {self._topics.plan(place.code, day) for place in broadcast.schedule.targets}
        if topics.issubset(confirmed):
            broadcast.sent_at = this.now


def _is_off(this: _Pass, broadcast: Broadcast) -> bool:
    """Whether everybody who is meant to hear a broadcast has speakers that are off at some moment of it."""
    if not this.commune.switches.switched or broadcast.klass is Class.EMERGENCY:
        return False
    start = broadcast.start_at or this.now
    audience = this.geography.heard_by(place.code for place in broadcast.schedule.targets)
    end = airing.end_of(broadcast) or start
    return rules.switched_off(this.commune, this.listeners(audience), start, end) is not None


def _over_quota(this: _Pass, broadcast: Broadcast, clip: Clip) -> bool:
    """Whether a village head's own broadcast would take more minutes than the village has today."""
    grant = this.villages.get(broadcast.schedule_id)
    return grant is not None and village.over_quota(this.session, broadcast, clip.duration_ms, grant, this.zone)


def _after_what_sounds(this: _Pass, broadcast: Broadcast, audience: frozenset[str], start: datetime) -> datetime:
    """The first moment from ``start`` on at which a broadcast for now finds the air free.

    A priority bulletin waits for the gap after a routine one that has begun, unless that is far off; an emergency waits
    for nobody below it. What was planned later gives way (`_after_what_displaces`).
    """
    for other in sorted(this.pending, key=lambda other: other.start_at or this.now):
        end = airing.end_of(other)
        if other is broadcast or other.start_at is None or end is None or not _shares(this, other, audience):
            continue
        lower = RANK[other.klass] < RANK[broadcast.klass]
        if lower and (broadcast.klass is Class.EMERGENCY or end - start > GAP_PATIENCE):
            continue
        if other.start_at <= start < end + _BETWEEN:
            start = end + _BETWEEN
    return start


def _after_what_displaces(this: _Pass, broadcast: Broadcast, clip: Clip, audience: frozenset[str]) -> datetime:
    """When a broadcast that has its time may begin: then, or after what a higher class has put there.

    What it pushes back pushes back what follows. Further than ``MAX_SHIFT`` nothing is pushed: the speakers decide.
    """
    start, length = broadcast.occurrence, timedelta(milliseconds=clip.duration_ms)
    for other in sorted(this.pushing, key=lambda other: other.start_at or this.now):
        end = airing.end_of(other)
        if other is broadcast or other.start_at is None or end is None:
            continue
        higher = RANK[other.klass] > RANK[broadcast.klass] and other.klass is not Class.EMERGENCY
        pushed = other.klass is broadcast.klass and is_displaced(other) and other.occurrence <= broadcast.occurrence
        meets = other.start_at < start + length and start < end + _BETWEEN
        if (higher or pushed) and meets and _shares(this, other, audience):
            start = end + _BETWEEN
    return start if start - broadcast.occurrence <= MAX_SHIFT else broadcast.occurrence


def is_displaced(broadcast: Broadcast) -> bool:
    """Whether a broadcast begins later than its schedule meant, because something of a higher class took its time."""
    by_itself = broadcast.schedule.kind is not ScheduleKind.NOW
    return by_itself and broadcast.start_at is not None and broadcast.start_at > broadcast.occurrence


def _shares(this: _Pass, other: Broadcast, audience: frozenset[str]) -> bool:
    """Whether another broadcast is for some of the same speakers, and may still air."""
    heard = this.geography.heard_by(place.code for place in other.schedule.targets)
    return other.missed_at is None and bool(heard & audience)


def _breach(this: _Pass, broadcast: Broadcast, audience: frozenset[str]) -> Breach | None:
    """The rule of the commune that a broadcast would break; what was scheduled before it goes first."""
    start, end = broadcast.start_at, airing.end_of(broadcast)
    if start is None or end is None:
        return None
    others: list[Stretch] = []
    if this.commune.counts_slots:
        others = [stretch for other in this.pending if (stretch := _goes_first(this, other, broadcast, audience))]
    return rules.breach(this.commune, this.listeners(audience), start, end, others)


def _goes_first(this: _Pass, other: Broadcast, broadcast: Broadcast, audience: frozenset[str]) -> Stretch | None:
    """When another broadcast sounds for some of the same speakers, if it has the older right to the day."""
    end = airing.end_of(other)
    if other.start_at is None or end is None or other.missed_at is not None or other.klass is Class.EMERGENCY:
        return None
    if (other.schedule_id, other.occurrence) >= (broadcast.schedule_id, broadcast.occurrence):
        return None
    heard = this.geography.heard_by(place.code for place in other.schedule.targets)
    return (other.start_at, end) if heard & audience else None


def _pending(session: Session, now: datetime) -> list[Broadcast]:
    """Broadcasts whose day is not over, and those that never left the station; the next to air first."""
    undecided = Broadcast.cancelled_at.is_(None) & Broadcast.stopped_at.is_(None) & Broadcast.missed_at.is_(None)
    found: dict[str, Broadcast] = {}
    for which in (Broadcast.start_at > now - _RECENT, Broadcast.sent_at.is_(None)):  # two queries, an index for each
        query = (
            select(Broadcast)
            .where(undecided, which)
            .options(
                joinedload(Broadcast.bulletin).joinedload(Bulletin.clip),
                joinedload(Broadcast.clip),
                joinedload(Broadcast.schedule).selectinload(Schedule.targets),
                selectinload(Broadcast.excluded),
            )
        )
        found |= {broadcast.id: broadcast for broadcast in session.scalars(query)}
    return sorted(
        found.values(), key=lambda broadcast: (broadcast.start_at or broadcast.occurrence, broadcast.schedule_id)
    )


def _last_moment(broadcast: Broadcast) -> datetime | None:
    """Until when an unsent broadcast can still air; None while only its sound is waited for."""
    if broadcast.schedule.kind is ScheduleKind.NOW:
        return broadcast.occurrence + NOW_PATIENCE
    last = max(broadcast.occurrence, broadcast.start_at or broadcast.occurrence)
    last += timedelta(milliseconds=broadcast.late_ms)
    return min(last, airing.end_of(broadcast) or last)


def _to_air(broadcast: Broadcast, now: datetime) -> bool:
    """Whether a plan names the broadcast: one that has ended stays in its day's plan, so that no slow clock cuts it."""
    settled = broadcast.clip is not None and broadcast.sent_by is not None and broadcast.missed_at is None
    return settled and broadcast.start_at is not None and broadcast.start_at < now + HORIZON


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
