"""Keys that are locked out (khóa phát): no speaker believes them for a time, whatever their thief still sends.

A command is never retained: whoever says hello is told, and everybody again and again while the lock-out lasts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import setup_documents
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.publishing import Publisher
from broadcaster.rows import GuestKey, OwnKey
from broadcaster.wire import acceptance
from broadcaster.wire.documents import Action, Command
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs

LONGEST: Final = timedelta(milliseconds=acceptance.MAX_LOCK_OUT_MS)
"""A lock-out of that length begins now; another press renews it."""


@dataclass(frozen=True)
class LockOut:
    """A key that is not believed, and until when."""

    kid: str
    until: UnixMs


def in_force(session: Session, now: datetime) -> list[LockOut]:
    """The keys that are locked out now, guests' and the station's own."""
    found = [
        *session.execute(select(GuestKey.kid, GuestKey.locked_until).where(GuestKey.locked_until > now)),
        *session.execute(
            select(OwnKey.kid, OwnKey.locked_until).where(OwnKey.locked_until > now, OwnKey.replaced_at.is_(None))
        ),
    ]
    return [LockOut(kid, to_ms(until)) for kid, until in found if until]


def to_everybody(session: Session, core: Core, locks: Iterable[LockOut]) -> list[tuple[str, bytes]]:
    """Every lock-out as a command to the whole station: the caller sends it."""
    topics = [core.topics.command(zone) for zone in setup_documents.top_zones(session)]
    return orders(Publisher(session, core.clock), core, locks, topics)


def orders(
    publisher: Publisher, core: Core, locks: Iterable[LockOut], topics: Iterable[str]
) -> list[tuple[str, bytes]]:
    """Every lock-out as a command on each topic, signed with the emergency key."""
    exp = UnixMs(core.clock.now_ms() + acceptance.MAX_COMMAND_MS)
    to = list(topics)
    return [
        (topic, publisher.once(core.keyring.emergency, Kind.COMMAND, topic, _command(lock), exp))
        for lock in locks
        for topic in to
    ]


def _command(lock: LockOut) -> Command:
    return Command(action=Action.LOCK_OUT, keys=(lock.kid,), until=lock.until)
