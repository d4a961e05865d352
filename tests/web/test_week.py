"""The week, the next 24 hours, "what should be playing now?", the feed; moving and copying."""

import html
import re
from datetime import timedelta

import icalendar
import pytest
from sqlalchemy import select

from broadcaster.rows import Account, AuditEntry, Broadcast, Schedule
from tests.web.conftest import Browser
from tests.web.station import Stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def days(page: str) -> list[str]:
    return re.findall(r'<section class="day.*?</section>', page, re.DOTALL)


def test_the_week_shows_every_occurrence_on_its_day_with_lunar_date_and_holiday(editor: Browser) -> None:
    editor.write(kind="weekly", weekdays=["MO", "WE"], title="Tin sáng", date="2026-11-21")
    editor.write(kind="lunar", lunar="15", title="Ngày rằm", date="2026-11-21", time="07:00")
    editor.write(title="Ở thôn khác", places=["thon-3"], date="2026-11-24")
    week = days(editor.get("/week?date=2026-11-25").text)
    assert [("Tin sáng" in day, "Ngày rằm" in day) for day in week] == [
        (True, True),
        (False, False),
        (True, False),
        (False, False),
        (False, False),
        (False, False),
        (False, False),
    ]
    assert "15/10 âm lịch" in week[0]
    assert "Ngày Văn hóa Việt Nam" in week[1]
    assert "Ở thôn khác" in week[1]  # the commune's week shows its villages
    assert "Ở thôn khác" not in editor.get("/week?date=2026-11-25&place=thon-2").text
    assert "Ở thôn khác" in editor.get("/week?date=2026-11-25&place=thon-3").text


def test_a_date_that_is_none_shows_this_week(editor: Browser) -> None:
    for typed in ("x", "0001-01-01", "9999-12-31", ""):
        assert "21/11/2026" in editor.get(f"/week?date={typed}").text


def test_one_occurrence_is_moved_by_form_and_the_rest_stays(stage: Stage, editor: Browser) -> None:
    editor.write(kind="daily", title="Tin sáng", date="2026-11-22")
    page = editor.get("/week?date=2026-11-25").text
    occurrence = re.findall(r'name="occurrence" value="([^"]+)"', page)[2]
    assert occurrence.startswith("2026-11-24T23:30")  # 06:30 on the 25th
    form = {"schedule": "1", "occurrence": occurrence, "place": "an-binh", "date": "2026-11-25", "time": "17:00"}
    refused = editor.post("/week/move", form | {"time": "03:15"}, follow_redirects=True).text
    assert "khung giờ không phát" in refused
    moved = editor.post("/week/move", form, follow_redirects=True).text
    assert "Đã dời sang 17:00 Thứ Tư, 25/11/2026." in moved
    wednesday = days(moved)[2]
    assert "17:00–" in wednesday
    assert "06:30–" not in wednesday
    assert "06:30–" in days(moved)[3]
    with stage.rows() as session:
        assert [entry.action for entry in session.scalars(select(AuditEntry))][-1] == "schedule.move"
    assert "Lượt phát này vừa được dời hoặc hủy." in editor.post("/week/move", form, follow_redirects=True).text
    assert len(re.findall("17:00–", editor.get("/week?date=2026-11-25").text)) == 1
    for broken in ({"schedule": "99"}, {"occurrence": "x"}):
        assert editor.post("/week/move", form | broken).status_code == 404


def move_form(editor: Browser, title: str, date: str) -> dict[str, str]:
    """The form that moves what stands on a day, as the week shows it."""
    page = editor.get(f"/week?date={date}").text
    entry = next(each for each in page.split("<article")[1:] if title in each)
    return dict(re.findall(r'name="(schedule|occurrence|place)" value="([^"]+)"', entry)) | {"date": date}


def times(page: str, title: str) -> list[str]:
    return [
        found[1]
        for entry in page.split("<article")[1:]
        if title in entry and (found := re.search(r"<b>(\d\d:\d\d)", entry))
    ]


