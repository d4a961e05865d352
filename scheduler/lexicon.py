"""The lexicon in force: the shipped one, what the station keeps, and what one bulletin has corrected for itself."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain
from broadcaster.rows import LexiconEntry
from tts.reading import HOUSE, Lexicon, LexiconError

MAX_WRITTEN: Final = 100
MAX_SPOKEN: Final = 300
MAX_CORRECTIONS: Final = 200
"""Of one bulletin."""


def in_force(session: Session, corrections: Mapping[str, str] | None = None) -> Lexicon:
    """The words to read a bulletin with; its own ``corrections`` win. An unusable correction is left out."""
    rows = session.execute(select(LexiconEntry.written, LexiconEntry.spoken).order_by(LexiconEntry.written))
    kept = _extended(tuple((written, spoken) for written, spoken in rows))
    usable = {written: spoken for written, spoken in (corrections or {}).items() if is_usable(written, spoken)}
    return kept.with_entries(usable) if usable else kept


def is_usable(written: str, spoken: str) -> bool:
    """Whether a reading can be kept: it begins with a letter or figure and is spoken in plain words."""
    if len(written) > MAX_WRITTEN or len(spoken) > MAX_SPOKEN or "\n" in written:
        return False
    try:
        HOUSE.with_entries({written: spoken})
    except LexiconError:
        return False
    return True


def keep(session: Session, written: str, spoken: str, *, account_id: int, now: datetime) -> LexiconEntry:
    """Store a reading for the whole station, in the place of an older one. Errors: LexiconError."""
    if not is_usable(written, spoken):
        raise LexiconError(written, spoken)
    entry = session.scalar(select(LexiconEntry).where(LexiconEntry.written == written))
    before = entry.spoken if entry else None
    if entry is None:
        entry = LexiconEntry(written=written)
        session.add(entry)
    entry.spoken, entry.account_id, entry.changed_at = spoken, account_id, now
    if before != spoken:
        detail = {"spoken": spoken, "before": before}
        chain.audit(session, at=now, account_id=account_id, action="lexicon.keep", subject=written, detail=detail)
    return entry


def forget(session: Session, entry: LexiconEntry, *, account_id: int, now: datetime) -> None:
    """Remove a reading; the shipped rules read the word again."""
    session.delete(entry)
    detail = {"before": entry.spoken}
    chain.audit(session, at=now, account_id=account_id, action="lexicon.forget", subject=entry.written, detail=detail)


@lru_cache(maxsize=8)
def _extended(entries: tuple[tuple[str, str], ...]) -> Lexicon:
    """Built once for the same entries: a preview asks at every pause in typing."""
    return HOUSE.with_entries(dict(entries)) if entries else HOUSE
