"""What would sound at the same time for some of the same people, and what the three classes make of it. Pure but for `displace`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import airing, notices
from broadcaster.airing import BroadcastState
from broadcaster.clock import to_ms
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, NoticeKind, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler import recurrence, rule_text, rules
from scheduler.materialisation import rule_of
from scheduler.rules import Commune
from scheduler.timeline import RANK, Sounding

_MINUTE: Final = timedelta(minutes=1)


class Outcome(StrEnum):
    """What happens when nobody decides: the classes do."""

    OTHER_WAITS = "other-waits"
    """Ours is of a higher class: the other one begins after it."""
    WE_WAIT = "we-wait"
    """The other is of a higher class: ours begins after it."""
    FIRST_PLAYS = "first-plays"
    """Equals: the one that begins first keeps the air, the other is not heard."""


@dataclass(frozen=True)
class Wanted:
    """What is being scheduled: its moments, its length, its class and who would hear it."""

    moments: tuple[datetime, ...]
    length: timedelta
    klass: Class
    audience: frozenset[str]


@dataclass(frozen=True)
class Conflict:
    """One meeting. ``after`` and ``free`` are moments at which ours could begin instead, None where the rules leave none."""

    other: Sounding
    moment: datetime
    outcome: Outcome
    after: datetime | None
    free: datetime | None

    @property
    def replaceable(self) -> bool:
        """Whether ours may take its place: an emergency never gives way to a form."""
        return self.other.klass is not Class.EMERGENCY and self.other.state is not BroadcastState.ON_AIR


def find(wanted: Wanted, soundings: Collection[Sounding], geography: Geography, commune: Commune) -> list[Conflict]:
    """Every meeting of ``wanted`` with what is planned, the earliest first."""
    heard = rules.listeners(geography, wanted.audience)
    near = [each for each in soundings if each.to_air and geography.heard_by(each.zones) & wanted.audience]
    taken = [each.stretch for each in near]
    found = []
    for moment in wanted.moments:
        for other in near:
            if other.start < moment + wanted.length and moment < other.end:
                after = _whole_minute(other.end)
                allowed = rules.breach(commune, heard, after, after + wanted.length, taken) is None
                clear = not _meets(after, wanted.length, taken)
                free = rules.free_from(commune, heard, moment, wanted.length, taken)
                outcome = _outcome(wanted.klass, other.klass)
                found.append(Conflict(other, moment, outcome, after if allowed and clear else None, free))
    return found


def _outcome(ours: Class, other: Class) -> Outcome:
    if RANK[ours] == RANK[other]:
        return Outcome.FIRST_PLAYS
    return Outcome.OTHER_WAITS if RANK[ours] > RANK[other] else Outcome.WE_WAIT


def _meets(start: datetime, length: timedelta, taken: Iterable[tuple[datetime, datetime]]) -> bool:
    return any(low < start + length and start < high for low, high in taken)


def _whole_minute(moment: datetime) -> datetime:
    """The next full minute: people choose minutes."""
    cut = moment.replace(second=0, microsecond=0)
    return cut if cut == moment else cut + _MINUTE


def displace(
    session: Session, schedule: Schedule, moment: datetime, zone: ZoneInfo, *, account_id: int, now: datetime
) -> None:
    """Something else takes the place of one occurrence; whoever wrote that is told, unless they did it themselves."""
    take_off(session, schedule, moment, zone, account_id=account_id, now=now)
    author = schedule.bulletin.account_id
    if author != account_id:
        key, detail = f"{schedule.id}@{to_ms(moment)}", {"start_at": moment.isoformat()}
        notices.tell(session, [author], NoticeKind.REPLACED, key, now, schedule=schedule, detail=detail)


def take_off(
    session: Session, schedule: Schedule, moment: datetime, zone: ZoneInfo, *, account_id: int, now: datetime
) -> None:
    """One occurrence does not air at its time; the rest of its schedule stays."""
    rule = rule_of(schedule, zone)
    if schedule.kind is not ScheduleKind.REPEATED or rule is None:
        airing.cancel_schedule(session, schedule.id, account_id=account_id, now=now)
        return
    local = moment.astimezone(zone).replace(tzinfo=None)
    schedule.rrule = rule_text.write(recurrence.leaving_out(rule, [local]))
    planned = select(Broadcast).where(Broadcast.schedule_id == schedule.id, Broadcast.occurrence == moment)
    for broadcast in session.scalars(planned):
        if airing.state_of(broadcast, now) in airing.NOT_BEGUN:
            airing.stop_broadcast(session, broadcast.id, account_id=account_id, now=now)
