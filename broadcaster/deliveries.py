"""From receipts to deliveries: the ledger of what was heard, and what is known of every speaker from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster import alert_reports, chain, standing
from broadcaster.clock import from_ms
from broadcaster.rows import Broadcast, Delivery, DeliveryState, LedgerEntry
from broadcaster.wire.documents import Event, Receipt
from broadcaster.wire.units import UnixMs

_STATES: Final[Mapping[Event, DeliveryState]] = {
    Event.CACHED: DeliveryState.CACHED,
    Event.ARMED: DeliveryState.CACHED,
    Event.STARTED: DeliveryState.PLAYING,
    Event.FINISHED: DeliveryState.FINISHED,
    Event.SKIPPED: DeliveryState.SKIPPED,
    Event.STOPPED: DeliveryState.STOPPED,
    Event.FAILED: DeliveryState.FAILED,
    Event.PREEMPTED: DeliveryState.PREEMPTED,
}
_RANK: Final[Mapping[DeliveryState, int]] = {
    DeliveryState.PLANNED: 0,
    DeliveryState.CACHED: 1,
    DeliveryState.MISSED: 2,  # the station's own conclusion: any report of the speaker is worth more
    DeliveryState.PLAYING: 3,
    DeliveryState.SKIPPED: 4,
    DeliveryState.FAILED: 4,
    DeliveryState.PREEMPTED: 4,
    DeliveryState.STOPPED: 4,
    DeliveryState.FINISHED: 5,
}
"""Receipts come in any order; a delivery never goes back."""
_LAST: Final = _RANK[DeliveryState.SKIPPED]
"""From this rank on it is over for the speaker."""

_AT_ONCE: Final = 5_000
"""Receipts that one query names; a database takes some 32 000 parameters."""
_SPEAKERS_AT_ONCE: Final = 20
"""Speakers that one query for receipts names: SQLite looks for every receipt with each of them."""


def apply(delivery: Delivery, receipt: Receipt) -> None:
    """Let a delivery know what a receipt tells. The order of receipts does not matter.

    The first start counts (a speaker that lost power joins again later), the last end, and the longest sound.
    """
    state, at = _STATES[receipt.event], from_ms(receipt.at)
    why = receipt.why.value if receipt.why and _RANK[state] == _LAST else None
    if _outweighs(delivery, state, at, why):
        delivery.state, delivery.why = state, why
    if receipt.event in {Event.CACHED, Event.ARMED}:
        delivery.cached_at = min(delivery.cached_at or at, at)
    elif receipt.event is Event.STARTED:
        begun = at, receipt.position_ms
        if delivery.started_at is None or begun < (delivery.started_at, delivery.start_position_ms):
            delivery.started_at, delivery.start_position_ms = begun
    else:
        delivery.ended_at = max(delivery.ended_at or at, at)
        delivery.played_ms = max(delivery.played_ms or 0, receipt.played_ms)


def _outweighs(delivery: Delivery, state: DeliveryState, at: datetime, why: str | None) -> bool:
    """Whether a report is worth more than what is known: the higher rank, and of two ways to end the later one."""
    if _RANK[state] != _RANK[delivery.state]:
        return _RANK[state] > _RANK[delivery.state]
    if _RANK[state] != _LAST or delivery.ended_at is None:
        return True
    return (at, state.value, why or "") > (delivery.ended_at, delivery.state.value, delivery.why or "")


@dataclass(frozen=True)
class Told:
    """Receipts of one speaker, whose signature is right, and when they came."""

    speaker: str
    receipts: tuple[Receipt, ...]
    received_at: UnixMs


def take(session: Session, told: Sequence[Told]) -> None:
    """Write receipts into the ledger, in order, and let the deliveries know; one that is known changes nothing."""
    all_told = [(one.speaker, receipt, one.received_at) for one in told for receipt in one.receipts]
    for first in range(0, len(all_told), _AT_ONCE):
        _take_some(session, all_told[first : first + _AT_ONCE])


def _take_some(session: Session, told: Sequence[tuple[str, Receipt, UnixMs]]) -> None:
    fresh = {
        (speaker, receipt.id): (receipt, at)
        for speaker, receipt, at in told
        if not receipt.broadcast.startswith(standing.PREFIX)  # what is kept for later is no delivery
    }
    try:
        with session.begin_nested():
            _write(session, fresh)
    except IntegrityError:  # a speaker has told something again: rare enough not to ask each time
        for known in _known(session, fresh):
            fresh.pop(known, None)
        _write(session, fresh)
    deliveries = _deliveries(session, {(receipt.broadcast, speaker) for (speaker, _), (receipt, _) in fresh.items()})
    for (speaker, _), (receipt, _) in fresh.items():
        if delivery := deliveries.get((receipt.broadcast, speaker)):
            apply(delivery, receipt)
    alert_reports.take(session, ((speaker, receipt) for (speaker, _), (receipt, _) in fresh.items()))


def _write(session: Session, fresh: Mapping[tuple[str, str], tuple[Receipt, UnixMs]]) -> None:
    """Into the ledger, in order. Errors: IntegrityError."""
    entries = [_entry(speaker, receipt, at) for (speaker, _), (receipt, at) in fresh.items()]
    chain.append(session, LedgerEntry, entries)


def _known(session: Session, receipts: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of these receipts, named by speaker and id, that the ledger has already, and perhaps others."""
    columns = LedgerEntry.speaker_id, LedgerEntry.receipt_id
    ids: dict[str, list[str]] = {}
    for speaker, receipt in receipts:
        ids.setdefault(speaker, []).append(receipt)
    known: list[tuple[str, str]] = []
    speakers = list(ids)
    for first in range(0, len(speakers), _SPEAKERS_AT_ONCE):
        some = speakers[first : first + _SPEAKERS_AT_ONCE]
        told = [receipt for speaker in some for receipt in ids[speaker]]
        found = session.execute(select(*columns).where(columns[0].in_(some), columns[1].in_(told)))
        known += ((speaker, receipt) for speaker, receipt in found)
    return known


