"""Programs that come with a token, for tests of the API."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broadcaster import alerting, tokens
from broadcaster.rows import Alert, CapMessage, Place
from tests.web.station import Stage


def make_token(stage: Stage, name: str = "tỉnh", *scopes: str, place: int | None = None) -> str:
    """A token that may push CAP unless ``scopes`` say otherwise."""
    with stage.rows() as session:
        where = session.get_one(Place, place) if place else None
        return tokens.make(session, stage.clock.now(), name, scopes or (tokens.PUSH_CAP,), place=where)


def push(client: FlaskClient, token: str, data: bytes, mimetype: str = "application/cap+xml") -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": mimetype}
    return client.post("/api/v1/cap", data=data, headers=headers)


def said(answer: TestResponse) -> dict[str, Any]:
    assert isinstance(answer.json, dict)
    return answer.json


def notes(answer: TestResponse) -> list[str]:
    return [one["code"] for one in said(answer)["notes"]]


def alerts(stage: Stage) -> list[Alert]:
    with stage.rows() as session:
        rows = session.scalars(select(Alert).order_by(Alert.raised_at, Alert.id)).all()
        return [found for row in rows if (found := alerting.get(session, row.id))]


def messages(stage: Stage) -> list[CapMessage]:
    with stage.rows() as session:
        return list(session.scalars(select(CapMessage).order_by(CapMessage.id)))
