from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster.database import Database
from broadcaster.rows import GroupMember, Place, Speaker, Station
from tests.station.conftest import FILE
from web import commune
from web.commune import CommuneFile, CommuneFileError, Loaded, local_word

Make = Callable[..., CommuneFile]
DEMO = Path(__file__).parents[2] / "web" / "demo" / "commune.json"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def load(database: Database, file: CommuneFile) -> Loaded:
    with database.write() as session:
        return commune.load(session, file)


def rows(database: Database) -> dict[str, Any]:
    with database.read() as session:
        places = {place.code: place.parent.code if place.parent else None for place in session.scalars(select(Place))}
        members = {(one.group_id, one.place_id) for one in session.scalars(select(GroupMember))}
        speakers = {one.id: (one.place.code, one.claim_code) for one in session.scalars(select(Speaker))}
        return {"places": places, "members": members, "speakers": speakers}


def test_a_commune_becomes_rows(database: Database, commune_file: Make) -> None:
    loaded = load(database, commune_file())
    assert (loaded.places, loaded.speakers, loaded.problems) == (4, 2, [])
    found = rows(database)
    assert found["places"] == {"xa": None, "thon-dong": "xa", "tdp-4": "xa", "ven-suoi": None}
    assert len(found["members"]) == 1
    with database.read() as session:
        station = session.scalars(select(Station)).one()
        assert (station.timezone, station.quiet_start, station.quiet_until) == ("Asia/Ho_Chi_Minh", "21:00", "05:30")
        assert session.get_one(Speaker, "loa-1").volume == 80


def test_loading_again_changes_nothing_and_keeps_every_secret(database: Database, commune_file: Make) -> None:
    load(database, commune_file())
    before = rows(database)
    assert load(database, commune_file()).problems == []
    assert rows(database) == before


def test_what_changed_in_the_file_changes_in_the_rows(database: Database, commune_file: Make) -> None:
    load(database, commune_file())
    load(database, commune_file(speakers=[FILE["speakers"][0] | {"zone": "tdp-4", "volume": 5}]))
    with database.read() as session:
        one = session.get_one(Speaker, "loa-1")
        assert (one.place.code, one.volume) == ("tdp-4", 5)
        assert session.get(Speaker, "loa-2") is not None, "nothing is removed"


def place(code: str, parent: str | None = None, **facts: Any) -> dict[str, Any]:
    return {"code": code, "name": code, "kind": "village", "parent": parent} | facts


@pytest.mark.parametrize(
    ("part", "entry", "name", "words"),
    [
        ("zones", place("Thôn Đông"), "Thôn Đông", "regex"),
        ("zones", place("thon-dong"), "thon-dong", "twice"),
        ("zones", place("moi", "nowhere"), "moi", "parent nowhere"),
        ("zones", place("moi", kind="planet"), "moi", "planet"),
        ("zones", place("moi", kind="group"), "moi", "does not belong here"),
        ("zones", place("moi", word="x" * 41), "moi", "length"),
        ("zones", "nonsense", "PlaceEntry 4", "object"),
        ("zones", {"name": "no code"}, "PlaceEntry 4", "code"),
        ("groups", place("moi", kind="group", members=["nowhere"]), "moi", "member nowhere"),
        ("groups", place("moi", kind="group", members=["ven-suoi"]), "moi", "group itself"),
        ("groups", place("moi", kind="village"), "moi", "does not belong here"),
        ("groups", place("thon-dong", kind="group"), "thon-dong", "place and a group"),
        ("speakers", {"id": "loa-3", "zone": "nowhere", "name": "x"}, "loa-3", "zone nowhere"),
        ("speakers", {"id": "loa-3", "zone": "ven-suoi", "name": "x"}, "loa-3", "zone ven-suoi"),
        ("speakers", {"id": "loa-3", "zone": "xa", "name": "x", "volume": 101}, "loa-3", "volume"),
        ("speakers", {"id": "loa-3", "zone": "xa", "name": "x", "link": "y" * 21}, "loa-3", "link"),
        ("speakers", {"id": "loa-1", "zone": "xa", "name": "x"}, "loa-1", "twice"),
        ("speakers", {"id": "LOA 3", "zone": "xa", "name": "x"}, "LOA 3", "regex"),
    ],
)
def test_a_bad_entry_is_reported_by_its_name_and_the_rest_is_loaded(
    database: Database, commune_file: Make, part: str, entry: Any, name: str, words: str
) -> None:
    loaded = load(database, commune_file(**{part: [*FILE[part], entry]}))
    assert [problem[0] for problem in loaded.problems] == [name]
    assert words in loaded.problems[0][1]
    assert set(rows(database)["speakers"]) == {"loa-1", "loa-2"}


def test_a_member_named_twice_belongs_once(database: Database, commune_file: Make) -> None:
    group = FILE["groups"][0] | {"members": ["thon-dong", "thon-dong"]}
    assert load(database, commune_file(groups=[group])).problems == []
    assert len(rows(database)["members"]) == 1


def test_parents_in_a_circle_are_reported_and_the_circle_is_not_closed(database: Database, commune_file: Make) -> None:
    zones = [place("a", "c"), place("b", "a"), place("c", "b"), place("self", "self")]
    loaded = load(database, commune_file(zones=zones, groups=[], speakers=[]))
    assert [name for name, _ in loaded.problems] == ["c", "self"]
    assert rows(database)["places"] == {"a": "c", "b": "a", "c": None, "self": None}


def test_places_that_change_their_order_are_no_circle(database: Database, commune_file: Make) -> None:
    for zones in ([place("a"), place("b", "a")], [place("a", "b"), place("b")]):
        assert load(database, commune_file(zones=zones, groups=[], speakers=[])).problems == []
    assert rows(database)["places"] == {"a": "b", "b": None}


def test_the_file_of_another_station_is_refused(database: Database, commune_file: Make) -> None:
    load(database, commune_file())
    with pytest.raises(CommuneFileError, match="elsewhere"):
        load(database, commune_file(station="elsewhere"))


@pytest.mark.parametrize(
    "changes", [{"station": "AN BÌNH"}, {"timezone": "Mars/Base"}, {"timezone": "../etc"}, {"name": ""}]
)
def test_what_is_no_commune_is_refused(commune_file: Make, changes: dict[str, str]) -> None:
    with pytest.raises(CommuneFileError, match=r"commune\.json"):
        commune_file(**changes)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", None])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommuneFileError, match=r"file\.json"):
        commune.read(path)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Tổ dân phố 4", "tổ dân phố"),
        ("Tổ 7", "tổ"),
        ("Thôn Đông", "thôn"),
        ("BẢN Nà Lốc", "bản"),
        ("Tổng kho", ""),
        ("Xa lộ", ""),
        ("To\u0302\u0309 7", "tổ"),
    ],
)
def test_the_local_word_is_read_from_the_name(name: str, word: str) -> None:
    assert local_word(name) == word


def test_the_demo_commune_loads_without_a_complaint(database: Database) -> None:
    loaded = load(database, commune.read(DEMO))
    assert loaded.problems == []
    assert loaded.speakers == 24
