"""When, where, and what became of it: schedules, broadcasts, deliveries and the ledger of receipts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.base import Base, Chained, words
from broadcaster.rows.bulletins import Bulletin, Clip
from broadcaster.rows.places import Place
from broadcaster.rows.programmes import Composition
from broadcaster.rows.speakers import Speaker
from broadcaster.wire.documents import Class, Event


class ScheduleKind(StrEnum):
    """How often a schedule airs."""

    NOW = "now"
    ONCE = "once"
    REPEATED = "repeated"
    PROGRAMME = "programme"
    """Not by itself: programmes of its places take it in."""


class Schedule(Base):
    """When and where a bulletin airs.

    ``start_at`` is the first time (None for NOW and PROGRAMME); ``rrule`` the text of its rule (RFC 5545 and our own properties, see
    ``docs/schedules.md``), counted from it in the station's time zone.
    """

    __tablename__ = "schedule"

    id: Mapped[int] = mapped_column(primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"), index=True)
    kind: Mapped[ScheduleKind] = mapped_column(words(ScheduleKind))
    start_at: Mapped[datetime | None]
    rrule: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]

    bulletin: Mapped[Bulletin] = relationship()
    targets: Mapped[list[Place]] = relationship(secondary="schedule_target", order_by="Place.position")


class ScheduleTarget(Base):
    """A place a schedule airs in."""

    __tablename__ = "schedule_target"

    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)


_UNSENT = "sent_at IS NULL AND cancelled_at IS NULL AND stopped_at IS NULL AND missed_at IS NULL"


class Broadcast(Base):
    """One airing at one moment. Its state is never stored: it follows from these facts and the time (see `airing`).

    ``occurrence`` is the moment the schedule meant; ``start_at`` the one that was planned (None while a broadcast that
    shall air now is being prepared). ``sent_at`` is when the broker confirmed every plan that contains it.
    """

    __tablename__ = "broadcast"
    __table_args__ = (
        UniqueConstraint("schedule_id", "occurrence"),
        Index("ix_broadcast_start_at", "start_at"),
        Index("ix_broadcast_occurrence", "occurrence"),
        Index("ix_broadcast_unsent", "occurrence", sqlite_where=text(_UNSENT), postgresql_where=text(_UNSENT)),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"), index=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"), index=True)
    occurrence: Mapped[datetime]
    start_at: Mapped[datetime | None]
    klass: Mapped[Class] = mapped_column(words(Class))
    late_ms: Mapped[int]
    clip_sha256: Mapped[str | None] = mapped_column(ForeignKey("clip.sha256"))
    created_at: Mapped[datetime]
    sent_by: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    missed_why: Mapped[str | None] = mapped_column(String(40))

    schedule: Mapped[Schedule] = relationship()
    bulletin: Mapped[Bulletin] = relationship()
    clip: Mapped[Clip | None] = relationship()
    composition: Mapped[Composition | None] = relationship(viewonly=True)
    excluded: Mapped[list[Place]] = relationship(secondary="broadcast_exclusion", order_by="Place.position")
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="broadcast")

    @property
    def sound(self) -> Clip | None:
        """The sound it should have by now: its bulletin's, or that of this very occurrence of a programme."""
        if self.bulletin.rundown is None:
            return self.bulletin.clip
        return self.composition.clip if self.composition else None


class BroadcastExclusion(Base):
    """A place in which one broadcast was stopped while it goes on elsewhere."""

    __tablename__ = "broadcast_exclusion"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcast.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)


class DeliveryState(StrEnum):
    """The furthest a speaker is known to have come with a broadcast."""

    PLANNED = "planned"
    CACHED = "cached"
    PLAYING = "playing"
    FINISHED = "finished"
    SKIPPED = "skipped"
    MISSED = "missed"
    FAILED = "failed"
    STOPPED = "stopped"
    PREEMPTED = "preempted"


class Delivery(Base):
    """One row per broadcast and speaker: what is known of it, never more.

    ``why`` is a code of `wire.documents.Why` or one of the station's own.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state", "broadcast_id", "state"),)

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcast.id"), primary_key=True)
    speaker_id: Mapped[str] = mapped_column(ForeignKey("speaker.id"), primary_key=True)
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState))
    why: Mapped[str | None] = mapped_column(String(40))
    cached_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    start_position_ms: Mapped[int] = mapped_column(default=0)
    played_ms: Mapped[int] = mapped_column(default=0)

    broadcast: Mapped[Broadcast] = relationship(back_populates="deliveries")
    speaker: Mapped[Speaker] = relationship()


class LedgerEntry(Chained):
    """One receipt as it was believed."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("speaker_id", "receipt_id"),)

    speaker_id: Mapped[str] = mapped_column(String(40))
    receipt_id: Mapped[str] = mapped_column(String(64))
    broadcast_id: Mapped[str] = mapped_column(String(64), index=True)
    event: Mapped[Event] = mapped_column(words(Event))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]

    @classmethod
    def facts(cls, entry: Mapping[str, Any]) -> list[Any]:
        """What is hashed."""
        moments = [entry[name].astimezone(UTC).isoformat() for name in ("at", "received_at")]
        told = [entry[name] for name in ("speaker_id", "receipt_id", "broadcast_id")]
        return [*told, entry["event"].value, *moments, entry["detail"]]
