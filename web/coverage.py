"""How far broadcasts have come, counted by the database and not row by row. Knows no HTTP."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from broadcaster import airing, deliveries
from broadcaster.airing import BroadcastState, Coverage, Heard
from broadcaster.rows import Broadcast, Delivery, DeliveryState, Place, Speaker
from broadcaster.wire.fields import SpeakerRole

MAX_LISTED = 500
"""Speakers that are listed one by one; of a larger broadcast only those that did not play."""


def heard_as(state: DeliveryState, role: SpeakerRole, broadcast: Broadcast, now: datetime) -> Heard:
    """The plain state of deliveries in ``state`` to such speakers; nothing is awaited of a broadcast that will not come."""
    if state is not DeliveryState.FINISHED and airing.state_of(broadcast, now) in {
        BroadcastState.CANCELLED,
        BroadcastState.MISSED,
    }:
        return Heard.SILENT
    return airing.heard_of(state, role, airing.end_of(broadcast), now)


def of_broadcasts(session: Session, broadcasts: Sequence[Broadcast], now: datetime) -> Mapping[str, Coverage]:
    """The coverage of each broadcast, by its id, in one query."""
    if not broadcasts:
        return {}
    by_id = {broadcast.id: broadcast for broadcast in broadcasts}
    counted: dict[str, Counter[str]] = {number: Counter() for number in by_id}
    rows = session.execute(
        select(Delivery.broadcast_id, Delivery.state, Speaker.role, func.count())
        .join(Delivery.speaker)
        .where(Delivery.broadcast_id.in_(by_id))
        .group_by(Delivery.broadcast_id, Delivery.state, Speaker.role)
    )
    for number, state, role, count in rows:
        counted[number][heard_as(state, role, by_id[number], now).value] += count
    return {number: Coverage(**counts) for number, counts in counted.items()}


@dataclass(frozen=True)
class Report:
    """What one speaker reported of a broadcast; ``start_error_ms`` is None until it started."""

    speaker: Speaker
    delivery: Delivery
    heard: Heard
    start_error_ms: float | None


@dataclass(frozen=True)
class PlaceReport:
    """What the speakers of one place reported; ``stopped`` when the broadcast was stopped here alone."""

    place: Place
    coverage: Coverage
    reports: tuple[Report, ...]
    stopped: bool


def by_place(session: Session, broadcast: Broadcast, now: datetime) -> tuple[PlaceReport, ...]:
    """The coverage of one broadcast by place, with the speakers of each."""
    counted: dict[int, Counter[str]] = {}
    rows = session.execute(
        select(Speaker.place_id, Delivery.state, Speaker.role, func.count())
        .join(Delivery.speaker)
        .where(Delivery.broadcast_id == broadcast.id)
        .group_by(Speaker.place_id, Delivery.state, Speaker.role)
    )
    for place_id, state, role, count in rows:
        counted.setdefault(place_id, Counter())[heard_as(state, role, broadcast, now).value] += count
    total = sum(sum(counts.values()) for counts in counted.values())
    reports: dict[int, list[Report]] = {}
    for report in _reports(session, broadcast, now, everything=total <= MAX_LISTED):
        reports.setdefault(report.speaker.place_id, []).append(report)
    places = session.scalars(select(Place).where(Place.id.in_(counted)).order_by(Place.position, Place.id))
    stopped = {place.id for place in broadcast.excluded}
    return tuple(
        PlaceReport(place, Coverage(**counted[place.id]), tuple(reports.get(place.id, ())), place.id in stopped)
        for place in places
    )


def _reports(session: Session, broadcast: Broadcast, now: datetime, *, everything: bool) -> Iterable[Report]:
    rows = (
        select(Delivery)
        .join(Delivery.speaker)
        .options(joinedload(Delivery.speaker))
        .where(Delivery.broadcast_id == broadcast.id)
        .order_by(Speaker.name, Speaker.id)
        .limit(MAX_LISTED)
    )
    if not everything:
        rows = rows.where(Delivery.state != DeliveryState.FINISHED)
    for delivery in session.scalars(rows):
        heard = heard_as(delivery.state, delivery.speaker.role, broadcast, now)
        error = deliveries.start_error(delivery, broadcast)
        yield Report(delivery.speaker, delivery, heard, None if error is None else error / timedelta(milliseconds=1))
