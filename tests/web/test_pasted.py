"""A pasted weather bulletin fills the form of an alert and raises nothing."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from broadcaster import weather
from broadcaster.rows import Alert, AlertSound
from broadcaster.weather.reading import Doubt
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import weather_words

BULLETIN = """TIN CẢNH BÁO LŨ QUÉT
Trong 3-6 giờ tới, nguy cơ cao xảy ra lũ quét tại bản Nà Lốc và thôn Đoài, xã An Bình <b>.
Cấp độ rủi ro thiên tai: cấp 4. Tin phát lúc 11h00 ngày 21/11. Tin tiếp theo phát lúc 13h30 ngày 21/11."""


@pytest.fixture
def officer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("truc").status_code == 303
    return browser


def paste(browser: Browser, text: str = BULLETIN, **more: Any) -> TestResponse:
    return browser.post("/duty/paste", {"text": text, "name": str(uuid4())} | more)


def test_what_was_recognised_is_shown_and_fills_the_form_and_nothing_is_raised(officer: Browser, stage: Stage) -> None:
    assert "Dán bản tin thời tiết" in officer.get("/duty").text
    assert "Đọc bản tin" in officer.get("/duty/paste").text
    page = paste(officer).text
    assert '<mark class="seen-hazard">LŨ QUÉT' in page
    assert '<mark class="seen-place">bản Nà Lốc' in page
    assert "&lt;b&gt;" in page
    assert '<option value="4" selected>' in page
    assert re.search(r'value="thon-4"[^>]*checked', page, re.DOTALL)
    assert "nguy cơ cao xảy ra lũ quét tại bản Nà Lốc" in page.split('name="v-loi"')[1]
    assert "đang chọn tất cả" in page
    with stage.rows() as session:
        assert session.scalars(select(Alert)).all() == []


def test_the_filled_form_raises_once_with_the_officers_words_sentence_by_sentence(
    officer: Browser, stage: Stage
) -> None:
    name = uuid4()
    page = paste(officer, name=str(name)).text
    action = re.search(r'action="(/duty/lu-quet/[^"]+)"', page)
    assert action
    assert action[1].endswith(str(name))
    form = {"places": ["thon-4"], "level": "4", "life_h": "3", "v-loi": "Câu một. Câu hai.", "held": "1"}
    for _ in range(2):
        assert officer.post(action[1], form).status_code == 303
    with stage.rows() as session:
        assert len(session.scalars(select(Alert)).all()) == 1
        said = set(session.scalars(select(AlertSound.text)))
    assert {"Câu một.", "Câu hai."} <= said


def test_the_officer_may_choose_another_template_and_what_is_followed_stays(officer: Browser) -> None:
    page = paste(officer, template="sat-lo", follows="kc-1").text
    assert 'action="/duty/sat-lo/' in page
    assert page.count('name="follows" value="kc-1"') == 2


@pytest.mark.parametrize("text", ["", "x" * 20_001])
def test_nothing_or_too_much_is_refused(officer: Browser, text: str) -> None:
    assert "Hãy dán nội dung bản tin" in officer.get(paste(officer, text).location).text


def test_every_doubt_has_its_words(app: Flask) -> None:
    code = "".join(path.read_text() for path in Path(weather.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'notes\.doubt\("([a-z-]+)"', code))
    assert len(codes) > 10
    with app.test_request_context():
        for one in codes:
            assert weather_words.doubt(Doubt(one, "bao"))


def test_only_those_who_raise_may_paste(editor: Browser) -> None:
    assert editor.get("/duty/paste").status_code == 403
    assert paste(editor).status_code == 403
