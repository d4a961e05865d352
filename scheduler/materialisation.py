"""From schedules to broadcasts: one row for every occurrence within the horizon, and for those that were slept through."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from broadcaster.counters import Counters
from broadcaster.publishing import HORIZON
from broadcaster.rows import Broadcast, Schedule, ScheduleKind, Station
from broadcaster.wire.units import MINUTE
from scheduler import rule_text
from scheduler.recurrence import Rule, occurrences

LATE_MS: Final = 5 * MINUTE
"""How late a speaker may still join a broadcast, in position."""
_LOOK_BACK: Final = timedelta(days=30)


def materialise(session: Session, station: Station, now: datetime, counters: Counters) -> int:
    """Write a broadcast for every occurrence of every schedule within the horizon that has none; returns how many.

    Occurrences that passed while the station was off are written too: they will be found missed, with the reason. A
    schedule that can't be computed is counted and does not hold up the others.
    """
    zone = ZoneInfo(station.timezone)
    made = 0
    for schedule, moments in (*_single(session, now), *_repeated(session, zone, now)):
        with counters.edge("materialisation"):
            new = [_broadcast(schedule, moment, now) for moment in moments]
            session.add_all(new)
            made += len(new)
    session.flush()
    return made


def _single(session: Session, now: datetime) -> Iterator[tuple[Schedule, Iterable[datetime]]]:
    """Schedules that air once and have no broadcast yet."""
    waiting = (
        select(Schedule)
        .where(
            Schedule.cancelled_at.is_(None),
            Schedule.kind.in_([ScheduleKind.NOW, ScheduleKind.ONCE]),
            Schedule.start_at.is_(None) | (Schedule.start_at < now + HORIZON),
            ~exists().where(Broadcast.schedule_id == Schedule.id),
        )
        .options(joinedload(Schedule.bulletin))
    )
    for schedule in session.scalars(waiting):
        yield schedule, [schedule.start_at or schedule.created_at]


def _repeated(session: Session, zone: ZoneInfo, now: datetime) -> Iterator[tuple[Schedule, Iterable[datetime]]]:
    """Schedules that air again and again, with the occurrences that have no broadcast yet."""
    repeating = (Schedule.cancelled_at.is_(None), Schedule.kind == ScheduleKind.REPEATED)
    earliest = now - _LOOK_BACK
    written = (
        select(Broadcast.schedule_id, Broadcast.occurrence)
        .join(Broadcast.schedule)
        .where(*repeating, Broadcast.occurrence >= earliest)
    )
    known = {(schedule_id, moment) for schedule_id, moment in session.execute(written)}
    for schedule in session.scalars(select(Schedule).where(*repeating).options(joinedload(Schedule.bulletin))):
        yield schedule, _unwritten(schedule, known, zone, max(schedule.created_at, earliest), now + HORIZON)


def _unwritten(
    schedule: Schedule, known: set[tuple[int, datetime]], zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[datetime]:
    rule = rule_of(schedule, zone)
    if rule is not None:
        for moment in occurrences(rule, start, end):
            if (schedule.id, moment) not in known:
                yield moment


def rule_of(schedule: Schedule, zone: ZoneInfo) -> Rule | None:
    """When a schedule airs; None for one that airs as soon as it can. Errors: RuleError."""
    if schedule.start_at is None:
        return None
    return rule_text.read(schedule.rrule, schedule.start_at, zone)


def _broadcast(schedule: Schedule, moment: datetime, now: datetime) -> Broadcast:
    return Broadcast(
        id=token_hex(6),
        schedule=schedule,
        bulletin_id=schedule.bulletin_id,
        occurrence=moment,
        start_at=None if schedule.kind is ScheduleKind.NOW else moment,
        klass=schedule.bulletin.klass,
        late_ms=LATE_MS,
        created_at=now,
    )
