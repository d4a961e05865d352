"""One CAP message, several orders: what was refused is raised later, what was raised stays; and what is thrown away."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from broadcaster.cap.message import Message
from broadcaster.rows import Alert, CapMessage, CapOutcome, CapSource, Place, Role
from scheduler import cap_archive, cap_decision, fetching
from scheduler.cap_decision import Meant, Town
from tests import cap
from tests.web.conftest import Browser
from tests.web.programs import alerts, make_token, messages, push, said
from tests.web.station import Stage, account

FLOOD = cap.info(event="Lũ quét", severity="Extreme", headline="Lũ quét", areas=cap.area(polygons=[cap.DONG]))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def signed_in(app: Flask, name: str) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in(name).status_code == 303
    return browser


@pytest.fixture
def half_raised(client: FlaskClient, stage: Stage) -> int:
    """A message of two orders, the village of the first of which is unknown while they are carried out."""

    def rename(to: str) -> None:
        with stage.rows() as session:
            session.get_one(Place, 2).code = to

    understand = cap_decision.understand

    def move_meanwhile(message: Message, town: Town, now: datetime) -> Meant:
        rename("moved")
        return understand(message, town, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cap_decision, "understand", move_meanwhile)
        answer = push(client, make_token(stage), cap.alert(infos=[cap.info(), FLOOD]))
    rename("thon-2")
    assert (answer.status_code, said(answer)["reason"], len(said(answer)["alerts"])) == (202, "order-refused", 1)
    return int(said(answer)["message"])


def test_what_was_refused_of_a_message_is_raised_later_and_the_rest_once(
    app: Flask, stage: Stage, half_raised: int
) -> None:
    assert [one.template for one in alerts(stage)] == ["bao"], "one refused order keeps no other from being heard"
    officer = signed_in(app, "truc")
    page = officer.get(f"/cap/{half_raised}").text
    assert "Xem ai đã nghe" in page
    assert "Chưa phát được: Lũ quét: Không có địa bàn “thon-2”." in page
    assert 'name="words-0"' in page
    assert 'name="words-1"' not in page
    stage.clock.advance(timedelta(minutes=20))
    form = {"held": "1", "level-0": "5", "level-1": "5", "words-0": "Lũ về."}
    assert officer.post(f"/cap/{half_raised}/raise", form).status_code == 303
    found = {one.template: one for one in alerts(stage)}
    assert (found["lu-quet"].level, found["bao"].level) == (5, 3)
    [row] = messages(stage)
    assert (row.outcome, len(row.done["alerts"])) == (CapOutcome.DONE, 2)


def test_what_expired_while_the_station_was_off_is_not_raised(client: FlaskClient, stage: Stage) -> None:
    push(client, make_token(stage), cap.alert())
    with stage.rows() as session:
        row = session.get_one(CapMessage, 1)
        row.outcome, row.done = CapOutcome.DUE, {"alerts": []}
        for alert in session.scalars(select(Alert)):
            alert.request = "the station was killed before"
    stage.clock.advance(timedelta(hours=9))
    stage.services.cap.carry_out_due()
    assert messages(stage)[0].reason == "order-refused"
    assert len(alerts(stage)) == 1


def test_a_village_officer_raises_nothing_by_naming_a_place_that_is_none(
    app: Flask, client: FlaskClient, stage: Stage
) -> None:
    with stage.rows() as session:
        session.add(account("dong", Role.DUTY_OFFICER, stage.clock.now(), place=2))
    number = said(push(client, make_token(stage), cap.alert(infos=[cap.info(certainty="Unknown")])))["message"]
    form = {"held": "1", "places": ["mars"]}
    assert signed_in(app, "dong").post(f"/cap/{number}/raise", form).status_code == 403
    told = signed_in(app, "truc").post(f"/cap/{number}/raise", form)
    assert told.status_code == 422
    assert "mars" in told.text
    assert messages(stage)[0].outcome is CapOutcome.PROPOSED


def test_what_nobody_decided_in_two_days_waits_for_nobody_though_its_source_is_silent(
    app: Flask, client: FlaskClient, stage: Stage
) -> None:
    push(client, make_token(stage), cap.alert(infos=[cap.info(certainty="Unknown")]))
    link = 'href="/cap/1"'
    assert link in signed_in(app, "truc").get("/duty").text
    stage.clock.advance(timedelta(days=2, minutes=1))
    assert link not in signed_in(app, "truc").get("/duty").text


def test_no_transaction_is_open_while_a_message_is_compared_with_the_places(
    client: FlaskClient, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    understand, pool = cap_decision.understand, stage.services.database.engine.pool
    assert isinstance(pool, QueuePool)
    held: list[int] = []

    def look(message: Message, town: Town, now: datetime) -> Meant:
        held.append(pool.checkedout())
        return understand(message, town, now)

    monkeypatch.setattr(cap_decision, "understand", look)
    assert push(client, make_token(stage), cap.alert()).status_code == 201
    assert held == [0]


def test_nobody_buries_what_waits_for_a_person(
    client: FlaskClient, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cap_archive, "MOST_WAITING", 2)
    token, doubt = make_token(stage), [cap.info(certainty="Unknown")]
    assert [push(client, token, cap.alert(f"n{number}", doubt)).status_code for number in range(3)] == [202, 202, 429]
    assert push(client, token, cap.alert("sure")).status_code == 201, "what is sure is not held up by it"
    stage.clock.advance(timedelta(hours=49))
    sent = f"{stage.clock.now():%Y-%m-%dT%H:%M:%S}-00:00"
    fresh = [cap.info(certainty="Unknown", expires="2026-11-23T18:00:00+07:00")]
    assert push(client, token, cap.alert("n4", fresh, sent=sent)).status_code == 202
    assert [row.outcome for row in messages(stage)][:2] == [CapOutcome.IGNORED] * 2


def test_a_feed_without_tls_never_sounds_by_itself(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("chu", Role.ADMINISTRATOR, stage.clock.now()))
        session.add(CapSource(name="KTTV", url="http://cap.example.vn/a", direct=False, created_at=stage.clock.now()))
    boss = signed_in(app, "chu")
    answer = boss.post("/cap/sources/1", {"direct": "1", "hosts": "b.example.vn"}, follow_redirects=True)
    assert "không được phát ngay" in answer.text
    with stage.rows() as session:
        source = session.get_one(CapSource, 1)
        assert (source.direct, source.hosts) == (False, "")
        source.direct = True  # as an older version allowed
    taken = stage.services.cap.take(1, cap.alert(), safe=fetching.is_guarded("http://cap.example.vn/a"))
    assert [one["code"] for one in taken.row.notes["notes"]] == ["not-safe"]
    assert taken.row.outcome is CapOutcome.PROPOSED


@pytest.mark.parametrize(
    ("url", "guarded"),
    [
        ("https://cap.example.vn/", True),
        ("http://cap.example.vn/", False),
        ("http://127.0.0.1:8000/", True),
        ("http://localhost/", True),
        ("http://192.168.1.20/feed", True),
        ("http://172.32.0.1/", False),
        ("http://169.254.169.254/", False),
        ("http://[fd00::1]/", True),
        ("http://10.evil.example/", False),
    ],
)
def test_what_comes_over_https_or_from_our_own_network_is_as_it_was_sent(url: str, guarded: bool) -> None:
    assert fetching.is_guarded(url) is guarded
