"""What people are told: the list behind the bell, the addresses they gave, and the queue of what is pushed there."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words


class NoticeKind(StrEnum):
    """What a notice is about."""

    SUBMITTED = "submitted"
    DEADLINE = "deadline"
    RETURNED = "returned"
    NOT_APPROVED = "not-approved"
    DISPLACED = "displaced"
    REPLACED = "replaced"
    VILLAGE = "village"
    TRIAL = "trial"


class Notice(Base):
    """Something one person is told, once: ``key`` names the occasion. ``detail`` fills the sentence."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("account_id", "kind", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[NoticeKind] = mapped_column(words(NoticeKind))
    key: Mapped[str] = mapped_column(String(100))
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedule.id"))
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Address(Base):
    """Where a person wants notices pushed: an Apprise address, which is a secret."""

    __tablename__ = "notice_address"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()


_WAITING = "sent_at IS NULL AND given_up_at IS NULL"


class Push(Base):
    """One notice on its way to one address; tried again at ``next_at`` until sent or given up."""

    __tablename__ = "notice_push"
    __table_args__ = (
        Index("ix_notice_push_waiting", "next_at", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
    )

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    address_id: Mapped[int] = mapped_column(ForeignKey("notice_address.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(String(200), default="")

    notice: Mapped[Notice] = relationship()
    address: Mapped[Address] = relationship()
