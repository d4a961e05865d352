"""Outlines are taken from GeoJSON, proved, matched by name, and drawn with the state of each place."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from broadcaster import alert_reports, geography, outlines
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AuditEntry, Role
from broadcaster.wire.documents import Event, Receipt
from tests.web.conftest import Browser
from tests.web.station import Stage, account

PLACES = {1: "Xã An Bình", 2: "Thôn Đông", 3: "Thôn Đoài", 4: "Bản Nà Lốc"}


def square(west: float, south: float, side: float = 0.01) -> dict[str, Any]:
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    return {"type": "Polygon", "coordinates": [[[west + x, south + y] for x, y in corners]]}


def feature(name: str, geometry: dict[str, Any], key: str = "TEN_THON") -> dict[str, Any]:
    return {"type": "Feature", "properties": {"id": 7, key: name}, "geometry": geometry}


def collection(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


VILLAGES = collection(
    feature("thôn ĐÔNG", square(106.03, 20.85)),
    feature("Thon Doai", square(106.04, 20.85)),
    feature("Nà Lốc", square(106.05, 20.85)),
    feature("Thôn Lạ", square(106.06, 20.85)),
)


def test_areas_find_their_places_by_name_with_or_without_marks_and_words() -> None:
    found, left = outlines.match(outlines.read(VILLAGES), PLACES)
    assert {place: area.name for place, area in found.items()} == {2: "thôn ĐÔNG", 3: "Thon Doai", 4: "Nà Lốc"}
    assert [area.name for area in left] == ["Thôn Lạ"]
    assert json.loads(found[2].geojson or "")["type"] == "Polygon"


def test_two_places_of_one_name_are_not_guessed() -> None:
    found, _ = outlines.match(
        outlines.read(collection(feature("Đông", square(106, 20)))), {1: "Thôn Đông", 2: "Xóm Đông"}
    )
    assert found == {}


BOW_TIE = {"type": "Polygon", "coordinates": [[[106, 20], [106.1, 20.1], [106.1, 20], [106, 20.1], [106, 20]]]}


@pytest.mark.parametrize(
    ("geometry", "problem"),
    [
        ({"type": "Point", "coordinates": [106, 20]}, "no-area"),
        ({"type": "Polygon", "coordinates": [[["x", 1]]]}, "broken"),
        ({"type": "Polygon", "coordinates": [[[106, 20], [106, 20], [106, 20], [106, 20]]]}, "broken"),
        (square(20.85, 106.03), "swapped"),
        (square(586_000.0, 2_306_000.0, 500), "elsewhere"),
        (None, "no-area"),
        (BOW_TIE, ""),
    ],
)
def test_what_is_no_area_on_the_earth_here_is_told_why(geometry: Any, problem: str) -> None:
    [found] = outlines.read(collection(feature("A", geometry)))
    assert found.problem == problem
    assert (found.geojson is None) == bool(problem)


@pytest.mark.parametrize(
    ("text", "code"), [("{", "not-json"), ("[]", "no-features"), ('{"type":"Polygon"}', "no-features")]
)
def test_what_is_no_geojson_is_refused(text: str, code: str) -> None:
    with pytest.raises(outlines.OutlineError) as refused:
        outlines.read(text)
    assert refused.value.code == code


@pytest.fixture
def boss(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        session.add(account("sep", Role.ADMINISTRATOR, stage.clock.now()))
    browser = Browser(app.test_client())
    assert browser.sign_in("sep").status_code == 303
    return browser


def bring(boss: Browser, text: str = VILLAGES) -> str:
    file = (io.BytesIO(text.encode()), "thon.geojson")
    return boss.post("/outlines", {"file": file}, content_type="multipart/form-data", follow_redirects=True).text


def test_an_administrator_brings_a_file_and_takes_one_away(boss: Browser, stage: Stage, editor: Browser) -> None:
    page = bring(boss)
    assert "Đã nhận ranh giới của 3 địa bàn" in page
    assert "Thôn Lạ: không có địa bàn nào tên này" in page
    assert "nằm ngoài Việt Nam" in boss.post("/outlines", {"text": collection(feature("A", square(9e5, 9e5)))}).text
    assert "máy không đọc được" in bring(boss, "{")
    boss.post("/outlines/3/remove")
    with stage.rows() as session:
        assert sorted(geography.outlines(session)) == [2, 4]
        actions = [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.id)]
    assert actions[-2:] == ["outline.bring", "outline.remove"]
    assert editor.get("/outlines").status_code == 403


def test_the_first_page_draws_where_speakers_are_connected(boss: Browser, viewer: Browser) -> None:
    assert 'class="area"' not in viewer.get("/").text
    bring(boss)
    page = viewer.get("/").text
    assert "<title>Thôn Đông: một phần mất kết nối</title>" in page
    assert 'fill="url(#area-ready)"><title>Thôn Đoài: sẵn sàng' in page
    assert "<li>Thôn Đông: một phần mất kết nối</li>" in page


def test_the_board_draws_who_has_heard_in_pattern_and_words(boss: Browser, stage: Stage) -> None:
    bring(boss)
    form = {"places": ["an-binh"], "level": "3", "life_h": "6", "held": "1"}
    board = boss.post("/duty/bao/6f1d3c1e-0000-4000-8000-000000000000", form).location
    with stage.rows() as session:
        alert = session.query(Alert).one()
        alert_reports.write_audience(session, alert, Geography.load(session), stage.clock.now())
        at = stage.clock.now_ms()
        told = [
            (name, Receipt(id="r", broadcast=alert.id, event=Event.STARTED, at=at)) for name in ("loa-003", "loa-004")
        ]
        alert_reports.take(session, told)
    stage.clock.advance(timedelta(minutes=1))
    for path in (board, "/"):
        page = boss.get(path).text
        assert 'fill="url(#area-silent)"><title>Thôn Đông: im lặng' in page
        assert 'fill="url(#area-sounding)"><title>Thôn Đoài: đã cất tiếng' in page
        assert "đã cất tiếng</text>" in page


def test_a_map_of_many_corners_is_thinned_out() -> None:
    corners = [[106 + x / 1_000_000, 20 + (x % 2) / 1_000_000] for x in range(5_000)]
    ring = [*corners, [106.005, 20.01], corners[0]]
    [found] = outlines.read(collection(feature("A", {"type": "Polygon", "coordinates": [ring]})))
    assert len(found.geojson or "") < 500
    assert outlines.drawn(found.geojson or "").centre[0] == pytest.approx(20.005, abs=0.005)
