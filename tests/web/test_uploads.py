from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from flask import Flask

from broadcaster.rows import AuditEntry, Bulletin, Schedule, Sound
from tests.tts.sound_files import encoded, made, melody
from tests.web.conftest import Browser
from tests.web.station import Stage
from tests.web.test_listening import wait
from tts.flac import from_flac
from web import uploads
from web.context import sound_store


def upload(browser: Browser, data: bytes, name: str = "Ghi âm mới 12.m4a") -> Any:
    return browser.post("/sounds", {"file": (BytesIO(data), name)}, headers={"X-Requested-With": "fetch"})


@pytest.fixture
def brought(editor: Browser) -> dict[str, Any]:
    answer = upload(editor, made("Ghi âm mới 12.m4a"))
    assert answer.status_code == 200
    return dict(answer.json)


def test_an_upload_becomes_a_sound_with_a_picture_that_can_be_played(
    stage: Stage, editor: Browser, brought: dict[str, Any]
) -> None:
    assert brought["name"] == "Ghi âm mới 12"
    assert brought["seconds"] == pytest.approx(2, abs=0.15)
    assert "<svg" in brought["picture"]
    with editor.get(brought["address"]) as played:
        assert from_flac(played.data).samples.size == pytest.approx(48_000, abs=3_000)
    with stage.rows() as session:
        sound = session.query(Sound).one()
        assert max(sound.peaks) > 30
        assert [entry.action for entry in session.query(AuditEntry)][-1] == "sound.upload"
    assert upload(editor, made("Ghi âm mới 12.m4a")).json["sound"] == brought["sound"]
    with stage.rows() as session:
        assert session.query(Sound).count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: b"", "rỗng"),
        (lambda: b"%PDF-1.4 " + b"x" * 200, "mà là văn bản PDF"),
        (lambda: b"MZ" + b"\0" * 200, "mà là chương trình máy tính"),
        (lambda: made("bulletin.mp3")[:64] + b"\0" * 9_000, "bị hỏng"),
        (
            lambda: encoded("flac", "flac", np.zeros(1_500 * 8_000, np.int16), 8_000),
            "dài 25 phút 0 giây; tối đa 20 phút",
        ),
        (lambda: encoded("wav", "pcm_s16le", np.zeros(48_000, np.int16)), "chỉ toàn im lặng"),
        (lambda: encoded("wav", "pcm_s16le", melody(0.1)), "quá ngắn"),
    ],
    ids=["empty", "pdf", "program", "broken", "too long", "silent", "short"],
)
def test_what_is_not_taken_is_told_in_words_and_leaves_nothing(
    stage: Stage, editor: Browser, data: Callable[[], bytes], said: str
) -> None:
    answer = upload(editor, data(), "bulletin.mp3")
    assert answer.status_code == 422
    assert said in answer.json["problem"]
    with stage.rows() as session:
        assert session.query(Sound).count() == 0
    assert not list((stage.services.settings.home_path / "cache" / "uploads").glob("*"))


def test_a_full_disk_is_told_in_words(editor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "to_flac", full)
    answer = upload(editor, made("bulletin.wav"))
    assert (answer.status_code, "không còn chỗ" in answer.json["problem"]) == (422, True)


