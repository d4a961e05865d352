"""What comes in by CAP: the sources, every message with what became of it, and the codes by which others name our places."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.alerts import ApiToken
from broadcaster.rows.base import Base, words
from broadcaster.rows.places import Place


class CapOutcome(StrEnum):
    """What became of a message."""

    REFUSED = "refused"
    """Not a CAP message as it should be; `CapMessage.notes` tells where."""
    IGNORED = "ignored"
    """Right, and nothing to be done."""
    PROPOSED = "proposed"
    """Waits for a person."""
    DUE = "due"
    """Is being carried out; found again after a restart."""
    DONE = "done"
    DISMISSED = "dismissed"
    """A person decided against it."""
    SUPERSEDED = "superseded"
    """Its sender sent another in its place before anybody had decided."""


class CapSource(Base):
    """Somebody whose messages are taken: a feed that is polled (``url``), or a program that pushes (``token_id``).

    Attributes:
        hosts: besides the feed's own, the machines from which messages and sounds may be fetched, with spaces between.
        direct: its messages sound at once; otherwise they wait for a person.
        drills: exercises and tests are heard as drills; otherwise not at all.
        problem: why the last poll failed, a code of `scheduler.fetching`; empty when it did not.
        seen: the entries of the feed that have been taken, each with the date it had.
    """

    __tablename__ = "cap_source"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    url: Mapped[str] = mapped_column(String(1000), default="")
    hosts: Mapped[str] = mapped_column(String(1000), default="")
    token_id: Mapped[int | None] = mapped_column(ForeignKey("api_token.id"), unique=True)
    direct: Mapped[bool]
    drills: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    every_s: Mapped[int] = mapped_column(default=60)
    next_at: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    good_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(300), default="")
    etag: Mapped[str] = mapped_column(String(300), default="")
    modified: Mapped[str] = mapped_column(String(100), default="")
    seen: Mapped[dict[str, Any]] = mapped_column(default=dict)

    token: Mapped[ApiToken | None] = relationship()


class CapMessage(Base):
    """One message as it came, and what became of it.

    Attributes:
        sha256: over the canonical form of a message, over the bytes of anything else.
        key: `cap.message.Reference.key`; None for what is no message.
        reason: why, a code of `web.cap_words`.
        notes: ``notes`` what is to be told about it; ``faults`` what is wrong with it.
        plan: what is to be done: ``orders`` to raise, ``ends`` alerts to end.
        done: ``alerts`` that were raised or ended.
        account_id: who decided.
    """

    __tablename__ = "cap_message"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index("ix_cap_message_source_id_received_at", "source_id", "received_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("cap_source.id"))
    received_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    original: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    key: Mapped[str | None] = mapped_column(String(64), index=True)
    sender: Mapped[str] = mapped_column(String(300), default="")
    identifier: Mapped[str] = mapped_column(String(300), default="")
    sent: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20), default="")
    kind: Mapped[str] = mapped_column(String(20), default="")
    title: Mapped[str] = mapped_column(String(300), default="")
    outcome: Mapped[CapOutcome] = mapped_column(words(CapOutcome), index=True)
    reason: Mapped[str] = mapped_column(String(60), default="")
    notes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done: Mapped[dict[str, Any]] = mapped_column(default=dict)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]

    source: Mapped[CapSource] = relationship()
    account: Mapped[Account | None] = relationship()


class CapReference(Base):
    """A message says that it takes the place of another, which may still be to come."""

    __tablename__ = "cap_reference"

    message_id: Mapped[int] = mapped_column(ForeignKey("cap_message.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)

    message: Mapped[CapMessage] = relationship()


class PlaceGeocode(Base):
    """The name that somebody else's scheme has for one of our places; kept as `cap.area.fold` writes it."""

    __tablename__ = "place_geocode"

    scheme: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(String(100), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)

    place: Mapped[Place] = relationship()
