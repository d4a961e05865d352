from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster import chain
from broadcaster.database import Database
from broadcaster.rows import AuditEntry, Bulletin, Draft, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class
from scheduler import timeline
from scheduler.checks import FORESEEN
from scheduler.submissions import MAX_TEXT, Problem, Submission, SubmissionError, submit
from scheduler.timeline import Sounding
from tests.clocks import FixedClock

NOW = FixedClock().now()  # 10:00 in the commune
RIGHT = Submission(
    submission="form-1",
    title="Họp thôn",
    text="Mời bà con họp lúc 7h30 tại nhà văn hóa.",
    kind=ScheduleKind.ONCE,
    places=("thon-dong",),
    start_at=NOW + timedelta(hours=2),
)


def until(day: int) -> str:
    """Daily to the end of a day of this month."""
    return f"RRULE:FREQ=DAILY;UNTIL=202611{day}T235959"


def send(database: Database, **changes: Any) -> Schedule:
    with database.write() as session:
        made = submit(session, replace(RIGHT, **changes), account_id=1, now=NOW)
        assert made.bulletin
        assert made.targets
        return made


def problems(database: Database, **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(SubmissionError) as caught:
        send(database, **changes)
    with database.read() as session:
        for rows in (Bulletin, Schedule, AuditEntry):
            assert session.scalar(select(func.count()).select_from(rows)) == 0, "nothing is stored"
    return [(problem.field, problem.code) for problem in caught.value.problems]


def test_a_bulletin_is_stored_as_it_was_typed_and_as_it_will_be_read(filled: Database) -> None:
    schedule = send(filled)
    bulletin = schedule.bulletin
    assert (bulletin.title, bulletin.text) == (RIGHT.title, RIGHT.text)
    assert "bảy giờ ba mươi" in bulletin.spoken
    assert (schedule.kind, schedule.start_at, schedule.rrule) == (ScheduleKind.ONCE, RIGHT.start_at, "")
    with filled.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.detail["places"]) == ("bulletin.submit", ["thon-dong"])
        assert chain.first_break(session, AuditEntry) is None


def test_a_reading_that_was_corrected_is_kept(filled: Database) -> None:
    assert send(filled, spoken="Mời bà con họp.").bulletin.spoken == "Mời bà con họp."


