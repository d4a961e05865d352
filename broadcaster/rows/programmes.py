"""What programmes are made of: the occurrences as composed, and the sounds that only programmes have."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.base import Base
from broadcaster.rows.bulletins import Clip


class Composition(Base):
    """One occurrence of a programme as it will air, or aired: its pieces in order (see `scheduler.rundown`).

    ``key`` names everything that its sound is made of; ``clip_sha256`` is that sound, once there is one. ``why`` says why
    there is nothing to air; ``left_out`` which bulletins it leaves out, each with its reason.
    """

    __tablename__ = "composition"

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcast.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    pieces: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    why: Mapped[str] = mapped_column(String(40), default="")
    composed_at: Mapped[datetime]
    clip_sha256: Mapped[str | None] = mapped_column(ForeignKey("clip.sha256"))
    error: Mapped[str | None] = mapped_column(String(300))
    """Why the last attempt to make the sound failed; it is tried again."""

    clip: Mapped[Clip | None] = relationship()


class ProgrammeSound(Base):
    """A sound of a programme that is no bulletin: a tune, generated words, cut music. ``key`` is all that it is made of."""

    __tablename__ = "programme_sound"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    clip_sha256: Mapped[str] = mapped_column(ForeignKey("clip.sha256"))
