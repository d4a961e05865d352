"""One pass over the programmes: what their near occurrences are made of is chosen in a read transaction and written in short ones.

As planning does (docs/adr/0031): while one of them lasts, nobody else writes.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from broadcaster import airing
from broadcaster.core import Core
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Bulletin, Composition, Schedule, Station
from scheduler.composing import Composer, Settled
from scheduler.materialisation import LATE_MS
from scheduler.rundown import Composed

log = logging.getLogger(__name__)

AHEAD: Final = timedelta(hours=26)
"""So far ahead programmes are composed and sent, and the next one of each whenever it airs; later ones would change anyway."""
AT_ONCE: Final = 25
"""Compositions in one transaction: each is a row of some kilobytes."""


def compose_all(core: Core, now: datetime) -> None:
    """Bring the compositions of all occurrences that are near in line, a few in each transaction; none where nothing changes."""
    found: list[Settled] = []
    with core.database.read() as session:
        if near := _near(session, now):
            station = session.scalars(select(Station)).one()
            composer = Composer(session, station, Geography.load(session), now)
            for broadcast in near:
                with core.counters.edge("composing"):
                    found += composer.settle(broadcast)
    for part in _parts(found):
        with core.database.write() as session:
            _write(session, part, now)


def _parts(found: Iterable[Settled]) -> Iterator[list[Settled]]:
    """What has to be written, cut into transactions that are short: one that is missed may have many deliveries."""
    part: list[Settled] = []
    for each in found:
        part.append(each)
        if each.missed or len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _write(session: Session, settled: Collection[Settled], now: datetime) -> None:
    """Write down what was decided, but for what somebody has stopped, called off or changed since."""
    rows = select(Broadcast).where(Broadcast.id.in_({each.broadcast for each in settled}), *airing.OPEN)
    still = {each.id: each for each in session.scalars(rows.options(joinedload(Broadcast.composition)))}
    for each in settled:
        broadcast = still.get(each.broadcast)
        kept = broadcast.composition if broadcast else None
        if broadcast is None or (kept.key if kept else None) != each.before:
            continue
        if each.made:
            _keep(session, each.broadcast, each.made, now, anew=each.made.key != each.before)
        broadcast.late_ms = each.late_ms
        if each.withdrawn:  # what may not air any more must not wait in the plan for the new sound
            broadcast.clip_sha256 = broadcast.sent_by = broadcast.sent_at = None
        if each.missed:
            airing.ensure_deliveries(session, {broadcast.id: each.audience})
            airing.miss(session, [broadcast.id], each.missed, now)
            log.error("programme missed broadcast=%s why=%s", broadcast.id, each.missed)


def _keep(session: Session, broadcast: str, made: Composed, now: datetime, *, anew: bool) -> None:
    """Write down what an occurrence is made of; its sound stays as long as that does."""
    facts = {"left_out": msgspec.to_builtins(made.left_out), "why": made.why}
    if anew:
        facts |= {"key": made.key, "pieces": msgspec.to_builtins(made.pieces), "composed_at": now}
        facts |= {"clip_sha256": None, "error": None}
    session.merge(Composition(broadcast_id=broadcast, **facts))


def _near(session: Session, now: datetime) -> list[Broadcast]:
    """Occurrences of programmes that have not begun and are near, the nearest first.

    One that nobody has composed in time is near as long as speakers may join it: it was sent in seconds before.
    """
    rows = (
        select(Broadcast)
        .where(
            Broadcast.bulletin_id.in_(select(Bulletin.id).where(Bulletin.rundown.is_not(None))),
            Broadcast.occurrence > now - timedelta(milliseconds=LATE_MS),
            *airing.OPEN,
        )
        .options(
            joinedload(Broadcast.bulletin),
            joinedload(Broadcast.composition),
            joinedload(Broadcast.schedule).selectinload(Schedule.targets),
        )
        .order_by(Broadcast.occurrence)
    )
    near, seen = [], set()
    for broadcast in session.scalars(rows):
        if broadcast.occurrence <= now and broadcast.composition:
            continue
        if broadcast.occurrence <= now + AHEAD or broadcast.schedule_id not in seen:
            near.append(broadcast)
        seen.add(broadcast.schedule_id)
    return near
