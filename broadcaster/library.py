"""The library (kho tư liệu): keeping things, finding them without diacritics, changing them with an audit entry."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, joinedload

from broadcaster import chain
from broadcaster.rows import Bulletin, ItemKind, LibraryItem, LibraryWord

_WORD: Final = re.compile("[a-z0-9]+")
_LONGEST_WORD: Final = 40
_LAST: Final = "~"
"""After every letter and digit, so that a prefix and everything that begins with it lie between it and itself with this behind."""
_MAX_QUERY_WORDS: Final = 8


def fold(text: str) -> str:
    """A text as people type it in a hurry: small letters without marks.

    >>> fold("Tiêm phòng ĐỢT 2")
    'tiem phong dot 2'
    """
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words_of(*texts: str) -> list[str]:
    """The different folded words of some texts, in order."""
    return list(dict.fromkeys(word[:_LONGEST_WORD] for text in texts for word in _WORD.findall(fold(text))))


def index(session: Session, item: LibraryItem) -> None:
    """Bring the words an item is found by in line with it."""
    session.flush()
    session.execute(delete(LibraryWord).where(LibraryWord.item_id == item.id))
    session.add_all(_words(item))
    session.flush()


def _words(item: LibraryItem) -> list[LibraryWord]:
    texts = [item.title, item.category, item.tags, item.text]
    if item.bulletin:
        texts.append(item.bulletin.text)
    if item.sound:
        texts.append(item.sound.name)
    return [LibraryWord(word=word, item_id=item.id) for word in words_of(*texts)]


def add(session: Session, item: LibraryItem) -> LibraryItem:
    """Put a new item on the shelf, with an audit entry."""
    session.add(item)
    index(session, item)
    _audit(session, item, "library.add", (item.created_at, item.account_id), {"kind": item.kind.value})
    return item


def keep_bulletin(session: Session, bulletin: Bulletin, now: datetime) -> LibraryItem:
    """Keep a bulletin; an edit of one, or the same one again, takes the place of what was kept."""
    item = _kept(session, bulletin)
    if item is None:
        item = LibraryItem(kind=ItemKind.BULLETIN, account_id=bulletin.account_id, created_at=now)
        session.add(item)
    item.title, item.category, item.updated_at = bulletin.title, bulletin.category, now
    item.bulletin, item.sound_sha256 = bulletin, bulletin.sound_sha256
    session.flush()
    session.refresh(item, ["sound"])
    index(session, item)
    return item


def _kept(session: Session, bulletin: Bulletin) -> LibraryItem | None:
    of_bulletin = select(LibraryItem).join(LibraryItem.bulletin).where(LibraryItem.kind == ItemKind.BULLETIN)
    same = (Bulletin.title == bulletin.title) & (Bulletin.text == bulletin.text)
    if bulletin.sound_sha256 is None:
        same &= Bulletin.sound_sha256.is_(None)
    else:
        same &= Bulletin.sound_sha256 == bulletin.sound_sha256
    if bulletin.replaces_id is not None:
        same |= Bulletin.id == bulletin.replaces_id
    return session.scalars(of_bulletin.where(same).order_by(LibraryItem.id.desc()).limit(1)).first()


def catch_up(session: Session, now: datetime) -> int:
    """Keep every bulletin of before there was a library; returns how many."""
    kept = select(LibraryItem.bulletin_id).where(LibraryItem.bulletin_id.is_not(None))
    if session.scalar(kept.limit(1)) is not None:
        return 0
    bulletins = session.scalars(select(Bulletin).where(Bulletin.rundown.is_(None)).order_by(Bulletin.id)).all()
    for bulletin in bulletins:
        keep_bulletin(session, bulletin, min(bulletin.created_at, now))
    return len(bulletins)


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for.

    Attributes:
        query: words, or beginnings of them, with or without diacritics; all of them must be there.
        kind: only items of this kind.
        category: only items of this category.
        archived: what was put away instead of what is on the shelf.
    """

    query: str = ""
    kind: ItemKind | None = None
    category: str = ""
    archived: bool = False


def find(session: Session, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[Sequence[LibraryItem], int]:
    """The items, last used first, and how many there are in all."""
    away = LibraryItem.archived_at.is_not(None) if wanted.archived else LibraryItem.archived_at.is_(None)
    query = select(LibraryItem).where(away)
    if wanted.kind:
        query = query.where(LibraryItem.kind == wanted.kind)
    if wanted.category:
        query = query.where(LibraryItem.category == wanted.category)
    for word in words_of(wanted.query)[:_MAX_QUERY_WORDS]:
        begins = (LibraryWord.word >= word) & (LibraryWord.word < word + _LAST)
        query = query.where(LibraryItem.id.in_(select(LibraryWord.item_id).where(begins)))
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    shown = query.options(
        joinedload(LibraryItem.sound), joinedload(LibraryItem.bulletin), joinedload(LibraryItem.account)
    )
    shown = shown.order_by(LibraryItem.updated_at.desc(), LibraryItem.id.desc()).limit(limit).offset(offset)
    return session.scalars(shown).all(), count


def change(session: Session, item: LibraryItem, *, account_id: int, now: datetime, **values: str) -> None:
    """Change title, category, tags or text of an item; nothing is written down when nothing is different."""
    before = {name: getattr(item, name) for name in values}
    changed = {name: [before[name], value] for name, value in values.items() if before[name] != value}
    if not changed:
        return
    for name, value in values.items():
        setattr(item, name, value)
    item.updated_at = now
    index(session, item)
    _audit(session, item, "library.change", (now, account_id), changed)


def archive(session: Session, item: LibraryItem, *, account_id: int, now: datetime, away: bool) -> None:
    """Put an item away, or back on the shelf. Nothing is ever deleted: a bulletin may still be heard."""
    if (item.archived_at is not None) is away:
        return
    item.archived_at = now if away else None
    _audit(session, item, "library.archive" if away else "library.restore", (now, account_id), {})


def _audit(
    session: Session, item: LibraryItem, action: str, who: tuple[datetime, int | None], detail: Mapping[str, object]
) -> None:
    at, account_id = who
    facts = {"title": item.title, **detail}
    chain.audit(session, at=at, account_id=account_id, action=action, subject=str(item.id), detail=facts)


def furnish(session: Session, items: Sequence[LibraryItem], now: datetime) -> None:
    """Put what is shipped on the shelf, all with one audit entry of the station itself."""
    if not items:
        return
    session.add_all(items)
    session.flush()
    session.add_all(word for item in items for word in _words(item))
    detail = {"origins": [item.origin for item in items]}
    chain.audit(session, at=now, account_id=None, action="library.furnish", subject="library", detail=detail)


def origins(session: Session) -> set[str]:
    """What was shipped and put on the shelf once; changed or archived, it stays so."""
    return {origin for origin in session.scalars(select(LibraryItem.origin)) if origin}