@pytest.mark.parametrize(
    ("label", "moved", "other"),
    [("Phát sau đó", "17:01", ["17:00"]), ("Chọn khung trống", "17:15", ["17:00"]), ("Thay thế bản đó", "17:00", [])],
)
def test_what_a_moved_bulletin_would_meet_is_shown_with_the_three_verbs(
    editor: Browser, label: str, moved: str, other: list[str]
) -> None:
    editor.write(title="Họp thôn", date="2026-11-25", time="17:00")
    editor.write(title="Tiêm phòng", date="2026-11-25", time="06:30")
    form = move_form(editor, "Tiêm phòng", "2026-11-25") | {"time": "17:00"}
    shown = editor.post("/week/move", form).text
    assert "Trùng với “Họp thôn” lúc 17:00 Thứ Tư, 25/11/2026." in shown
    fix = next(
        html.unescape(fix) for fix, verb in re.findall(r'name="fix" value="([^"]*)">([^<]*)<', shown) if label in verb
    )
    page = editor.post("/week/move", form | {"fix": fix}, follow_redirects=True).text
    assert times(page, "Tiêm phòng") == [moved]
    assert times(page, "Họp thôn") == other


def test_a_bulletin_is_moved_all_the_same_when_somebody_says_so(editor: Browser) -> None:
    editor.write(title="Họp thôn", date="2026-11-25", time="17:00")
    editor.write(title="Tiêm phòng", date="2026-11-25", time="06:30")
    form = move_form(editor, "Tiêm phòng", "2026-11-25") | {"time": "17:00"}
    page = editor.post("/week/move", form | {"anyway": "1"}, follow_redirects=True).text
    assert times(page, "Tiêm phòng") == times(page, "Họp thôn") == ["17:00"]


def test_a_week_is_copied_once_and_by_the_rules(stage: Stage, editor: Browser) -> None:
    editor.write(title="Họp", date="2026-11-23", time="06:30")
    editor.write(title="Tiêm phòng", date="2026-11-24", time="17:00")
    editor.write(title="Hằng ngày", kind="daily", date="2026-11-23", time="11:00")
    form = {"from": "2026-11-23", "to": "2026-12-03"}
    assert "Đã chép 2 bản tin." in editor.post("/week/copy", form, follow_redirects=True).text
    assert "Đã chép 0 bản tin." in editor.post("/week/copy", form, follow_redirects=True).text
    monday, tuesday, *_ = days(editor.get("/week?date=2026-12-03").text)
    assert "Họp" in monday
    assert "Tiêm phòng" in tuesday
    assert (
        editor.post("/rules", {"quiet_start": "16:00", "quiet_until": "05:00", "weekdays": ["MO", "TU"]}).status_code
        == 303
    )
    editor.write(title="Diễn văn nghệ", date="2026-12-07", time="06:30")
    copied = editor.post("/week/copy", form | {"to": "2026-12-08"}, follow_redirects=True).text
    assert "“Họp” trùng giờ với “Diễn văn nghệ”" in copied
    assert "Đã chép 1 bản tin." in copied
    assert "Tiêm phòng: Từ 16:00 đến 05:00 là khung giờ không phát" in copied
    assert "Hãy chọn tuần khác" in editor.post("/week/copy", form | {"to": "2026-11-25"}, follow_redirects=True).text
    with stage.rows() as session:
        assert len(session.scalars(select(Schedule)).all()) == 7


def test_what_should_be_playing_now_is_on_the_first_page_and_the_speaker_s(stage: Stage, editor: Browser) -> None:
    quiet = editor.get("/").text
    assert "Không có gì đang phát." in quiet
    assert "Theo lịch" not in quiet
    stage.broadcast(starts_in=-timedelta(seconds=30), title="Họp xã")
    stage.broadcast(starts_in=2 * HOUR, title="Tin trưa")
    assert "Thôn Đông – Họp xã" in editor.get("/").text
    page = editor.get("/week/speaker/loa-001").text
    assert "lúc này phải đang phát “Họp xã”" in page
    assert page.count("row-item") == 2
    assert page.count('class="day-sound"') == page.count('class="day-power"') == 2
    assert editor.get("/week/speaker/nope").status_code == 404


def test_what_waits_for_its_sound_or_a_verdict_is_not_said_to_be_playing(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-timedelta(seconds=30), title="Họp xã")
    with stage.rows() as session:
        session.get_one(Broadcast, number).start_at = None  # as one is that airs as soon as it may
    page = editor.get("/").text
    assert "Theo lịch" not in page
    assert "Đang chuẩn bị" in page
    assert "Đang tạo giọng đọc" not in page  # it has its sound


def test_history_is_the_run_against_the_plan(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=-3 * HOUR, title="Tin sớm")
    page = editor.get("/week").text
    assert "Đã phát" in page
    assert "0/6 cụm loa đã phát xong" in page


