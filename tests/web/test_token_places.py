"""A token is for a place and until a day: by the API, by CAP, and on the page where it is made."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from broadcaster import alert_reports, tokens
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AlertEnd, ApiToken, PlaceGeocode, Role
from tests import cap
from tests.web.conftest import Browser
from tests.web.programs import alerts, make_token, notes, push, said
from tests.web.station import Stage, account

DONG, DOAI, GROUP = 2, 3, 9
LATER = "2026-11-21T09:59:00+07:00"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def order(client: FlaskClient, token: str, *places: str, path: str = "", **more: object) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{places}{more}"}
    return client.post(f"/api/v1/alerts{path}", json={"template": "bao", "places": places} | more, headers=headers)


def test_a_token_of_one_village_raises_updates_ends_and_corrects_there_and_nowhere_else(
    client: FlaskClient, stage: Stage
) -> None:
    village = make_token(stage, "thôn", tokens.RAISE, place=DONG)
    province = make_token(stage, "tỉnh", tokens.RAISE)
    for places in (["an-binh"], ["thon-3"], ["ven-suoi"], ["thon-2", "thon-3"]):
        refused = order(client, village, *places)
        assert (refused.status_code, said(refused)["error"]) == (403, "wrong-place")
        assert said(refused)["places"] == [place for place in places if place != "thon-2"]
    assert said(order(client, village, "mars"))["error"] == "refused"
    own, whole = said(order(client, village, "thon-2"))["alert"], said(order(client, province, "an-binh"))["alert"]
    for path in ("end", "correct"):
        assert order(client, village, path=f"/{whole}/{path}").status_code == 403
    assert said(order(client, village, "thon-2", follows=whole))["places"] == ["an-binh"]
    assert {one.end for one in alerts(stage)} == {None}
    assert order(client, village, "thon-2", follows=own, level=4).status_code == 201
    assert order(client, province, path=f"/{whole}/end").status_code == 200


def test_a_token_of_one_village_reads_what_is_for_it_and_how_many_heard_it_there(
    client: FlaskClient, stage: Stage
) -> None:
    province = make_token(stage, "tỉnh", tokens.RAISE, tokens.READ)
    everywhere, elsewhere = (said(order(client, province, place))["alert"] for place in ("an-binh", "thon-3"))
    with stage.rows() as session:
        for alert in session.scalars(select(Alert)):
            alert_reports.write_audience(session, alert, Geography.load(session), stage.clock.now())

    def read(token: str, alert: str) -> TestResponse:
        return client.get(f"/api/v1/alerts/{alert}", headers={"Authorization": f"Bearer {token}"})

    for place, speakers in ((DONG, 2), (GROUP, 4), (None, 6)):
        token = make_token(stage, f"của {place}", tokens.READ, place=place)
        assert sum(said(read(token, everywhere))["speakers"].values()) == speakers
    village = make_token(stage, "thôn Đông", tokens.READ, place=DONG)
    refused = read(village, elsewhere)
    assert (refused.status_code, said(refused)["error"]) == (403, "wrong-place")
    assert read(make_token(stage, "ven suối", tokens.READ, place=GROUP), elsewhere).status_code == 200


def test_a_token_of_a_group_is_for_the_group(client: FlaskClient, stage: Stage) -> None:
    token = make_token(stage, "ven suối", tokens.RAISE, place=GROUP)
    assert order(client, token, "ven-suoi").status_code == 201
    assert order(client, token, "an-binh").status_code == 403


def test_a_token_opens_nothing_after_its_day(client: FlaskClient, stage: Stage) -> None:
    token = make_token(stage, "thôn", tokens.RAISE)
    with stage.rows() as session:
        session.get_one(ApiToken, 1).expires_at = stage.clock.now() + timedelta(hours=1)
    assert order(client, token, "thon-2").status_code == 201
    stage.clock.advance(timedelta(hours=1))
    assert order(client, token, "thon-3").status_code == 401


def test_an_alert_that_has_left_is_answered_even_if_nothing_can_be_noted(client: FlaskClient, stage: Stage) -> None:
    token = make_token(stage, "tỉnh", tokens.RAISE)

    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE api_token"):
            raise OperationalError(statement, None, Exception("disk full"))

    event.listen(stage.services.database.engine, "before_cursor_execute", full)
    try:
        assert order(client, token, "thon-2").status_code == 201
    finally:
        event.remove(stage.services.database.engine, "before_cursor_execute", full)


@pytest.mark.parametrize(("address", "status"), [("203.0.113.7", 403), ("192.168.1.9", 201), ("::1", 201)])
def test_a_token_that_came_without_tls_from_afar_is_not_taken(
    client: FlaskClient, stage: Stage, address: str, status: int
) -> None:
    client.environ_base["REMOTE_ADDR"] = address
    answer = push(client, make_token(stage), cap.alert())
    assert answer.status_code == status
    assert len(alerts(stage)) == (status == 201)


def test_cap_from_a_token_of_one_village_sounds_in_that_village_only(client: FlaskClient, stage: Stage) -> None:
    village = make_token(stage, "thôn", place=DONG)
    assert push(client, village, cap.alert()).status_code == 201
    with stage.rows() as session:
        session.add(PlaceGeocode(scheme="gso", value="1", place_id=1))
        session.add(PlaceGeocode(scheme="gso", value="3", place_id=DOAI))
    by_code = [cap.info(areas=cap.area(polygons=[], geocodes=[("GSO", "1")]))]
    assert push(client, village, cap.alert("2", by_code)).status_code == 201
    assert [[place.code for place in one.targets] for one in alerts(stage)] == [["thon-2"], ["thon-2"]]
    elsewhere = [cap.info(areas=cap.area(polygons=[], geocodes=[("GSO", "3")]))]
    assert said(push(client, village, cap.alert("3", elsewhere)))["reason"] == "outside"


def test_cap_from_a_token_of_one_village_keeps_nobody_else_from_hearing_it(client: FlaskClient, stage: Stage) -> None:
    village, province = make_token(stage, "thôn", place=DONG), make_token(stage)
    push(client, village, cap.alert())
    assert push(client, province, cap.alert()).status_code == 201
    cancel = cap.alert("2", msgType="Cancel", references=cap.reference(), sent=LATER)
    assert notes(push(client, village, cancel)) == ["other-source"]
    assert {one.end for one in alerts(stage)} == {None}


def test_a_token_of_one_village_ends_nothing_that_a_person_made_wider(
    app: Flask, client: FlaskClient, stage: Stage
) -> None:
    village = make_token(stage, "thôn", place=DONG)
    number = said(push(client, village, cap.alert(infos=[cap.info(certainty="Unknown")])))["message"]
    officer = Browser(app.test_client())
    assert officer.sign_in("truc").status_code == 303
    form = {"held": "1", "places": ["an-binh"], "level-0": "3", "words-0": "Bão."}
    assert officer.post(f"/cap/{number}/raise", form).status_code == 303
    cancel = cap.alert("2", msgType="Cancel", references=cap.reference(), sent=LATER)
    assert notes(push(client, village, cancel)) == ["other-source"]
    assert [one.end for one in alerts(stage)] == [None]


def test_a_true_message_is_not_lost_because_a_thief_sent_and_ended_it_before(client: FlaskClient, stage: Stage) -> None:
    thief, province = make_token(stage, "kẻ cắp"), make_token(stage)
    push(client, thief, cap.alert())
    push(client, thief, cap.alert("2", msgType="Cancel", references=cap.reference(), sent=LATER))
    answer = push(client, province, cap.alert())
    assert (answer.status_code, notes(answer)) == (202, ["ended-elsewhere"])
    assert AlertEnd.ENDED in {one.end for one in alerts(stage)}


def test_a_message_under_the_name_of_anothers_waits_for_a_person(client: FlaskClient, stage: Stage) -> None:
    push(client, make_token(stage), cap.alert())
    forged = cap.alert(infos=[cap.info(headline="Vỡ đập, chạy ngay")])
    assert notes(push(client, make_token(stage, "kẻ cắp"), forged)) == ["same-name"]
    assert len(alerts(stage)) == 1


def test_an_update_that_is_older_than_what_it_names_waits_for_a_person(client: FlaskClient, stage: Stage) -> None:
    token = make_token(stage)
    push(client, token, cap.alert(sent=LATER))
    answer = push(client, token, cap.alert("0", msgType="Update", references=cap.reference(sent=LATER)))
    assert "older-than-named" in notes(answer)
    assert [one.end for one in alerts(stage)] == [None]


def test_place_and_day_are_chosen_on_the_page_and_told_in_the_list(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("chu", Role.ADMINISTRATOR, stage.clock.now()))
        session.add(account("dong", Role.ADMINISTRATOR, stage.clock.now(), place=DONG))
    boss, local = Browser(app.test_client()), Browser(app.test_client())
    assert {boss.sign_in("chu").status_code, local.sign_in("dong").status_code} == {303}
    form = {"name": "Trạm đo", "scope": "alerts:raise", "place": "thon-2", "until": "2026-12-31"}
    assert "Trạm đo" in boss.post("/tokens", form).text
    with stage.rows() as session:
        token = session.get_one(ApiToken, 1)
        assert (token.place_id, token.expires_at and token.expires_at.isoformat()) == (
            DONG,
            "2026-12-31T17:00:00+00:00",
        )
    page = boss.get("/tokens").text
    assert "<div>Thôn Đông</div>" in page
    assert "hết hạn 00:00" in page
    for wrong in ({"place": "mars"}, {"until": "2020-01-01"}, {"until": "mai"}):
        assert boss.post("/tokens", form | {"name": "B"} | wrong).status_code == 303
    stage.clock.advance(timedelta(days=60))
    assert boss.sign_in("chu").status_code == 303
    assert "Đã hết hạn" in boss.get("/tokens").text
    assert local.sign_in("dong").status_code == 303
    assert local.get("/tokens").status_code == local.get("/cap/sources").status_code == 403
    assert "/tokens" not in local.get("/people").text
