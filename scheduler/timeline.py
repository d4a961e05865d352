"""What sounds when: broadcasts as they are planned, and the occurrences of schedules that have none yet, as one list.

Conflicts, the week, the next 24 hours, the feed, amplifiers and "what should be playing now?" all read this.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing
from broadcaster.airing import BroadcastState
from broadcaster.geography import Geography
from broadcaster.hours import Stretch
from broadcaster.rows import Broadcast, Bulletin, Place, Schedule, ScheduleKind, ScheduleTarget
from broadcaster.wire.documents import Class
from scheduler import recurrence
from scheduler.materialisation import rule_of
from scheduler.recurrence import RuleError
from tts.settings import SpeechSettings

RANK: Final = {Class.ROUTINE: 0, Class.PRIORITY: 1, Class.EMERGENCY: 2}
_LONGEST: Final = timedelta(days=1)
_TO_COME: Final = airing.NOT_BEGUN | {BroadcastState.ON_AIR}


@dataclass(frozen=True)
class Sounding:
    """Something that sounds, or should have.

    Attributes:
        broadcast: its id; "" while there is only the schedule.
        end: from the clip, or estimated from the words while there is none.
        occurrence: when its schedule meant it to begin.
        zones: where it is addressed to, ``excluded`` where it was stopped.
    """

    schedule: int
    bulletin: int
    broadcast: str
    title: str
    klass: Class
    start: datetime
    end: datetime
    zones: tuple[str, ...]
    state: BroadcastState
    occurrence: datetime
    excluded: tuple[str, ...] = ()

    @property
    def stretch(self) -> Stretch:
        """From when until when."""
        return self.start, self.end

    @property
    def to_air(self) -> bool:
        """Whether it is on the air or still to come."""
        return self.state in _TO_COME

    def heard_at(self, zones: Collection[str]) -> bool:
        """Whether one who listens to ``zones`` hears it."""
        return not set(self.zones).isdisjoint(zones) and set(self.excluded).isdisjoint(zones)


def estimate(spoken: str, repeats: int) -> timedelta:
    """How long a reading will take, about."""
    return timedelta(minutes=len(spoken.split()) * repeats / SpeechSettings().words_per_minute)


def length_of(bulletin: Bulletin) -> timedelta:
    """How long a bulletin is, or will be."""
    if bulletin.rundown is not None:
        return timedelta(milliseconds=bulletin.rundown["planned_ms"])
    if bulletin.clip is not None:
        return timedelta(milliseconds=bulletin.clip.duration_ms)
    return estimate(bulletin.spoken, bulletin.repeats)


def soundings(  # noqa: PLR0917  a window and whom it is for
    session: Session,
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    now: datetime,
    near: Collection[str] | None = None,
) -> list[Sounding]:
    """Everything that sounds, should have or will between two moments, in order of time.

    With ``near`` only what is addressed to one of these zones.
    """
    rows = (
        select(Broadcast)
        .where(Broadcast.occurrence >= start - _LONGEST, Broadcast.occurrence < end + _LONGEST)
        .options(
            joinedload(Broadcast.bulletin).joinedload(Bulletin.clip),
            joinedload(Broadcast.clip),
            joinedload(Broadcast.schedule).selectinload(Schedule.targets),
            selectinload(Broadcast.excluded),
        )
    )
    to_them = None
    if near is not None:
        to_them = select(ScheduleTarget.schedule_id).join(Place).where(Place.code.in_(near))
        rows = rows.where(Broadcast.schedule_id.in_(to_them))
    broadcasts = list(session.scalars(rows))
    known = {(each.schedule_id, each.occurrence) for each in broadcasts}
    found = [
        *(_of_broadcast(each, now) for each in broadcasts),
        *_of_schedules(session, zone, start, end, now, known, to_them),
    ]
    inside = [each for each in found if each.start < end and each.end > start]
    return sorted(inside, key=lambda each: (each.start, each.schedule))


def _of_broadcast(broadcast: Broadcast, now: datetime) -> Sounding:
    start = broadcast.start_at or max(broadcast.occurrence, now)
    return Sounding(
        broadcast.schedule_id,
        broadcast.bulletin_id,
        broadcast.id,
        broadcast.bulletin.title,
        broadcast.klass,
        start,
        broadcast.stopped_at or airing.end_of(broadcast) or start + length_of(broadcast.bulletin),
        tuple(place.code for place in broadcast.schedule.targets),
        airing.state_of(broadcast, now),
        broadcast.occurrence,
        tuple(place.code for place in broadcast.excluded),
    )


def _of_schedules(  # noqa: PLR0917  a window and what is known of it
    session: Session,
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    now: datetime,
    known: Collection[tuple[int, datetime]],
    to_them: Select[int] | None,
) -> Iterator[Sounding]:
    rows = (
        select(Schedule)
        .where(
            Schedule.cancelled_at.is_(None),
            Schedule.start_at < end,
            or_(Schedule.kind == ScheduleKind.REPEATED, Schedule.start_at >= now),
        )
        .options(joinedload(Schedule.bulletin).joinedload(Bulletin.clip), selectinload(Schedule.targets))
    )
    if to_them is not None:
        rows = rows.where(Schedule.id.in_(to_them))
    for schedule in session.scalars(rows):
        length = length_of(schedule.bulletin)
        for moment in _moments(schedule, zone, max(start - length, now, schedule.created_at), end):
            if (schedule.id, moment) not in known:
                yield Sounding(
                    schedule.id,
                    schedule.bulletin_id,
                    "",
                    schedule.bulletin.title,
                    schedule.bulletin.klass,
                    moment,
                    moment + length,
                    tuple(place.code for place in schedule.targets),
                    BroadcastState.PLANNED,
                    moment,
                )


def _moments(schedule: Schedule, zone: ZoneInfo, start: datetime, end: datetime) -> Iterable[datetime]:
    try:
        rule = rule_of(schedule, zone)
        return list(recurrence.occurrences(rule, start, end)) if rule else ()
    except RuleError:  # counted by the planner, which airs nothing of it either
        return ()


def should_play(soundings: Iterable[Sounding], zones: Collection[str], at: datetime) -> Sounding | None:
    """What should be playing now for one who listens to ``zones``: the one pure answer, from stored plans and the time.

    The highest class has the air; among equals the one that began first keeps it.
    """
    sounding = [each for each in soundings if each.to_air and each.start <= at < each.end and each.heard_at(zones)]
    return min(sounding, key=lambda each: (-RANK[each.klass], each.start, each.schedule), default=None)


def heard_by(soundings: Iterable[Sounding], geography: Geography, speaker: str) -> list[Sounding]:
    """What one speaker is meant to play."""
    zones = geography.zones_of(speaker)
    return [each for each in soundings if each.heard_at(zones)]
