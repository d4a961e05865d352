"""What is on the air: the state of a broadcast and of its deliveries, computed from facts and the time; and stopping it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from broadcaster import chain
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, BroadcastExclusion, Delivery, DeliveryState, Place, Schedule
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
    """Stop everything whose time has come below EMERGENCY; what is planned for later stays. Returns the ids stopped."""
    due = _due(session, now, {BroadcastState.ON_AIR, BroadcastState.UNSENT})
    stopped = [broadcast for broadcast in due if broadcast.klass is not Class.EMERGENCY]
    for broadcast in stopped:
        broadcast.stopped_at = now
    ids = [broadcast.id for broadcast in stopped]
    chain.audit(
        session, at=now, account_id=account_id, action="broadcast.stop-all", subject="station", detail={"stopped": ids}
    )
    return ids


def on_air(session: Session, now: datetime) -> list[Broadcast]:
    """The broadcasts that are on the air at ``now``."""
    return _due(session, now, {BroadcastState.ON_AIR})


def _due(session: Session, now: datetime, states: Collection[BroadcastState]) -> list[Broadcast]:
    begun = select(Broadcast).where(
        Broadcast.start_at <= now,
        Broadcast.start_at > now - timedelta(days=1),
        Broadcast.cancelled_at.is_(None),
        Broadcast.stopped_at.is_(None),
    )
    return [broadcast for broadcast in session.scalars(begun) if state_of(broadcast, now) in states]


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


def ensure_deliveries(session: Session, broadcast: Broadcast, geography: Geography) -> None:
    """Bring the rows of a broadcast that has not begun in line with the speakers it is meant for."""
    wanted = geography.heard_by(place.code for place in broadcast.schedule.targets)
    known = set(session.scalars(select(Delivery.speaker_id).where(Delivery.broadcast_id == broadcast.id)))
    session.flush()
    if lacking := sorted(wanted - known):  # as plain rows: a broadcast of a province has tens of thousands
        facts = {"broadcast_id": broadcast.id, "state": DeliveryState.PLANNED}
        session.execute(insert(Delivery), [{**facts, "speaker_id": speaker} for speaker in lacking])
    for speaker in known - wanted:
        delivery = session.get_one(Delivery, (broadcast.id, speaker))
        if delivery.state in _AHEAD:
            session.delete(delivery)


def miss(session: Session, broadcast: Broadcast, why: str, geography: Geography, now: datetime) -> None:
    """A broadcast can't air any more: say so of it and of every speaker that has not reported otherwise."""
    broadcast.missed_at, broadcast.missed_why = now, why
    ensure_deliveries(session, broadcast, geography)
    session.flush()
    session.execute(
        update(Delivery)
        .where(Delivery.broadcast_id == broadcast.id, Delivery.state.in_(_AHEAD))
        .values(state=DeliveryState.MISSED, why=why)
    )
