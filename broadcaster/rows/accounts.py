"""Who: accounts, what they were granted where, and the audit log of what they changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.base import Base, Chained, words
from broadcaster.rows.places import Place


class Role(StrEnum):
    """What an account is to the station; `broadcaster.permissions` says what that allows."""

    ADMINISTRATOR = "administrator"
    EDITOR = "editor"
    APPROVER = "approver"
    DUTY_OFFICER = "duty-officer"
    VILLAGE_HEAD = "village-head"
    TECHNICIAN = "technician"
    VIEWER = "viewer"


class Account(Base):
    """Someone who may sign in."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    full_name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    grants: Mapped[list["Grant"]] = relationship(back_populates="account", order_by="Grant.id")


class Grant(Base):
    """A role somebody has in a place and in everything that lies in it; ``place_id`` None means the whole station.

    Never deleted: ``revoked_at`` ends it. A grant with ``delegated_from_id`` lends another person's grant from
    ``valid_from`` until ``valid_until`` (ủy quyền) and ends with the one it was lent from. ``unapproved`` and
    ``daily_minutes`` say how far a village head may go alone: on the air without approval, and for how long a day.
    """

    __tablename__ = "role_grant"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role] = mapped_column(words(Role))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    delegated_from_id: Mapped[int | None] = mapped_column(ForeignKey("role_grant.id"))
    unapproved: Mapped[bool] = mapped_column(default=False)
    daily_minutes: Mapped[int] = mapped_column(default=15)

    account: Mapped[Account] = relationship(back_populates="grants")
    place: Mapped[Place | None] = relationship()
    delegated_from: Mapped["Grant | None"] = relationship(remote_side="Grant.id")


class AuditEntry(Chained):
    """One change somebody made; ``account_id`` is None for the station itself."""

    __tablename__ = "audit_entry"

    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]]

    @classmethod
    def facts(cls, entry: Mapping[str, Any]) -> list[Any]:
        """What is hashed."""
        at = entry["at"].astimezone(UTC).isoformat()
        return [at, entry["account_id"], entry["action"], entry["subject"], entry["detail"]]
