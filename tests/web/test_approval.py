"""Approving on pages: what an approver sees is what airs."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from broadcaster import approval
from broadcaster.approval import ApprovalState
from broadcaster.rows import (
    AuditEntry,
    Bulletin,
    Clip,
    Decision,
    Notice,
    NoticeKind,
    Place,
    Role,
    Schedule,
    ScheduleKind,
    Station,
    Verdict,
)
from tests.web.conftest import Browser
from tests.web.station import Stage, account
from web import documents

HOUR = timedelta(hours=1)
PDF = b"%PDF-1.4 chu ky"


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """A station that asks for approval, with an approver of everything."""
    with stage.rows() as session:
        session.query(Station).one().approval = True
        session.add(account("chu-tich", Role.APPROVER, stage.clock.now()))
    return stage


@pytest.fixture
def chair(app: Flask, asked: Stage) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("chu-tich").status_code == 303
    return browser


@pytest.fixture
def waits(asked: Stage) -> Callable[..., int]:
    """A bulletin of lan's in an hour, with its sound unless told otherwise; returns its schedule."""

    def make(title: str = "Họp thôn", *, sound: bool = True, clip: str = "a" * 64) -> int:
        number = asked.broadcast(starts_in=HOUR, title=title)
        with asked.rows() as session:
            if session.get(Clip, clip) is None:
                facts = {"manifest_sha256": "b" * 64, "bytes": 9, "duration_ms": 60_000}
                session.add(Clip(sha256=clip, created_at=asked.clock.now(), **facts))
                session.flush()
            bulletin = session.query(Bulletin).order_by(Bulletin.id.desc()).first()
            assert bulletin
            bulletin.clip_sha256 = clip if sound else None
            found = session.query(Schedule).filter_by(bulletin_id=bulletin.id).one()
        path = asked.services.clips.mp3_path(clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"ID3")
        assert number
        return found.id

    return make


def items(page: str) -> list[str]:
    return re.findall(r'name="item" value="([^"]+)"', page)


def state(stage: Stage, schedule: int) -> ApprovalState:
    with stage.rows() as session:
        return approval.standing(session, session.get_one(Schedule, schedule), stage.clock.now()).state


def test_the_approver_reads_and_hears_exactly_what_will_air_and_approves_several_at_once(
    asked: Stage, chair: Browser, waits: Callable[..., int]
) -> None:
    first, second = waits(), waits("Tiêm phòng", clip="c" * 64)
    page = chair.get("/approval").text
    assert "Mời bà con đi họp." in page
    for clip in ("a" * 64, "c" * 64):
        assert f"/clips/{clip}.mp3" in page
        heard = chair.get(f"/clips/{clip}.mp3")
        assert heard.data == b"ID3"
        heard.close()
    answer = chair.post("/approval", {"item": items(page)})
    assert answer.status_code == 303
    assert "Đã duyệt 2 bản tin." in chair.get("/approval").text
    assert [state(asked, schedule) for schedule in (first, second)] == [ApprovalState.APPROVED] * 2
    assert asked.orders.woken > 0
    assert "Đã duyệt" in chair.get("/").text


def test_the_approver_is_told_on_which_days_a_bulletin_airs_again(
    asked: Stage, chair: Browser, waits: Callable[..., int]
) -> None:
    schedule = waits()
    assert "hằng ngày" not in chair.get("/approval").text
    with asked.rows() as session:
        found = session.get_one(Schedule, schedule)
        found.kind, found.rrule = ScheduleKind.REPEATED, "RRULE:FREQ=DAILY"
    assert "· hằng ngày" in chair.get("/approval").text


def test_what_changed_after_the_page_was_opened_is_not_approved_and_the_reason_is_shown(
    asked: Stage, chair: Browser, waits: Callable[..., int]
) -> None:
    schedule = waits()
    shown = items(chair.get("/approval").text)
    with asked.rows() as session:
        session.get_one(Schedule, schedule).targets = [session.get_one(Place, 2)]
    chair.post("/approval", {"item": shown})
    assert "đã thay đổi sau khi mở trang" in chair.get("/approval").text
    assert state(asked, schedule) is ApprovalState.SUBMITTED


def test_a_change_after_approval_is_named_to_the_approver_and_to_the_author(
    asked: Stage, chair: Browser, editor: Browser, waits: Callable[..., int]
) -> None:
    schedule = waits()
    chair.post("/approval", {"item": items(chair.get("/approval").text)})
    with asked.rows() as session:
        session.get_one(Schedule, schedule).targets = [session.get_one(Place, 2)]
    for page in (chair.get("/approval").text, editor.get("/broadcasts/b0").text):
        assert "nay phải duyệt lại vì đã đổi: nơi phát." in page


def test_an_edit_of_an_approved_bulletin_waits_again_and_says_what_is_new(
    asked: Stage, chair: Browser, editor: Browser, waits: Callable[..., int]
) -> None:
    schedule = waits()
    chair.post("/approval", {"item": items(chair.get("/approval").text)})
    written: dict[str, Any] = {"replaces": str(schedule), "text": "Mời bà con đi họp.", "places": ["an-binh"]}
    assert editor.write(**written, date="2026-11-23").status_code == 303
    page = chair.get("/approval").text
    assert "nay phải duyệt lại vì đã đổi:" in page
    assert "giờ phát" in page


