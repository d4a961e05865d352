"""What is on the air, what comes and what has been: the lists of the home page. Knows no HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, exists, not_, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing
from broadcaster.airing import BroadcastState, Coverage
from broadcaster.rows import Broadcast, Bulletin, Schedule, ScheduleKind
from scheduler import recurrence
from scheduler.materialisation import rule_of
from web import coverage

PAGE: Final = 20
_LATEST: Final = timedelta(days=1)
_MAX_CURRENT: Final = 1000
LISTED: Final = 40
"""On the home page, of what is on the air and of what is to come; the calendar has the rest."""
_MAX_AHEAD: Final = 150
"""Broadcasts that are looked at for them: of a repeated schedule only the next one counts."""


@dataclass(frozen=True)
class Item:
    """One line: a broadcast, or a schedule that has none yet.

    Attributes:
        at: when it begins or began; None while that is not known.
        replaced: whether another bulletin took its place.
    """

    schedule: Schedule
    broadcast: Broadcast | None
    at: datetime | None
    state: BroadcastState
    coverage: Coverage
    replaced: bool = False

    @property
    def bulletin(self) -> Bulletin:
        """What is said."""
        return self.schedule.bulletin


@dataclass(frozen=True)
class Current:
    """What is not over; ``hidden`` counts what is on the air beyond those that are listed, ``more`` says that more is to come."""

    on_air: tuple[Item, ...] = ()
    preparing: tuple[Item, ...] = ()
    upcoming: tuple[Item, ...] = ()
    hidden: int = 0
    more: bool = False


@dataclass(frozen=True)
class Past:
    """One page of what is over; ``older`` is where the next page begins."""

    items: tuple[Item, ...]
    older: tuple[datetime, str] | None


def _broadcasts() -> Select[Broadcast]:
    schedule = joinedload(Broadcast.schedule)
    return select(Broadcast).options(
        schedule.joinedload(Schedule.bulletin), schedule.selectinload(Schedule.targets), joinedload(Broadcast.clip)
    )


def _item(broadcast: Broadcast, counts: Mapping[str, Coverage], now: datetime) -> Item:
    state = airing.state_of(broadcast, now)
    at = broadcast.start_at or (broadcast.occurrence if state is not BroadcastState.PREPARING else None)
    return Item(broadcast.schedule, broadcast, at, state, counts[broadcast.id])


def current(session: Session, now: datetime, zone: ZoneInfo) -> Current:
    """What is on the air, being made, and coming; of a repeated schedule only what comes next."""
    rows = _broadcasts().where(*airing.OPEN).order_by(Broadcast.start_at, Broadcast.id)
    in_time = and_(Broadcast.start_at > now - _LATEST, Broadcast.start_at <= now)
    begun = session.scalars(rows.where(or_(in_time, Broadcast.start_at.is_(None))).limit(_MAX_CURRENT)).all()
    playing = [each for each in begun if airing.state_of(each, now) is BroadcastState.ON_AIR]
    late = [each for each in begun if not (each.start_at and each.clip and each.sent_at)]
    ahead = session.scalars(rows.where(Broadcast.start_at > now).limit(_MAX_AHEAD)).all()
    nearest: dict[int, Broadcast] = {}
    for each in ahead:
        nearest.setdefault(each.schedule_id, each)
    listed = playing[:LISTED]
    counts = coverage.of_broadcasts(session, [*listed, *nearest.values(), *late], now)
    waiting = list(_without_broadcast(session, now, zone, nearest))
    coming = [*(_item(each, counts, now) for each in nearest.values()), *(item for item in waiting if item.at)]
    return Current(
        tuple(_item(each, counts, now) for each in listed),
        (*(_item(each, counts, now) for each in late), *(item for item in waiting if not item.at)),
        tuple(sorted(coming, key=lambda item: item.at or now)[:LISTED]),
        hidden=len(playing) - len(listed),
        more=len(coming) > LISTED or len(ahead) == _MAX_AHEAD,
    )


def _without_broadcast(session: Session, now: datetime, zone: ZoneInfo, planned: Iterable[int]) -> Iterable[Item]:
    """Schedules that are stored and not planned yet."""
    has_one = exists().where(Broadcast.schedule_id == Schedule.id)
    rows = (
        select(Schedule)
        .options(joinedload(Schedule.bulletin), selectinload(Schedule.targets))
        .where(
            Schedule.cancelled_at.is_(None),
            Schedule.kind != ScheduleKind.PROGRAMME,
            or_(
                Schedule.kind == ScheduleKind.REPEATED,
                and_(not_(has_one), or_(Schedule.start_at > now - _LATEST, Schedule.start_at.is_(None))),
            ),
        )
    )
    known = set(planned)
    for schedule in session.scalars(rows):
        if schedule.id in known:
            continue
        at = upcoming_moment(schedule, now, zone)
        if schedule.kind is ScheduleKind.REPEATED and at is None:
            continue
        state = BroadcastState.PLANNED if at else BroadcastState.PREPARING
        yield Item(schedule, None, at, state, Coverage())


def upcoming_moment(schedule: Schedule, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When a schedule airs next by its own rule; None when it does not, or at once."""
    rule = rule_of(schedule, zone)
    return next(iter(recurrence.following(rule, now)), None) if rule else None


def past(session: Session, now: datetime, before: tuple[datetime, str] | None = None) -> Past:
    """What is over, newest first: the page that follows ``before``."""
    called_off_with_its_series = and_(Broadcast.cancelled_at.is_not(None), Schedule.kind == ScheduleKind.REPEATED)
    rows = (
        _broadcasts()
        .join(Broadcast.schedule)
        .where(
            or_(Broadcast.occurrence <= now, Broadcast.cancelled_at.is_not(None)),
            not_(and_(called_off_with_its_series, Schedule.cancelled_at.is_not(None))),
            not_(and_(Broadcast.start_at.is_(None), Broadcast.cancelled_at.is_(None), Broadcast.missed_at.is_(None))),
        )
        .order_by(Broadcast.occurrence.desc(), Broadcast.id.desc())
        .limit(PAGE + 1)
    )
    if before:
        rows = rows.where(tuple_(Broadcast.occurrence, Broadcast.id) < before)
    found = list(session.scalars(rows))
    page = found[:PAGE]
    over = [each for each in page if airing.state_of(each, now) not in _CURRENT]
    counts = coverage.of_broadcasts(session, over, now)
    replaced = _replaced(session, over)
    items = tuple(
        Item(item.schedule, item.broadcast, item.at, item.state, item.coverage, item.bulletin.id in replaced)
        for item in (_item(each, counts, now) for each in over)
    )
    more = len(found) > PAGE
    return Past(items, (page[-1].occurrence, page[-1].id) if more else None)


_CURRENT: Final = airing.NOT_BEGUN | {BroadcastState.ON_AIR}


def _replaced(session: Session, broadcasts: Iterable[Broadcast]) -> set[int]:
    cancelled = [each.bulletin_id for each in broadcasts if each.cancelled_at]
    if not cancelled:
        return set()
    found = session.scalars(select(Bulletin.replaces_id).where(Bulletin.replaces_id.in_(cancelled)))
    return {number for number in found if number is not None}
