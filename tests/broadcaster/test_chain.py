from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest
from sqlalchemy import func, select, text

from broadcaster import chain
from broadcaster.database import Database
from broadcaster.rows import AuditEntry, LedgerEntry
from tests.clocks import FixedClock

CLOCK = FixedClock()


def write(database: Database, count: int = 4) -> None:
    with database.write() as session:
        for number in range(count):
            chain.audit(
                session,
                at=CLOCK.now().astimezone(timezone(timedelta(hours=7))),
                account_id=None,
                action="bulletin.submit",
                subject=str(number),
                detail={"title": "Họp thôn", "places": ["thon-dong"], "length": 1.5},
            )


def first_break(database: Database) -> int | None:
    with database.read() as session:
        return chain.first_break(session, AuditEntry)


def test_an_empty_log_and_an_untouched_one_are_whole(database: Database) -> None:
    assert first_break(database) is None
    write(database)
    assert first_break(database) is None


@pytest.mark.parametrize(
    "change",
    [
        "subject = 'x'",
        "action = 'x'",
        "detail = '{}'",
        "at = '2026-01-01 00:00:00'",
        "hash = 'x'",
        "previous_hash = 'x'",
    ],
)
def test_a_changed_field_breaks_the_chain_where_it_was_changed(database: Database, change: str) -> None:
    write(database)
    with database.write() as session:
        session.execute(text(f"UPDATE audit_entry SET {change} WHERE id = 2"))
    assert first_break(database) == 2


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_deleted_entry_breaks_the_chain_at_its_successor(database: Database, gone: int) -> None:
    write(database)
    with database.write() as session:
        session.execute(text(f"DELETE FROM audit_entry WHERE id = {gone}"))
    assert first_break(database) == gone + 1


def test_two_swapped_entries_break_the_chain(database: Database) -> None:
    write(database)
    with database.write() as session:
        for one, other in ((2, 99), (3, 2), (99, 3)):
            session.execute(text(f"UPDATE audit_entry SET id = {other} WHERE id = {one}"))
    assert first_break(database) == 2


def test_concurrent_writers_keep_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: write(database, 5), range(6)))
    assert first_break(database) is None
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 30


def test_the_two_logs_are_chains_of_their_own(database: Database) -> None:
    write(database, 1)
    with database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None
        assert session.scalars(select(AuditEntry.previous_hash)).one() == chain.START
