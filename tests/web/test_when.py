"""The "when" part of the form: typed, understood, said in words, shown."""

import html
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from flask import Flask
from sqlalchemy import select

from broadcaster.rows import Schedule, ScheduleKind
from scheduler import rule_text
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import ahead, rule_words, when
from web.when import When

HANOI, VIETNAMESE = ZoneInfo("Asia/Ho_Chi_Minh"), Locale("vi")
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)  # Saturday, 10:00 in the commune
SIX = {"time": "06:00", "date": "2026-11-23"}

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "once"}, "", "Một lần, Thứ Hai, 23/11/2026 lúc 06:00."),
    ({"kind": "daily"}, "RRULE:FREQ=DAILY", "Hằng ngày lúc 06:00, từ 23/11/2026."),
    (
        {"kind": "daily", "until": "2026-11-30", "skip": "25/11, 26/11/2026"},
        "RRULE:FREQ=DAILY;UNTIL=20261130T235959\nEXDATE;VALUE=DATE:20261125,20261126",
        "Hằng ngày lúc 06:00, từ 23/11/2026, đến hết 30/11/2026, trừ 25/11/2026, 26/11/2026.",
    ),
    (
        {"kind": "weekly", "weekdays": ("FR", "MO")},
        "RRULE:FREQ=WEEKLY;BYDAY=MO,FR",
        "Thứ Hai, thứ Sáu hằng tuần lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "weekly", "weekdays": ("MO", "TU", "WE", "TH", "FR"), "rest": "SKIP", "count": "10"},
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=10\nX-LOA-HOLIDAYS:SKIP",
        "Thứ Hai đến thứ Sáu hằng tuần lúc 06:00, từ 23/11/2026, 10 ngày, không phát ngày lễ, Tết.",
    ),
    (
        {"kind": "monthly"},
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=23",
        "Ngày 23 hằng tháng lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "monthly", "monthly": "weekday"},
        "RRULE:FREQ=MONTHLY;BYDAY=4MO",
        "Thứ Hai thứ 4 của mỗi tháng lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "monthly", "monthly": "last"},
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "Ngày cuối mỗi tháng lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "days", "interval": "3"},
        "RRULE:FREQ=DAILY;INTERVAL=3",
        "Cứ 3 ngày một lần lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "minutes", "minutes": "30", "last": "17:00", "until": "2026-11-24"},
        "RRULE:FREQ=DAILY;UNTIL=20261124T235959\nX-LOA-EVERY:MINUTES=30;UNTIL=17:00",
        "Hằng ngày cứ 30 phút một lần từ 06:00 đến 17:00, từ 23/11/2026, đến hết 24/11/2026.",
    ),
    (
        {"kind": "lunar", "lunar": "1,15"},
        "X-LOA-LUNAR:DAY=1,15;LEAP=YES",
        "Mùng một và rằm âm lịch hằng tháng lúc 06:00, từ 23/11/2026.",
    ),
    (
        {"kind": "lunar", "lunar": "year", "lunar_day": "10", "lunar_month": "3", "until": "2030-01-01"},
        "X-LOA-LUNAR:DAY=10;MONTH=3;LEAP=NO;UNTIL=20300101",
        "Ngày 10 tháng 3 âm lịch hằng năm lúc 06:00, từ 23/11/2026, đến hết 01/01/2030.",
    ),
    (
        {"kind": "dates", "dates": "27/11, 25/11; 2/1", "date": ""},
        "RDATE;VALUE=DATE:20261125,20261127,20270102",
        "Các ngày 25/11/2026, 27/11/2026, 02/01/2027 lúc 06:00.",
    ),
]


