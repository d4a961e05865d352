"""``/api/v1/alerts``: what a program may do, and how it is told what it may not."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broadcaster import tokens
from broadcaster.rows import Alert, ApiToken, AuditEntry
from tests.web.station import Stage

STORM = {"template": "bao", "places": ["thon-2"], "values": {"so": "13"}, "level": 4}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(stage: Stage) -> str:
    with stage.rows() as session:
        return tokens.make(session, stage.clock.now(), "đài tỉnh", tokens.SCOPES)


def post(client: FlaskClient, token: str, body: Any = None, key: str = "k1", path: str = "") -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
    return client.post(f"/api/v1/alerts{path}", json=STORM if body is None else body, headers=headers)


def said(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/json"
    assert isinstance(answer.json, dict)
    return answer.json


def count(stage: Stage) -> int:
    with stage.rows() as session:
        return len(session.scalars(select(Alert)).all())


def test_a_program_raises_an_alert_looks_at_it_and_ends_it(client: FlaskClient, token: str, stage: Stage) -> None:
    answer = post(client, token)
    assert answer.status_code == 201
    alert = said(answer)["alert"]
    assert (said(answer)["level"], said(answer)["title"]) == (4, "Bão số 13")
    seen = client.get(f"/api/v1/alerts/{alert}", headers={"Authorization": f"Bearer {token}"})
    assert said(seen)["speakers"]["heard"] == 0
    assert said(post(client, token, {}, path=f"/{alert}/end"))["end"] == "ended"
    assert post(client, token, {}, path=f"/{alert}/correct").status_code == 409
    with stage.rows() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.raise")).one()
        assert (entry.account_id, entry.detail["source"], entry.detail["token"]) == (None, "api", 1)


def test_the_same_key_again_answers_with_the_same_alert(client: FlaskClient, token: str, stage: Stage) -> None:
    first, again = post(client, token), post(client, token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert said(first)["alert"] == said(again)["alert"]
    assert said(post(client, token, STORM | {"level": 5}))["error"] == "other-request"
    assert count(stage) == 1


def test_the_key_of_one_token_is_not_the_key_of_another(client: FlaskClient, token: str, stage: Stage) -> None:
    with stage.rows() as session:
        other = tokens.make(session, stage.clock.now(), "hồ chứa", tokens.SCOPES)
    assert said(post(client, token))["alert"] != said(post(client, other))["alert"]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer loa_wrong", "Basic bG9hOmxvYQ==", "bearer loa_\x7f"])
def test_without_a_right_token_nothing_is_told_or_done(client: FlaskClient, given: str, stage: Stage) -> None:
    answer = client.post("/api/v1/alerts", json=STORM, headers={"Authorization": given, "Idempotency-Key": "k"})
    assert (answer.status_code, said(answer)["error"]) == (401, "unauthorised")
    assert count(stage) == 0


def test_a_signed_in_browser_is_no_token(client: FlaskClient, stage: Stage) -> None:
    client.post("/sign-in", data={"username": "truc", "password": "đúng-mật-khẩu"})
    assert client.post("/api/v1/alerts", json=STORM).status_code == 401
    assert count(stage) == 0


def test_a_token_of_the_wrong_scope_is_refused_and_a_revoked_one_too(
    client: FlaskClient, token: str, stage: Stage
) -> None:
    with stage.rows() as session:
        reader = tokens.make(session, stage.clock.now(), "bảng", (tokens.READ,))
    refused = post(client, reader)
    assert (refused.status_code, said(refused)["error"]) == (403, "wrong-scope")
    with stage.rows() as session:
        session.get_one(ApiToken, 1).revoked_at = stage.clock.now()
    assert post(client, token).status_code == 401
    assert count(stage) == 0


def test_only_the_hash_of_a_token_is_kept(token: str, stage: Stage) -> None:
    with stage.rows() as session:
        row = session.scalars(select(ApiToken)).one()
        assert token not in {row.sha256, row.name, row.scopes}
        assert row.sha256 == tokens.digest(token)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (STORM | {"places": ["mars"]}, "refused"),
        (STORM | {"places": []}, "refused"),
        (STORM | {"level": 6}, "refused"),
        (STORM | {"life_min": 10**12}, "malformed"),
        (STORM | {"template": "../../etc"}, "refused"),
        (STORM | {"follows": "kc-none"}, "not-in-force"),
        (STORM | {"loudness": 11}, "malformed"),
        ({"template": "bao"}, "malformed"),
        ([], "malformed"),
        (STORM | {"values": {"so": 13}}, "malformed"),
    ],
)
def test_every_fault_is_named(client: FlaskClient, token: str, stage: Stage, body: Any, error: str) -> None:
    answer = post(client, token, body)
    assert 400 <= answer.status_code < 500
    assert said(answer)["error"] == error
    assert count(stage) == 0


def test_a_request_without_a_key_is_refused(client: FlaskClient, token: str) -> None:
    assert said(post(client, token, key=""))["error"] == "no-idempotency-key"


def test_a_fault_says_field_and_value(client: FlaskClient, token: str) -> None:
    faults = said(post(client, token, STORM | {"places": ["mars"], "level": 9}))["faults"]
    assert {"field": "places", "code": "unknown", "value": "mars"} in faults
    assert {"field": "level", "code": "unknown", "value": "9"} in faults
