"""What is on the air: the state of a broadcast and of its deliveries, computed from facts and the time; and stopping it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, exists, insert, literal, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.errors import LoaError
from broadcaster.rows import (
    Broadcast,
    BroadcastExclusion,
    Bulletin,
    Delivery,
    DeliveryState,
    Place,
    Schedule,
    ScheduleKind,
    Speaker,
)
from broadcaster.wire.documents import Class
from broadcaster.wire.fields import SpeakerRole

REPORT_GRACE: Final = timedelta(seconds=20)
"""How long after the end of a broadcast a speaker's report is merely on its way."""


class BroadcastState(StrEnum):
    """Where a broadcast is."""

    PREPARING = "preparing"
    PLANNED = "planned"
    UNSENT = "unsent"
    """Its time has come, and the broker has not confirmed what tells the speakers: nobody can be thought to play it."""
    ON_AIR = "on-air"
    AIRED = "aired"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    MISSED = "missed"


NOT_BEGUN: Final = frozenset({BroadcastState.PREPARING, BroadcastState.PLANNED, BroadcastState.UNSENT})
"""It may still be called off everywhere."""


class Heard(StrEnum):
    """The plain states of the coverage bar. ``sent`` is the most that is known of a gateway."""

    HEARD = "heard"
    SENT = "sent"
    WAITING = "waiting"
    SILENT = "silent"
    UNKNOWN = "unknown"


class NotOnAirError(LoaError):
    """The broadcast can't be stopped or cancelled: it is over, or there is none of that name."""


def end_of(broadcast: Broadcast) -> datetime | None:
    """When the broadcast's sound ends; None while start or length is not known."""
    if broadcast.start_at is None or broadcast.clip is None:
        return None
    return broadcast.start_at + timedelta(milliseconds=broadcast.clip.duration_ms)


def state_of(broadcast: Broadcast, now: datetime) -> BroadcastState:
    """The state of a broadcast at ``now``."""
    end = end_of(broadcast)
    for over, state in (
        (broadcast.cancelled_at, BroadcastState.CANCELLED),
        (broadcast.stopped_at, BroadcastState.STOPPED),
        (broadcast.missed_at, BroadcastState.MISSED),
    ):
        if over:
            return state
    if broadcast.start_at is None or end is None:
        return BroadcastState.PREPARING
    if now < broadcast.start_at:
        return BroadcastState.PLANNED
    if broadcast.sent_at is None:
        return BroadcastState.UNSENT
    return BroadcastState.ON_AIR if now < end else BroadcastState.AIRED


_AHEAD: Final = frozenset({DeliveryState.PLANNED, DeliveryState.CACHED})
_SILENT: Final = frozenset(
    {
        DeliveryState.SKIPPED,
        DeliveryState.MISSED,
        DeliveryState.FAILED,
        DeliveryState.STOPPED,
        DeliveryState.PREEMPTED,
    }
)


def heard_of(state: DeliveryState, role: SpeakerRole, end: datetime | None, now: datetime) -> Heard:
    """Which of the plain states a delivery to such a speaker is in; ``end`` is the broadcast's."""
    if state is DeliveryState.FINISHED:
        return Heard.SENT if role is SpeakerRole.GATEWAY else Heard.HEARD
    if state in _SILENT:
        return Heard.SILENT
    return Heard.WAITING if end is None or now < end + REPORT_GRACE else Heard.UNKNOWN


