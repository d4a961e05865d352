import html
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from broadcaster.rows import Bulletin, Draft, Place, Schedule, ScheduleKind
from tests.web.conftest import Browser
from tests.web.station import Stage


def stored(stage: Stage) -> tuple[int, int]:
    with stage.rows() as session:
        return session.query(Bulletin).count(), session.query(Schedule).count()


def refused(answer: TestResponse, field: str, sentence: str) -> str:
    """Check that the form came back with ``sentence`` in the summary and at its field."""
    page = html.unescape(answer.text)
    assert answer.status_code == 422
    assert f'<a href="#f-{field}">{sentence}' in page
    assert f'id="e-{field}"><p>{sentence}' in page
    return page


def test_a_form_that_is_right_is_stored_and_leads_to_its_broadcast(stage: Stage, editor: Browser) -> None:
    answer = editor.write()
    assert answer.status_code == 303
    assert stored(stage) == (1, 1)
    assert stage.orders.woken == 1
    with stage.rows() as session:
        schedule = session.query(Schedule).one()
        assert schedule.start_at == datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # 06:30 in Vietnam
        assert [place.code for place in schedule.targets] == ["thon-2"]
        assert "mười chín giờ ba mươi" in schedule.bulletin.spoken
    page = editor.get(answer.location)
    assert page.status_code == 200
    assert "Họp thôn" in page.text


def test_air_now_needs_no_time(stage: Stage, editor: Browser) -> None:
    assert editor.write(kind="now", date="", time="").status_code == 303
    with stage.rows() as session:
        assert session.query(Schedule).one().start_at is None


def test_a_daily_bulletin_ends_on_the_day_that_was_chosen(stage: Stage, editor: Browser) -> None:
    assert editor.write(kind="daily", until="2026-11-30").status_code == 303
    with stage.rows() as session:
        schedule = session.query(Schedule).one()
        assert schedule.kind is ScheduleKind.REPEATED
        assert "UNTIL=20261130" in schedule.rrule


def test_an_empty_text_is_refused_at_its_field(stage: Stage, editor: Browser) -> None:
    refused(editor.write(text=" \n "), "text", "Chưa có nội dung.")
    assert stored(stage) == (0, 0)


def test_a_text_of_more_than_20000_characters_is_refused_and_not_lost(stage: Stage, editor: Browser) -> None:
    text = "mời bà con họp thôn " * 1001
    page = refused(editor.write(text=text), "text", "Dài 20\u202f019 ký tự; chỉ được tối đa 20\u202f000.")
    assert text.strip() in page
    assert stored(stage) == (0, 0)


def test_even_a_text_five_times_too_long_comes_back_whole(editor: Browser) -> None:
    text = "ộ" * 100_000
    assert text in refused(editor.write(text=text), "text", "Dài 100\u202f000 ký tự")


def test_a_time_in_the_past_is_refused_at_its_field(stage: Stage, editor: Browser) -> None:
    page = refused(editor.write(date="2026-11-21", time="06:30"), "start_at", "Giờ này đã qua.")
    assert 'value="06:30"' in page
    assert stored(stage) == (0, 0)


def test_a_time_in_quiet_hours_is_refused_at_its_field(stage: Stage, editor: Browser) -> None:
    refused(
        editor.write(time="03:15"), "start_at", "Từ 21:00 đến 05:00 là khung giờ không phát, cả lúc bản tin kết thúc."
    )
    assert stored(stage) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date": "", "time": ""}, "Hãy chọn ngày và giờ phát."),
        ({"date": "30/02"}, "Ngày phát không đúng."),
        ({"time": "25:99"}, "Giờ phát không đúng."),
    ],
)
def test_a_missing_or_wrong_date_is_refused_with_one_sentence(
    editor: Browser, changes: dict[str, str], sentence: str
) -> None:
    page = refused(editor.write(**changes), "start_at", sentence)
    assert page.count('<li><a href="#f-') == 1


def test_an_end_before_the_beginning_is_refused_at_its_field(editor: Browser) -> None:
    refused(editor.write(kind="daily", until="2026-11-21"), "until", "Ngày kết thúc phải từ ngày phát đầu tiên")


def test_no_village_is_refused_at_its_field(stage: Stage, editor: Browser) -> None:
    refused(editor.write(places=[]), "places", "Chưa chọn nơi phát.")
    assert stored(stage) == (0, 0)


def test_an_unknown_place_is_refused_by_name(stage: Stage, editor: Browser) -> None:
    refused(editor.write(places=["thon-ma"]), "places", "Không có địa bàn “thon-ma”.")
    assert stored(stage) == (0, 0)


