"""The relays of programmes: each runs while its piece of a broadcast is on, and what became of it is written into the ledger."""

import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.rows import Broadcast, Composition, LedgerEntry, Schedule
from broadcaster.transport import Transport
from broadcaster.wire.documents import Event
from broadcaster.wire.units import UnixMs
from scheduler.composing import pieces_of
from scheduler.relaying import Relay, RelayEvent, RelayOrder
from scheduler.rundown import Kind

log = logging.getLogger(__name__)

STATION: Final = "@station"
"""Who tells it in the ledger; no speaker can have this name."""
_AHEAD: Final = timedelta(minutes=1)
"""So long before its time a relay is made; it waits by itself."""
_LONGEST: Final = timedelta(hours=6)
_EVENTS: Final = {
    RelayEvent.ON_AIR: Event.STARTED,
    RelayEvent.FALLBACK: Event.FAILED,
    RelayEvent.OVER: Event.FINISHED,
}

Place = tuple[str, int]
"""A broadcast, and the number of its piece."""


@dataclass(frozen=True)
class Told:
    """One line about a relay: what happened, why, and when."""

    name: str
    event: str
    why: str
    at: datetime


class Relays:
    """Keeps the relays that run in step with the rows. Call `beat` from one thread at a time.

    Args:
        transport: the connection that never waits behind a clip.
    """

    def __init__(self, core: Core, transport: Transport) -> None:
        self._core, self._transport = core, transport
        self._running: dict[Place, tuple[RelayOrder, Relay]] = {}

    def beat(self) -> None:
        """Begin what is due, end what was stopped, moved or is over."""
        with self._core.database.read() as session:
            wanted = dict(_due(session, self._core.clock.now()))
        for place, (order, relay) in list(self._running.items()):
            due = wanted.get(place)
            if due is None or replace(due, excluded=order.excluded) != order or relay.over:
                relay.stop()  # one that broke is begun anew
                del self._running[place]
            elif due != order:
                relay.exclude(due.excluded)
                self._running[place] = due, relay
        for place in wanted.keys() - self._running.keys():
            relay = Relay(self._core, self._transport, wanted[place], partial(self._note, place, wanted[place]))
            self._running[place] = wanted[place], relay
            relay.start()

    def stop(self) -> None:
        """End all of them."""
        for _, relay in self._running.values():
            relay.stop()
        self._running.clear()

    def _note(self, place: Place, order: RelayOrder, event: RelayEvent, why: str, at: UnixMs) -> None:
        broadcast, number = place
        log.info("relay broadcast=%s event=%s why=%s", broadcast, event.value, why)
        detail = {"relay": event.value, "piece": number, "name": order.title, "address": order.address, "why": why}
        entry = {
            "speaker_id": STATION,
            "receipt_id": f"relay-{secrets.token_hex(8)}",
            "broadcast_id": broadcast,
            "event": _EVENTS[event],
            "at": from_ms(at),
            "received_at": self._core.clock.now(),
            "detail": detail,
        }
        with self._core.database.write() as session:
            chain.append(session, LedgerEntry, [entry])


def _due(session: Session, now: datetime) -> Iterator[tuple[Place, RelayOrder]]:
    """The relays whose time is near or has come."""
    rows = (
        select(Broadcast)
        .join(Broadcast.composition)
        .where(
            Broadcast.start_at > now - _LONGEST,
            Broadcast.start_at < now + _LONGEST,
            Broadcast.clip_sha256 == Composition.clip_sha256,  # else nobody knows when its pieces sound
            Broadcast.sent_at.is_not(None),
            Broadcast.cancelled_at.is_(None),
            Broadcast.stopped_at.is_(None),
            Broadcast.missed_at.is_(None),
        )
        .options(
            joinedload(Broadcast.composition),
            joinedload(Broadcast.schedule).selectinload(Schedule.targets),
            selectinload(Broadcast.excluded),
        )
    )
    for broadcast in session.scalars(rows):
        if broadcast.composition is None or broadcast.start_at is None:
            continue
        for number, piece in enumerate(pieces_of(broadcast.composition)):
            start = broadcast.start_at + timedelta(milliseconds=piece.at_ms)
            until = start + timedelta(milliseconds=piece.length_ms)
            if piece.kind is Kind.RELAY and start - _AHEAD <= now < until:
                yield (
                    (broadcast.id, number),
                    RelayOrder(
                        address=piece.address,
                        klass=broadcast.klass,
                        zones=tuple(place.code for place in broadcast.schedule.targets),
                        start_at=UnixMs(to_ms(start)),
                        until=UnixMs(to_ms(until)),
                        title=piece.title,
                        excluded=tuple(place.code for place in broadcast.excluded),
                        broadcast=broadcast.id,
                    ),
                )


def told(session: Session, broadcast: str) -> list[Told]:
    """What the ledger says about the relays of a broadcast, in order."""
    entries = select(LedgerEntry).where(LedgerEntry.broadcast_id == broadcast, LedgerEntry.speaker_id == STATION)
    return [
        Told(entry.detail["name"], entry.detail["relay"], entry.detail["why"], entry.at)
        for entry in session.scalars(entries.order_by(LedgerEntry.id))
    ]