@dataclass(frozen=True)
class Coverage:
    """How many speakers of one broadcast are in each plain state."""

    heard: int = 0
    sent: int = 0
    waiting: int = 0
    silent: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All speakers of the broadcast."""
        return self.heard + self.sent + self.waiting + self.silent + self.unknown


def coverage(deliveries: Iterable[Delivery], end: datetime | None, now: datetime) -> Coverage:
    """Count the deliveries of one broadcast."""
    counted = Counter(heard_of(one.state, one.speaker.role, end, now).value for one in deliveries)
    return Coverage(**counted)


def stop_broadcast(session: Session, broadcast_id: str, *, account_id: int, now: datetime) -> Broadcast:
    """Stop a broadcast everywhere, or call it off when it has not begun.

    Errors: NotOnAirError.
    """
    broadcast = session.get(Broadcast, broadcast_id)
    if broadcast is None:
        raise NotOnAirError(broadcast_id)
    state = state_of(broadcast, now)
    if state is BroadcastState.ON_AIR:
        broadcast.stopped_at = now
    elif state in NOT_BEGUN:
        broadcast.cancelled_at = now
    else:
        raise NotOnAirError(broadcast_id)
    chain.audit(session, at=now, account_id=account_id, action="broadcast.stop", subject=broadcast_id)
    return broadcast


def stop_in_place(session: Session, broadcast_id: str, place_id: int, *, account_id: int, now: datetime) -> Broadcast:
    """Stop a broadcast in one place while it goes on elsewhere.

    Errors: NotOnAirError.
    """
    broadcast = session.get(Broadcast, broadcast_id)
    place = session.get(Place, place_id)
    if broadcast is None or place is None:
        raise NotOnAirError(broadcast_id)
    if state_of(broadcast, now) not in {BroadcastState.ON_AIR, *NOT_BEGUN}:
        raise NotOnAirError(broadcast_id)
    if session.get(BroadcastExclusion, (broadcast_id, place_id)) is None:
        session.add(BroadcastExclusion(broadcast_id=broadcast_id, place_id=place_id))
        chain.audit(
            session,
            at=now,
            account_id=account_id,
            action="broadcast.stop-in-place",
            subject=f"{broadcast_id} {place.code}",
        )
    return broadcast


def stop_all(session: Session, *, account_id: int, now: datetime) -> list[str]:
    """Stop everything whose time has come below EMERGENCY; what is planned for later stays. Returns the ids stopped.

    What waits for its sound, an approval or the air is stopped too: it must not begin afterwards.
    """
    due = _due(session, now, {BroadcastState.ON_AIR, *NOT_BEGUN}) + _waiting(session, now)
    stopped = [broadcast for broadcast in due if broadcast.klass is not Class.EMERGENCY]
    for broadcast in stopped:
        broadcast.stopped_at = now
    for schedule in _not_planned_yet(session, now):
        cancel_schedule(session, schedule, account_id=account_id, now=now)
    ids = [broadcast.id for broadcast in stopped]
    chain.audit(
        session, at=now, account_id=account_id, action="broadcast.stop-all", subject="station", detail={"stopped": ids}
    )
    return ids


def on_air(session: Session, now: datetime) -> list[Broadcast]:
    """The broadcasts that are on the air at ``now``."""
    return _due(session, now, {BroadcastState.ON_AIR})


def _due(session: Session, now: datetime, states: Collection[BroadcastState]) -> list[Broadcast]:
    begun = (
        select(Broadcast)
        .where(
            Broadcast.start_at <= now,
            Broadcast.start_at > now - timedelta(days=1),
            Broadcast.cancelled_at.is_(None),
            Broadcast.stopped_at.is_(None),
        )
        .options(
            joinedload(Broadcast.schedule).selectinload(Schedule.targets),
            joinedload(Broadcast.bulletin),
            joinedload(Broadcast.clip),
            selectinload(Broadcast.excluded),
        )
    )
    return [broadcast for broadcast in session.scalars(begun) if state_of(broadcast, now) in states]


def _waiting(session: Session, now: datetime) -> list[Broadcast]:
    """Broadcasts that were meant to have begun and have no moment yet, or a later one."""
    later = Broadcast.start_at.is_(None) | (Broadcast.start_at > now)
    return list(session.scalars(select(Broadcast).where(Broadcast.occurrence <= now, later, *OPEN)))


def _not_planned_yet(session: Session, now: datetime) -> list[int]:
    """Schedules below EMERGENCY that were sent in for now a moment ago: no planning pass has seen them."""
    waiting = (
        select(Schedule.id)
        .join(Schedule.bulletin)
        .where(
            Schedule.kind.in_([ScheduleKind.NOW, ScheduleKind.ONCE]),
            Schedule.start_at.is_(None) | (Schedule.start_at <= now),
            Schedule.cancelled_at.is_(None),
            Bulletin.klass != Class.EMERGENCY,
            ~exists().where(Broadcast.schedule_id == Schedule.id),
        )
        .order_by(Schedule.id)
    )
    return list(session.scalars(waiting))


def cancel_schedule(session: Session, schedule_id: int, *, account_id: int, now: datetime) -> Schedule:
    """Call off everything a schedule has not begun to air; what is on the air goes on.

    Errors: NotOnAirError.
    """
    schedule = session.get(Schedule, schedule_id)
    if schedule is None or schedule.cancelled_at:
        raise NotOnAirError(f"schedule {schedule_id}")
    schedule.cancelled_at = now
    ahead = select(Broadcast).where(
        Broadcast.schedule_id == schedule_id,
        Broadcast.cancelled_at.is_(None),
        Broadcast.clip_sha256.is_(None) | Broadcast.sent_at.is_(None) | (Broadcast.start_at > now),
    )
    for broadcast in session.scalars(ahead):
        if state_of(broadcast, now) in NOT_BEGUN:
            broadcast.cancelled_at = now
    chain.audit(session, at=now, account_id=account_id, action="schedule.cancel", subject=str(schedule_id))
    return schedule


OPEN: Final = (Broadcast.cancelled_at.is_(None), Broadcast.stopped_at.is_(None), Broadcast.missed_at.is_(None))
"""Of broadcasts that nobody has stopped or called off, and that were not missed."""


def undecided(session: Session, broadcasts: Collection[str]) -> set[str]:
    """Those of these broadcasts that nobody has stopped or called off, and that were not missed."""
    return set(session.scalars(select(Broadcast.id).where(Broadcast.id.in_(broadcasts), *OPEN)))


Meant = Mapping[str, frozenset[str]]
"""The speakers that broadcasts are meant for, by id."""


def unmatched(session: Session, meant: Meant) -> dict[str, frozenset[str]]:
    """Those of these broadcasts whose deliveries are not the ones they should have."""
    known = _speakers(session, meant)
    return {number: speakers for number, speakers in meant.items() if any(_amendment(known.get(number), speakers))}


def _amendment(known: Mapping[str, DeliveryState] | None, meant: frozenset[str]) -> tuple[list[str], list[str]]:
    """The speakers that lack a delivery, and those that have one too many; what a speaker has reported stays."""
    known = known or {}
    surplus = [speaker for speaker, state in known.items() if speaker not in meant and state in _AHEAD]
    return sorted(meant - known.keys()), surplus


_AT_ONCE: Final = 500
"""Broadcasts that one query names."""
_SPEAKERS_AT_ONCE: Final = 5_000
"""Speakers that one query names; a database takes some 32 000 parameters."""


def _speakers(session: Session, broadcasts: Iterable[str]) -> dict[str, dict[str, DeliveryState]]:
    """The deliveries there are: their state by broadcast and speaker."""
    found: dict[str, dict[str, DeliveryState]] = defaultdict(dict)
    named = sorted(broadcasts)
    columns = Delivery.broadcast_id, Delivery.speaker_id, Delivery.state
    for first in range(0, len(named), _AT_ONCE):
        query = select(*columns).where(Delivery.broadcast_id.in_(named[first : first + _AT_ONCE]))
        for number, speaker, state in session.execute(query):
            found[number][speaker] = state
    return found


def ensure_deliveries(session: Session, meant: Meant) -> None:
    """Bring the rows of broadcasts that have not begun in line with the speakers they are meant for."""
    known = _speakers(session, meant)
    for number, speakers in meant.items():
        lacking, surplus = _amendment(known.get(number), speakers)
        for first in range(0, len(lacking), _SPEAKERS_AT_ONCE):
            _add_deliveries(session, number, lacking[first : first + _SPEAKERS_AT_ONCE])
        if surplus:
            session.execute(delete(Delivery).where(Delivery.broadcast_id == number, Delivery.speaker_id.in_(surplus)))


def _add_deliveries(session: Session, broadcast: str, speakers: Collection[str]) -> None:
    """Rows made by the database itself: a broadcast of a province has tens of thousands."""
    facts = {"broadcast_id": broadcast, "state": DeliveryState.PLANNED, "start_position_ms": 0, "played_ms": 0}
    values = [literal(value, Delivery.__table__.c[name].type) for name, value in facts.items()]
    chosen = select(Speaker.id, *values).where(Speaker.id.in_(speakers))
    session.execute(insert(Delivery).from_select(["speaker_id", *facts], chosen))


def miss(session: Session, broadcasts: Collection[str], why: str, now: datetime) -> None:
    """Broadcasts can't air any more: say so of them and of every speaker that has not reported otherwise."""
    session.execute(update(Broadcast).where(Broadcast.id.in_(broadcasts)).values(missed_at=now, missed_why=why))
    session.execute(
        update(Delivery)
        .where(Delivery.broadcast_id.in_(broadcasts), Delivery.state.in_(_AHEAD))
        .values(state=DeliveryState.MISSED, why=why)
    )
