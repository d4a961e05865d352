"""Append-only logs whose every entry hashes the one before it, so that a change of history shows."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from broadcaster.database import alone
from broadcaster.rows import AuditEntry, Chained, LedgerEntry

START: Final = "0" * 64
"""The hash before the first entry."""
_LOCK: Final = 0x10A


def _hash(previous: str, entry: Chained) -> str:
    """SHA-256 over the previous hash and the entry's facts as canonical JSON."""
    facts = json.dumps(entry.facts(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{facts}".encode()).hexdigest()


def append(session: Session, entries: Sequence[Chained]) -> None:
    """Append entries of one log, in order, in the transaction of what they tell."""
    if not entries:
        return
    session.flush()
    alone(session, _LOCK)
    log = type(entries[0])
    known = f"last-{log.__tablename__}"  # a session is one transaction, and nobody else writes in it
    previous = session.info.get(known) or session.scalar(select(log.hash).order_by(log.id.desc()).limit(1)) or START
    rows = []
    for entry in entries:
        entry.previous_hash = previous
        entry.hash = previous = _hash(previous, entry)
        rows.append({name: getattr(entry, name) for name in log.__mapper__.columns.keys() if name != "id"})  # noqa: SIM118  not a mapping
    session.execute(insert(log), rows)  # not one by one, as the session would: nobody looks at them again
    session.info[known] = previous


def audit(
    session: Session,
    *,
    at: datetime,
    account_id: int | None,
    action: str,
    subject: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down one change that somebody made."""
    append(session, [AuditEntry(at=at, account_id=account_id, action=action, subject=subject, detail=detail or {})])


def first_break(session: Session, log: type[AuditEntry] | type[LedgerEntry]) -> int | None:
    """The id of the first entry that does not follow from the one before it; None when the log is whole."""
    previous = START
    for entry in session.scalars(select(log).order_by(log.id)).yield_per(1000):
        if entry.previous_hash != previous or entry.hash != _hash(previous, entry):
            return entry.id
        previous = entry.hash
    return None