@pytest.mark.parametrize(("fields", "text", "words"), CASES)
def test_every_way_to_repeat_is_understood_said_and_edited_again(
    app: Flask, fields: dict[str, Any], text: str, words: str
) -> None:
    typed = When(**{**SIX, **fields})
    meant, problems = when.parse(typed, HANOI, NOW)
    assert problems == []
    assert meant.rule == text
    assert meant.start_at
    rule = rule_text.read(meant.rule, meant.start_at, HANOI)
    with app.test_request_context(headers={"Accept-Language": "vi"}):
        assert rule_words.in_words(rule, VIETNAMESE) == words
    again, none = when.parse(when.of_rule(rule), HANOI, NOW)
    assert (again, none) == (meant, [])


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"kind": "sometimes"}, "kind", "unknown"),
        ({"kind": "weekly"}, "weekdays", "none"),
        ({"kind": "dates"}, "dates", "none"),
        ({"kind": "dates", "dates": "31/02/2026"}, "dates", "not-days"),
        ({"kind": "daily", "skip": "mai"}, "skip", "not-days"),
        ({"kind": "daily", "until": "x"}, "until", "not-a-date"),
        ({"kind": "daily", "until": "2026-11-22"}, "until", "before-start"),
        ({"kind": "daily", "until": "2026-12-22", "count": "3"}, "count", "with-until"),
        ({"kind": "daily", "count": "9999999999"}, "count", "out-of-range"),
        ({"kind": "daily", "rest": "x"}, "rest", "unknown"),
        ({"kind": "days", "interval": "0"}, "interval", "out-of-range"),
        ({"kind": "minutes", "minutes": "1", "last": "17:00"}, "minutes", "out-of-range"),
        ({"kind": "minutes", "last": "05:00"}, "last", "before-start"),
        ({"kind": "minutes", "last": ""}, "last", "not-a-time"),
        ({"kind": "lunar", "lunar": "31"}, "lunar", "unknown"),
        ({"kind": "lunar", "lunar": "year", "lunar_day": "31", "lunar_month": "1"}, "lunar", "out-of-range"),
        ({"kind": "once", "time": "25:00"}, "start_at", "not-a-time"),
        ({"kind": "once", "date": "x"}, "start_at", "not-a-date"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(
    editor: Browser, fields: dict[str, Any], field: str, code: str
) -> None:
    _, problems = when.parse(When(**{**SIX, **fields}), HANOI, NOW)
    assert (field, code) in [(problem.field, problem.code) for problem in problems]
    answer = editor.write(**{**SIX, **fields})
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert "Chưa dùng được giá trị này" not in answer.text


def test_the_next_five_times_are_shown_with_weekday_lunar_date_and_holiday(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "vi"}):
        shown = ahead.ahead(When(kind="daily", time="06:00", date="2027-02-04"), HANOI, NOW, VIETNAMESE)
    assert shown
    assert [moment.words for moment in shown.moments][:2] == ["06:00 Thứ Năm, 04/02/2027", "06:00 Thứ Sáu, 05/02/2027"]
    assert [moment.lunar for moment in shown.moments] == [
        "28/12 âm lịch",
        "29/12 âm lịch",
        "1/1 âm lịch",
        "2/1 âm lịch",
        "3/1 âm lịch",
    ]
    assert shown.moments[2].holiday == "Tết Nguyên Đán"


def test_the_form_shows_them_with_and_without_javascript(editor: Browser) -> None:
    form = {"kind": "lunar", "lunar": "15", **SIX}
    part = editor.post("/write/when", form).text
    assert "Rằm âm lịch hằng tháng lúc 06:00" in part
    assert part.count("<li>") == 5
    whole = editor.write(action="when", **form)
    assert whole.status_code == 200
    assert "Rằm âm lịch hằng tháng lúc 06:00" in whole.text
    assert "<textarea" in whole.text
    assert editor.post("/write/when", {"kind": "weekly", **SIX}).text.strip() == ""


def test_a_repeated_schedule_is_stored_shown_and_edited(stage: Stage, editor: Browser) -> None:
    assert editor.write(kind="lunar", lunar="1,15", **SIX).status_code == 303
    with stage.rows() as session:
        schedule = session.scalars(select(Schedule)).one()
        assert (schedule.kind, schedule.rrule) == (ScheduleKind.REPEATED, "X-LOA-LUNAR:DAY=1,15;LEAP=YES")
    assert "mùng một và rằm âm lịch hằng tháng" in editor.get("/").text
    form = editor.get(editor.get(f"/write?edit={schedule.id}").location).text
    assert 'value="lunar" id="kind-lunar" checked' in form


def test_a_draft_of_the_first_version_keeps_its_time() -> None:
    kept = when.of_draft({"kind": "daily", "date": "2026-11-23", "time": "06:00", "until": "", "title": "x"})
    assert (kept.kind, kept.date, kept.time, kept.weekdays) == ("daily", "2026-11-23", "06:00", ())


def test_a_conflict_is_shown_while_choosing_with_three_verbs_and_each_is_one_click(
    stage: Stage, editor: Browser
) -> None:
    assert editor.write(title="Tin sáng", kind="daily", date="2026-11-22", time="06:30").status_code == 303
    form: dict[str, Any] = {
        "title": "Tin mới",
        "kind": "once",
        "date": "2026-11-23",
        "time": "06:30",
        "places": ["thon-2"],
    }
    part = editor.post("/write/when", form | {"text": "Mời bà con."}).text
    assert "Trùng với “Tin sáng”" in part
    verbs = dict(re.findall(r'name="fix" value="([^"]+)">([^<]+)</button>', part.split('class="notes conflicts"')[1]))
    assert list(verbs.values()) == ["Phát sau đó (06:31)", "Chọn khung trống (06:45)", "Thay thế bản đó"]
    for fix in verbs:
        mended = editor.write(**form, fix=html.unescape(fix)).text
        assert "Trùng với" not in mended
    replaced = next(html.unescape(fix) for fix, label in verbs.items() if label == "Thay thế bản đó")
    assert editor.write(**form, displaces=replaced.removeprefix("displaces=").replace("%40", "@")).status_code == 303
    with stage.rows() as session:
        assert "EXDATE:20261123T063000" in session.get_one(Schedule, 1).rrule
    other_place = editor.post("/write/when", form | {"places": ["thon-3"]}).text
    assert "Trùng với" not in other_place
