"""What a decision about a CAP message needs from the rows: where speakers are, and what earlier messages have led to."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from broadcaster.cap.area import Spot, outline_of
from broadcaster.cap.message import Message
from broadcaster.geography import Geography, outlines
from broadcaster.rows import (
    Alert,
    AlertEnd,
    CapMessage,
    CapOutcome,
    CapReference,
    CapSource,
    Place,
    PlaceGeocode,
    Speaker,
)
from scheduler import cap_archive
from scheduler.cap_decision import Earlier, Town

_MOST: Final = 500
"""Messages that one chain of updates is followed over."""


def load(session: Session, source: CapSource) -> Town:
    """Every place with speakers of its own, by outline and by where they stand; and the codes that others have for places.

    Of all that only what the token of ``source`` is for: the rest lies outside.
    """
    geography = Geography.load(session)
    reach = _reach(source, geography)
    drawn = outlines(session)
    points: dict[int, list[tuple[float, float]]] = {
        place: [] for place in geography.speakers.values() if reach is None or place in reach
    }
    standing = select(Speaker.id, Speaker.longitude, Speaker.latitude).where(Speaker.longitude.is_not(None))
    for speaker, longitude, latitude in session.execute(standing):
        place = geography.speakers.get(speaker)
        if place in points and longitude is not None and latitude is not None:
            points[place].append((longitude, latitude))
    geocodes: dict[tuple[str, str], list[int]] = {}
    for row in session.scalars(select(PlaceGeocode)):
        here = [row.place_id] if reach is None else sorted(geography.inside(row.place_id) & reach)
        geocodes.setdefault((row.scheme, row.value), []).extend(here)
    return Town(
        geography,
        tuple(
            Spot(place, outline_of(drawn[place]) if place in drawn else None, tuple(points[place])) for place in points
        ),
        geocodes,
        dict(session.execute(select(Place.id, Place.name)).all()),
    )


def _reach(source: CapSource, geography: Geography) -> frozenset[int] | None:
    """The places in which a source may raise; None for everywhere."""
    token = source.token
    return geography.inside(token.place_id) if token and token.place_id is not None else None


def ids(session: Session, codes: Collection[str]) -> list[int]:
    """The ids of places; of the tops of the tree where none is named."""
    return list(session.scalars(select(Place.id).where(Place.code.in_(codes) if codes else Place.parent_id.is_(None))))


def names(session: Session, codes: Collection[str]) -> list[str]:
    """The names of places."""
    return list(session.scalars(select(Place.name).where(Place.code.in_(codes)).order_by(Place.position, Place.id)))


def earlier(session: Session, source: CapSource, row: CapMessage, message: Message, now: datetime) -> Earlier:
    """What became of the messages that this one names, over every update between; and whether another has taken its place.

    Writes down what it names: a message may come after the one that takes its place. An exercise says nothing about what
    is meant in earnest, nor the other way round; nobody speaks for another sender. A feed that brings the same message as another
    source may end what came of it; a program may not, for whoever has stolen its token could send everybody's messages again.
    """
    takes_place = message.kind in {"Update", "Cancel"}
    if takes_place:
        keys = {one.key for one in message.references if one.sender == message.name.sender} - {row.key}
        session.add_all(CapReference(message_id=row.id, key=key) for key in keys)
        session.flush()
    taken = session.scalars(
        select(CapMessage.id)
        .join(CapReference, CapReference.message_id == CapMessage.id)
        .where(CapReference.key == row.key, CapMessage.source == source, _alike(message))
        .limit(1)
    ).first()
    found = _chain(session, message, {one.key for one in message.references}) if takes_place else []
    said = {one.sha256 for one in found if one.source_id == source.id and source.token_id is None}
    mine = [one for one in found if one.source_id == source.id or one.sha256 in said]
    own = {alert for one in mine for alert in one.done.get("alerts", ())}
    raised = own | {alert for one in found for alert in one.done.get("alerts", ())}
    alerts = [alert for alert in session.scalars(select(Alert).where(Alert.id.in_(raised))) if alert.in_force(now)]
    alerts.sort(key=lambda alert: (-alert.level, alert.id))
    reach = _reach(source, Geography.of_places(session)) if alerts else None
    beyond = reach is not None and any(place.id not in reach for alert in alerts for place in alert.targets)
    renamed = select(CapMessage.id).where(
        CapMessage.key == row.key,
        CapMessage.source != source,
        CapMessage.sha256 != message.digest,
        CapMessage.outcome.in_((CapOutcome.PROPOSED, CapOutcome.DUE, CapOutcome.DONE)),
    )
    return Earlier(
        alerts=tuple(alert.id for alert in alerts),
        foreign=beyond or any(alert.id not in own for alert in alerts),
        superseded=taken is not None,
        renamed=session.scalar(renamed.limit(1)) is not None,
    )


def elsewhere(session: Session, source: CapSource, row: CapMessage, message: Message) -> list[CapMessage]:
    """The very same message from other sources that reach at least as far as this one, as far as something came of it."""
    heard = (CapOutcome.PROPOSED, CapOutcome.DUE, CapOutcome.DONE, CapOutcome.DISMISSED)
    rows = select(CapMessage).where(
        CapMessage.sha256 == message.digest, CapMessage.id != row.id, CapMessage.outcome.in_(heard)
    )
    as_far = (None, source.token.place_id if source.token else None)
    return [one for one in session.scalars(rows) if one.source.token is None or one.source.token.place_id in as_far]


def reaches_as_far(source: CapSource, other: CapSource) -> bool:
    """Whether what ``source`` raises is heard wherever ``other`` would have raised it."""
    place = source.token.place_id if source.token else None
    return place is None or (other.token is not None and other.token.place_id == place)


def was_undone(session: Session, row: CapMessage) -> bool:
    """Whether all that came of a message was ended before its time, and whoever holds its source's token may have done it."""
    if row.source.token_id is None:
        return False
    ends = session.scalars(select(Alert.end).where(Alert.id.in_(row.done.get("alerts", ())))).all()
    return bool(ends) and all(end is AlertEnd.ENDED for end in ends)


def _alike(message: Message) -> ColumnElement[bool]:
    """By the same sender, and as earnest."""
    earnest = CapMessage.status == "Actual" if message.status == "Actual" else CapMessage.status != "Actual"
    return earnest & (CapMessage.sender == message.name.sender)


def _chain(session: Session, message: Message, keys: Iterable[str]) -> list[CapMessage]:
    """The messages of these names, and those that have taken their place."""
    found: dict[int, CapMessage] = {}
    wanted = set(keys)
    while wanted and len(found) < _MOST:
        named = select(CapMessage).where(CapMessage.key.in_(wanted), _alike(message))
        later = (
            select(CapMessage)
            .join(CapReference, CapReference.message_id == CapMessage.id)
            .where(CapReference.key.in_(wanted), CapMessage.key != message.name.key, _alike(message))
        )
        fresh = {one.id: one for rows in (named, later) for one in session.scalars(rows) if one.id not in found}
        found |= fresh
        wanted = {one.key for one in fresh.values() if one.key}
    return list(found.values())


def withdraw(session: Session, source: CapSource, message: Message) -> None:
    """What this message takes the place of need not be decided any more."""
    named = _chain(session, message, {one.key for one in message.references})
    cap_archive.supersede(session, [row for row in named if row.source_id == source.id])
