"""On and off: "off until", times of on and off, what is skipped, who may, and where it is shown."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster.rows import AuditEntry, DeliveryState, Power, Role, Speaker, Station, Switching
from scheduler.switching import Switches
from tests.web.conftest import Browser
from tests.web.station import Stage, account

OFF = {"places": ["thon-2"], "date": "2026-11-22", "time": "11:00", "reason": "Đám tang"}
WORKDAYS = {
    "places": ["thon-3"],
    "power": "on",
    "kind": "weekly",
    "weekdays": ["MO", "TU", "WE", "TH", "FR"],
    "time": "05:00",
    "end": "06:30",
    "date": "2026-11-21",
    "reason": "Tiết kiệm điện",
}


def rows(stage: Stage) -> list[Switching]:
    with stage.rows() as session:
        return list(session.scalars(select(Switching).order_by(Switching.id)))


def test_a_place_is_off_until_a_moment_with_its_reason_what_it_skips_and_the_audit(
    stage: Stage, editor: Browser
) -> None:
    editor.write(title="Tin sáng", date="2026-11-22", time="06:30")
    editor.write(title="Tin chiều", date="2026-11-22", time="17:00")
    page = editor.post("/power/off", OFF, follow_redirects=True).text
    assert "Có 1 lượt phát trong 7 ngày tới không phát ở đó" in page
    assert "Tắt: Thôn Đông" in page
    assert "Đám tang" in page
    assert "Tin sáng" in page
    assert "Tin chiều" not in page
    assert stage.orders.woken == 3
    with stage.rows() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "power.off"))
        assert (entry.detail["places"], entry.detail["reason"]) == (["thon-2"], "Đám tang")
    refused = editor.write(title="Tin trưa", date="2026-11-22", time="10:30")
    assert refused.status_code == 422
    assert "Loa ở đó tắt từ" in refused.text
    assert editor.write(title="Tin trưa", date="2026-11-22", time="11:00").status_code == 303
    assert editor.write(title="Nơi khác", date="2026-11-22", time="10:30", places=["thon-3"]).status_code == 303
    assert "Mọi cụm loa đều bật theo lịch." in editor.post("/power/1/end", follow_redirects=True).text
    assert editor.write(title="Tin trưa nữa", date="2026-11-22", time="10:30").status_code == 303


def test_off_ends_by_itself(stage: Stage, editor: Browser) -> None:
    editor.post("/power/off", OFF)
    stage.clock.advance(timedelta(days=2))
    page = editor.get("/power").text
    assert "Mọi cụm loa đều bật theo lịch." in page
    assert "Đám tang" in page  # among what is over
    assert rows(stage)[0].ended_at is None


def test_times_of_on_and_off_go_by_the_rules_of_schedules(stage: Stage, editor: Browser) -> None:
    page = editor.post("/power/times", WORKDAYS, follow_redirects=True).text
    assert "Chỉ bật: Thôn Đoài" in page
    assert "lúc 05:00" in page
    assert "Mỗi lần đến 06:30." in page
    lunar = WORKDAYS | {"power": "off", "kind": "lunar", "lunar": "1,15", "time": "22:00", "end": "04:00"}
    assert editor.post("/power/times", lunar).status_code == 303
    on, off = rows(stage)
    assert (on.power, off.power) == (Power.ON, Power.OFF)
    assert on.rrule == "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    assert off.until - off.start_at == timedelta(hours=6)  # over midnight
    refused = editor.write(date="2026-11-22", time="10:30", places=["thon-3"])
    assert "Loa ở đó tắt từ 00:00 21/11/2026 đến 05:00 23/11/2026." in refused.text
    assert editor.write(date="2026-11-23", time="06:00", places=["thon-3"]).status_code == 303


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/power/off", OFF | {"places": []}),
        ("/power/off", OFF | {"places": ["nope"]}),
        ("/power/off", OFF | {"reason": " "}),
        ("/power/off", OFF | {"time": "25:00"}),
        ("/power/off", OFF | {"date": "2026-11-20"}),
        ("/power/off", OFF | {"date": "2027-11-20"}),
        ("/power/times", WORKDAYS | {"end": "05:00"}),
        ("/power/times", WORKDAYS | {"end": ""}),
        ("/power/times", WORKDAYS | {"time": ""}),
        ("/power/times", WORKDAYS | {"weekdays": []}),
        ("/power/times", WORKDAYS | {"kind": "minutes"}),
        ("/power/times", WORKDAYS | {"kind": "once", "date": "2026-11-20"}),
        ("/power/times", WORKDAYS | {"last_day": "2026-11-01"}),
    ],
)
def test_what_makes_no_sense_switches_nothing(stage: Stage, editor: Browser, path: str, form: dict[str, Any]) -> None:
    answer = editor.post(path, form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert rows(stage) == []


def test_one_who_only_looks_switches_nothing(stage: Stage, editor: Browser, viewer: Browser) -> None:
    editor.post("/power/off", OFF)
    page = viewer.get("/power").text
    assert "Đám tang" in page
    assert "Tắt loa</button>" not in page
    for path in ("/power/off", "/power/times", "/power/1/end"):
        assert viewer.post(path, OFF).status_code == 403, path


def test_a_village_head_switches_off_the_own_village_and_no_other(stage: Stage, app: Flask) -> None:
    with stage.rows() as session:
        session.add(account("nam", Role.VILLAGE_HEAD, stage.clock.now(), place=2))
    head = Browser(app.test_client())
    head.sign_in("nam")
    page = head.get("/power").text
    assert 'value="thon-2"' in page
    assert 'value="thon-3"' not in page
    assert head.post("/power/off", OFF).status_code == 303
    assert head.post("/power/off", OFF | {"places": ["thon-2", "thon-3"]}).status_code == 403
    assert head.post("/power/times", WORKDAYS).status_code == 403
    assert len(rows(stage)) == 1
    assert head.post("/power/1/end").status_code == 303


def test_a_speaker_shows_when_it_is_off_and_what_it_will_not_play_and_when_it_was_on(
    stage: Stage, editor: Browser
) -> None:
    with stage.rows() as session:
        speaker = session.get_one(Speaker, "loa-001")
        speaker.amplifier_on_at = stage.clock.now() - timedelta(hours=3)
        speaker.amplifier_off_at = stage.clock.now() - timedelta(hours=2)
    editor.write(title="Tin sáng", date="2026-11-22", time="06:30")
    editor.write(title="Tin chiều", date="2026-11-21", time="17:00", places=["an-binh"])
    editor.post("/power/off", OFF | {"date": "2026-11-21", "time": "16:00"})
    editor.post("/power/off", OFF | {"places": ["an-binh"]})
    page = editor.get("/week/speaker/loa-001").text
    assert "Tắt đến 11:00 ngày mai" in page
    assert "Không phát: loa ở đó đang tắt" in page
    assert "Sẽ bật</dt>" not in page
    assert "07:00 hôm nay" in page  # last on
    editor.post("/power/2/end")
    page = editor.get("/week/speaker/loa-001").text
    assert "Tắt đến 16:00 hôm nay" in page
    assert page.count("Sẽ bật</dt>") == 2
    assert "Tắt đến" not in editor.get("/week/speaker/loa-003").text
    assert "Tắt đến 16:00 hôm nay" in editor.get("/speakers").text


def test_by_plan_nothing_plays_where_the_speakers_are_off(stage: Stage, editor: Browser) -> None:
    stage.broadcast(starts_in=timedelta(0), states=(DeliveryState.PLAYING,), title="Tin dài")
    editor.post("/power/off", OFF)
    home = editor.get("/").text
    assert "Thôn Đông – Tin dài" not in home
    assert "Thôn Đoài – Tin dài" in home


def test_volume_by_hour_is_set_per_place_and_reaches_its_speakers(stage: Stage, editor: Browser) -> None:
    hours = {"place": "thon-2", "start": "05:00", "until": "06:00", "kind": "volume"}
    assert editor.post("/rules/hours", hours | {"volume": "90", "cap": "60"}).status_code == 422
    assert editor.post("/rules/hours", hours | {"volume": "40"}).status_code == 303
    assert "âm lượng thường dùng 40" in editor.get("/rules").text
    with stage.rows() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "rules.hours-add"))
        assert (entry.detail["volume"], entry.detail["cap"]) == (40, 100)


def test_switches_that_were_over_long_ago_are_not_loaded(stage: Stage, editor: Browser) -> None:
    editor.post("/power/off", OFF)
    stage.clock.advance(timedelta(days=5))
    with stage.rows() as session:
        station = session.scalars(select(Station)).one()
        assert Switches.load(session, station, stage.clock.now()).switched == ()
