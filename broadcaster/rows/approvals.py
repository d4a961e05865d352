"""What was decided about a schedule before it may air, and what village heads aired by themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account, Grant
from broadcaster.rows.base import Base, words
from broadcaster.rows.broadcasts import Schedule


class Verdict(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    RETURNED = "returned"


class Decision(Base):
    """One verdict about a schedule, never changed; the latest one counts, and only for what it was given about.

    ``facts`` is everything that was read and heard (see `broadcaster.approval.facts`), ``fingerprint`` their SHA-256.
    ``on_behalf_of_id`` is the approver who lent the right. The document's bytes lie in the document store.
    """

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"), index=True)
    verdict: Mapped[Verdict] = mapped_column(words(Verdict))
    fingerprint: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    on_behalf_of_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    comment: Mapped[str] = mapped_column(Text, default="")
    document_number: Mapped[str] = mapped_column(String(120), default="")
    document_file: Mapped[str | None] = mapped_column(String(80))
    document_name: Mapped[str] = mapped_column(String(200), default="")

    schedule: Mapped[Schedule] = relationship()
    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    on_behalf_of: Mapped[Account | None] = relationship(foreign_keys=[on_behalf_of_id])


class VillageAiring(Base):
    """A schedule that a village head sent to their own village by right of a grant."""

    __tablename__ = "village_airing"

    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"), primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("role_grant.id"), index=True)

    schedule: Mapped[Schedule] = relationship()
    grant: Mapped[Grant] = relationship()
