from io import BytesIO
from typing import Any

import pytest

from broadcaster.rows import Bulletin
from tests.tts.documents import docx_of
from tests.tts.test_documents import PLAIN, TCVN3, VNI
from tests.web.conftest import Browser
from tests.web.station import Stage


def take(browser: Browser, data: bytes, name: str = "Thông báo.docx") -> Any:
    return browser.post("/documents", {"file": (BytesIO(data), name)}, headers={"X-Requested-With": "fetch"})


def test_the_text_of_a_word_document_comes_into_the_form(editor: Browser) -> None:
    assert take(editor, docx_of(PLAIN)).json == {"text": PLAIN, "name": "Thông báo"}
    form = {"document": (BytesIO(docx_of(PLAIN)), "a.docx"), "action": "import", "text": "Trước đó."}
    assert f"Trước đó.\n\n{PLAIN}</textarea>" in editor.post("/write/00000000-0000-4000-8000-000000000000", form).text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Lưu thành (Save As) kiểu .docx"),
        (TCVN3.encode("latin-1"), "phông chữ cũ TCVN3"),
        (VNI.encode(), "phông chữ cũ VNI"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 99, "ảnh chụp hoặc bản quét"),
        (b"OggS" + b"\0" * 99, "tệp âm thanh"),
        (b"", "rỗng"),
    ],
)
def test_what_is_no_readable_text_is_answered_with_what_to_do(editor: Browser, data: bytes, said: str) -> None:
    answer = take(editor, data)
    assert answer.status_code == 422
    assert said in answer.json["problem"]


@pytest.mark.parametrize("text", [TCVN3, VNI])
def test_a_pasted_text_in_an_old_font_is_told_while_writing_and_refused(
    stage: Stage, editor: Browser, text: str
) -> None:
    assert "phông chữ cũ" in editor.post("/preview", {"text": text}).text
    refused = editor.write(text=text)
    assert refused.status_code == 422
    assert "UniKey" in refused.text
    with stage.rows() as session:
        assert session.query(Bulletin).count() == 0


def test_a_text_pasted_from_word_is_stored_tidied(stage: Stage, editor: Browser) -> None:
    assert editor.write(text="·\tHo\u0323p thôn\r\n·\tTiêm\u00a0phòng \u00adcúm").status_code == 303
    with stage.rows() as session:
        assert session.query(Bulletin).one().text == "- Họp thôn\n- Tiêm phòng cúm"


def test_only_those_who_write_may_send_documents(viewer: Browser) -> None:
    assert take(viewer, docx_of(PLAIN)).status_code == 403
