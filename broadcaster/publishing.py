"""Signed documents: what is in force on every topic, kept in rows and sent until the broker has confirmed it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from broadcaster.clock import Clock, to_ms
from broadcaster.rows import Alert, AlertTarget, Place, Published
from broadcaster.wire import clips, envelope, strict_json
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs

HORIZON: Final = timedelta(days=7)
"""How far ahead plans are published."""
STANDING_DAY: Final = "9999-01-01"
"""The day of the plan that names what speakers keep and never play by itself (see `standing`)."""
RETAINED: Final = frozenset({Kind.TRUST, Kind.PLAN, Kind.CONFIG, Kind.ALERT})


_NEEDED: Final = (Kind.TRUST.value, Kind.CONFIG.value, Kind.ALERT.value, Kind.PLAN.value)


def _later(one: int, other: int) -> int:
    """The later of two expiries."""
    return envelope.NEVER if envelope.NEVER in {one, other} else max(one, other)


class Publisher:
    """Signs documents in one transaction and keeps the latest one of each topic.

    ``seq`` is allotted here: Unix milliseconds, increasing per topic over all keys.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
        self._rows: dict[str, Published | None] = {}
        """What is known of topics, so that it is not asked for one by one; None for one that was never written to."""

    def recall(self, kind: Kind) -> list[Published]:
        """Every kept document of a kind, in one query; `put` then finds them without asking for each."""
        kept = list(self._session.scalars(select(Published).where(Published.typ == kind.value)))
        self._rows |= {row.topic: row for row in kept}
        return kept

    def recall_topics(self, topics: Collection[str]) -> None:
        """What is kept for these topics, in one query; nobody else may write to them in this transaction."""
        kept = self._session.scalars(select(Published).where(Published.topic.in_(topics)))
        self._rows |= dict.fromkeys(topics) | {row.topic: row for row in kept}

    def kept(self, topic: str) -> Published | None:
        """The latest document of a topic, if there ever was one."""
        return self._rows[topic] if topic in self._rows else self._session.get(Published, topic)

    def put(
        self, key: SigningKey, kind: Kind, topic: str, document: msgspec.Struct, exp: UnixMs = envelope.NEVER
    ) -> bool:
        """Make ``document`` the one in force on ``topic``; False when it already is."""
        if self.holds(topic, document, exp):
            return False
        self._sign(key, kind, topic, strict_json.encode(document), exp)
        return True

    def holds(self, topic: str, document: msgspec.Struct, exp: UnixMs = envelope.NEVER) -> bool:
        """Whether ``document`` is the one in force on ``topic``."""
        row = self.kept(topic)
        said = clips.sha256(strict_json.encode(document))
        return row is not None and row.payload_sha256 == said and _later(row.exp, exp) == row.exp

    def once(self, key: SigningKey, kind: Kind, topic: str, document: msgspec.Struct, exp: UnixMs) -> bytes:
        """The envelope of a message that is said once and never kept for others, such as a command."""
        return self._sign(key, kind, topic, strict_json.encode(document), exp)

    def renew(self, key: SigningKey, row: Published) -> None:
        """Sign the document in force on a topic with another key."""
        self._sign(key, Kind(row.typ), row.topic, envelope.parse(row.envelope).payload, UnixMs(row.exp))

    def _sign(self, key: SigningKey, kind: Kind, topic: str, payload: bytes, exp: UnixMs) -> bytes:
        row = self.kept(topic)
        if row is None:
            row = Published(topic=topic, typ=kind.value, seq=0, exp=exp, payload_sha256="", envelope=b"")
            self._session.add(row)
            if topic in self._rows:
                self._rows[topic] = row
            else:
                self._session.flush()  # so that the next one asks for it and finds it
        row.seq = max(self._clock.now_ms(), row.seq + 1)
        row.exp = _later(row.exp, exp)
        row.payload_sha256 = clips.sha256(payload)
        row.envelope = envelope.sign(
            key.private, key.kid, typ=kind.value, topic=topic, seq=UnixMs(row.seq), payload=payload, exp=UnixMs(row.exp)
        )
        return row.envelope


def unconfirmed(session: Session, kinds: Collection[Kind] = RETAINED) -> list[Published]:
    """The retained documents that no broker has confirmed yet: trust, which makes the others believed, then alerts."""
    urgency = case({Kind.TRUST.value: 0, Kind.ALERT.value: 1}, value=Published.typ, else_=2)
    waiting = (
        select(Published)
        .where(Published.typ.in_([kind.value for kind in kinds]), Published.confirmed_seq < Published.seq)
        .order_by(urgency, Published.typ.desc(), Published.seq)
    )
    return list(session.scalars(waiting))


def unconfirmed_of(session: Session, topics: Collection[str]) -> list[Published]:
    """The documents of these topics that no broker has confirmed yet."""
    waiting = select(Published).where(Published.topic.in_(topics), Published.confirmed_seq < Published.seq)
    return list(session.scalars(waiting))


def in_force_for(
    session: Session, speaker: str, zones: Collection[str], topics: Topics, now: datetime
) -> list[Published]:
    """What one speaker should have: trust, its config, alerts and plans of its zones; in the order it needs them."""
    days = [(now + timedelta(days=day)).date().isoformat() for day in range(-2, HORIZON.days + 2)] + [STANDING_DAY]
    names = [topics.down(speaker, "config")]
    for zone in zones:
        names += [topics.trust(zone), *(topics.plan(zone, day) for day in days)]
    alerts = (
        select(Place.code, Alert.id)
        .join(AlertTarget, AlertTarget.place_id == Place.id)
        .join(Alert, Alert.id == AlertTarget.alert_id)
        .where(Alert.expires_at > now, Place.code.in_(zones))
    )
    names += [topics.alert(zone, alert) for zone, alert in session.execute(alerts)]
    valid = (Published.exp == envelope.NEVER) | (Published.exp > to_ms(now))
    found = session.scalars(select(Published).where(Published.topic.in_(names), valid))
    return sorted(found, key=lambda row: (_NEEDED.index(row.typ), row.topic))


def confirm(session: Session, topic: str, seq: int) -> None:
    """A broker has taken over the document ``seq`` of ``topic``."""
    session.execute(
        update(Published).where(Published.topic == topic, Published.confirmed_seq < seq).values(confirmed_seq=seq)
    )


def forget_confirmations(session: Session, kinds: Collection[Kind] = RETAINED) -> None:
    """Another broker, or one that lost its store: everything in force has to be sent again."""
    forgotten = update(Published).where(Published.typ.in_([kind.value for kind in kinds]))
    session.execute(forgotten.values(confirmed_seq=0))


def take_expired(session: Session, now_ms: UnixMs) -> list[str]:
    """Delete the rows of documents that have expired; returns the retained topics to clear."""
    over = delete(Published).where(Published.exp > 0, Published.exp <= now_ms)
    expired = session.execute(over.returning(Published.topic, Published.typ))
    return [topic for topic, typ in expired if typ in RETAINED]
