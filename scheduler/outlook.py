"""What one planning pass goes by: everything that is still to air and who shares speakers with whom, read once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, union
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from broadcaster import airing, village
from broadcaster.approval import Approvals
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Bulletin, Distribution, Grant, Place, Schedule, ScheduleTarget, Station
from broadcaster.wire.documents import Class
from scheduler import rules
from scheduler.rules import Commune, Listener

_RECENT: Final = timedelta(days=2)
"""Longer than the plan of a day is valid."""
_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 1_000
"""Keys that one query names."""


class Neighbours:
    """Which audiences have speakers in common."""

    def __init__(self, audiences: Iterable[frozenset[str]]) -> None:
        self._listening: dict[str, list[frozenset[str]]] = defaultdict(list)
        for audience in set(audiences):
            for speaker in audience:
                self._listening[speaker].append(audience)
        self._near: dict[frozenset[str], list[frozenset[str]]] = {}

    def of(self, audience: frozenset[str]) -> list[frozenset[str]]:
        """The audiences that share a speaker with one of them, itself among them."""
        if audience not in self._near:
            self._near[audience] = list(dict.fromkeys(near for one in audience for near in self._listening[one]))
        return self._near[audience]


class Agenda:
    """Broadcasts by the day they are meant for and by who hears them: nobody has to look through all of them."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        self._found: dict[tuple[date, frozenset[str]], list[Broadcast]] = defaultdict(list)

    def add(self, broadcast: Broadcast, audience: frozenset[str]) -> None:
        """Take in a broadcast."""
        self._found[broadcast.occurrence.date(), audience].append(broadcast)

    def around(self, broadcast: Broadcast, audience: frozenset[str]) -> list[Broadcast]:
        """The other broadcasts for some of the same speakers, of its day and the two beside it, in order of time."""
        day = broadcast.occurrence.date()
        near = self._neighbours.of(audience)
        found = [
            other
            for beside in (day - _DAY, day, day + _DAY)
            for heard in near
            for other in self._found.get((beside, heard), ())
            if other is not broadcast
        ]
        return sorted(found, key=lambda other: other.start_at or other.occurrence)


