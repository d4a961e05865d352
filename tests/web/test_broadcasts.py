import html
import re
from datetime import timedelta

from sqlalchemy import event, select

from broadcaster.rows import Broadcast, Bulletin, DeliveryState, Schedule, Speaker
from broadcaster.wire.documents import SpeakerState
from broadcaster.wire.fields import SpeakerRole
from tests.web.conftest import Browser
from tests.web.station import Stage

FINISHED, CACHED, FAILED = DeliveryState.FINISHED, DeliveryState.CACHED, DeliveryState.FAILED
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def section(page: str, name: str) -> str:
    """The part of the home page below one heading."""
    return html.unescape(page).split(f'id="h-{name}"')[1].split("</section>")[0]


def test_what_is_on_the_air_shows_its_four_states_in_words(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=-20 * SECOND, states=(FINISHED, FINISHED, CACHED, FAILED))
    now = section(editor.get("/").text, "now")
    for words in (
        "<b>2/6</b> đã phát xong",
        "<b>3</b> đang chờ",
        "<b>1</b> không phát",
        'aria-label="2 trên 6 cụm loa',
    ):
        assert words in now


def test_a_speaker_that_never_reported_is_unknown_and_not_heard(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-2 * HOUR, states=(FINISHED, CACHED))
    assert "<b>5</b> chưa rõ" in section(editor.get("/").text, "past")
    page = html.unescape(editor.get(f"/broadcasts/{number}").text)
    assert "loa đã tải xong, vì loa không phản hồi" in page


