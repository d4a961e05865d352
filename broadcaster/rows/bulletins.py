"""What is said: bulletins, drafts of them, and the finished clips."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words
from broadcaster.rows.sounds import Sound
from broadcaster.wire.documents import Class


class Clip(Base):
    """A whole finished sound, addressed by the SHA-256 of its Ogg Opus bytes; the bytes lie in the clip store."""

    __tablename__ = "clip"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    duration_ms: Mapped[int]
    created_at: Mapped[datetime]


_IS_PROGRAMME = text("rundown IS NOT NULL")


class Bulletin(Base):
    """A text as an officer typed it, and how it is spoken. Never changed once stored: an edit makes a successor.

    ``submission`` is the form's own name, so that a form sent twice is stored once. ``spoken`` is the reading the
    officer saw. ``clip_sha256`` is the sound made of it, once there is one.

    With ``sound_sha256`` a sound that somebody brought is heard, from ``sound_start_ms`` to ``sound_end_ms`` (None: its end),
    instead of a voice; ``text`` is then a note that nobody reads aloud. ``music`` says that it is music.

    ``opening_tune`` is the tune before all: ``opening_sound_sha256``, or the house's own where that is None; the closing one likewise.

    With ``rundown`` it is a programme (see `scheduler.rundown`): it has no words and no sound of its own, each of its
    occurrences is composed.
    """

    __tablename__ = "bulletin"
    __table_args__ = (Index("ix_bulletin_programme", "id", sqlite_where=_IS_PROGRAMME, postgresql_where=_IS_PROGRAMME),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    spoken: Mapped[str] = mapped_column(Text)
    klass: Mapped[Class] = mapped_column(words(Class))
    category: Mapped[str] = mapped_column(String(60), default="")
    voice: Mapped[str] = mapped_column(String(40))
    repeats: Mapped[int]
    chime: Mapped[bool]
    sound_sha256: Mapped[str | None] = mapped_column(ForeignKey("sound.sha256"))
    sound_start_ms: Mapped[int] = mapped_column(default=0)
    sound_end_ms: Mapped[int | None]
    speed: Mapped[str] = mapped_column(String(10), default="normal", server_default="normal")
    pause: Mapped[str] = mapped_column(String(10), default="normal", server_default="normal")
    opening_tune: Mapped[bool] = mapped_column(default=False, server_default=false())
    closing_tune: Mapped[bool] = mapped_column(default=False, server_default=false())
    opening_sound_sha256: Mapped[str | None] = mapped_column(ForeignKey("sound.sha256"))
    closing_sound_sha256: Mapped[str | None] = mapped_column(ForeignKey("sound.sha256"))
    music: Mapped[bool] = mapped_column(default=False, server_default=false())
    readings: Mapped[dict[str, Any] | None]
    """Corrections of single words that hold for this bulletin alone: written form to spoken form."""
    rundown: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("bulletin.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    clip_sha256: Mapped[str | None] = mapped_column(ForeignKey("clip.sha256"))
    speech_error: Mapped[str | None] = mapped_column(String(300))
    """Why the last attempt to make the sound failed; it is tried again."""
    voice_used: Mapped[str | None] = mapped_column(String(40))
    voice_reason: Mapped[str | None] = mapped_column(String(300))
    """Which voice speaks in the place of ``voice``, and why; None when it speaks itself."""

    account: Mapped[Account] = relationship()
    clip: Mapped[Clip | None] = relationship()
    sound: Mapped[Sound | None] = relationship(foreign_keys=[sound_sha256])


class CategoryDefault(Base):
    """What an administrator wants a category's bulletins to begin with; where there is no row, what is shipped.

    ``choices`` holds fields of the form by their names: voice, speed, pause, repeats, chime, opening_tune, closing_tune.
    """

    __tablename__ = "category_default"

    category: Mapped[str] = mapped_column(String(60), primary_key=True)
    choices: Mapped[dict[str, Any]]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    changed_at: Mapped[datetime]

    account: Mapped[Account] = relationship()


class Draft(Base):
    """A form that has not been sent yet, as it stands."""

    __tablename__ = "draft"

    submission: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    fields: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