@dataclass
class Outlook:
    """What one pass goes by.

    Attributes:
        regrouped: whether places, groups or speakers are not what they were at the last pass.
        pending: every broadcast that is still to air, or was on the air lately; the next to air first.
        zones: where each schedule airs; ``audiences``: who hears it.
        agenda: the pending ones, ``pushing`` those of them that may make others wait.
        approvals: who said what about them.
        villages: the grants by which village heads sent in schedules, by schedule.
        has: the zones that clips have been sent to.
        stands: where an audience stands, for the rules.
    """

    session: Session
    station: Station
    geography: Geography
    now: datetime
    regrouped: bool
    commune: Commune
    pending: list[Broadcast]
    approvals: Approvals
    villages: Mapping[int, Grant]
    zones: Mapping[int, tuple[str, ...]]
    audiences: Mapping[int, frozenset[str]]
    has: Mapping[str, set[str]]
    neighbours: Neighbours
    agenda: Agenda
    pushing: Agenda
    stands: dict[frozenset[str], frozenset[Listener]] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session, now: datetime, before: Geography | None) -> "Outlook":
        """Read it; ``before`` is the geography of the last pass."""
        station = session.scalars(select(Station)).one()
        geography = Geography.load(session)
        pending = _pending(session, now)
        schedules = {broadcast.schedule_id: broadcast.schedule for broadcast in pending}
        _load_targets(session, schedules)
        zones = {number: tuple(place.code for place in each.targets) for number, each in schedules.items()}
        audiences = {number: geography.heard_by(codes) for number, codes in zones.items()}
        neighbours = Neighbours(audiences.values())
        return cls(
            session,
            station,
            geography,
            now,
            geography != before,
            Commune.load(session, station, now),
            pending,
            Approvals.load(session, schedules.keys(), now),
            village.recent(session, now),
            zones,
            audiences,
            _has(
                session,
                {sha256 for each in pending if (sha256 := each.sound.sha256 if each.sound else each.clip_sha256)},
            ),
            neighbours,
            Agenda(neighbours),
            Agenda(neighbours),
        )

    def may_air(self, broadcast: Broadcast) -> bool:
        """Whether this very sound was approved for these places and times, or needs no approval."""
        clip = broadcast.clip_sha256 if broadcast.clip is None else broadcast.clip.sha256
        return self.approvals.of(broadcast.schedule, clip).may_air

    def is_held(self, broadcast: Broadcast) -> bool:
        """Whether it keeps silent as things stand, and so keeps nobody else from the air."""
        if not (self.approvals.required or self.commune.switches.switched):
            return False
        begun = broadcast.sent_at is not None and broadcast.start_at is not None and broadcast.start_at <= self.now
        return not begun and (not self.may_air(broadcast) or self.is_off(broadcast))

    def over_quota(self, broadcast: Broadcast, length_ms: int, missed: Collection[str]) -> bool:
        """Whether a village head's own broadcast would take more minutes than the village has today."""
        grant = self.villages.get(broadcast.schedule_id)
        return grant is not None and village.over_quota(
            self.session, broadcast, length_ms, grant, self.zone, missed, self.now
        )

    def is_off(self, broadcast: Broadcast) -> bool:
        """Whether everybody who is meant to hear a broadcast has speakers that are off at some moment of it."""
        if not self.commune.switches.switched or broadcast.klass is Class.EMERGENCY:
            return False
        start = broadcast.start_at or self.now
        end = airing.end_of(broadcast) or start
        return rules.switched_off(self.commune, self.listeners(self.audience(broadcast)), start, end) is not None

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return self.commune.hours.timezone

    def audience(self, broadcast: Broadcast) -> frozenset[str]:
        """Who hears a broadcast."""
        return self.audiences[broadcast.schedule_id]

    def listeners(self, audience: frozenset[str]) -> frozenset[Listener]:
        """Where an audience stands; asked once for each."""
        if audience not in self.stands:
            self.stands[audience] = rules.listeners(self.geography, audience)
        return self.stands[audience]

    def day(self, start_at: datetime) -> str:
        """The local day of a moment."""
        return start_at.astimezone(self.zone).date().isoformat()


def _pending(session: Session, now: datetime) -> list[Broadcast]:
    """Broadcasts whose day is not over, and those that never left the station; the next to air first."""
    recent, unsent = Broadcast.start_at > now - _RECENT, Broadcast.sent_at.is_(None)
    ids = union(*(select(Broadcast.id).where(*airing.OPEN, which) for which in (recent, unsent)))  # an index for each
    query = (
        select(Broadcast)
        .where(Broadcast.id.in_(ids))
        .options(
            joinedload(Broadcast.bulletin).joinedload(Bulletin.clip),
            joinedload(Broadcast.clip),
            joinedload(Broadcast.schedule),
            selectinload(Broadcast.excluded),
        )
    )
    return sorted(
        session.scalars(query),
        key=lambda broadcast: (broadcast.start_at or broadcast.occurrence, broadcast.schedule_id),
    )


def _load_targets(session: Session, schedules: Mapping[int, Schedule]) -> None:
    """Give schedules their places: as pairs of numbers, for a province has thousands of both."""
    places = {place.id: place for place in session.scalars(select(Place))}
    found: dict[int, list[Place]] = defaultdict(list)
    numbers = sorted(schedules)
    for first in range(0, len(numbers), _AT_ONCE):
        some = ScheduleTarget.schedule_id.in_(numbers[first : first + _AT_ONCE])
        pairs = select(ScheduleTarget.schedule_id, ScheduleTarget.place_id).where(some)
        for number, place in session.execute(pairs):
            found[number].append(places[place])
    for number, schedule in schedules.items():
        set_committed_value(schedule, "targets", sorted(found[number], key=lambda place: place.position))


def _has(session: Session, clips: Collection[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    named = sorted(clips)
    for first in range(0, len(named), _AT_ONCE):
        sent = Distribution.clip_sha256.in_(named[first : first + _AT_ONCE])
        for clip, zone in session.execute(select(Distribution.clip_sha256, Distribution.zone).where(sent)):
            found[clip].add(zone)
    return found
