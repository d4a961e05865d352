"""Sound that people brought: uploads, recordings and tunes."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.rows.base import Base


class Sound(Base):
    """A whole decoded sound, addressed by the SHA-256 of its FLAC bytes; the bytes lie in the sound store. Never changed.

    ``name`` is what its file was called. ``peaks`` is its picture: the highest sample of each equal stretch, 0 to 100.
    """

    __tablename__ = "sound"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    bytes: Mapped[int]
    duration_ms: Mapped[int]
    peaks: Mapped[list[int]] = mapped_column(JSON)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
