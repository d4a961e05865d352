"""Tokens on a page: shown once, used, told when, and taken back."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster.rows import ApiToken, AuditEntry, Role
from tests.web.conftest import Browser
from tests.web.station import Stage, account


@pytest.fixture
def boss(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        session.add(account("sep", Role.ADMINISTRATOR, stage.clock.now()))
    browser = Browser(app.test_client())
    assert browser.sign_in("sep").status_code == 303
    return browser


def test_a_token_is_shown_once_works_and_opens_nothing_after_it_was_revoked(
    app: Flask, boss: Browser, stage: Stage
) -> None:
    answer = boss.post("/tokens", {"name": " Đài  tỉnh ", "scope": ["alerts:read", "all:powers"]})
    found = re.search(r"<code>(loa_[\w-]+)</code>", answer.text)
    assert found
    assert answer.headers["Cache-Control"] == "no-store"
    assert found[1] not in boss.get("/tokens").text
    assert "chưa dùng" in boss.get("/tokens").text
    assert "gửi bản tin CAP" in boss.get("/tokens").text
    program, headers = app.test_client(), {"Authorization": f"Bearer {found[1]}"}
    assert program.get("/api/v1/alerts/none", headers=headers).status_code == 404
    assert "dùng lần cuối" in boss.get("/tokens").text
    with stage.rows() as session:
        token = session.scalars(select(ApiToken)).one()
        assert (token.name, token.scopes, token.last_used_at) == ("Đài tỉnh", "alerts:read", stage.clock.now())
    assert "Đã thu hồi" in boss.post("/tokens/1/revoke", follow_redirects=True).text
    assert program.get("/api/v1/alerts/none", headers=headers).status_code == 401
    with stage.rows() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("token."))).all()
    assert [(one.action, one.account_id) for one in entries] == [("token.make", 4), ("token.revoke", 4)]


def test_what_is_lacking_is_said_and_a_name_is_used_once(boss: Browser) -> None:
    assert "ít nhất một quyền" in boss.post("/tokens", {"name": "A"}, follow_redirects=True).text
    boss.post("/tokens", {"name": "A", "scope": "alerts:raise"})
    again = boss.post("/tokens", {"name": "A", "scope": "alerts:raise"}, follow_redirects=True)
    assert "Đã có mã truy cập tên A" in again.text


def test_nobody_else_sees_or_makes_them(editor: Browser) -> None:
    assert editor.get("/tokens").status_code == 403
    assert editor.post("/tokens", {"name": "A", "scope": "alerts:raise"}).status_code == 403
