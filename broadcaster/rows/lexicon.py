"""How this station reads words that the shipped lexicon does not know, or knows otherwise."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base


class LexiconEntry(Base):
    """One written form and its reading, as somebody of the station kept it.

    ``written`` with a capital letter matches exactly, one without matches in any case.
    """

    __tablename__ = "lexicon_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    written: Mapped[str] = mapped_column(String(100), unique=True)
    spoken: Mapped[str] = mapped_column(String(300))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    changed_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
