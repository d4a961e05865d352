"""Who: accounts, and the audit log of what they changed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.rows.base import Base, Chained, words


class Role(StrEnum):
    """What an account may do."""

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
    role: Mapped[Role] = mapped_column(words(Role))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class AuditEntry(Chained):
    """One change somebody made; ``account_id`` is None for the station itself."""

    __tablename__ = "audit_entry"

    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]]

    def facts(self) -> list[Any]:
        """What is hashed."""
        return [self.at.astimezone(UTC).isoformat(), self.account_id, self.action, self.subject, self.detail]