def test_a_returned_bulletin_shows_its_comment_to_the_author_and_tells_them(
    asked: Stage, chair: Browser, editor: Browser, waits: Callable[..., int]
) -> None:
    schedule = waits()
    seen = items(chair.get("/approval").text)[0].partition(":")[2]
    chair.post(f"/approval/{schedule}/return", {"seen": seen, "comment": ""})
    assert state(asked, schedule) is ApprovalState.SUBMITTED, "a return says why"
    chair.post(f"/approval/{schedule}/return", {"seen": seen, "comment": "Sai ngày họp"})
    assert state(asked, schedule) is ApprovalState.RETURNED
    assert "Ý kiến: Sai ngày họp" in editor.get("/broadcasts/b0").text
    assert "Đã trả lại" in editor.get("/").text
    with asked.rows() as session:
        (told,) = session.query(Notice).filter_by(account_id=1)
        assert (told.kind, told.detail["comment"]) == (NoticeKind.RETURNED, "Sai ngày họp")


def test_what_can_not_be_heard_can_not_be_approved(chair: Browser, waits: Callable[..., int]) -> None:
    waits(sound=False)
    page = chair.get("/approval").text
    assert "nghe được rồi mới duyệt được" in page
    chair.post("/approval", {"item": items(page)})
    assert "Chưa có âm thanh để nghe" in chair.get("/approval").text


def test_an_approver_of_one_village_sees_and_decides_only_there(
    app: Flask, asked: Stage, waits: Callable[..., int]
) -> None:
    schedule = waits()
    with asked.rows() as session:
        session.add(account("pct", Role.APPROVER, asked.clock.now(), place=2))
    local = Browser(app.test_client())
    local.sign_in("pct")
    assert items(local.get("/approval").text) == []
    assert local.post("/approval", {"item": f"{schedule}:x"}).status_code == 403
    assert local.post(f"/approval/{schedule}/return", {"comment": "x"}).status_code == 403
    with asked.rows() as session:
        session.get_one(Schedule, schedule).targets = [session.get_one(Place, 2)]
    local.post("/approval", {"item": items(local.get("/approval").text)})
    assert state(asked, schedule) is ApprovalState.APPROVED


def document(name: str = "Duyệt.pdf", data: bytes = PDF) -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def test_a_document_that_approves_is_kept_aside_and_handed_to_those_who_may(
    app: Flask, asked: Stage, chair: Browser, editor: Browser, viewer: Browser, waits: Callable[..., int]
) -> None:
    waits()
    form = {"item": items(chair.get("/approval").text), "document_number": "15/UBND-VH", "document": document()}
    chair.post("/approval", form, content_type="multipart/form-data")
    with asked.rows() as session:
        decision = session.query(Decision).one()
    assert (decision.verdict, decision.document_number, decision.document_name) == (
        Verdict.APPROVED,
        "15/UBND-VH",
        "Duyệt.pdf",
    )
    page = editor.get("/broadcasts/b0").text
    assert "theo văn bản số 15/UBND-VH" in page
    answer = editor.get(f"/approval/document/{decision.id}")
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    answer.close()
    assert viewer.get(f"/approval/document/{decision.id}").status_code == 403
    assert "tải văn bản" not in viewer.get("/broadcasts/b0").text
    stored = asked.services.settings.home_path / "documents"
    assert len(list(stored.iterdir())) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"document_number": "1", "document": document("x.pdf", b"<html>")}, "Chỉ nhận tệp PDF, JPEG hoặc PNG."),
        ({"document_number": "1", "document": document("x.pdf", PDF + bytes(200))}, "Tệp lớn hơn 5 MB."),
        ({"document": document("y.pdf")}, "Hãy ghi số văn bản."),
    ],
)
def test_a_document_that_is_not_one_approves_nothing(
    asked: Stage,
    chair: Browser,
    waits: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, object],
    said: str,
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 100)
    schedule = waits()
    form = {"item": items(chair.get("/approval").text), **fields}
    chair.post("/approval", form, content_type="multipart/form-data")
    assert said in chair.get("/approval").text
    assert state(asked, schedule) is ApprovalState.SUBMITTED


def test_approval_is_switched_off_by_the_administrator_alone_and_shown(
    app: Flask, asked: Stage, chair: Browser, editor: Browser
) -> None:
    with asked.rows() as session:
        session.add(account("qt", Role.ADMINISTRATOR, asked.clock.now()))
    boss = Browser(app.test_client())
    boss.sign_in("qt")
    for browser in (chair, editor):
        assert browser.post("/approval/switch", {"to": "off"}).status_code == 403
    boss.post("/approval/switch", {"to": "off"})
    assert "Duyệt đang tắt" in boss.get("/approval").text
    assert "Duyệt đang tắt" in editor.get("/").text
    with asked.rows() as session:
        assert session.query(AuditEntry).filter_by(action="approval.switch-off").count() == 1


def test_a_station_that_asks_for_approval_and_has_no_approver_says_so(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.query(Station).one().approval = True
        session.add(account("qt", Role.ADMINISTRATOR, stage.clock.now()))
    boss = Browser(app.test_client())
    boss.sign_in("qt")
    assert "Chưa có người duyệt nào" in boss.get("/approval").text