def test_what_a_gateway_has_played_was_sent_and_is_not_said_to_be_heard(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        session.get_one(Speaker, "loa-001").role = SpeakerRole.GATEWAY
    number = stage.broadcast(starts_in=-2 * HOUR, states=(FINISHED, FINISHED))
    page = html.unescape(editor.get(f"/broadcasts/{number}").text)
    assert "<b>1/6</b> đã phát xong" in page
    assert "<b>1</b> đã gửi tới bộ chuyển tiếp" in page
    assert 'aria-label="1 trên 6 cụm loa đã phát xong, đã gửi tới 1 bộ chuyển tiếp"' in page
    assert "đã gửi tới bộ chuyển tiếp; đài không nghe được loa phía sau nó" in page
    assert "<b>1</b> đã gửi tới bộ chuyển tiếp" in section(editor.get("/").text, "past")


def test_a_speaker_that_sounds_later_for_its_distance_is_not_late_by_that(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        session.get_one(Speaker, "loa-001").delay_ms = 120
    number = stage.broadcast(starts_in=-20 * SECOND, states=(FINISHED,))
    assert "lệch -113 ms" in html.unescape(editor.get(f"/broadcasts/{number}").text)


def test_the_three_lists_hold_what_belongs_there(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=-20 * SECOND, title="đang")
    stage.broadcast(starts_in=HOUR, title="sắp")
    stage.broadcast(starts_in=-HOUR, title="qua")
    page = editor.get("/").text
    for name, title, others in (("now", "đang", "sắp qua"), ("next", "sắp", "đang qua"), ("past", "qua", "đang sắp")):
        titles = section(page, name)
        assert f">{title}</a>" in titles
        assert not any(f">{other}</a>" in titles for other in others.split())


def test_a_bulletin_that_shall_air_now_is_seen_before_it_is_planned(stage: Stage, editor: Browser) -> None:
    editor.write(kind="now", title="Gấp")
    stage.orders.steps[1] = (3, 10)
    now = section(editor.get("/").text, "now")
    assert ">Gấp</a>" in now
    assert '<progress max="10" value="3">' in now
    page = editor.get("/schedules/1").text
    assert "Đang tạo giọng đọc…" in page


def test_a_voice_that_fails_is_told_with_the_reason(stage: Stage, editor: Browser) -> None:
    editor.write(kind="now")
    with stage.rows() as session:
        session.query(Bulletin).one().speech_error = "engine gone"
    assert "Chưa tạo được giọng đọc; máy đang thử lại. (engine gone)" in editor.get("/").text


def test_a_daily_schedule_is_one_line_with_its_next_time(editor: Browser) -> None:
    editor.write(kind="daily", time="06:30", date="2026-11-20")
    coming = section(editor.get("/").text, "next")
    assert coming.count("row-item") == 1
    assert "06:30 ngày mai" in coming
    assert "hằng ngày" in coming


def test_what_was_missed_is_red_and_says_why(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-HOUR)
    with stage.rows() as session:
        broadcast = session.get_one(Broadcast, number)
        broadcast.missed_at, broadcast.missed_why = broadcast.start_at, "broker-down"
    past = section(editor.get("/").text, "past")
    assert 'class="state state-missed">Lỡ giờ' in past
    assert 'class="late">vì máy chủ truyền tin mất kết nối' in past
    assert "Bản tin này không phát được vì máy chủ truyền tin mất kết nối." in editor.get(f"/broadcasts/{number}").text


def test_a_broadcast_names_every_speaker_with_state_reason_and_start_error(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND, states=(FINISHED, FAILED), why="power")
    page = html.unescape(editor.get(f"/broadcasts/{number}").text)
    assert "<b>Thôn Đông - cụm 1</b>:\n          phát xong" in page
    assert "lỗi, vì loa mất điện" in page
    assert "lệch +7 ms" in page
    assert "bắt đầu 09:59:40" in page


def test_a_waiting_speaker_without_connection_says_so(stage: Stage, editor: Browser) -> None:
    page = editor.get(f"/broadcasts/{stage.broadcast(starts_in=HOUR)}").text
    assert "chờ loa tải (mất kết nối)" in page


def test_the_living_part_is_sent_again_only_when_it_has_changed(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND)
    for path in (f"/broadcasts/{number}?part=live", "/?part=live"):
        first = editor.get(path)
        assert first.status_code == 200
        assert "<html" not in first.text
        assert editor.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    editor.post(f"/broadcasts/{number}/stop")
    changed = editor.get("/?part=live", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_stopping_a_broadcast_stops_it_everywhere(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND)
    assert editor.post(f"/broadcasts/{number}/stop").status_code == 303
    assert "Đã dừng lượt phát." in editor.get(f"/broadcasts/{number}").text
    assert "Lượt phát này đã kết thúc" in _followed(editor, f"/broadcasts/{number}/stop")


def test_stopping_in_one_village_leaves_the_others(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND)
    page = _followed(editor, f"/broadcasts/{number}/stop/2")
    assert "Đã dừng ở địa bàn này" in page
    assert "Dừng riêng ở Thôn Đoài" in page
    assert "Dừng riêng ở Thôn Đông" not in page


def test_stop_all_stops_what_is_on_the_air_and_leaves_what_is_planned(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=-20 * SECOND, title="một")
    stage.broadcast(starts_in=-10 * SECOND, title="hai")
    stage.broadcast(starts_in=HOUR, title="ba")
    assert "Đã dừng 2 lượt phát." in _followed(editor, "/stop-all")
    page = editor.get("/").text
    assert "Không có gì đang phát." in section(page, "now")
    assert ">ba</a>" in section(page, "next")


def test_the_button_to_stop_everything_is_on_every_page_of_those_who_may(editor: Browser, viewer: Browser) -> None:
    for path in ("/", "/speakers", "/status", "/drafts", "/nirgends"):
        assert "Dừng tất cả" in editor.get(path).text, path
    assert "Dừng tất cả" not in viewer.get("/").text


def test_cancelling_a_schedule_takes_it_off_the_list(stage: Stage, editor: Browser) -> None:
    editor.write(title="Thôi không phát")
    editor.post("/schedules/1/cancel")
    assert "Thôi không phát" not in section(editor.get("/").text, "next")
    assert stage.orders.woken == 2
    assert "Đã hủy" in editor.get("/schedules/1").text
    assert "đã kết thúc hoặc đã dừng" in _followed(editor, "/schedules/1/cancel")


def test_a_cancelled_daily_schedule_leaves_no_trail_of_cancelled_days(stage: Stage, editor: Browser) -> None:
    editor.write(kind="daily", title="Mỗi sáng")
    for days in range(1, 4):
        number = stage.broadcast(starts_in=timedelta(days=days))
        with stage.rows() as session:
            broadcast = session.get_one(Broadcast, number)
            broadcast.schedule.cancelled_at = stage.clock.now()
            broadcast.schedule_id = 1
    assert section(editor.get("/").text, "next").count("row-item") == 1
    editor.post("/schedules/1/cancel")
    page = editor.get("/").text
    assert "Chưa có bản tin nào được hẹn giờ." in section(page, "next")
    assert "Mỗi sáng" not in section(page, "past")


def test_what_was_edited_says_that_it_was_replaced(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=HOUR, title="Bản cũ")
    editor.write(title="Bản mới", replaces="1")
    page = editor.get("/").text
    assert ">Bản mới</a>" in section(page, "next")
    assert "Đã thay bằng bản mới" in section(page, "past")


def test_past_broadcasts_are_read_page_by_page_without_gap_or_repeat(stage: Stage, editor: Browser) -> None:
    for number in range(45):
        stage.broadcast(starts_in=-(number + 1) * HOUR, title=f"tin-{number:02}")
    seen: list[str] = []
    path = "/"
    pages = 0
    while path:
        page = editor.get(path).text
        pages += 1
        seen += [title for title in (f"tin-{number:02}" for number in range(45)) if f">{title}<" in page]
        older = re.search(r'href="(/\?before=[^"]+)"', page)
        path = html.unescape(older[1]) if older else ""
    assert pages == 3
    assert seen == [f"tin-{number:02}" for number in range(45)]


def test_a_place_in_the_past_that_makes_no_sense_is_the_first_page(editor: Browser) -> None:
    for before in ("x", "1-", "99999999999999999999-a", "-"):
        assert editor.get(f"/?before={before}").status_code == 200


def test_coverage_of_many_broadcasts_is_counted_in_one_query(stage: Stage, editor: Browser) -> None:
    for number in range(20):
        stage.broadcast(starts_in=-(number + 1) * HOUR, states=(FINISHED,) * 6)
    asked: list[str] = []

    @event.listens_for(stage.services.database.engine, "before_cursor_execute")
    def _count(_c: object, _cur: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    page = editor.get("/").text
    assert page.count("<b>6/6</b>") == 20
    assert len([statement for statement in asked if "FROM delivery" in statement]) == 1
    assert len(asked) < 40


def test_the_sound_is_exactly_the_one_the_speakers_play(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=-HOUR)
    path = stage.services.clips.mp3_path("a" * 64)
    assert "<audio" not in editor.get(f"/broadcasts/{number}").text
    path.parent.mkdir(parents=True)
    path.write_bytes(b"ID3 the very bytes")
    assert f'src="/clips/{"a" * 64}.mp3"' in editor.get(f"/broadcasts/{number}").text
    with editor.get(f"/clips/{'a' * 64}.mp3", headers={"Range": "bytes=4-6"}) as part:
        assert (part.status_code, part.data, part.mimetype) == (206, b"the", "audio/mpeg")
    assert editor.get("/clips/..%2Fweb-secret.mp3").status_code == 404


def test_what_does_not_exist_is_not_found(editor: Browser) -> None:
    for path in ("/broadcasts/nope", "/schedules/99", "/listen/nope.mp3"):
        assert editor.get(path).status_code == 404, path


def test_a_schedule_leads_to_its_broadcast_once_there_is_one(stage: Stage, editor: Browser) -> None:
    number = stage.broadcast(starts_in=HOUR)
    assert editor.get("/schedules/1?part=live").location == f"/broadcasts/{number}?part=live"
    with stage.rows() as session:
        assert session.get_one(Schedule, 1).kind == "once"


def test_a_disk_that_is_nearly_full_is_told_on_every_page(stage: Stage, editor: Browser) -> None:
    sentence = "Ổ đĩa của máy đài sắp đầy"
    assert sentence not in editor.get("/").text
    stage.orders.free_bytes = 999_999_999
    for path in ("/", "/speakers", "/status"):
        assert sentence in editor.get(path).text, path


def test_a_broker_that_is_down_is_told_on_every_page(stage: Stage, editor: Browser) -> None:
    sentence = "Máy chủ truyền tin đang mất kết nối; bản tin vẫn được lưu và sẽ phát khi có lại."
    assert sentence not in editor.get("/").text
    stage.orders.connected = False
    for path in ("/", "/speakers", "/status", "/drafts"):
        assert sentence in editor.get(path).text, path
    assert editor.write().status_code == 303


def test_the_first_page_counts_the_speakers_that_are_gone(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        for speaker in session.scalars(select(Speaker)):
            speaker.state = SpeakerState.SLEEPING
    assert "mất kết nối" not in editor.get("/").text
    with stage.rows() as session:
        session.get_one(Speaker, "loa-002").state = SpeakerState.LOST
        session.get_one(Speaker, "loa-003").state = SpeakerState.DISCONNECTED  # switched off in order
    assert "1 cụm loa mất kết nối" in editor.get("/?part=live").text


def _followed(browser: Browser, path: str) -> str:
    return browser.get(browser.post(path).location).text
