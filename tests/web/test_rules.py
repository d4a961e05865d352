"""The page of the commune's rules, and that form, planner and speaker go by what is set there."""

from typing import Any

import pytest
from sqlalchemy import select

from broadcaster.hours import OperatingHours
from broadcaster.rows import AuditEntry, HourException, HourRule, Schedule, Station
from tests.web.conftest import Browser
from tests.web.station import Stage

COMMUNE = {
    "quiet_start": "20:30",
    "quiet_until": "05:00",
    "slots_a_day": "3",
    "slot_minutes": "45",
    "weekdays": ["MO", "TU", "WE", "TH", "FR"],
}
EVE = {
    "name": "Giao thừa",
    "first_day": "2027-02-05",
    "last_day": "2027-02-05",
    "start": "23:50",
    "until": "00:20",
    "cap": "60",
    "places": ["an-binh"],
    "reason": "Chúc Tết",
    "approver": "Chủ tịch UBND xã",
}
SCHOOL = {"place": "thon-2", "start": "07:00", "until": "11:00", "kind": "quiet", "why": "Trường tiểu học"}


def test_the_commune_s_rules_are_set_on_one_page_and_audited(stage: Stage, editor: Browser) -> None:
    assert editor.post("/rules", COMMUNE).status_code == 303
    assert stage.orders.woken == 1
    with stage.rows() as session:
        station = session.scalars(select(Station)).one()
        assert (station.quiet_start, station.slots_a_day, station.slot_minutes) == ("20:30", 3, 45)
        assert station.weekdays == "MO,TU,WE,TH,FR"
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "rules.change"))
        assert entry.detail["before"]["quiet"] == ["21:00", "05:00"]
    page = editor.get("/rules").text
    assert 'value="20:30"' in page
    assert editor.write(date="2026-11-22").status_code == 422  # a Sunday
    assert "không phải ngày được phát" in editor.write(date="2026-11-22").text
    assert (
        editor.write(date="2026-11-23", time="20:29", text="Mời bà con. " * 99).status_code == 422
    )  # it would not have ended
    assert editor.write(date="2026-11-23", time="20:20").status_code == 303
    assert editor.post("/rules", COMMUNE | {"quiet_start": "", "quiet_until": ""}).status_code == 303
    assert editor.write(date="2026-11-23", time="20:40").status_code == 303


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/rules", COMMUNE | {"quiet_until": ""}),
        ("/rules", COMMUNE | {"quiet_until": "20:30"}),
        ("/rules", COMMUNE | {"weekdays": []}),
        ("/rules", COMMUNE | {"slots_a_day": "0"}),
        ("/rules", COMMUNE | {"slot_minutes": "999999"}),
        ("/rules/hours", SCHOOL | {"start": "25:00"}),
        ("/rules/hours", SCHOOL | {"place": "nope"}),
        ("/rules/hours", SCHOOL | {"kind": "volume", "cap": ""}),
        ("/rules/exceptions", EVE | {"approver": " "}),
        ("/rules/exceptions", EVE | {"places": []}),
        ("/rules/exceptions", EVE | {"last_day": "2027-02-04"}),
        ("/rules/exceptions", EVE | {"first_day": "2026-01-01", "last_day": "2026-11-20"}),
        ("/rules/exceptions", EVE | {"last_day": "2027-12-31"}),
        ("/rules/exceptions", EVE | {"cap": "101"}),
    ],
)
def test_what_makes_no_sense_changes_nothing_and_keeps_what_was_typed(
    stage: Stage, editor: Browser, path: str, form: dict[str, Any]
) -> None:
    answer = editor.post(path, form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    with stage.rows() as session:
        assert session.scalars(select(Station)).one().quiet_start == "21:00"
        assert session.scalars(select(HourRule)).all() == []
        assert session.scalars(select(HourException)).all() == []
        assert session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("rules."))).all() == []


def test_hours_of_a_place_reach_the_config_of_its_speakers_alone(stage: Stage, editor: Browser) -> None:
    assert editor.post("/rules/hours", SCHOOL).status_code == 303
    assert (
        editor.post("/rules/hours", {"start": "05:00", "until": "06:30", "kind": "volume", "cap": "55"}).status_code
        == 303
    )
    assert editor.post("/rules/exceptions", EVE).status_code == 303
    assert "Trường tiểu học" in editor.get("/rules").text
    assert "Chủ tịch UBND xã" in editor.get("/rules").text
    with stage.rows() as session:
        hours = OperatingHours.load(session, session.scalars(select(Station)).one())
    near, far = ("thon-2", "an-binh"), ("thon-3", "an-binh")
    assert [(each.start, each.until) for each in hours.quiet_documents(near)] == [
        ("21:00", "05:00"),
        ("07:00", "11:00"),
    ]
    assert [(each.start, each.until) for each in hours.quiet_documents(far)] == [("21:00", "05:00")]
    assert [(each.start, each.cap) for each in hours.hourly_documents(far)] == [("05:00", 55)]
    now = stage.clock.now()
    assert hours.exception_documents(far, now) == ()
    (eve,) = hours.exception_documents(far, now.replace(year=2027, month=2, day=1))
    assert (eve.name, eve.cap, eve.until - eve.start) == ("Giao thừa", 60, 30 * 60_000)
    assert editor.post("/rules/hours/1/delete").status_code == 303
    assert editor.post("/rules/exceptions/1/end").status_code == 303
    assert "Không có ngoại lệ nào đang áp dụng." in editor.get("/rules").text
    assert "Ngoại lệ đã hết" in editor.get("/rules").text


def test_one_who_only_reads_sees_the_rules_and_changes_none(viewer: Browser) -> None:
    page = viewer.get("/rules").text
    assert "Lưu quy định" not in page
    for path in ("/rules", "/rules/hours", "/rules/hours/1/delete", "/rules/exceptions", "/rules/exceptions/1/end"):
        assert viewer.post(path).status_code == 403, path


def test_a_quarter_past_three_is_told_while_choosing_and_mended_with_one_click(stage: Stage, editor: Browser) -> None:
    form: dict[str, Any] = {
        "kind": "once",
        "date": "2026-11-23",
        "time": "03:15",
        "text": "Mời bà con.",
        "places": ["thon-2"],
    }
    part = editor.post("/write/when", form).text
    assert "khung giờ không phát" in part
    assert "Đổi thành 15:15" in part
    mended = editor.write(**form, fix="time=15:15")
    assert mended.status_code == 200
    assert 'name="time" value="15:15"' in mended.text
    assert "Đổi thành 15:15" not in mended.text
    assert editor.write(**form).status_code == 422
    with stage.rows() as session:
        assert session.scalars(select(Schedule)).all() == []


def test_a_clock_that_is_not_believed_is_told_on_every_page_and_answered_by_a_person(
    stage: Stage, editor: Browser
) -> None:
    assert "Không có gì cho thấy giờ bị sai." in editor.get("/clock").text
    with stage.rows() as session:
        session.scalars(select(Station)).one().clock_doubt = "before-last-row"
    sentence = "Giờ của máy sớm hơn lần ghi sổ gần nhất"
    for path in ("/", "/rules", "/clock"):
        assert sentence in editor.get(path).text, path
    assert editor.post("/clock/trust").location == "/"
    assert sentence not in editor.get("/").text
    with stage.rows() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "clock.trust"))
        assert entry.detail == {"doubt": "before-last-row"}
