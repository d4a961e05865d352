"""The library (kho tư liệu): what is kept to be used again, and the words it is found by."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words
from broadcaster.rows.bulletins import Bulletin
from broadcaster.rows.sounds import Sound


class ItemKind(StrEnum):
    """What an item of the library is."""

    TEMPLATE = "template"
    RECORDING = "recording"
    TUNE = "tune"
    STING = "sting"
    BULLETIN = "bulletin"


class LibraryItem(Base):
    """Something kept. A bulletin's text and sound stay with the bulletin; ``origin`` names what was shipped with the station."""

    __tablename__ = "library_item"
    __table_args__ = (Index("ix_library_item_shelf", "archived_at", "kind", "updated_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ItemKind] = mapped_column(words(ItemKind))
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(60), default="")
    tags: Mapped[str] = mapped_column(String(300), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    sound_sha256: Mapped[str | None] = mapped_column(ForeignKey("sound.sha256"))
    bulletin_id: Mapped[int | None] = mapped_column(ForeignKey("bulletin.id"), unique=True)
    origin: Mapped[str | None] = mapped_column(String(60), unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    account: Mapped[Account | None] = relationship()
    bulletin: Mapped[Bulletin | None] = relationship()
    sound: Mapped[Sound | None] = relationship()


class LibraryWord(Base):
    """One word, folded to plain small letters, by which an item is found; compared byte by byte, so that a prefix is a range."""

    __tablename__ = "library_word"

    word: Mapped[str] = mapped_column(
        String(40).with_variant(String(40, collation="C"), "postgresql"), primary_key=True
    )
    item_id: Mapped[int] = mapped_column(ForeignKey("library_item.id"), primary_key=True, index=True)
