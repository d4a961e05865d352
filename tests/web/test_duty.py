"""The duty officer's page, the board of an alert, contacts and electronic boards."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from broadcaster import alert_reports
from broadcaster.geography import Geography
from broadcaster.rows import Account, Alert, AlertSound, AuditEntry, Contact, Role, Speaker, ToldByPerson
from broadcaster.wire.documents import Event, Receipt, Why
from tests.web.conftest import Browser
from tests.web.station import Stage, account


@pytest.fixture
def officer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("truc").status_code == 303
    return browser


def send(browser: Browser, name: object = None, **changes: Any) -> TestResponse:
    """The form of a storm, held for 2 s, but for ``changes``."""
    form = {"places": ["an-binh"], "level": "3", "life_h": "6", "v-so": "13", "held": "1"}
    return browser.post(f"/duty/bao/{name or uuid4()}", form | changes)


def alerts(stage: Stage) -> list[Alert]:
    with stage.rows() as session:
        return list(session.scalars(select(Alert).order_by(Alert.raised_at)))


def test_an_alert_is_raised_and_its_board_opens(officer: Browser, stage: Stage) -> None:
    answer = send(officer)
    [alert] = alerts(stage)
    assert (answer.status_code, answer.location) == (303, f"/alerts/{alert.id}")
    assert alert.title == "Bão số 13"
    page = officer.get(answer.location).text
    assert "Bão số 13 đang đến gần." in page
    assert "Cấp 3 (da cam)" in page
    assert 'Khẩn cấp: <span lang="vi">Bão số 13</span>' in officer.get("/").text  # at the head of every other page


def test_a_lost_broker_is_told_where_alerts_are_raised_and_watched(officer: Browser, stage: Stage) -> None:
    sentence = "Hãy gọi điện hoặc đến báo trực tiếp ngay."
    board = send(officer).location
    assert sentence not in officer.get(board).text
    stage.orders.connected = False
    for path in ("/duty", f"{board}?part=live"):
        assert sentence in officer.get(path).text, path


def test_the_same_form_twice_raises_one_alert(officer: Browser, stage: Stage) -> None:
    name = uuid4()
    assert send(officer, name).location == send(officer, name).location
    assert len(alerts(stage)) == 1


def test_nothing_sounds_unless_the_button_was_held(officer: Browser, stage: Stage) -> None:
    answer = send(officer, held="")
    assert answer.status_code == 422
    assert "nhấn giữ nút 2 giây" in answer.text
    assert alerts(stage) == []


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(officer: Browser, stage: Stage) -> None:
    answer = send(officer, places=[], level="9")
    assert answer.status_code == 422
    assert "Chưa chọn nơi phát" in answer.text
    assert "Cấp độ rủi ro từ 1 đến 5" in answer.text
    assert 'value="13"' in answer.text
    told = officer.client.post(
        f"/duty/bao/{uuid4()}",
        data={"csrf_token": officer.token(), "held": "1", "level": "3", "life_h": "6"},
        headers={"X-Requested-With": "fetch"},
    )
    assert told.status_code == 422
    assert told.json["problems"][0]["field"] == "places"  # type: ignore[index]
    assert alerts(stage) == []


def test_a_form_outlives_its_sign_in(officer: Browser, stage: Stage) -> None:
    name = uuid4()
    officer.post("/sign-out")
    answer = send(officer, name)
    assert answer.status_code == 401
    assert ">\n13</textarea>" in answer.text  # carried through the sign-in page
    resend = officer.post(
        "/sign-in", {"username": "truc", "password": "đúng-mật-khẩu", "kept_path": f"/duty/bao/{name}"}
    )
    assert "bấm gửi lại" in resend.text
    assert send(officer, name).status_code == 303
    assert len(alerts(stage)) == 1


def test_a_script_is_told_that_the_sign_in_expired_and_gets_a_new_token(officer: Browser) -> None:
    officer.post("/sign-out")
    answer = officer.client.post(f"/duty/bao/{uuid4()}", data={}, headers={"X-Requested-With": "fetch"})
    assert answer.status_code in {400, 401}
    fresh = officer.get("/duty/token").json
    assert fresh
    assert re.fullmatch(r"[\w.\-]{20,}", fresh["token"])


def test_only_duty_officers_and_administrators_raise(editor: Browser, viewer: Browser, stage: Stage) -> None:
    for browser in (editor, viewer):
        assert send(browser).status_code == 403
        assert browser.get("/duty").status_code == 403
        assert browser.get("/alerts").status_code == 200
    assert alerts(stage) == []


def test_an_officer_of_one_village_can_not_replace_what_sounds_in_another(
    app: Flask, officer: Browser, stage: Stage
) -> None:
    with stage.rows() as session:
        session.add(account("dong", Role.DUTY_OFFICER, stage.clock.now(), place=2))
    village = Browser(app.test_client())
    assert village.sign_in("dong").status_code == 303
    send(officer)
    [whole] = alerts(stage)
    assert send(village, places=["thon-2"], follows=whole.id).status_code == 403
    assert [alert.ended_at for alert in alerts(stage)] == [None]
    send(village, places=["thon-2"])
    [_, own] = alerts(stage)
    assert send(village, places=["thon-2"], follows=own.id).status_code == 303


def test_an_update_is_filled_from_the_alert_and_replaces_it(officer: Browser, stage: Stage) -> None:
    send(officer, places=["thon-2"])
    [old] = alerts(stage)
    page = officer.get(f"/duty/so-tan?follows={old.id}", follow_redirects=True).text
    assert re.search(r'value="thon-2"[^>]*checked', page, re.DOTALL)
    assert '<option value="4" selected>' in page
    assert send(officer, follows=old.id, level="4").status_code == 303
    assert "Đã thay bằng bản mới" in officer.get(f"/alerts/{old.id}").text
    gone = send(officer, follows=old.id)
    assert gone.status_code == 422
    assert "đã được sửa hoặc kết thúc ở nơi khác" in gone.text


def test_ending_and_correcting_are_told_on_the_board(officer: Browser, stage: Stage) -> None:
    first = send(officer).location
    assert "Đã kết thúc" in officer.post(f"{first}/end", {"words": "1"}, follow_redirects=True).text
    assert "đã kết thúc từ trước" in officer.post(f"{first}/correct", follow_redirects=True).text
    second = send(officer).location
    assert "Phát nhầm, đã đính chính" in officer.post(f"{second}/correct", follow_redirects=True).text
    with stage.rows() as session:
        assert session.scalar(select(AlertSound.text).where(AlertSound.text.contains("là phát nhầm")))


def sounded(stage: Stage, *speakers: str) -> None:
    [alert] = alerts(stage)
    with stage.rows() as session:
        alert_reports.write_audience(session, session.merge(alert), Geography.load(session), stage.clock.now())
        for speaker in speakers:
            receipt = Receipt(id="r", broadcast=alert.id, event=Event.STARTED, at=stage.clock.now_ms())
            alert_reports.take(session, [(speaker, receipt)])


def test_the_board_names_after_a_minute_who_is_silent_and_whom_to_call(officer: Browser, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(Contact(place_id=2, name="Nguyễn Văn Hòa", role="trưởng thôn", phone="0912345678"))
    board = send(officer).location
    sounded(stage, "loa-002", "loa-003")
    before = officer.get(board).text
    assert "loa không phản hồi" not in before
    stage.clock.advance(timedelta(seconds=61))
    page = officer.get(board).text
    assert "loa không phản hồi" in page
    assert 'href="tel:0912345678"' in page
    assert page.index("Thôn Đông") < page.index("village-3")  # who has to be called comes first
    assert officer.get(f"{board}?part=live").status_code == 200
    after = officer.post(f"{board}/told/2", follow_redirects=True).text
    assert "Đã báo trực tiếp: Truc" in after
    with stage.rows() as session:
        [told] = session.scalars(select(ToldByPerson))
        assert session.get_one(Account, told.account_id).username == "truc"
    assert re.search(r"<b>2/\d+</b> đã cất tiếng", after)  # told by a person is not heard


def test_the_board_of_a_correction_names_nobody_who_was_right_to_leave_it_out(officer: Browser, stage: Stage) -> None:
    board = send(officer).location
    sounded(stage, "loa-002")
    page = officer.post(f"{board}/correct", follow_redirects=True).text
    [words] = [alert for alert in alerts(stage) if alert.follows_id]
    assert f"/alerts/{words.id}" in page
    with stage.rows() as session:
        speakers = session.scalars(select(Speaker.id)).all()
        for name in speakers:
            event, why = (Event.STARTED, None) if name == "loa-002" else (Event.SKIPPED, Why.NOT_BEGUN)
            receipt = Receipt(id="r", broadcast=words.id, event=event, at=stage.clock.now_ms(), why=why)
            alert_reports.take(session, [(name, receipt)])
    stage.clock.advance(timedelta(seconds=61))
    page = officer.get(f"/alerts/{words.id}").text
    assert page.count("không cần phát, vì loa này chưa phát cảnh báo đó") == len(speakers) - 1
    assert "card-box to-call" not in page


@pytest.mark.parametrize("over", ["end", "correct"])
def test_the_words_after_an_alert_can_be_stopped_but_neither_updated_nor_corrected(
    officer: Browser, stage: Stage, over: str
) -> None:
    officer.post(f"{send(officer).location}/{over}", {"words": "1", "now": "1"})
    [words] = [alert for alert in alerts(stage) if alert.follows_id]
    page = officer.get(f"/alerts/{words.id}").text
    assert "Dừng đọc" in page
    assert not re.search(rf"/alerts/{words.id}/correct|follows={words.id}|Đọc lời báo kết thúc", page)
    assert officer.post(f"/alerts/{words.id}/correct").status_code == 403
    assert send(officer, follows=words.id).status_code == 422
    assert "Đã dừng đọc." in officer.post(f"/alerts/{words.id}/end", {"words": "1"}, follow_redirects=True).text
    assert len(alerts(stage)) == 2  # nothing is said about them


def test_a_place_that_an_alert_is_not_for_was_not_told_of_it(officer: Browser, stage: Stage) -> None:
    board = send(officer, places=["thon-2"]).location
    sounded(stage)
    assert officer.post(f"{board}/told/3").status_code == 404
    assert officer.post(f"{board}/told/2").status_code == 303
    with stage.rows() as session:
        assert session.scalars(select(ToldByPerson.place_id)).all() == [2]


def test_an_officer_of_one_village_is_offered_only_what_he_may_do(app: Flask, officer: Browser, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("dong", Role.DUTY_OFFICER, stage.clock.now(), place=2))
    village = Browser(app.test_client())
    assert village.sign_in("dong").status_code == 303
    board = send(officer).location
    sounded(stage)
    stage.clock.advance(timedelta(seconds=61))
    page = village.get(board).text
    assert re.findall(rf"{board}/(end|correct|told/\d+)", page) == ["told/2"]
    assert len(re.findall(rf"{board}/(?:end|correct|told/\d+)", officer.get(board).text)) > 3


def test_an_approver_confirms_afterwards_what_somebody_else_raised(app: Flask, officer: Browser, stage: Stage) -> None:
    board = send(officer).location
    assert "chưa xác nhận" in officer.get("/alerts").text
    assert officer.post(f"{board}/confirm").status_code == 403
    with stage.rows() as session:
        session.add(account("chutich", Role.APPROVER, stage.clock.now()))
        session.add(account("truongthon", Role.APPROVER, stage.clock.now(), place=2))
    chair, local = Browser(app.test_client()), Browser(app.test_client())
    assert chair.sign_in("chutich").status_code == local.sign_in("truongthon").status_code == 303
    assert local.post(f"{board}/confirm").status_code == 403
    assert "Xác nhận cảnh báo này" in chair.get(board).text
    for _ in range(2):
        page = chair.post(f"{board}/confirm", follow_redirects=True).text
    assert "Đã xác nhận: Chutich" in page
    assert "Xác nhận cảnh báo này" not in page
    with stage.rows() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.confirm")).all()
    assert len(entries) == 1


def test_contacts_are_kept_by_place(officer: Browser, stage: Stage) -> None:
    officer.post("/contacts", {"place": "3", "name": "Trần Thị Mai", "role": "tổ trưởng", "phone": "0912 345.678"})
    page = officer.get("/contacts").text
    assert 'href="tel:0912345678"' in page
    refused = officer.post("/contacts", {"place": "3", "name": "X", "phone": "javascript:"}, follow_redirects=True)
    assert "Cần họ tên và số điện thoại" in refused.text
    with stage.rows() as session:
        [contact] = session.scalars(select(Contact))
    officer.post(f"/contacts/{contact.id}/delete")
    assert "Trần Thị Mai" not in officer.get("/contacts").text


def test_electronic_boards_show_what_is_in_force_in_the_colour_of_its_risk(officer: Browser, stranger: Browser) -> None:
    send(officer, places=["thon-2"], level="4")
    assert 'class="sheet-alert risk-4"' in stranger.get("/bang-tin/thon-2").text
    assert "risk-4" not in stranger.get("/bang-tin/thon-3").text
    send(officer, places=["thon-3", "thon-2"])
    for code, name in (("thon-2", "Thôn Đông"), ("thon-3", "Thôn Đoài")):
        assert f"Mời bà con {name} chú ý nghe." in stranger.get(f"/bang-tin/{code}").text.partition("risk-3")[2], code
    send(officer, places=["ven-suoi"], level="5")
    shown = {code: "risk-5" in stranger.get(f"/bang-tin/{code}").text for code in ("thon-2", "thon-3", "ven-suoi")}
    assert shown == {"thon-2": False, "thon-3": True, "ven-suoi": True}
    assert stranger.get("/bang-tin/mars").status_code == 404


def test_an_electronic_board_shows_what_is_said_in_its_own_place(officer: Browser, stranger: Browser) -> None:
    send(officer, places=["thon-2", "thon-3"])
    for place, name in (("thon-2", "Thôn Đông"), ("thon-3", "Thôn Đoài")):
        assert f"Mời bà con {name} chú ý nghe." in stranger.get(f"/bang-tin/{place}").text


def test_all_pages_can_be_shown_in_english(officer: Browser) -> None:
    officer.post("/language", {"language": "en"})
    board = send(officer).location
    for path in ("/duty", "/duty/khac", "/alerts", board, "/contacts", "/bang-tin/thon-2"):
        assert officer.get(path, follow_redirects=True).status_code == 200, path
    assert "RAISE AN ALERT" in officer.get("/duty").text