def test_only_those_who_write_may_send_large_files(
    app: Flask, editor: Browser, viewer: Browser, stranger: Browser
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    large = made("bulletin.wav")
    assert upload(editor, large).status_code == 200
    assert upload(viewer, large).status_code == upload(stranger, large).status_code == 413
    assert (upload(viewer, b"x").status_code, upload(stranger, b"x").status_code) == (403, 401)


def test_a_bulletin_with_a_sound_is_stored_with_its_part_and_needs_no_text(
    stage: Stage, editor: Browser, brought: dict[str, Any]
) -> None:
    sent = editor.write(title="", text="", sound=brought["sound"], sound_from="0,5", sound_to="1.5", voice="north")
    assert sent.status_code == 303
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert (bulletin.sound_start_ms, bulletin.sound_end_ms, bulletin.spoken) == (500, 1500, "")
        assert bulletin.title == "Ghi âm mới 12"
        number = session.query(Schedule).one().id
    page = editor.get(f"/schedules/{number}").text
    assert "Âm thanh “Ghi âm mới 12”" in page
    edit = editor.get(editor.get(f"/write?edit={number}").location).text
    assert f'name="sound" value="{brought["sound"]}"' in edit
    again = editor.get(editor.get("/write?copy=1").location).text
    assert 'name="sound_from" min="0" step="0.1" inputmode="decimal" value="0.5"' in again


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sound": "f" * 64}, "không còn"),
        ({"sound_from": "x"}, "không đúng"),
        ({"sound_from": "1.9", "sound_to": "2"}, "quá ngắn"),
        ({"sound_from": "1.5", "sound_to": "1"}, "quá ngắn"),
        ({"sound_from": "inf"}, "không đúng"),
    ],
)
def test_a_part_that_is_none_is_refused_at_its_field(
    stage: Stage, editor: Browser, brought: dict[str, Any], changes: dict[str, str], said: str
) -> None:
    answer = editor.write(**{"text": "", "sound": brought["sound"], **changes})
    assert answer.status_code == 422
    assert said in answer.text
    with stage.rows() as session:
        assert session.query(Bulletin).count() == 0


def test_a_browser_without_javascript_brings_its_file_with_the_form(editor: Browser) -> None:
    file = (BytesIO(made("bulletin.mp3")), "họp.mp3")
    page = editor.write(file=file, action="upload", text="", title="Họp")
    assert page.status_code == 200
    assert '<b id="sound-name">họp</b>' in page.text
    assert 'value="Họp"' in page.text
    refused = editor.write(file=(BytesIO(b"MZ" * 100), "họp.mp3"), action="upload", text="Giữ nguyên chữ này")
    assert "mà là chương trình máy tính" in refused.text
    assert "Giữ nguyên chữ này" in refused.text
    dropped = editor.write(sound="f" * 64, action="drop-sound", text="x")
    assert 'name="sound" value=""' in dropped.text


def test_listening_plays_the_part_with_its_chime(editor: Browser, brought: dict[str, Any]) -> None:
    form = {"sound": brought["sound"], "voice": "north", "repeats": "2", "chime": "1", "sound_to": "1"}
    order = dict(editor.post("/listen", form).json or {})
    assert wait(editor, order["state"]).json["ready"]
    assert editor.post("/listen", form | {"sound_to": "1.5"}).json != order
    assert editor.post("/listen", form | {"sound": "../../etc"}).status_code == 422


def test_a_sound_there_is_not_is_not_found(editor: Browser) -> None:
    assert editor.get(f"/sounds/{'f' * 64}").status_code == 404
    assert editor.get(f"/sounds/{'f' * 64}.flac").status_code == 404


def test_a_name_is_what_stands_before_the_ending(editor: Browser) -> None:
    names = {"Họp thôn.v2.mp3": "Họp thôn.v2", "../../x.wav": "x", "Số 5.3gp": "Số 5"}
    for given, expected in names.items():
        assert (
            upload(editor, encoded("wav", "pcm_s16le", melody(0.5 + len(given) / 100)), given).json["name"] == expected
        )


def test_the_same_form_is_one_bulletin_also_with_a_sound(
    stage: Stage, editor: Browser, brought: dict[str, Any]
) -> None:
    name = str(uuid4())
    for _ in range(2):
        assert editor.write(name, text="", sound=brought["sound"]).status_code == 303
    with stage.rows() as session:
        assert session.query(Bulletin).count() == 1


def test_the_store_is_where_the_station_looks(stage: Stage, editor: Browser, brought: dict[str, Any]) -> None:
    with editor.client.application.app_context():
        assert sound_store().path(brought["sound"]).exists()
