"""Live voice: who spoke to which places, when, how long, and where the recording lies."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words
from broadcaster.rows.places import Place
from broadcaster.rows.sounds import Sound
from broadcaster.wire.documents import Class


class TalkEnd(StrEnum):
    """How a talk came to its end."""

    RELEASED = "released"
    DROPPED = "dropped"
    LIMIT = "limit"
    SILENT = "silent"
    STOPPED = "stopped"
    DISPLACED = "displaced"
    REVOKED = "revoked"
    STATION = "station"


class Talk(Base):
    """One talk into open microphone (lượt nói trực tiếp), from the press of the button to its end.

    ``id`` is the name of its stream on the wire, and so of its receipts in the ledger. ``audience`` names the speakers it
    was for. ``grant_id`` is set where it counts against a village's minutes. ``sound_sha256`` is the recording, as soon
    as it lies in the sound store; before that, it lies in a file of its own.
    """

    __tablename__ = "talk"
    __table_args__ = (Index("ix_talk_begun_at", "begun_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    grant_id: Mapped[int | None] = mapped_column(ForeignKey("role_grant.id"), index=True)
    klass: Mapped[Class] = mapped_column(words(Class))
    audience: Mapped[list[str]] = mapped_column(JSON)
    begun_at: Mapped[datetime]
    limit_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end: Mapped[TalkEnd | None] = mapped_column(words(TalkEnd))
    duration_ms: Mapped[int] = mapped_column(default=0)
    sound_sha256: Mapped[str | None] = mapped_column(ForeignKey("sound.sha256"))

    account: Mapped[Account] = relationship()
    targets: Mapped[list[Place]] = relationship(secondary="talk_target", order_by="Place.position")
    sound: Mapped[Sound | None] = relationship()


class TalkTarget(Base):
    """A place that a talk was for."""

    __tablename__ = "talk_target"

    talk_id: Mapped[str] = mapped_column(ForeignKey("talk.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
