import html
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster.rows import AuditEntry, Bulletin, LexiconEntry
from tests.web.conftest import Browser
from tests.web.station import Stage

TEXT = "Mời bà con xóm XQZ mua giống Kubota."
SCRIPT = {"X-Requested-With": "fetch"}


def shown(browser: Browser, text: str = TEXT, readings: str = "") -> str:
    return html.unescape(browser.post("/preview", {"text": text, "readings": readings}).text)


def kept(stage: Stage) -> dict[str, str]:
    with stage.rows() as session:
        return {entry.written: entry.spoken for entry in session.scalars(select(LexiconEntry))}


def audited(stage: Stage) -> list[tuple[str, str]]:
    with stage.rows() as session:
        log = select(AuditEntry).where(AuditEntry.action.startswith("lexicon")).order_by(AuditEntry.id)
        return [(entry.action, entry.subject) for entry in session.scalars(log)]


def test_a_kept_reading_is_used_by_preview_and_bulletin_and_no_longer_flagged(stage: Stage, editor: Browser) -> None:
    assert 'data-fix="XQZ"' in shown(editor)
    editor.post("/lexicon", {"written": "XQZ", "spoken": "xuân quang"})
    page = shown(editor)
    assert "xuân quang" in page
    assert 'class="word doubtful" data-fix="XQZ"' not in page
    editor.write(text=TEXT)
    with stage.rows() as session:
        assert "xóm xuân quang mua" in session.query(Bulletin).one().spoken


def test_a_correction_for_one_bulletin_stays_with_it(stage: Stage, editor: Browser) -> None:
    readings = json.dumps({"XQZ": "xóm quê"})
    assert "xóm quê" in shown(editor, readings=readings)
    editor.write(text=TEXT, readings=readings)
    assert kept(stage) == {}
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert "xóm xóm quê mua" in bulletin.spoken
        number = bulletin.id
    form = html.unescape(editor.get(f"/write?copy={number}", follow_redirects=True).text)
    assert 'name="readings" value="{"XQZ": "xóm quê"}"' in form
    assert "xóm quê" in form


def test_the_bulletin_s_own_correction_wins_over_the_station_s(editor: Browser) -> None:
    editor.post("/lexicon", {"written": "XQZ", "spoken": "xuân quang"})
    page = shown(editor, readings=json.dumps({"XQZ": "xóm quê"}))
    assert "xóm quê" in page
    assert "xuân quang" not in page


def test_every_change_of_the_lexicon_is_in_the_audit_log(stage: Stage, editor: Browser) -> None:
    for spoken in ("một", "hai", "hai"):
        editor.post("/lexicon", {"written": "XQZ", "spoken": spoken})
    with stage.rows() as session:
        number = session.scalars(select(LexiconEntry.id)).one()
    editor.post(f"/lexicon/{number}/forget")
    assert kept(stage) == {}
    assert audited(stage) == [("lexicon.keep", "XQZ"), ("lexicon.keep", "XQZ"), ("lexicon.forget", "XQZ")]


@pytest.mark.parametrize("spoken", ["", "5 quả", "a_b", "x" * 400, "😀"])
@pytest.mark.parametrize("address", ["/lexicon", "/lexicon/check"])
def test_a_reading_that_cannot_be_said_is_refused_with_the_way_out(
    stage: Stage, editor: Browser, address: str, spoken: str
) -> None:
    answer = editor.post(address, {"written": "XQZ", "spoken": spoken}, headers=SCRIPT)
    assert answer.status_code == 422
    assert "chỉ viết bằng chữ" in answer.json["problem"]  # type: ignore[index]
    assert kept(stage) == {}


def test_a_hostile_table_of_corrections_is_refused_or_counts_as_none(stage: Stage, editor: Browser) -> None:
    assert editor.write(text=TEXT, readings='{"XQZ": "1 <b>"}').status_code == 422
    for readings in ("[", "[1]", '{"XQZ": 5}', "null"):
        shown(editor, readings=readings)
    assert editor.write(text=TEXT, readings="[1]").status_code == 303
    with stage.rows() as session:
        assert session.query(Bulletin).one().readings is None


def test_the_page_finds_without_accents_and_shows_who_kept_it(editor: Browser) -> None:
    editor.post("/lexicon", {"written": "Đức Hoà", "spoken": "đức hòa"})
    editor.post("/lexicon", {"written": "XQZ", "spoken": "xuân quang"})
    editor.get("/lexicon")
    page = editor.get("/lexicon?q=duc").text
    assert "Đức Hoà" in page
    assert "XQZ" not in page
    assert "Không có từ nào như vậy" in editor.get("/lexicon?q=zzz").text


def test_a_viewer_may_not_touch_the_lexicon(stage: Stage, viewer: Browser) -> None:
    assert viewer.get("/lexicon").status_code == 403
    assert viewer.post("/lexicon", {"written": "XQZ", "spoken": "a"}).status_code == 403
    assert kept(stage) == {}


def test_a_changed_word_changes_the_sound_of_its_own_sentence_only(stage: Stage, editor: Browser) -> None:
    text = f"Kính mời bà con. {TEXT}"
    editor.write(text=text)
    editor.post("/lexicon", {"written": "XQZ", "spoken": "xuân quang"})
    stage.clock.advance(timedelta(seconds=1))
    editor.write(text=text, time="07:30")
    with stage.rows() as session:
        first, second = (row.spoken.split(". ") for row in session.query(Bulletin).order_by(Bulletin.id))
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_speed_and_pause_are_stored_with_the_bulletin(stage: Stage, editor: Browser) -> None:
    editor.write(speed="slow", pause="long")
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert (bulletin.speed, bulletin.pause) == ("slow", "long")
    assert editor.write(speed="warp").status_code == 422