def test_a_place_without_speakers_is_refused_by_name(stage: Stage, editor: Browser) -> None:
    page = refused(editor.write(places=["thon-2", "thon-5"]), "places", "Thôn Vắng chưa có cụm loa nào.")
    assert 'value="thon-2"' in page
    assert stored(stage) == (0, 0)


def test_letters_the_voice_can_not_say_are_refused_and_shown(stage: Stage, editor: Browser) -> None:
    refused(editor.write(text="Mời bà con 你好 đi họp"), "text", "Giọng đọc không đọc được: “你好”.")
    assert stored(stage) == (0, 0)


def test_a_text_without_words_is_refused(editor: Browser) -> None:
    refused(editor.write(text="... !!!"), "text", "Văn bản chưa có chữ nào để đọc.")


def test_a_title_that_is_too_long_is_refused_at_its_field(editor: Browser) -> None:
    refused(editor.write(title="x" * 250), "title", "Dài 250 ký tự; chỉ được tối đa 200.")


@pytest.mark.parametrize(
    ("field", "value"),
    [("klass", "emergency"), ("voice", "robot"), ("repeats", "99"), ("category", "?"), ("kind", "never")],
)
def test_a_value_no_form_offers_is_refused_and_not_stored(
    stage: Stage, editor: Browser, field: str, value: str
) -> None:
    refused(editor.write(**{field: value}), field, "Hãy chọn")
    assert stored(stage) == (0, 0)


def test_everything_wrong_is_told_at_once_and_every_value_is_kept(editor: Browser) -> None:
    answer = editor.write(
        text="", title="Tiêu đề giữ lại", spoken="lời đọc giữ lại", places=[], time="", repeats="3", voice="south"
    )
    page = html.unescape(answer.text)
    assert page.count('<li><a href="#f-') == 3
    assert "Cần sửa 3 chỗ" in page
    assert 'value="Tiêu đề giữ lại"' in page
    assert "lời đọc giữ lại" in page
    assert '<option value="3" selected>' in page
    assert '<option value="south" selected>' in page
    assert 'value="2026-11-22"' in page
    assert 'aria-describedby="e-text count" aria-invalid="true"' in page


def test_a_double_click_stores_one_bulletin_and_leads_to_the_same_page(stage: Stage, editor: Browser) -> None:
    name = str(uuid4())
    first, second = editor.write(name), editor.write(name)
    assert stored(stage) == (1, 1)
    assert first.location == second.location
    assert editor.get(f"/write/{name}").location == f"/schedules/{first.location.split('/')[2].split('?')[0]}"


def test_a_corrected_reading_is_what_is_stored(stage: Stage, editor: Browser) -> None:
    editor.write(spoken="Kính mời bà con họp lúc bảy rưỡi tối.")
    with stage.rows() as session:
        assert session.query(Bulletin).one().spoken == "Kính mời bà con họp lúc bảy rưỡi tối."


def test_with_every_village_ticked_the_commune_is_stored_instead(stage: Stage, editor: Browser) -> None:
    editor.write(places=["an-binh", "thon-2", "thon-3", "thon-4", "ven-suoi"])
    with stage.rows() as session:
        assert [place.code for place in session.query(Schedule).one().targets] == ["an-binh"]


def test_editing_a_planned_bulletin_fills_the_form_and_replaces_it(stage: Stage, editor: Browser) -> None:
    editor.write()
    begun = editor.get("/write?edit=1")
    page = editor.get(begun.location)
    for value in ('value="Họp thôn"', 'value="06:30"', 'value="2026-11-22"', 'name="replaces" value="1"'):
        assert value in page.text
    assert editor.write(replaces="1", time="07:15").status_code == 303
    with stage.rows() as session:
        old, new = session.query(Schedule).order_by(Schedule.id)
        assert old.cancelled_at is not None
        assert new.bulletin.replaces_id == old.bulletin_id


def test_editing_what_was_cancelled_is_not_possible(editor: Browser) -> None:
    editor.write()
    editor.post("/schedules/1/cancel")
    assert editor.get(editor.get("/write?edit=1").location).status_code == 404


def test_using_an_old_bulletin_again_marks_the_dates_that_have_passed(stage: Stage, editor: Browser) -> None:
    editor.write(text="Tiêm phòng từ ngày 25/11/2026 đến 27/11.")
    stage.clock.advance(timedelta(days=5))
    page = editor.get(editor.get("/write?copy=1").location).text
    assert "Có ngày đã qua trong văn bản:" in page
    assert '<mark class="doubtful">25/11/2026</mark>' in page
    assert '<mark class="doubtful">27/11</mark>' not in page
    assert 'id="f-date" name="date" value="2026-11-26"' in page
    assert 'name="replaces" value=""' in page