def test_the_feed_is_read_by_a_calendar_and_its_address_dies_with_the_password(
    stage: Stage, editor: Browser, stranger: Browser
) -> None:
    editor.write(kind="daily", title="Tin sáng; đầy đủ, có dấu", date="2026-11-22")
    address = re.search(r"(/calendar/\S+\.ics)", editor.get("/calendar").text)
    assert address
    answer = stranger.get(address[1])
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    events = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert len(events) == 28
    assert str(events[0]["summary"]) == "Tin sáng; đầy đủ, có dấu"
    assert events[0].decoded("dtstart").isoformat() == "2026-11-21T23:30:00+00:00"
    assert str(events[0]["location"]) == "Thôn Đông"
    assert len({str(event["uid"]) for event in events}) == 28
    assert stranger.get(address[1].replace(".ics", "x.ics")).status_code == 404
    with stage.rows() as session:
        session.scalars(select(Account).where(Account.username == "lan")).one().password_hash = "changed"
    assert stranger.get(address[1]).status_code == 404


def test_one_who_only_reads_moves_and_copies_nothing(viewer: Browser) -> None:
    assert viewer.get("/week").status_code == 200
    for path in ("/week/move", "/week/copy"):
        assert viewer.post(path).status_code == 403


# The day.


def test_a_day_of_a_place_shows_what_sounds_and_when_it_is_off_and_leads_from_week_and_speakers(
    editor: Browser,
) -> None:
    editor.write(title="Tin sáng", date="2026-11-25", time="06:30")
    editor.write(title="Ở thôn khác", date="2026-11-25", time="17:00", places=["thon-3"])
    editor.post("/power/off", {"places": ["thon-2"], "date": "2026-11-25", "time": "07:00", "reason": "Đám tang"})
    assert "/day?date=2026-11-25&amp;place=thon-2" in editor.get("/week?date=2026-11-25&place=thon-2").text
    assert "/day?place=thon-2" in editor.get("/speakers").text
    page = editor.get("/day?date=2026-11-25&place=thon-2").text
    assert "Tin sáng" in page
    assert "Ở thôn khác" not in page
    assert "Không phát: loa ở đó đang tắt" in page
    assert 'x="0.0" width="420.0" height="60" class="day-off"' in page
    assert 'x="1260.0" width="180.0" height="60" class="day-quiet"' in page  # 21:00 to midnight
    assert 'x="0.0" width="300.0" height="60" class="day-quiet"' in page
    whole = editor.get("/day?date=2026-11-25&place=an-binh").text
    assert "Tin sáng" in whole
    assert "Ở thôn khác" in whole
    assert editor.get("/day?date=x&place=nope").status_code == 200


def test_moving_on_the_day_page_comes_back_to_the_day_page(editor: Browser) -> None:
    editor.write(title="Tin sáng", date="2026-11-25", time="06:30")
    page = editor.get("/day?date=2026-11-25&place=thon-2").text
    (occurrence,) = re.findall(r'name="occurrence" value="([^"]+)"', page)
    form = {"schedule": "1", "occurrence": occurrence, "place": "thon-2", "date": "2026-11-25", "view": "day"}
    assert editor.post("/week/move", form | {"time": "17:00"}).location == "/day?date=2026-11-25&place=thon-2"


def test_the_strip_says_what_is_on_the_air_here_and_answers_304_when_nothing_changed(
    stage: Stage, editor: Browser
) -> None:
    assert "không có gì" in editor.get("/on-air?place=thon-2").text
    number = stage.broadcast(starts_in=timedelta(0), title="Tin dài")
    for place in ("", "an-binh", "thon-2"):
        answer = editor.get(f"/on-air?place={place}")
        assert "Tin dài" in answer.text, place
    assert editor.get("/on-air?place=thon-2", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    for path in ("/week", "/day", "/week/speaker/loa-001"):
        assert "Tin dài" in editor.get(path).text, path
    editor.post("/power/off", {"places": ["thon-4"], "date": "2026-11-22", "time": "07:00", "reason": "Đám tang"})
    assert "Tin dài" not in editor.get("/on-air?place=thon-4").text
    stage.orders.stop_in_place(number, 2, 1)
    assert "Tin dài" not in editor.get("/on-air?place=thon-2").text
    assert "Tin dài" in editor.get("/on-air?place=thon-3").text
