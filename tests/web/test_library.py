import json
import re
from datetime import timedelta
from io import BytesIO

import pytest

from broadcaster.rows import AuditEntry, Bulletin, Draft, ItemKind, LibraryItem, Sound
from broadcaster.sounds import SoundStore
from tests.tts.sound_files import made
from tests.web.conftest import Browser
from tests.web.station import Stage
from tests.web.test_language import OLD_ORTHOGRAPHY
from tts import reading
from web import fields, furnishing
from web.library import blanks, filled

TEMPLATES = json.loads(furnishing.TEMPLATES.read_text("utf-8"))


@pytest.fixture
def furnished(stage: Stage) -> Stage:
    store = SoundStore(stage.services.settings.home_path / "sounds")
    furnishing.furnish(stage.services.database, store, stage.clock.now())
    return stage


def number_of(stage: Stage, title: str) -> int:
    with stage.rows() as session:
        return session.query(LibraryItem).filter_by(title=title).one().id


def test_a_library_is_furnished_once_and_what_was_archived_stays_away(furnished: Stage, editor: Browser) -> None:
    with furnished.rows() as session:
        assert session.query(LibraryItem).count() == len(TEMPLATES) + 2
        assert session.query(Sound).count() == 2
        session.query(LibraryItem).first().archived_at = furnished.clock.now()  # type: ignore[union-attr]
    store = SoundStore(furnished.services.settings.home_path / "sounds")
    furnishing.furnish(furnished.services.database, store, furnished.clock.now() + timedelta(days=1))
    with furnished.rows() as session:
        assert session.query(LibraryItem).count() == len(TEMPLATES) + 2
    assert f"Có {len(TEMPLATES) + 1} mục" in editor.get("/library").text


