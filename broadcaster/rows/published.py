"""What was said on the wire: the latest envelope of every retained topic, and which clips went to which zone."""

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.rows.base import Base


class Published(Base):
    """The document in force on one topic. ``confirmed_seq`` is the last one a broker acknowledged."""

    __tablename__ = "published"

    topic: Mapped[str] = mapped_column(String(200), primary_key=True)
    typ: Mapped[str] = mapped_column(String(40))
    seq: Mapped[int] = mapped_column(BigInteger)
    exp: Mapped[int] = mapped_column(BigInteger)
    payload_sha256: Mapped[str] = mapped_column(String(64))
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class Distribution(Base):
    """A clip whose segments have all been sent to a zone: never again to the whole zone."""

    __tablename__ = "distribution"

    clip_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    zone: Mapped[str] = mapped_column(String(40), primary_key=True)
    sent_at: Mapped[datetime]
