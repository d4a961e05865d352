"""The CAP messages that are kept: which are known, which wait, how many may come, and what is thrown away again."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session, joinedload

from broadcaster.alert_orders import LONGEST_LIFE
from broadcaster.errors import LoaError
from broadcaster.rows import CapMessage, CapOutcome, CapSource

MOST_A_MINUTE: Final = 60
"""Messages of one source."""
_MINUTE: Final = timedelta(minutes=1)
MOST_WAITING: Final = 100
"""Proposals of one source: nobody could decide more."""
_KEPT: Final = 200
"""Of what one source sent for nothing: so many refused documents, and so many originals of what was not heard."""
_UNHEARD: Final = (CapOutcome.IGNORED, CapOutcome.DISMISSED, CapOutcome.SUPERSEDED)


class TooManyError(LoaError):
    """A source sends more than `MOST_A_MINUTE`, or has `MOST_WAITING` proposals waiting."""


def proposals(session: Session, now: datetime) -> Sequence[CapMessage]:
    """What waits for a person, the latest first; what is older than any alert lives waits for nobody."""
    waiting = CapMessage.outcome == CapOutcome.PROPOSED, CapMessage.received_at > now - LONGEST_LIFE
    rows = select(CapMessage).where(*waiting).options(joinedload(CapMessage.source))
    return session.scalars(rows.order_by(CapMessage.id.desc())).all()


def known(session: Session, source: CapSource, digest: str) -> CapMessage | None:
    """The same content that this source has sent before."""
    rows = select(CapMessage).where(CapMessage.source == source, CapMessage.sha256 == digest)
    return session.scalar(rows.order_by(CapMessage.id).limit(1))


def check_rate(session: Session, source: CapSource, now: datetime) -> None:
    """Nobody keeps the station busy. Errors: TooManyError."""
    recent = CapMessage.received_at > now - _MINUTE
    if _count(session, CapMessage.source == source, recent) >= MOST_A_MINUTE:
        raise TooManyError(source.name)


def check_waiting(session: Session, source: CapSource, now: datetime) -> None:
    """Nobody buries what waits for a person under more of it; call it with the new one there. Errors: TooManyError."""
    waits = (CapMessage.outcome == CapOutcome.PROPOSED, CapMessage.received_at > now - LONGEST_LIFE)
    if _count(session, CapMessage.source == source, *waits) > MOST_WAITING:
        raise TooManyError(source.name)


def supersede(session: Session, messages: Iterable[CapMessage]) -> None:
    """Of these nothing need be decided any more; what somebody has decided at this moment stays decided."""
    waits = (CapMessage.id.in_([one.id for one in messages]), CapMessage.outcome == CapOutcome.PROPOSED)
    session.execute(update(CapMessage).where(*waits).values(outcome=CapOutcome.SUPERSEDED))


def _count(session: Session, *those: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(CapMessage).where(*those)) or 0


def forget(session: Session, source: CapSource, now: datetime) -> None:
    """Nobody fills the disk with what nobody hears; that it came, and its name, stay known. What nobody decided is over one day."""
    of_source = CapMessage.source == source
    session.execute(
        update(CapMessage)
        .where(of_source, CapMessage.outcome == CapOutcome.PROPOSED, CapMessage.received_at <= now - LONGEST_LIFE)
        .values(outcome=CapOutcome.IGNORED, reason="expired")
    )
    nameless = (of_source, CapMessage.outcome == CapOutcome.REFUSED)
    unheard = (of_source, CapMessage.outcome.in_(_UNHEARD))
    if oldest := _oldest_kept(session, nameless):
        session.execute(delete(CapMessage).where(*nameless, CapMessage.id < oldest))
    if oldest := _oldest_kept(session, unheard):
        full = (*unheard, CapMessage.id < oldest, CapMessage.original != b"")
        session.execute(update(CapMessage).where(*full).values(original=b""))


def _oldest_kept(session: Session, those: tuple[ColumnElement[bool], ...]) -> int | None:
    """The last of the newest `_KEPT`."""
    return session.scalar(select(CapMessage.id).where(*those).order_by(CapMessage.id.desc()).offset(_KEPT - 1).limit(1))
