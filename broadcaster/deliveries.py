"""From receipts to deliveries: the ledger of what was heard, and what is known of every speaker from it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain
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


def take(session: Session, speaker: str, receipts: tuple[Receipt, ...], received_at: UnixMs) -> None:
    """Write receipts of one speaker into the ledger and let the deliveries know; one that is known changes nothing."""
    ids = [receipt.id for receipt in receipts]
    known = set(
        session.scalars(
            select(LedgerEntry.receipt_id).where(LedgerEntry.speaker_id == speaker, LedgerEntry.receipt_id.in_(ids))
        )
    )
    fresh = {receipt.id: receipt for receipt in receipts if receipt.id not in known}
    chain.append(session, [_entry(speaker, receipt, received_at) for receipt in fresh.values()])
    deliveries = _deliveries(session, speaker, {receipt.broadcast for receipt in fresh.values()})
    for receipt in fresh.values():
        if delivery := deliveries.get(receipt.broadcast):
            apply(delivery, receipt)


def _deliveries(session: Session, speaker: str, broadcasts: Collection[str]) -> dict[str, Delivery]:
    """The deliveries of these broadcasts to a speaker; one that nobody expected is written down, if there is such a one."""
    mine = select(Delivery).where(Delivery.speaker_id == speaker, Delivery.broadcast_id.in_(broadcasts))
    found = {delivery.broadcast_id: delivery for delivery in session.scalars(mine)}
    if lacking := set(broadcasts) - found.keys():
        for name in session.scalars(select(Broadcast.id).where(Broadcast.id.in_(lacking))):
            found[name] = Delivery(
                broadcast_id=name, speaker_id=speaker, state=DeliveryState.PLANNED, start_position_ms=0, played_ms=0
            )
        session.add_all(found[name] for name in lacking & found.keys())
        session.flush()
    return found


def _entry(speaker: str, receipt: Receipt, received_at: UnixMs) -> LedgerEntry:
    detail: dict[str, Any] = msgspec.to_builtins(receipt)
    return LedgerEntry(
        speaker_id=speaker,
        receipt_id=receipt.id,
        broadcast_id=receipt.broadcast,
        event=receipt.event,
        at=from_ms(receipt.at),
        received_at=from_ms(received_at),
        detail=detail,
    )


def start_error(delivery: Delivery, broadcast: Broadcast) -> timedelta | None:
    """How far from the plan a speaker began, allowing for a join in position; None when it has not begun."""
    if delivery.started_at is None or broadcast.start_at is None:
        return None
    position = timedelta(milliseconds=delivery.start_position_ms)
    return delivery.started_at - position - broadcast.start_at
