"""The rows of live voice: a talk begins, ends and gets its recording; each change in the audit chain. Knows no sound."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing, chain, deliveries, people, permissions
from broadcaster.airing import Coverage, Heard
from broadcaster.geography import Geography
from broadcaster.permissions import Action
from broadcaster.rows import Account, Delivery, DeliveryState, LedgerEntry, Place, Sound, Speaker, Talk, TalkEnd
from broadcaster.wire.documents import Class, Receipt

_LISTED: Final = 50


@dataclass(frozen=True)
class Order:
    """Who wants to speak, and to whom.

    Attributes:
        places: ids of the chosen places.
        most_ms: how long at most; less where a village's minutes are short.
        grant_id: the village head's grant whose minutes it takes.
    """

    account_id: int
    places: tuple[int, ...]
    klass: Class
    most_ms: int
    grant_id: int | None = None


def begin(session: Session, name: str, order: Order, geography: Geography, now: datetime) -> Talk:
    """Write a talk down before its first word."""
    targets = [session.get_one(Place, place) for place in geography.reduce(order.places)]
    talk = Talk(
        id=name,
        account_id=order.account_id,
        grant_id=order.grant_id,
        klass=order.klass,
        audience=sorted(geography.heard_by(place.code for place in targets)),
        begun_at=now,
        limit_at=now + timedelta(milliseconds=order.most_ms),
        targets=targets,
    )
    session.add(talk)
    detail = {"places": [place.code for place in targets], "class": order.klass.value}
    chain.audit(session, at=now, account_id=order.account_id, action="talk.begin", subject=name, detail=detail)
    return talk


def end(session: Session, name: str, why: TalkEnd, *, now: datetime, duration_ms: int, by: int | None = None) -> None:
    """Write down that a talk is over, once."""
    talk = session.get_one(Talk, name)
    if talk.ended_at is not None:
        return
    talk.ended_at, talk.end, talk.duration_ms = now, why, duration_ms
    detail = {"why": why.value, "ms": duration_ms}
    chain.audit(session, at=now, account_id=by, action="talk.end", subject=name, detail=detail)


def archive(session: Session, name: str, sound: Sound, now: datetime) -> None:
    """Write down where the recording of a talk lies."""
    talk = session.get_one(Talk, name)
    if session.get(Sound, sound.sha256) is None:
        session.add(sound)
        session.flush()
    talk.sound_sha256, talk.duration_ms = sound.sha256, sound.duration_ms
    detail = {"sound": sound.sha256, "ms": sound.duration_ms}
    chain.audit(session, at=now, account_id=None, action="talk.archive", subject=name, detail=detail)


def latest(session: Session) -> Sequence[Talk]:
    """The last talks, the newest first."""
    rows = select(Talk).options(joinedload(Talk.account), selectinload(Talk.targets), joinedload(Talk.sound))
    return session.scalars(rows.order_by(Talk.begun_at.desc(), Talk.id).limit(_LISTED)).all()


def is_allowed(session: Session, order: Order, now: datetime) -> bool:
    """Whether the right by which somebody speaks still holds."""
    person = people.person_of(session.get_one(Account, order.account_id), now)
    if order.grant_id is not None:
        return any(holding.grant_id == order.grant_id for holding in person.holdings)
    actions = [Action.RAISE] if order.klass is Class.EMERGENCY else [Action.RAISE, Action.APPROVE, Action.WRITE]
    if any(person.everywhere(action) for action in actions):
        return True
    tree = Geography.of_places(session)
    return any(permissions.may_all(person, action, order.places, tree) for action in actions)


def used_ms(session: Session, grant_id: int, begin: datetime, end: datetime, now: datetime) -> int:
    """Milliseconds that were spoken by right of a grant between two moments; of a talk on the air, until ``now``."""
    rows = select(Talk.duration_ms, Talk.ended_at, Talk.begun_at, Talk.limit_at).where(
        Talk.grant_id == grant_id, Talk.begun_at >= begin, Talk.begun_at < end
    )
    return sum(
        length if ended else max(min(now, limit) - begun, timedelta(0)) // timedelta(milliseconds=1)
        for length, ended, begun, limit in session.execute(rows)
    )


@dataclass(frozen=True)
class Report:
    """What one speaker reported of a talk, as of any other delivery."""

    speaker: Speaker
    delivery: Delivery
    heard: Heard


def reports(session: Session, talk: Talk, now: datetime) -> list[Report]:
    """Every speaker that a talk was for, and any other that reported it; read from the ledger."""
    told: dict[str, Delivery] = {name: _nothing(talk, name) for name in talk.audience}
    entries = session.scalars(select(LedgerEntry).where(LedgerEntry.broadcast_id == talk.id).order_by(LedgerEntry.id))
    for entry in entries:
        delivery = told.setdefault(entry.speaker_id, _nothing(talk, entry.speaker_id))
        deliveries.apply(delivery, msgspec.convert(entry.detail, Receipt))
    speakers = session.scalars(select(Speaker).where(Speaker.id.in_(told)).options(joinedload(Speaker.place)))
    end = talk.ended_at or talk.limit_at
    return [
        Report(speaker, told[speaker.id], airing.heard_of(told[speaker.id].state, speaker.role, end, now))
        for speaker in sorted(speakers, key=lambda one: (one.place.position, one.place_id, one.name, one.id))
    ]


def coverage(told: Iterable[Report]) -> Coverage:
    """How many speakers stand where."""
    return Coverage(**Counter(one.heard.value for one in told))


def _nothing(talk: Talk, speaker: str) -> Delivery:
    return Delivery(
        broadcast_id=talk.id, speaker_id=speaker, state=DeliveryState.PLANNED, start_position_ms=0, played_ms=0
    )