def test_a_form_whose_token_has_gone_comes_back_with_everything_in_it(stage: Stage, editor: Browser) -> None:
    name = uuid4()
    answer = editor.client.post(
        f"/write/{name}", data={"csrf_token": "alt", "text": "Rất dài\nvà công phu", "places": ["thon-2", "thon-3"]}
    )
    assert answer.status_code == 400
    assert "Trang đã để lâu, bấm gửi lại" in answer.text
    assert f'action="/write/{name}"' in answer.text
    assert "Rất dài\nvà công phu</textarea>" in answer.text
    assert answer.text.count('<textarea name="places"') == 2
    assert stored(stage) == (0, 0)


def test_a_form_sent_after_the_session_ended_survives_signing_in_again(editor: Browser) -> None:
    editor.post("/sign-out")
    asked = editor.write()
    assert asked.status_code == 401
    assert '<textarea name="kept.text"' in asked.text
    answer = editor.post(
        "/sign-in",
        {"username": "lan", "password": "đúng-mật-khẩu", "kept_path": "/write/x", "kept.text": "công phu"},
    )
    assert answer.status_code == 200
    assert "Gửi lại" in answer.text
    assert "công phu</textarea>" in answer.text


def test_a_bulletin_can_not_bring_markup_into_a_page(editor: Browser) -> None:
    location = editor.write(title="<script>alert(1)</script>", text="a < b họp").location
    assert "<script>alert" not in editor.get(location).text
    assert "&lt;script&gt;alert" in editor.get("/").text


def test_drafts_are_saved_listed_found_again_and_deleted(stage: Stage, editor: Browser) -> None:
    name = str(uuid4())
    saved = editor.post(f"/drafts/{name}", {"text": "Nửa chừng", "places": ["thon-3"], "time": "05:45"})
    assert saved.json == {"message": "Đã lưu nháp lúc 10:00:00"}
    assert "Nửa chừng" in editor.get("/drafts").text
    assert "Bản nháp (1)" in editor.get("/").text
    page = editor.get(f"/write/{name}").text
    assert "Nửa chừng</textarea>" in page
    assert 'value="05:45"' in page
    editor.post(f"/drafts/{name}/delete")
    assert "Không có bản nháp nào." in editor.get("/drafts").text


def test_a_draft_can_be_saved_without_scripts(editor: Browser) -> None:
    name = str(uuid4())
    assert editor.write(name, action="draft", text="").location == f"/write/{name}"
    assert "Họp thôn" in editor.get("/drafts").text


def test_a_draft_is_gone_once_it_was_sent_and_a_late_save_does_not_bring_it_back(stage: Stage, editor: Browser) -> None:
    name = str(uuid4())
    editor.post(f"/drafts/{name}", {"text": "Nửa chừng"})
    editor.write(name)
    assert editor.post(f"/drafts/{name}", {"text": "muộn"}).status_code == 409
    with stage.rows() as session:
        assert session.query(Draft).count() == 0


def test_nobody_reads_or_deletes_the_drafts_of_others(stage: Stage, editor: Browser) -> None:
    name = str(uuid4())
    with stage.rows() as session:
        session.add(Draft(submission=name, account_id=2, fields={"text": "bí mật"}, updated_at=stage.clock.now()))
    assert "bí mật" not in editor.get("/drafts").text
    assert "bí mật" not in editor.get(f"/write/{name}").text
    assert editor.post(f"/drafts/{name}", {"text": "đè lên"}).status_code == 409
    editor.post(f"/drafts/{name}/delete")
    with stage.rows() as session:
        assert session.get_one(Draft, name).fields == {"text": "bí mật"}


def test_the_preview_shows_the_reading_its_changes_and_its_doubts(editor: Browser) -> None:
    page = editor.post("/preview", {"text": "UBND xã họp lúc 7h30 ngày 20/11/2026, gặp ông XYZQ 你好"}).text
    changed, doubtful = '<button type="button" class="word changed"', '<button type="button" class="word doubtful"'
    assert re.search(f'{changed}[^>]* data-fix="UBND"[^>]*>Ủy ban nhân dân</button>', page)
    assert "bảy giờ ba mươi phút" in page
    assert f'{doubtful} data-fix="XYZQ" data-guess="ích xì i dài dét quy">XYZQ</button>' in page
    assert '<mark class="doubtful">20/11/2026</mark>' in page
    assert "Giọng đọc không đọc được:" in page


def test_the_tree_counts_speakers_and_ticks_what_is_inside(stage: Stage, editor: Browser) -> None:
    page = editor.write(text="", places=["an-binh"]).text
    assert "Xã An Bình" in page
    assert "<b data-chosen>6</b> / 6 cụm loa" in page
    assert len(re.findall(r"\schecked\b", page)) == 1 + 3 + 1 + 1  # commune, villages with speakers, kind, chime
    with stage.rows() as session:
        assert session.query(Place).count() == 6
