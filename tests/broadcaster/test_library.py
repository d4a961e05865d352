from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broadcaster import chain, library
from broadcaster.database import Database
from broadcaster.library import Wanted, fold, words_of
from broadcaster.rows import Account, AuditEntry, Bulletin, Grant, ItemKind, LibraryItem, LibraryWord, Role
from broadcaster.wire.documents import Class
from tests.clocks import FixedClock

NOW = FixedClock().now()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def kept(database: Database) -> Database:
    """A library with four things in it."""
    things = [
        (ItemKind.TEMPLATE, "Lịch tiêm chủng", "y tế", "Trạm y tế {tên xã} tổ chức tiêm vắc-xin."),
        (ItemKind.TEMPLATE, "Họp thôn Đoài", "họp dân", "Kính mời bà con."),
        (ItemKind.TUNE, "Nhạc hiệu buổi sáng", "", ""),
        (ItemKind.RECORDING, "Lời Chủ tịch xã, Tết Ất Tỵ 2025", "", ""),
    ]
    with database.write() as session:
        session.add(
            Account(
                id=1, username="lan", password_hash="", created_at=NOW, grants=[Grant(role=Role.EDITOR, granted_at=NOW)]
            )
        )
        session.flush()
        for age, (kind, title, category, text) in enumerate(things):
            at = NOW - age * MINUTE
            item = LibraryItem(kind=kind, title=title, category=category, text=text, created_at=at, updated_at=at)
            library.add(session, item)
    return database


def titles(database: Database, wanted: Wanted) -> list[str]:
    with database.read() as session:
        items, count = library.find(session, wanted, limit=20)
        assert count == len(items)
        return [item.title.split()[0] + " " + item.title.split()[1] for item in items]


def test_letters_are_folded_whatever_their_marks_and_form() -> None:
    assert fold("ĐƯỜNG, Thủy; ủy ban: nghiêng") == "duong, thuy; uy ban: nghieng"
    assert fold("Ho\u0323p") == fold("Họp") == "hop"
    assert words_of("Họp thôn, họp!", "7h30 – x" + "y" * 60) == ["hop", "thon", "7h30", "x" + "y" * 39]


FOUND: list[tuple[str, list[str]]] = [
    ("tiem chung", ["Lịch tiêm"]),
    ("TIÊM CHỦNG", ["Lịch tiêm"]),
    ("tie", ["Lịch tiêm"]),
    ("vac xin", ["Lịch tiêm"]),
    ("doai", ["Họp thôn"]),
    ("đoài hop", ["Họp thôn"]),
    ("xa", ["Lịch tiêm", "Lời Chủ"]),
    ("tet 2025", ["Lời Chủ"]),
    ("nhac", ["Nhạc hiệu"]),
    ("", ["Lịch tiêm", "Họp thôn", "Nhạc hiệu", "Lời Chủ"]),
    ("khong co", []),
    ("%", ["Lịch tiêm", "Họp thôn", "Nhạc hiệu", "Lời Chủ"]),
    ("' OR 1=1", []),
]


def test_items_are_found_by_beginnings_of_words_without_diacritics(kept: Database) -> None:
    assert [titles(kept, Wanted(query)) for query, _ in FOUND] == [found for _, found in FOUND]


def test_kind_and_category_narrow_what_is_found(kept: Database) -> None:
    assert titles(kept, Wanted(kind=ItemKind.TEMPLATE)) == ["Lịch tiêm", "Họp thôn"]
    assert titles(kept, Wanted(kind=ItemKind.TEMPLATE, category="y tế")) == ["Lịch tiêm"]
    assert titles(kept, Wanted("hop", kind=ItemKind.TUNE)) == []


def test_the_search_uses_the_index(kept: Database) -> None:
    query = "SELECT item_id FROM library_word WHERE word >= 'tie' AND word < 'tie~'"
    with kept.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
            assert "SEARCH" in plan
        else:
            connection.exec_driver_sql("SET enable_seqscan = off")
            plan = str(connection.exec_driver_sql(f"EXPLAIN {query}").all())
            assert "Index Cond: (((word)::text >= 'tie'::text) AND ((word)::text < 'tie~'::text))" in plan


