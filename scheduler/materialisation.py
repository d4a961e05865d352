"""From schedules to broadcasts: one row for every occurrence within the horizon, and for those that were slept through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row, exists, func, insert, select
from sqlalchemy.orm import Session

from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.publishing import HORIZON
from broadcaster.rows import Broadcast, Bulletin, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE
from scheduler import rule_text
from scheduler.recurrence import Rule, occurrences

LATE_MS: Final = 5 * MINUTE
"""How late a speaker may still join a broadcast, in position."""
AT_ONCE: Final = 1_000
"""Broadcasts in one transaction: while it lasts, nobody else writes."""


_Row = Row[int, ScheduleKind, datetime | None, str, datetime, int, Class]
"""What is read of a schedule."""


@dataclass(frozen=True)
class _Due:
    """One occurrence that has no broadcast, and its schedule as it was when that was found."""

    moment: datetime
    schedule: int
    bulletin: int
    kind: ScheduleKind
    rrule: str
    klass: Class


class Materialisation:
    """Writes a broadcast for every occurrence of every schedule that has none.

    Where a schedule's occurrences have been written to follows from its last broadcast, however long the station was off;
    what was found since the start is remembered, so that a schedule that has ended is not gone through at each pass.
    """

    def __init__(self, database: Database, counters: Counters) -> None:
        self._database, self._counters = database, counters
        self._until: dict[int, datetime] = {}
        """Up to where each repeated schedule has been gone through."""

    def run(self, zone: ZoneInfo, now: datetime) -> None:
        """Everything up to the horizon, in short transactions; one that is killed in between is resumed by the next run.

        Occurrences that passed while the station was off are written too: they will be found missed, with the reason.
        A schedule that can't be computed is counted and does not hold up the others.
        """
        until = now + HORIZON
        with self._database.read() as session:
            repeated = self._repeated(session)
            due = _single(session, until)
        for row, start in repeated:
            with self._counters.edge("materialisation"):
                rule = rule_text.read(row.rrule, row.start_at, zone)
                due += [_due(row, moment) for moment in occurrences(rule, start, until)]
        due.sort(key=lambda each: each.moment)  # a schedule's last broadcast says that all before it are written
        changed: set[int] = set()
        for first in range(0, len(due), AT_ONCE):
            with self._database.write() as session:
                changed |= _write(session, due[first : first + AT_ONCE], now)
        self._until = {row.id: max(start, until) for row, start in repeated if row.id not in changed}

    def _repeated(self, session: Session) -> list[tuple[_Row, datetime]]:
        """Schedules that air again and again, and from when on their occurrences are not written yet."""
        query = _SCHEDULES.where(Schedule.kind == ScheduleKind.REPEATED, Schedule.start_at.is_not(None))
        rows = session.execute(query).all()
        new = [row.id for row in rows if row.id not in self._until]
        last = _last_written(session) if new else {}
        for number in new:
            if number in last:
                self._until[number] = last[number] + datetime.resolution
        return [(row, self._until.get(row.id, row.created_at)) for row in rows]


_SCHEDULES: Final = (
    select(
        Schedule.id,
        Schedule.kind,
        Schedule.start_at,
        Schedule.rrule,
        Schedule.created_at,
        Schedule.bulletin_id,
        Bulletin.klass,
    )
    .join(Schedule.bulletin)
    .where(Schedule.cancelled_at.is_(None))
)


def _last_written(session: Session) -> dict[int, datetime]:
    """The last occurrence of each repeated schedule that has a broadcast."""
    last = select(func.max(Broadcast.occurrence)).where(Broadcast.schedule_id == Schedule.id).scalar_subquery()
    query = select(Schedule.id, last).where(Schedule.cancelled_at.is_(None), Schedule.kind == ScheduleKind.REPEATED)
    return {number: moment for number, moment in session.execute(query) if moment}


def _single(session: Session, until: datetime) -> list[_Due]:
    """Schedules that air once and have no broadcast yet."""
    waiting = _SCHEDULES.where(
        Schedule.kind != ScheduleKind.REPEATED,
        Schedule.start_at.is_(None) | (Schedule.start_at < until),
        ~exists().where(Broadcast.schedule_id == Schedule.id),
    )
    return [_due(row, row.start_at or row.created_at) for row in session.execute(waiting)]


def _due(row: _Row, moment: datetime) -> _Due:
    return _Due(moment, row.id, row.bulletin_id, row.kind, row.rrule, row.klass)


def _write(session: Session, due: Sequence[_Due], now: datetime) -> set[int]:
    """Write broadcasts, but for schedules that somebody has called off or changed since they were read: those are returned."""
    query = select(Schedule.id, Schedule.rrule).where(
        Schedule.id.in_({each.schedule for each in due}), Schedule.cancelled_at.is_(None)
    )
    rules = dict(session.execute(query).all())
    unchanged = [each for each in due if rules.get(each.schedule) == each.rrule]
    if unchanged:
        session.execute(insert(Broadcast), [_facts(each, now) for each in unchanged])
    return {each.schedule for each in due} - {each.schedule for each in unchanged}


def _facts(due: _Due, now: datetime) -> dict[str, Any]:
    return {
        "id": token_hex(6),
        "schedule_id": due.schedule,
        "bulletin_id": due.bulletin,
        "occurrence": due.moment,
        "start_at": None if due.kind is ScheduleKind.NOW else due.moment,
        "klass": due.klass,
        "late_ms": LATE_MS,
        "created_at": now,
    }


def rule_of(schedule: Schedule, zone: ZoneInfo) -> Rule | None:
    """When a schedule airs; None for one that airs as soon as it can. Errors: RuleError."""
    if schedule.start_at is None:
        return None
    return rule_text.read(schedule.rrule, schedule.start_at, zone)
