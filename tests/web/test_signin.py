import re

import pytest
from flask import Flask

from broadcaster.rows import Account, AuditEntry
from tests.web.conftest import Browser
from tests.web.station import PASSWORD, Stage


def test_without_signing_in_every_page_leads_to_the_sign_in_page(stranger: Browser) -> None:
    for path in ("/", "/speakers", "/status", "/drafts", "/write", "/broadcasts/b0", "/clips/x.mp3", "/password"):
        answer = stranger.get(path)
        assert answer.status_code == 303, path
        assert answer.location.startswith("/sign-in?next="), path


def test_signing_in_leads_back_to_the_page_that_was_asked_for(stranger: Browser) -> None:
    answer = stranger.post("/sign-in", {"username": "lan", "password": PASSWORD, "next": "/speakers"})
    assert answer.location == "/speakers"


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(stranger: Browser, target: str) -> None:
    answer = stranger.post("/sign-in", {"username": "lan", "password": PASSWORD, "next": target})
    assert answer.location == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_words(stranger: Browser) -> None:
    wrong, unknown = stranger.sign_in("lan", "sai"), stranger.sign_in("khong-co", "sai")
    assert wrong.status_code == unknown.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in wrong.text
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in unknown.text


def test_guessing_is_stopped_even_when_the_guess_is_right_at_last(stranger: Browser) -> None:
    for _ in range(8):
        stranger.sign_in("lan", "sai")
    answer = stranger.sign_in("lan")
    assert answer.status_code == 429
    assert "Chờ 5 phút" in answer.text


def test_a_disabled_account_is_out_at_once(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        session.query(Account).filter_by(username="lan").one().disabled_at = stage.clock.now()
    assert editor.get("/").status_code == 303
    assert editor.sign_in("lan").status_code == 401


def test_signing_out_ends_the_session(editor: Browser) -> None:
    editor.post("/sign-out")
    assert editor.get("/").status_code == 303


def test_signing_in_is_written_to_the_audit_log(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        assert session.query(AuditEntry).filter_by(action="account.sign-in").count() == 1


def test_a_new_password_ends_the_sessions_on_other_machines_and_not_ones_own(app: Flask, editor: Browser) -> None:
    elsewhere = Browser(app.test_client())
    elsewhere.sign_in("lan")
    new = "mật-khẩu-mới-tinh"
    answer = editor.post("/password", {"current": PASSWORD, "new": new, "again": new})
    assert answer.status_code == 303
    assert editor.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303
    assert elsewhere.sign_in("lan", new).status_code == 303


def test_a_password_that_can_not_be_taken_is_refused_with_words_at_each_field(editor: Browser) -> None:
    answer = editor.post("/password", {"current": "sai", "new": "ngắn", "again": "khác"})
    assert answer.status_code == 422
    for sentence in ("hiện tại không đúng", "Cần ít nhất 10 ký tự", "không giống nhau"):
        assert sentence in answer.text
    assert "quá dễ đoán" in editor.post("/password", {"current": PASSWORD, "new": "a" * 12, "again": "a" * 12}).text


def test_a_viewer_sees_and_changes_nothing(stage: Stage, viewer: Browser) -> None:
    assert viewer.get("/").status_code == 200
    assert "Viết bản tin" not in viewer.get("/").text
    for path in ("/write", "/drafts", "/status"):
        assert viewer.get(path).status_code == 403, path
    number = stage.broadcast(starts_in=-stage.clock.now().resolution)
    for path in ("/stop-all", f"/broadcasts/{number}/stop", "/schedules/1/cancel", "/preview", "/listen"):
        assert viewer.post(path).status_code == 403, path
    assert viewer.write().status_code == 403


def test_session_cookies_are_for_this_site_and_out_of_reach_of_scripts(app: Flask) -> None:
    plain = Browser(app.test_client()).sign_in("lan").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://loa.local")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert token
    assert "; Secure" in page.headers["Set-Cookie"]


def test_every_answer_carries_the_headers_that_protect_it(stranger: Browser) -> None:
    for path in ("/sign-in", "/nirgends", "/static/css/site.css"):
        answer = stranger.get(path)
        headers = answer.headers
        answer.close()
        assert "script-src 'self'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_the_key_of_the_sessions_is_made_once_and_readable_by_its_owner_only(stage: Stage, app: Flask) -> None:
    path = stage.services.settings.home_path / "web-secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == app.config["SECRET_KEY"]
