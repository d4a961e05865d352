"""Signed documents: what is in force on every topic, kept in rows and sent until the broker has confirmed it."""

import logging
from typing import Final

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster.clock import Clock
from broadcaster.rows import Published
from broadcaster.wire import clips, envelope, strict_json
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs

log = logging.getLogger(__name__)

RETAINED: Final = frozenset({Kind.TRUST.value, Kind.PLAN.value, Kind.CONFIG.value})


class Publisher:
    """Signs documents in one transaction and keeps the latest one of each topic.

    ``seq`` is allotted here: Unix milliseconds, increasing per topic over all keys.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock

    def put(
        self, key: SigningKey, kind: Kind, topic: str, document: msgspec.Struct, exp: UnixMs = envelope.NEVER
    ) -> bool:
        """Make ``document`` the one in force on ``topic``; False when it already is."""
        payload = strict_json.encode(document)
        row = self._session.get(Published, topic)
        if row and row.payload_sha256 == clips.sha256(payload) and row.exp >= exp:
            return False
        self._sign(key, kind, topic, payload, exp)
        return True

    def once(self, key: SigningKey, kind: Kind, topic: str, document: msgspec.Struct, exp: UnixMs) -> bytes:
        """The envelope of a message that is said once and never kept for others, such as a command."""
        return self._sign(key, kind, topic, strict_json.encode(document), exp)

    def _sign(self, key: SigningKey, kind: Kind, topic: str, payload: bytes, exp: UnixMs) -> bytes:
        row = self._session.get(Published, topic)
        if row is None:
            row = Published(topic=topic, typ=kind.value, seq=0, exp=0)
            self._session.add(row)
        row.seq = max(self._clock.now_ms(), row.seq + 1)
        row.exp = max(exp, row.exp) if exp else envelope.NEVER
        row.payload_sha256 = clips.sha256(payload)
        row.envelope = envelope.sign(
            key.private, key.kid, typ=kind.value, topic=topic, seq=UnixMs(row.seq), payload=payload, exp=UnixMs(row.exp)
        )
        self._session.flush()
        return row.envelope


def unconfirmed(session: Session) -> list[Published]:
    """The retained documents that no broker has confirmed yet, oldest first."""
    waiting = (
        select(Published)
        .where(Published.typ.in_(RETAINED), Published.confirmed_seq < Published.seq)
        .order_by(Published.typ.desc(), Published.seq)
    )
    return list(session.scalars(waiting))


def in_force(session: Session, now_ms: UnixMs) -> list[Published]:
    """Every retained document that has not expired."""
    valid = select(Published).where(Published.typ.in_(RETAINED), (Published.exp == 0) | (Published.exp > now_ms))
    return list(session.scalars(valid))


def confirm(session: Session, topic: str, seq: int) -> None:
    """A broker has taken over the document ``seq`` of ``topic``."""
    session.execute(
        update(Published).where(Published.topic == topic, Published.confirmed_seq < seq).values(confirmed_seq=seq)
    )


def forget_confirmations(session: Session) -> None:
    """Another broker, or one that lost its store: everything in force has to be sent again."""
    session.execute(update(Published).where(Published.typ.in_(RETAINED)).values(confirmed_seq=0))


def take_expired(session: Session, now_ms: UnixMs) -> list[str]:
    """Delete the rows of documents that have expired; returns the retained topics to clear."""
    expired = list(session.scalars(select(Published).where(Published.exp > 0, Published.exp <= now_ms)))
    for row in expired:
        session.delete(row)
    return [row.topic for row in expired if row.typ in RETAINED]