def test_every_need_of_a_commune_has_a_template() -> None:
    titles = " ".join(template["title"] + " " + template["tags"] for template in TEMPLATES).lower()
    for need in ("cắt điện", "tiêm chủng", "họp thôn", "rác", "dịch", "nông vụ", "mất nước", "tuyển quân", "lễ"):
        assert need in titles, need
    assert len({template["origin"] for template in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["origin"])
def test_a_shipped_template_is_readable_fillable_vietnamese(template: dict[str, str]) -> None:
    text = template["text"]
    assert template["category"] in fields.CATEGORIES
    assert not OLD_ORTHOGRAPHY.findall(text)
    assert len(blanks(text)) >= 3
    whole = filled(text, dict.fromkeys(blanks(text), "thôn Đông"))
    assert "{" not in whole
    assert not reading.unspeakable(whole)
    assert [flag.source for flag in reading.read(whole).flags] == []


def test_blanks_are_asked_for_once_each_in_order() -> None:
    text = "Từ {giờ} đến {giờ kết thúc} ngày {ngày}, lúc {giờ}."
    assert blanks(text) == ["giờ", "giờ kết thúc", "ngày"]
    assert filled(text, {"giờ": " 7h ", "ngày": "{x}"}) == "Từ 7h đến {giờ kết thúc} ngày {x}, lúc 7h."


def test_a_template_becomes_a_draft_with_its_blanks_filled_in(furnished: Stage, editor: Browser) -> None:
    number = number_of(furnished, "Mời họp thôn")
    page = editor.get(f"/library/{number}").text
    assert re.search(r'<label for="blank-0">Tên thôn</label>', page)
    made_draft = editor.post(f"/library/{number}/fill", {"blank-0": "thôn Đoài", "blank-1": "19h30"})
    assert made_draft.status_code == 303
    with furnished.rows() as session:
        draft = session.query(Draft).one()
        assert draft.fields["text"].startswith("Kính mời bà con thôn Đoài tới dự họp.\nThời gian: 19h30 ngày {ngày}.")
        assert draft.fields["category"] == "họp dân"
        text = draft.fields["text"]
    assert "thôn Đoài" in editor.get(made_draft.location).text
    refused = editor.write(text=text)
    assert refused.status_code == 422
    assert "Còn chỗ trống chưa điền: {ngày}, {địa điểm}, {nội dung họp}." in refused.text


def test_a_sent_bulletin_is_in_the_library_and_leads_to_a_new_one(furnished: Stage, editor: Browser) -> None:
    assert editor.write(title="Họp thôn Đoài", text="Kính mời bà con thôn Đoài đi họp lúc 7h30.").status_code == 303
    page = editor.get("/library?q=doai&kind=bulletin").text
    assert "Có 1 mục" in page
    assert "Họp thôn Đoài" in page
    number = number_of(furnished, "Họp thôn Đoài")
    again = re.search(r'href="(/write\?copy=\d+)"', editor.get(f"/library/{number}").text)
    assert again
    assert "Kính mời bà con thôn Đoài" in editor.get(editor.get(again[1]).location).text


def test_a_tune_is_uploaded_renamed_used_again_and_put_away_with_audit(stage: Stage, editor: Browser) -> None:
    file = (BytesIO(made("bulletin.mp3")), "Quê hương.mp3")
    added = editor.post("/library/add", {"file": file, "kind": "tune", "tags": "dân ca"})
    assert added.status_code == 303
    number = int(added.location.rpartition("/")[2])
    assert "<h1>Quê hương</h1>" in editor.get(added.location).text
    editor.post(added.location, {"title": "Nhạc hiệu mới", "category": "không có", "tags": ""})
    assert "Nhạc hiệu mới" in editor.get("/library?q=hieu+moi").text
    form = editor.get(editor.get(f"/write?item={number}").location).text
    assert 'id="sound-name">Quê hương' in form
    editor.post(f"/library/{number}/archive", {"away": "1"})
    assert "Có 0 mục" in editor.get("/library").text
    assert "Nhạc hiệu mới" in editor.get("/library?archived=1").text
    editor.post(f"/library/{number}/archive", {"away": "0"})
    with stage.rows() as session:
        actions = [entry.action for entry in session.query(AuditEntry)][1:]
        assert actions == ["sound.upload", "library.add", "library.change", "library.archive", "library.restore"]


def test_what_can_not_be_added_is_told_in_words(editor: Browser) -> None:
    bad = editor.post("/library/add", {"file": (BytesIO(b"MZ" * 99), "x.mp3"), "kind": "tune", "title": "Giữ tên này"})
    assert bad.status_code == 422
    assert "mà là chương trình máy tính" in bad.text
    assert "Giữ tên này" in bad.text
    assert "rỗng" in editor.post("/library/add", {"kind": "tune"}).text
    assert "Mẫu cần có tên" in editor.post("/library/add", {"kind": "template", "title": "x"}).text
    assert editor.post("/library/add", {"kind": "bulletin"}).status_code == 400
    assert editor.post("/library/add", {"kind": "template", "title": "Mẫu", "text": "{giờ}"}).status_code == 303


def test_the_sound_of_a_form_is_kept_once(stage: Stage, editor: Browser) -> None:
    sound = editor.post("/sounds", {"file": (BytesIO(made("bulletin.wav")), "Lời chào.wav")}).json["sound"]  # type: ignore[index]
    for _ in range(2):
        assert editor.post("/library/keep", {"sound": sound}).json == {"message": "Đã cất vào kho."}
    with stage.rows() as session:
        assert [(item.kind, item.title) for item in session.query(LibraryItem)] == [(ItemKind.RECORDING, "Lời chào")]
    assert editor.post("/library/keep", {"sound": "f" * 64}).status_code == 404


def test_the_library_belongs_to_those_who_write(viewer: Browser, stage: Stage) -> None:
    assert viewer.get("/library").status_code == 403
    assert viewer.post("/library/1/archive", {"away": "1"}).status_code == 403
    with stage.rows() as session:
        assert session.query(Bulletin).count() == 0


def test_what_is_not_there_is_not_found_and_odd_questions_are_answered(editor: Browser) -> None:
    assert editor.get("/library/99").status_code == 404
    assert editor.get("/write?item=99").status_code == 303
    assert editor.get(editor.get("/write?item=99").location).status_code == 404
    assert editor.get("/library?kind=robot&page=-4&q=" + "x" * 900).status_code == 200
