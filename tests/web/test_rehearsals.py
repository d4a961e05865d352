"""The whole chain is tried: weekly or at once, without a sound, with a report of who answered and what is new."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster import alert_reports, alerting, rehearsals
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AuditEntry, Notice, NoticeKind, Published, RehearsalPlan
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Event, Receipt
from broadcaster.wire.urgent import Alert as Document
from scheduler import rehearsing
from tests.web.conftest import Browser
from tests.web.station import Stage

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def officer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("truc").status_code == 303
    return browser


def answered(stage: Stage, alert_id: str, **speakers: int) -> None:
    """The audience is written down, and some speakers answered after so many milliseconds."""
    with stage.rows() as session:
        alert = session.get_one(Alert, alert_id)
        alert_reports.write_audience(session, alert, Geography.load(session), stage.clock.now())
        at = stage.clock.now_ms()
        told = [
            (name.replace("_", "-"), Receipt(id="r", broadcast=alert_id, event=Event.ARMED, at=at + took))
            for name, took in speakers.items()
        ]
        alert_reports.take(session, told)


def rehearse(officer: Browser) -> str:
    return officer.post("/rehearsals/now").location.rpartition("/")[2]


def test_what_is_sent_holds_no_sound_and_is_nobodys_warning(officer: Browser, stranger: Browser, stage: Stage) -> None:
    name = rehearse(officer)
    with stage.rows() as session:
        [row] = session.scalars(select(Published).where(Published.topic.endswith(name)))
        document = strict_json.decode(envelope.parse(row.envelope).payload, Document)
        assert document.is_rehearsal
        assert row.exp - stage.clock.now_ms() <= 15 * 60_000
        assert alerting.in_force(session, stage.clock.now()) == []
    assert "Thử đường truyền" not in stranger.get("/bang-tin/an-binh").text
    assert "in-force" not in officer.get("/").text
    assert name not in officer.get("/alerts").text


def test_the_board_of_a_rehearsal_is_its_report_where_nothing_is_stopped(officer: Browser) -> None:
    name = rehearse(officer)
    assert officer.get(f"/alerts/{name}").location == f"/rehearsals/{name}"
    assert "Dừng đọc" not in officer.get(f"/rehearsals/{name}").text


def test_the_report_tells_who_was_silent_how_fast_the_others_were_and_what_is_new(
    officer: Browser, stage: Stage
) -> None:
    first = rehearse(officer)
    answered(stage, first, loa_001=700, loa_002=300)
    stage.clock.advance(timedelta(days=7))
    second = rehearse(officer)
    answered(stage, second, loa_002=1250, loa_003=90)
    stage.clock.advance(timedelta(minutes=1))
    with stage.rows() as session:
        found = rehearsals.report(session, session.get_one(Alert, second))
        assert [one.speaker.id for one in found.silent] == ["loa-001", "loa-004", "loa-005", "loa-006"]
        assert [one.speaker.id for one in found.answers if one.is_new_silence] == ["loa-001"]
        assert [one.speaker.id for one in found.answers if one.is_back] == ["loa-003"]
        assert (found.times_ms, found.median_ms) == ([90, 1250], 670)
        for _ in range(2):
            rehearsals.look(session, stage.clock.now())
        told = session.scalars(select(Notice).where(Notice.kind == NoticeKind.REHEARSAL)).all()
        assert sorted(one.account_id for one in told) == [1, 3]  # who looks after speakers, and who is on duty
        notice = told[0]
        assert (notice.detail["answered"], notice.detail["asked"], notice.detail["new"]) == (2, 6, 1)
    page = officer.get(f"/rehearsals/{second}").text
    assert "2/6 cụm loa trả lời" in page
    assert "1,25 giây" in page
    assert page.index("lần trước có trả lời") < page.index("lần trước im lặng")
    assert "2/6 cụm loa trả lời" in officer.get("/rehearsals").text
    assert "2/6" in officer.get("/notices").text


def settle(officer: Browser, **changes: str) -> str:
    form = {"active": "1", "weekday": "0", "at": "09:00", "sound": "none"} | changes
    return officer.post("/rehearsals", form, follow_redirects=True).text


def begin(stage: Stage) -> Alert | None:
    with stage.rows() as session:
        plan = rehearsing.due(session, stage.clock.now())
        return rehearsing.begin(session, stage.orders.core, plan).alert if plan else None


def test_the_weekly_one_comes_once_an_hour_late_at_the_most(officer: Browser, stage: Stage) -> None:
    assert "Đã lưu lịch thử" in settle(officer)
    with stage.rows() as session:
        plan = session.scalars(select(RehearsalPlan)).one()
        assert session.scalar(select(AuditEntry).where(AuditEntry.action == "rehearsal.plan"))
        monday = rehearsing.next_slot(plan, stage.clock.now(), ZONE)
    stage.clock.advance(monday - stage.clock.now() - timedelta(seconds=1))
    assert begin(stage) is None
    stage.clock.advance(timedelta(seconds=30))
    assert begin(stage) is not None
    assert begin(stage) is None
    stage.clock.advance(timedelta(days=7, hours=2))
    assert begin(stage) is None, "too late for this week"
    stage.clock.advance(timedelta(days=6, hours=22))
    assert begin(stage) is not None
    settle(officer, active="")
    stage.clock.advance(timedelta(days=7))
    assert begin(stage) is None


def test_a_spoken_one_is_a_drill_and_never_in_the_quiet_hours(officer: Browser, stage: Stage) -> None:
    assert "ngoài khung giờ đó" in settle(officer, at="22:00", sound="drill")
    settle(officer, sound="drill")
    with stage.rows() as session:
        plan = session.scalars(select(RehearsalPlan)).one()
    stage.clock.advance(rehearsing.next_slot(plan, stage.clock.now(), ZONE) - stage.clock.now())
    alert = begin(stage)
    assert alert
    assert (alert.template, alert.drill) == ("dien-tap", True)


def test_nothing_is_rehearsed_while_something_real_is_in_force(officer: Browser, stage: Stage) -> None:
    settle(officer)
    with stage.rows() as session:
        plan = session.scalars(select(RehearsalPlan)).one()
    stage.clock.advance(rehearsing.next_slot(plan, stage.clock.now(), ZONE) - stage.clock.now())
    form = {"places": ["an-binh"], "level": "3", "life_h": "6", "held": "1"}
    officer.post("/duty/bao/6f1d3c1e-0000-4000-8000-000000000000", form)
    assert begin(stage) is None


def test_what_is_wrong_with_the_plan_is_said(officer: Browser, editor: Browser) -> None:
    assert "Hãy chọn thứ và giờ" in settle(officer, at="25:00")
    assert "Hãy chọn thứ và giờ" in settle(officer, weekday="7")
    assert officer.get("/rehearsals/none").status_code == 404
    assert editor.post("/rehearsals/now").status_code == 403