def test_what_is_renamed_is_found_by_its_new_name_and_written_down(kept: Database) -> None:
    with kept.write() as session:
        item = session.scalars(select(LibraryItem).where(LibraryItem.kind == ItemKind.TUNE)).one()
        for _ in range(2):
            library.change(session, item, account_id=1, now=NOW, title="Quê hương", tags="dân ca")
    assert titles(kept, Wanted("que huong dan")) == ["Quê hương"]
    assert titles(kept, Wanted("buoi sang")) == []
    with kept.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "library.change")).all()
        assert [entry.detail["title"] for entry in entries] == [["Nhạc hiệu buổi sáng", "Quê hương"]]
        assert entries[0].account_id == 1
        assert chain.first_break(session, AuditEntry) is None


def test_what_is_put_away_is_found_only_there_and_comes_back(kept: Database) -> None:
    with kept.write() as session:
        item = session.scalars(select(LibraryItem).where(LibraryItem.kind == ItemKind.TUNE)).one()
        library.archive(session, item, account_id=1, now=NOW, away=True)
    assert titles(kept, Wanted("nhac")) == []
    assert titles(kept, Wanted("nhac", archived=True)) == ["Nhạc hiệu"]
    with kept.write() as session:
        item = session.scalars(select(LibraryItem).where(LibraryItem.kind == ItemKind.TUNE)).one()
        for _ in range(2):
            library.archive(session, item, account_id=1, now=NOW, away=False)
    assert titles(kept, Wanted("nhac")) == ["Nhạc hiệu"]
    with kept.read() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("library.%e"))).all()
        assert actions == ["library.archive", "library.restore"]


def bulletin(name: str, text: str, **changes: object) -> Bulletin:
    facts = {"klass": Class.ROUTINE, "category": "họp dân", "voice": "north", "repeats": 1, "chime": True}
    moments = {"account_id": 1, "created_at": NOW}
    return Bulletin(submission=name, title="Họp thôn", text=text, spoken=text, **facts, **moments, **changes)


def test_a_bulletin_is_kept_once_its_edit_in_its_place_and_another_beside_it(kept: Database) -> None:
    with kept.write() as session:
        first = bulletin("a", "Mời họp lúc bảy giờ.")
        session.add(first)
        session.flush()
        library.keep_bulletin(session, first, NOW)
        for name, text, replaces in (("b", "Mời họp lúc tám giờ.", first.id), ("c", "Mời họp lúc tám giờ.", None)):
            later = bulletin(name, text, replaces_id=replaces)
            session.add(later)
            session.flush()
            library.keep_bulletin(session, later, NOW + MINUTE)
        other = bulletin("d", "Mời đi tiêm phòng.")
        session.add(other)
        session.flush()
        library.keep_bulletin(session, other, NOW)
    with kept.read() as session:
        items = session.scalars(select(LibraryItem).where(LibraryItem.kind == ItemKind.BULLETIN)).all()
        assert [item.bulletin.submission for item in items if item.bulletin] == ["c", "d"]
    assert titles(kept, Wanted("tam gio")) == ["Họp thôn"]
    assert titles(kept, Wanted("bay gio")) == []


def test_bulletins_of_before_are_caught_up_with_once(kept: Database) -> None:
    with kept.write() as session:
        session.add_all([bulletin("a", "Mời họp lúc bảy giờ."), bulletin("b", "Mời đi tiêm phòng.")])
        session.flush()
        assert library.catch_up(session, NOW) == 2
        assert library.catch_up(session, NOW) == 0
    assert len(titles(kept, Wanted(kind=ItemKind.BULLETIN))) == 2


def test_pages_of_a_long_list_follow_one_another(kept: Database) -> None:
    with kept.read() as session:
        first, count = library.find(session, Wanted(), limit=3)
        rest, _ = library.find(session, Wanted(), limit=3, offset=3)
        assert (len(first), len(rest), count) == (3, 1, 4)
        assert (session.scalar(select(func.count()).select_from(LibraryWord)) or 0) > 15
