import logging

import pytest
from flask import Flask

from broadcaster.rows import Station
from tests.web.conftest import Browser
from tests.web.station import Stage


def test_a_page_that_is_not_there_says_so_in_words(editor: Browser) -> None:
    answer = editor.get("/nirgends")
    assert answer.status_code == 404
    assert "Không có trang này" in answer.text


def test_a_fault_is_logged_once_counted_and_told_in_words(
    app: Flask, stage: Stage, editor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        stage.orders.steps = None  # type: ignore[assignment]
        editor.write(kind="now")
        answer = editor.get("/")
    assert answer.status_code == 500
    assert "Máy chủ gặp lỗi" in answer.text
    assert len(caplog.records) == 1
    stage.orders.steps = {}
    assert "<dt>web broadcasts.home</dt><dd>1</dd>" in editor.get("/status").text


def test_even_without_its_rows_the_page_of_a_fault_can_be_shown(stage: Stage, stranger: Browser) -> None:
    with stage.rows() as session:
        session.delete(session.query(Station).one())
    answer = stranger.get("/sign-in")
    assert answer.status_code == 500
    assert "Các bản tin đã lưu vẫn phát đúng giờ." in answer.text


def test_a_request_that_is_far_too_large_is_refused_in_words(editor: Browser) -> None:
    answer = editor.post("/language", {"language": "x" * (9 * 2**20)})
    assert answer.status_code == 413
    assert "Nội dung gửi lên quá lớn" in answer.text


def test_a_script_gets_its_errors_as_data(editor: Browser) -> None:
    script = {"X-Requested-With": "fetch"}
    assert editor.client.post("/preview", data={"text": "a"}, headers=script).json == {"problem": "expired"}
    assert editor.get("/listen/nope", headers=script).json == {"problem": "Hãy bấm “Nghe thử” lần nữa."}
    editor.post("/sign-out")
    assert editor.get("/", headers=script).status_code == 401


def test_a_sign_in_page_that_was_open_for_too_long_asks_again(stranger: Browser) -> None:
    answer = stranger.client.post("/sign-in", data={"username": "lan", "password": "geheim-geheim"})
    assert answer.status_code == 400
    assert "Trang đã để lâu. Mời đăng nhập lại." in answer.text
    assert "geheim-geheim" not in answer.text
