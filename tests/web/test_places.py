"""Choosing places in a province: what a page sends, what it fetches, and what is kept."""

import re

import pytest
from flask import Flask

from broadcaster.geography import Geography
from broadcaster.rows import Place, PlaceKind, Role, Speaker
from tests.web.conftest import Browser
from tests.web.station import Stage, account
from web.places import AT_FIRST, WHOLE, Choices

FORM = "/write/6f1d3c1e-0000-4000-8000-000000000000"
COMMUNES, VILLAGES = 60, 10


@pytest.fixture
def province(stage: Stage) -> Stage:
    """Sixty communes of ten villages beside the commune that is there, a speaker in each village."""
    with stage.rows() as session:
        top = Place(code="tinh", name="Tỉnh", kind=PlaceKind.PROVINCE)
        session.add(top)
        for one in range(COMMUNES):
            commune = Place(code=f"xa-{one}", name=f"Xã Đại {one}", kind=PlaceKind.COMMUNE, parent=top)
            session.add(commune)
            for two in range(VILLAGES):
                village = Place(code=f"v-{one}-{two}", name=f"Bản {two}", kind=PlaceKind.VILLAGE, parent=commune)
                session.add(village)
                session.add(Speaker(id=f"s-{one}-{two}", place=village, name="", claim_code="", broker_token=""))
    return stage


def number_of(stage: Stage, code: str) -> int:
    with stage.rows() as session:
        return session.query(Place).filter_by(code=code).one().id


def codes(page: str) -> list[str]:
    return re.findall(r'name="places" value="([^"]+)"', page)


def ticked(page: str) -> list[str]:
    return re.findall(r'name="places" value="([^"]+)" data-id="\d+"\s+data-own="[^"]*" checked', page)


def test_a_commune_is_shown_whole_and_asks_nothing_afterwards(editor: Browser) -> None:
    page = editor.get(FORM).text
    assert "thon-2" in codes(page)
    assert "data-inside" not in page
    assert "data-find" not in page


def test_a_province_sends_what_is_opened_and_no_more(province: Stage, editor: Browser) -> None:
    page = editor.get(FORM).text
    assert len(codes(page)) < AT_FIRST < WHOLE < COMMUNES * VILLAGES
    assert "tinh" in codes(page)
    part = editor.get(f"/places?may=write&inside={number_of(province, 'xa-7')}").text
    assert codes(part) == [f"v-7-{two}" for two in range(VILLAGES)]
    assert len(codes(editor.get(f"/places?may=write&inside={number_of(province, 'tinh')}").text)) == COMMUNES


def test_places_are_found_by_their_names_without_marks_the_nearest_first(province: Stage, editor: Browser) -> None:
    assert codes(editor.get("/places?may=write&find=xa dai 59").text)[:2] == ["xa-59", "v-59-0"]
    assert codes(editor.get("/places?may=write&find=ban 3  xa dai 4").text)[0] == "v-4-3"
    assert codes(editor.get("/places?may=write&find=ản 3").text) == []
    assert codes(editor.get("/places?may=write&find=").text) == []
    many = editor.get("/places?may=write&find=BẢN").text
    assert len(codes(many)) == 30
    assert "Còn nữa" in many


def test_what_was_chosen_is_shown_where_it_lies_when_something_is_wrong(province: Stage, editor: Browser) -> None:
    page = editor.post(FORM, {"places": ["v-7-3", "xa-9"], "kind": "once"})
    assert page.status_code == 422
    assert ticked(page.text) == ["v-7-3", "xa-9"]
    assert "<b data-chosen>11</b>" in page.text


def test_without_javascript_a_button_shows_every_place_and_keeps_the_form(province: Stage, editor: Browser) -> None:
    typed = {"places": "v-7-3", "text": "Mời bà con đi họp."}
    page = editor.post(FORM, typed | {"whole": "now"})
    assert page.status_code == 200
    assert len(codes(page.text)) > COMMUNES * VILLAGES
    assert ticked(page.text) == ["v-7-3"]
    assert "Mời bà con đi họp." in page.text
    assert "data-inside" not in editor.post(FORM, typed | {"whole": "1"}).text  # as its next form says
    assert "data-inside" not in editor.post("/power/off", {"whole": "now"}).text


def test_only_places_are_offered_in_which_one_may_do_it(province: Stage, app: Flask) -> None:
    with province.rows() as session:
        commune = session.query(Place).filter_by(code="xa-7").one().id
        session.add(account("hoa", Role.EDITOR, province.clock.now(), place=commune))
    browser = Browser(app.test_client())
    browser.sign_in("hoa")
    assert codes(browser.get(FORM).text) == ["xa-7", *(f"v-7-{two}" for two in range(VILLAGES))]
    assert codes(browser.get("/places?may=write&find=ban 3").text) == ["v-7-3"]
    assert codes(browser.get("/places?may=raise&find=ban 3").text) == []
    assert codes(browser.get("/places?may=nothing&find=ban 3").text) == []


def test_speakers_are_counted_once_however_their_place_is_covered(province: Stage) -> None:
    with province.rows() as session:
        choices = Choices.load(session, Geography.load(session), ["xa-7", "v-7-3", "tinh"])
    assert choices.chosen == COMMUNES * VILLAGES
    assert choices.total > choices.chosen


def test_the_speakers_of_a_province_are_shown_a_hundred_at_a_time_and_found_by_their_place(
    province: Stage, editor: Browser
) -> None:
    first = editor.get("/speakers").text
    assert len(re.findall('id="speaker-', first)) <= 100
    assert "page=2" in first
    assert not set(re.findall('id="speaker-([^"]+)"', editor.get("/speakers?page=2").text)) & set(
        re.findall('id="speaker-([^"]+)"', first)
    )
    found = editor.get("/speakers?find=xa dai 7").text
    assert re.findall('id="speaker-([^"]+)"', found) == [f"s-7-{two}" for two in range(VILLAGES)]
    many = [editor.get(f"/speakers?find=ban 3&page={number}").text for number in (1, 2)]
    assert sum(page.count('id="speaker-') for page in many) == COMMUNES
    assert "Không có địa bàn nào tên như vậy." in editor.get("/speakers?find=khong").text
