"""The keys this station signs with, and those it signed with before."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.rows.base import Base


class OwnKey(Base):
    """The station key or the emergency key. Whether it is believed, only the trust that the root key signed tells.

    Attributes:
        name: of its file, ``station`` or ``emergency``.
        locked_until: until when speakers were told not to believe it.
        replaced_at: when the root key revoked it and signed for another one.
    """

    __tablename__ = "own_key"

    kid: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    public_key: Mapped[str] = mapped_column(String(43))
    since: Mapped[datetime]
    locked_until: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]