def _deliveries(session: Session, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Delivery]:
    """Deliveries by broadcast and speaker; one that nobody expected is written down, if there is such a broadcast."""
    real = set(session.scalars(select(Broadcast.id).where(Broadcast.id.in_({broadcast for broadcast, _ in wanted}))))
    if not real:
        return {}
    speakers = {speaker for broadcast, speaker in wanted if broadcast in real}
    query = select(Delivery).where(Delivery.broadcast_id.in_(real), Delivery.speaker_id.in_(speakers))
    found = {(delivery.broadcast_id, delivery.speaker_id): delivery for delivery in session.scalars(query)}
    lacking = sorted((broadcast, speaker) for broadcast, speaker in set(wanted) - found.keys() if broadcast in real)
    for broadcast, speaker in lacking:
        found[broadcast, speaker] = Delivery(
            broadcast_id=broadcast,
            speaker_id=speaker,
            state=DeliveryState.PLANNED,
            start_position_ms=0,
            played_ms=0,
        )
    session.add_all(found[key] for key in lacking)
    session.flush()  # the next receipts ask for them and find them
    return found


def _entry(speaker: str, receipt: Receipt, received_at: UnixMs) -> dict[str, Any]:
    """The columns of a `LedgerEntry`."""
    return {
        "speaker_id": speaker,
        "receipt_id": receipt.id,
        "broadcast_id": receipt.broadcast,
        "event": receipt.event,
        "at": from_ms(receipt.at),
        "received_at": from_ms(received_at),
        "detail": msgspec.to_builtins(receipt),
    }


def start_error(delivery: Delivery, broadcast: Broadcast) -> timedelta | None:
    """How far from the plan a speaker began, allowing for a join in position; None when it has not begun.

    A speaker that sounds later for its distance to the others is not late by that.
    """
    if delivery.started_at is None or broadcast.start_at is None:
        return None
    meant = timedelta(milliseconds=delivery.start_position_ms + delivery.speaker.delay_ms)
    return delivery.started_at - meant - broadcast.start_at
