"""Keys of somebody else, such as a province's: what was asked for them, and until when they are locked out."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base
from broadcaster.rows.places import Place


class GuestKey(Base):
    """A key that somebody wants to be trusted for alerts. Whether it is, only the trust that the root key signed tells.

    Attributes:
        places: where, each with everything inside it; none: everywhere, places to come included.
        signed_at, revoked_at: when the root key did what was asked for.
        revoke_asked_at: when somebody wanted its trust to be taken back.
        locked_until: until when speakers were told not to believe it.
    """

    __tablename__ = "guest_key"

    kid: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    public_key: Mapped[str] = mapped_column(String(43))
    max_level: Mapped[int]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    revoke_asked_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]

    account: Mapped[Account] = relationship()
    places: Mapped[list[Place]] = relationship(secondary="guest_key_place", order_by="Place.position")


class GuestKeyPlace(Base):
    """A place in which a guest's key may raise alerts."""

    __tablename__ = "guest_key_place"

    kid: Mapped[str] = mapped_column(ForeignKey("guest_key.kid"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