def test_all_villages_are_stored_as_the_commune(filled: Database) -> None:
    schedule = send(filled, places=("thon-dong", "thon-doai", "ban-na-loc"))
    assert [place.code for place in schedule.targets] == ["xa"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": ""}, ("text", "empty")),
        ({"text": " \n\t "}, ("text", "empty")),
        ({"text": "\x00"}, ("text", "empty")),
        ({"text": "a" * (MAX_TEXT + 1)}, ("text", "too-long")),
        ({"spoken": "a " * MAX_TEXT * 10}, ("text", "too-long")),
        ({"text": "... !!!"}, ("text", "no-words")),
        ({"spoken": "..."}, ("text", "no-words")),
        ({"text": "Họp 😀 thôn"}, ("text", "unspeakable")),
        ({"spoken": "日本"}, ("text", "unspeakable")),
        ({"start_at": NOW - timedelta(minutes=1)}, ("start_at", "past")),
        ({"start_at": None}, ("start_at", "missing")),
        ({"kind": ScheduleKind.REPEATED, "start_at": None}, ("start_at", "missing")),
        ({"kind": ScheduleKind.REPEATED, "rule": until(20)}, ("rule", "not-understood")),
        ({"places": ()}, ("places", "none")),
        ({"places": ("thon-dong", "nowhere")}, ("places", "unknown")),
        ({"places": ("thon-vang",)}, ("places", "no-speaker")),
        ({"title": "x" * 201}, ("title", "too-long")),
        ({"category": "x" * 61}, ("category", "too-long")),
        ({"voice": "unknown"}, ("voice", "unknown")),
        ({"repeats": 0}, ("repeats", "unknown")),
        ({"replaces": 999}, ("replaces", "gone")),
    ],
)
def test_what_can_not_be_taken_is_told_at_its_field_and_nothing_is_stored(
    filled: Database, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert problems(filled, **changes) == [expected]


def test_everything_that_is_wrong_is_told_at_once(filled: Database) -> None:
    found = problems(filled, text="", start_at=NOW - timedelta(days=1), places=("nowhere", "thon-vang"))
    assert found == [("text", "empty"), ("start_at", "past"), ("places", "unknown"), ("places", "no-speaker")]


def test_the_letters_that_can_not_be_said_are_named(filled: Database) -> None:
    with pytest.raises(SubmissionError) as caught:
        send(filled, text="Họp 😀 và 日 😀")
    assert caught.value.problems == (Problem("text", "unspeakable", ("😀", "日")),)


def test_a_text_of_exactly_the_limit_is_taken(filled: Database) -> None:
    assert len(send(filled, text=("họp " * MAX_TEXT)[:MAX_TEXT].strip() + ".").bulletin.text) == MAX_TEXT


def test_a_daily_schedule_that_would_never_air_is_refused(filled: Database) -> None:
    this_morning = NOW - timedelta(hours=2)
    found = problems(filled, kind=ScheduleKind.REPEATED, start_at=this_morning, rule=until(21))
    assert found == [("until", "before-start")]
    schedule = send(filled, kind=ScheduleKind.REPEATED, start_at=this_morning, rule=until(22))
    assert schedule.rrule == until(22)


def test_a_form_for_this_very_minute_airs_now_so_that_its_first_words_are_heard(filled: Database) -> None:
    schedule = send(filled, start_at=NOW - timedelta(seconds=20))
    assert (schedule.kind, schedule.start_at) == (ScheduleKind.NOW, None)


def test_quiet_hours_are_kept_by_all_but_an_emergency(filled: Database) -> None:
    with filled.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "21:00", "05:30"
    night = NOW + timedelta(hours=17, minutes=15)  # the 03:15 of Trung Lộc
    assert problems(filled, start_at=night) == [("start_at", "quiet-hours")]
    assert problems(filled, kind=ScheduleKind.REPEATED, rule="RRULE:FREQ=DAILY", start_at=night) == [
        ("start_at", "quiet-hours")
    ]
    assert problems(filled, start_at=night, klass=Class.PRIORITY) == [("start_at", "quiet-hours")]
    assert send(filled, start_at=night, klass=Class.EMERGENCY).start_at == night


def test_slots_of_a_daily_schedule_are_counted_with_one_look_at_its_days(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled.write() as session:
        session.get_one(Station, 1).slots_a_day = 2
    daily = {"kind": ScheduleKind.REPEATED, "rule": "RRULE:FREQ=DAILY"}
    for hours in (2, 4):
        send(filled, **daily, submission=f"slot-{hours}", start_at=NOW + timedelta(hours=hours))
    looks: list[timedelta] = []
    really = timeline.soundings

    def look(session: Session, zone: ZoneInfo, start: datetime, end: datetime, now: datetime) -> list[Sounding]:
        looks.append(end - start)
        return really(session, zone, start, end, now)

    monkeypatch.setattr(timeline, "soundings", look)
    with pytest.raises(SubmissionError) as caught:
        send(filled, **daily, submission="slot-6", start_at=NOW + timedelta(hours=6))
    assert [problem.code for problem in caught.value.problems] == ["too-many-slots"]
    assert looks == [timedelta(days=FORESEEN + 1)]


def test_air_now_is_refused_at_night(filled: Database) -> None:
    with filled.write() as session:
        station = session.get_one(Station, 1)
        station.quiet_start, station.quiet_until = "09:00", "11:00"
    assert problems(filled, kind=ScheduleKind.NOW, start_at=None) == [("start_at", "quiet-hours")]


def test_a_form_sent_twice_is_one_bulletin(filled: Database) -> None:
    first, second = send(filled), send(filled, title="Khác", text="")
    assert first.id == second.id
    with filled.read() as session:
        assert session.scalars(select(Bulletin.title)).all() == ["Họp thôn"]
        assert len(session.scalars(select(AuditEntry)).all()) == 1


def test_a_successor_cancels_what_it_replaces_in_the_same_transaction(filled: Database) -> None:
    old = send(filled)

    def fail() -> None:
        with filled.write() as session:
            submit(session, replace(RIGHT, submission="form-2", replaces=old.id), account_id=1, now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with filled.read() as session:
        assert session.get_one(Schedule, old.id).cancelled_at is None
    new = send(filled, submission="form-2", replaces=old.id)
    with filled.read() as session:
        assert session.get_one(Schedule, old.id).cancelled_at == NOW
        assert session.get_one(Bulletin, new.bulletin_id).replaces_id == old.bulletin_id


def test_what_somebody_else_has_replaced_already_is_not_replaced_again(filled: Database) -> None:
    old = send(filled)
    send(filled, submission="form-2", replaces=old.id)
    with pytest.raises(SubmissionError, match="replaces: gone"):
        send(filled, submission="form-3", replaces=old.id)


def test_a_successor_that_is_refused_cancels_nothing(filled: Database) -> None:
    old = send(filled)
    with pytest.raises(SubmissionError):
        send(filled, submission="form-2", replaces=old.id, text="")
    with filled.read() as session:
        assert session.get_one(Schedule, old.id).cancelled_at is None


def test_a_bulletin_without_a_title_is_called_by_its_first_words(filled: Database) -> None:
    assert send(filled, title="  ").bulletin.title == "Mời bà con họp lúc 7h30 tại nhà…"
    assert send(filled, submission="2", title="", text="Họp thôn Đông.").bulletin.title == "Họp thôn Đông."


def test_a_title_fits_its_column_and_the_plan_however_long_the_word(filled: Database) -> None:
    assert len(send(filled, title="", text="họp" * 400).bulletin.title) <= 200


def test_letters_no_database_keeps_are_left_out(filled: Database) -> None:
    bulletin = send(filled, title="Họp\x00 thôn", text="Họp\x00 thôn.").bulletin
    assert (bulletin.title, bulletin.text) == ("Họp thôn", "Họp thôn.")


def test_the_draft_of_a_sent_form_is_let_go(filled: Database) -> None:
    with filled.write() as session:
        session.add(Draft(submission="form-1", account_id=1, fields={}, updated_at=NOW))
    send(filled)
    with filled.read() as session:
        assert session.get(Draft, "form-1") is None
