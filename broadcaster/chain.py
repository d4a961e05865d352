"""Append-only logs whose every entry hashes the one before it, so that a change of history shows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from broadcaster.database import alone
from broadcaster.rows import AuditEntry, Chained, LedgerEntry

START: Final = "0" * 64
"""The hash before the first entry."""
_LOCK: Final = 0x10A
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _hash(previous: str, facts: Sequence[Any]) -> str:
    """SHA-256 over the previous hash and an entry's facts as canonical JSON."""
    return hashlib.sha256(f"{previous}\n{_CANONICAL.encode(facts)}".encode()).hexdigest()


def append(session: Session, log: type[Chained], entries: Sequence[Mapping[str, Any]]) -> None:
    """Append entries to a log, in order, in the transaction of what they tell; each is given by its columns."""
    if not entries:
        return
    session.flush()
    alone(session, _LOCK)
    known = f"last-{log.__tablename__}"  # a session is one transaction, and nobody else writes in it
    previous = session.info.get(known) or session.scalar(select(log.hash).order_by(log.id.desc()).limit(1)) or START
    rows = []
    for entry in entries:
        before, previous = previous, _hash(previous, log.facts(entry))
        rows.append({**entry, "previous_hash": before, "hash": previous})
    session.execute(insert(_table(log)), rows)
    session.info[known] = previous


def _table(log: type[Chained]) -> Table:
    """Where its entries are: they are many, and the session need not follow what is never changed."""
    return log.metadata.tables[log.__tablename__]


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
    entry = {"at": at, "account_id": account_id, "action": action, "subject": subject, "detail": detail or {}}
    append(session, AuditEntry, [entry])


def first_break(session: Session, log: type[AuditEntry] | type[LedgerEntry]) -> int | None:
    """The id of the first entry that does not follow from the one before it; None when the log is whole."""
    previous = START
    for row in session.execute(select(_table(log)).order_by(log.id)).yield_per(1000):
        entry = row._asdict()
        if entry["previous_hash"] != previous or entry["hash"] != _hash(previous, log.facts(entry)):
            return int(entry["id"])
        previous = entry["hash"]
    return None
