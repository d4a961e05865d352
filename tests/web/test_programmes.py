"""The pages of programmes: presets, the rundown editor without JavaScript, what will air, approval."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from broadcaster import approval
from broadcaster.distribution import Distributor
from broadcaster.rows import Account, Bulletin, Decision, Role, Schedule, ScheduleKind, Station
from broadcaster.sounds import SoundStore
from scheduler.planning import Planner
from scheduler.preparation import Preparation
from scheduler.production import Production
from scheduler.rundown import Kind, Piece
from tests.broadcaster.town import FakeTransport
from tests.web import station
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import programme_words
from web.furnishing import furnish


class Desk:
    """The part of a station that composes, prepares and plans, by hand."""

    def __init__(self, stage: Stage) -> None:
        self.stage, services = stage, stage.services
        core = stage.orders.core
        sounds = SoundStore(services.settings.home_path / "sounds")
        furnish(services.database, sounds, stage.clock.now())
        distributor = Distributor(FakeTransport(), services.clips, core.topics, 128_000, core.counters)
        self.planner = Planner(core, distributor, 2_000)
        self.preparation = Preparation(
            services.database, services.speech, services.clips, stage.clock, lambda: None, sounds=sounds
        )
        self.production = Production(core, services.speech, services.clips, sounds, lambda: None)

    def compose(self) -> None:
        self.planner.plan()

    def plan(self) -> None:
        for _ in range(2):
            self.preparation.prepare_all()
            self.compose()
            self.production.produce_all()
        self.compose()


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return Desk(stage)


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    form = page[page.index('id="programme"') : page.index("</form>", page.index('id="programme"'))]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") in {"checkbox", "radio"} and not re.search(r"\bchecked\b", tag):
            continue
        if name := attributes.get("name"):
            value = attributes.get("value", "")
            sent[name] = [*sent[name], value] if name in sent else [value]
    for name, body in re.findall(r'<select[^>]* name="([\w-]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body) or re.search(r'value="([^"]*)"', body)
        sent[name] = [chosen[1] if chosen else ""]
    for name, body in re.findall(r'<textarea[^>]* name="([\w-]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        sent[name] = [body]
    sent.pop("csrf_token", None)
    return sent


def open_form(editor: Browser, **asked: Any) -> tuple[str, dict[str, Any]]:
    address = editor.get("/programmes/new", query_string=asked).headers["Location"]
    page = editor.get(address)
    assert page.status_code == 200
    return address.partition("?")[0], fields_of(page.text)


def send(editor: Browser, preset: str = "phuong", **changes: Any) -> Any:
    address, form = open_form(editor, preset=preset)
    return editor.post(address, form | {"title": "Bản tin sáng", "places": "an-binh", "action": "send"} | changes)


def kinds(form: dict[str, Any]) -> list[str]:
    return [form[f"i-{number}-kind"][0] for number in range(40) if f"i-{number}-kind" in form]


def test_the_ward_preset_is_two_slots_of_a_quarter_of_an_hour_from_monday_to_friday(
    editor: Browser, desk: Desk
) -> None:
    assert send(editor).status_code == 303
    with desk.stage.rows() as session:
        rows = session.query(Schedule).order_by(Schedule.id).all()
        assert [row.rrule for row in rows] == ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"] * 2
        assert rows[0].bulletin is rows[1].bulletin
        assert rows[0].bulletin.rundown
        assert rows[0].bulletin.rundown["planned_ms"] == 15 * 60_000
        assert [item["type"] for item in rows[0].bulletin.rundown["items"]] == [
            "tune",
            "words",
            "bulletins",
            "words",
            "tune",
        ]
    page = editor.get("/programmes").text
    assert "06:00" in page
    assert "17:00" in page


def test_the_commune_preset_is_three_slots_with_a_relay_that_needs_an_address(editor: Browser, desk: Desk) -> None:
    refused = send(editor, "xa")
    assert refused.status_code == 422
    assert "Mục 3: địa chỉ phải bắt đầu bằng http" in refused.text
    assert send(editor, "xa", **{"i-2-address": "http://127.0.0.1:9/vov"}).status_code == 303
    with desk.stage.rows() as session:
        assert session.query(Schedule).count() == 3


def test_items_are_added_moved_and_removed_without_javascript_and_nothing_typed_is_lost(
    editor: Browser, desk: Desk
) -> None:
    address, form = open_form(editor, preset="phuong")
    form |= {"title": "Bản tin chiều", "action": "add", "add-kind": "music"}
    page = editor.post(address, form)
    form = fields_of(page.text)
    assert kinds(form) == ["tune", "words", "bulletins", "words", "tune", "music"]
    form = fields_of(editor.post(address, form | {"action": "up-5"}).text)
    form = fields_of(editor.post(address, form | {"action": "down-0"}).text)
    assert kinds(form) == ["words", "tune", "bulletins", "words", "music", "tune"]
    form = fields_of(editor.post(address, form | {"action": "drop-4"}).text)
    assert kinds(form) == ["words", "tune", "bulletins", "words", "tune"]
    assert form["title"] == ["Bản tin chiều"]
    assert "{đài}" in form["i-0-text"][0]


def test_length_and_end_time_are_told_while_the_form_is_filled_in(editor: Browser, desk: Desk) -> None:
    _, form = open_form(editor, preset="xa")
    look = editor.post("/programmes/look", form).text
    assert "Khoảng" in look
    assert re.search(r"05:30</time>–<time[^>]*>05:5\d", look)
    long = editor.post("/programmes/look", form | {"i-2-minutes": "60"}).text
    assert "Dài hơn dự kiến: lẽ ra kết thúc lúc 06:15" in long


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": ""}, "Hãy đặt tên chương trình."),
        ({"planned": "1"}, "Thời lượng từ 2 đến 120 phút."),
        ({"times": "25:00"}, "“25:00” không phải giờ."),
        ({"i-1-text": "Chào {bạn}"}, "Mục 2: không biết điền gì vào {bạn}."),
        ({"i-2-kind": "words", "i-2-text": "Chỉ có lời."}, "không phát chương trình chỉ có nhạc hiệu và lời"),
        ({"time": "03:15"}, "khung giờ không phát"),
        ({"times": "03:15"}, "khung giờ không phát"),
        ({"places": []}, "Chưa chọn nơi phát"),
    ],
)
def test_what_is_wrong_is_said(editor: Browser, desk: Desk, changes: dict[str, Any], sentence: str) -> None:
    page = send(editor, **changes)
    assert page.status_code == 422
    assert sentence in page.text
    with desk.stage.rows() as session:
        assert session.query(Schedule).count() == 0


def test_a_bulletin_for_programmes_is_heard_in_the_next_one_as_the_page_says(editor: Browser, desk: Desk) -> None:
    assert editor.write(kind="programme", places=["an-binh"], category="y tế", title="Tiêm phòng").status_code == 303
    send(editor, weekdays=["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    desk.plan()
    page = editor.get("/programmes").text
    assert "Tiêm phòng" in page
    assert 'aria-label="Nghe “Bản tin sáng”"' in page
    sound = re.search(r'src="(/clips/[0-9a-f]{64}\.mp3)"', page)
    assert sound
    with editor.get(sound[1]) as response:
        assert len(response.data) > 1_000
    week = editor.get("/week").text
    assert "Bản tin sáng" in week
    with desk.stage.rows() as session:
        number = session.query(Schedule).filter_by(kind=ScheduleKind.PROGRAMME).one().id
    assert "Sẽ phát trong chương trình của các nơi này." in editor.get(f"/schedules/{number}").text
    assert "Đang tạo giọng đọc" not in editor.get("/").text


def test_a_changed_programme_takes_the_place_of_the_old_one_at_all_its_times(editor: Browser, desk: Desk) -> None:
    send(editor)
    with desk.stage.rows() as session:
        first = session.query(Schedule).order_by(Schedule.id).first()
        assert first
        number = first.id
    week = editor.get("/week?date=2026-11-25").text
    occurrences = re.findall(rf'name="schedule" value="{number}">\s*<input[^>]*name="occurrence" value="([^"]+)"', week)
    moved = {"schedule": number, "occurrence": occurrences[-1], "date": "2026-11-27", "time": "09:00", "anyway": "1"}
    assert editor.post("/week/move", moved).status_code == 303
    listed = editor.get("/programmes").text
    assert "<b>17:00</b>" in listed
    assert "<b>09:00</b>" not in listed
    address, form = open_form(editor, edit=number)
    assert form["times"] == ["17:00"]
    assert kinds(form) == ["tune", "words", "bulletins", "words", "tune"]
    assert editor.post(address, form | {"times": "", "action": "send"}).status_code == 303
    with desk.stage.rows() as session:
        live = session.query(Schedule).filter(Schedule.cancelled_at.is_(None)).all()
        assert {row.bulletin.replaces_id for row in live} == {first.bulletin_id}
        assert [row.kind for row in live] == [ScheduleKind.REPEATED, ScheduleKind.ONCE], "what was moved stays moved"
        assert "EXDATE:" in live[0].rrule


def test_an_approver_reads_and_hears_the_next_programme_and_approves_it(
    editor: Browser, stranger: Browser, desk: Desk
) -> None:
    with desk.stage.rows() as session:
        session.query(Station).one().approval = True
        session.add(station.account("chu-tich", Role.APPROVER, desk.stage.clock.now()))
    editor.write(kind="programme", places=["an-binh"], title="Tiêm phòng")
    send(editor, weekdays=["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    desk.preparation.prepare_all()
    desk.compose()
    stranger.sign_in("chu-tich")
    page = stranger.get("/approval").text
    assert "Duyệt một lần cho mọi giờ phát của chương trình" in page
    assert "Không có “Tiêm phòng”: chưa được duyệt." in page
    assert re.search(r"06:00</b>,\s*<b>17:00</b>", page)
    assert "trong chương trình" in page
    items = re.findall(r'name="item" value="([^"]+)"', page)
    assert len(items) == 2
    assert stranger.post("/approval", {"item": items}).status_code == 303
    desk.compose()
    page = editor.get("/programmes").text
    assert "Tiêm phòng" in page.partition("Bản tin chờ phát trong chương trình")[0]
    with desk.stage.rows() as session:
        assert len(approval.waiting(session, desk.stage.clock.now())) == 0
        assert session.query(Decision).count() == 3, "the bulletin, and both times of the programme"


def test_a_piece_that_changed_since_the_approver_looked_asks_again(
    editor: Browser, stranger: Browser, desk: Desk
) -> None:
    with desk.stage.rows() as session:
        session.query(Station).one().approval = True
        session.add(station.account("chu-tich", Role.APPROVER, desk.stage.clock.now()))
    editor.write(kind="programme", places=["an-binh"], title="Tiêm phòng")
    send(editor, weekdays=["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    desk.preparation.prepare_all()
    desk.compose()
    stranger.sign_in("chu-tich")
    bulletin, programme = sorted(re.findall(r'name="item" value="([^"]+)"', stranger.get("/approval").text))
    stranger.post("/approval", {"item": [bulletin]})
    desk.compose()  # it is in the next programme now
    answer = stranger.post("/approval", {"item": [programme]}, follow_redirects=True)
    assert "Bản tin đã thay đổi sau khi mở trang" in answer.text
    with desk.stage.rows() as session:
        assert session.query(Decision).count() == 1
        assert len(approval.waiting(session, desk.stage.clock.now())) == 2


def test_programmes_that_are_over_are_folded_away_below_the_others(editor: Browser, desk: Desk) -> None:
    send(editor, title="Tuần văn hóa", kind="once", date="2026-11-25", time="06:00", times="")
    desk.compose()
    assert "Đã kết thúc" not in editor.get("/programmes").text
    desk.stage.clock.advance(timedelta(days=30))
    send(editor, title="Bản tin sáng", date="2026-12-28")
    page = editor.get("/programmes").text
    current, _, over = page.partition("<summary>Đã kết thúc (1)</summary>")
    assert "Bản tin sáng" in current
    assert "Tuần văn hóa" not in current
    assert "Tuần văn hóa" in over


def test_a_time_that_has_passed_offers_no_button_that_programmes_lack(editor: Browser, desk: Desk) -> None:
    answer = send(editor, kind="once", date="2020-01-01", time="06:00", times="")
    assert answer.status_code == 422
    assert "Giờ này đã qua. Hãy chọn giờ khác." in answer.text
    assert "Phát ngay" not in answer.text


def test_what_ends_a_programme_is_called_closing_words_and_closing_tune() -> None:
    kinds = [Kind.TUNE, Kind.WORDS, Kind.BULLETIN, Kind.STING, Kind.BULLETIN, Kind.WORDS, Kind.TUNE]
    found = programme_words.names([Piece(kind) for kind in kinds])
    assert found == ["Nhạc hiệu", "Lời xướng", "Bản tin", "Nhạc cắt", "Bản tin", "Lời kết", "Nhạc kết"]
    del kinds[2:5]  # no bulletin yet
    assert programme_words.names([Piece(kind) for kind in kinds]) == ["Nhạc hiệu", "Lời xướng", "Lời kết", "Nhạc kết"]


def test_who_only_looks_on_sees_the_list_and_no_form(viewer: Browser, editor: Browser, desk: Desk) -> None:
    send(editor)
    page = viewer.get("/programmes")
    assert page.status_code == 200
    assert "Tạo chương trình" not in page.text
    assert viewer.get(f"/programmes/{uuid4()}").status_code == 403


def test_the_same_form_sent_twice_is_one_programme(editor: Browser, desk: Desk) -> None:
    address, form = open_form(editor, preset="phuong")
    form |= {"title": "Bản tin sáng", "places": "an-binh", "action": "send"}
    assert [editor.post(address, form).status_code for _ in range(2)] == [303, 303]
    with desk.stage.rows() as session:
        assert session.query(Bulletin).filter(Bulletin.rundown.is_not(None)).count() == 1
        assert session.query(Account).count() == 3
    desk.stage.clock.advance(timedelta(days=1))
    assert editor.get("/programmes").status_code == 200


def test_week_day_of_a_speaker_and_calendar_show_the_programme_by_its_name(editor: Browser, desk: Desk) -> None:
    send(editor, times="", weekdays=["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    desk.compose()
    assert "Bản tin sáng" in editor.get("/week").text
    assert "Bản tin sáng" in editor.get("/week/speaker/loa-001").text
    feed = re.search(r"http[^\"]+\.ics", editor.get("/calendar").text)
    assert feed
    calendar = editor.get(feed[0].partition("localhost")[2]).text
    assert "SUMMARY:Bản tin sáng" in calendar
    begin, end = (re.search(rf"{name}[^:]*:\d+T(\d{{4}})", calendar) for name in ("DTSTART", "DTEND"))
    assert begin
    assert end
    assert (begin[1], end[1]) == ("2300", "2315"), "in UTC, as long as it was planned"
