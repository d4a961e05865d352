"""Village heads: their own village, inside the hours, within the minutes, and reported to the commune."""

import io
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from broadcaster import approval
from broadcaster.approval import ApprovalState
from broadcaster.rows import AuditEntry, Grant, Role, Schedule, Station, VillageAiring
from tests.tts.sound_files import encoded, made, melody
from tests.web.conftest import Browser
from tests.web.station import Stage, account

Entering = Callable[..., Browser]


@pytest.fixture
def head(app: Flask, stage: Stage) -> Entering:
    """The head of Thôn Đông, at a station that asks for approval."""

    def enter(**facts: object) -> Browser:
        with stage.rows() as session:
            session.query(Station).one().approval = True
            session.add(account("truong-thon", Role.VILLAGE_HEAD, stage.clock.now(), place=2, **facts))
        browser = Browser(app.test_client())
        assert browser.sign_in("truong-thon").status_code == 303
        return browser

    return enter


def air(browser: Browser, submission: str = "", **changes: object) -> TestResponse:
    form = {"text": "Mời bà con ra nhà văn hóa.", "places": "thon-2", "voice": "north", "chime": "1"}
    return browser.post(f"/village/{submission or uuid4()}", form | changes)


def state(stage: Stage) -> ApprovalState:
    with stage.rows() as session:
        return approval.standing(session, session.query(Schedule).one(), stage.clock.now()).state


def test_a_village_head_airs_at_once_in_the_own_village_without_approval_where_that_was_granted(
    stage: Stage, head: Entering
) -> None:
    browser = head(unapproved=True)
    assert "Thôn Đông" in browser.get("/village").text
    assert air(browser).status_code == 303
    assert state(stage) is ApprovalState.EXEMPT
    with stage.rows() as session:
        schedule = session.query(Schedule).one()
        assert (schedule.kind, [place.code for place in schedule.targets]) == ("now", ["thon-2"])
        assert session.query(AuditEntry).filter_by(action="village.air", subject="thon-2").count() == 1
    assert stage.orders.woken == 1


def test_without_that_grant_it_waits_for_an_approver(stage: Stage, head: Entering) -> None:
    browser = head()
    assert "cần duyệt" in browser.get("/village").text
    assert air(browser).status_code == 303
    assert state(stage) is ApprovalState.SUBMITTED


def test_no_other_place_can_be_aired_in(stage: Stage, head: Entering) -> None:
    browser = head(unapproved=True)
    for place in ("thon-3", "an-binh", "ven-suoi", ""):
        assert air(browser, places=place).status_code == 403, place
    assert air(browser, places=["thon-2", "thon-3"]).status_code == 303
    with stage.rows() as session:
        assert [place.code for place in session.query(Schedule).one().targets] == ["thon-2"]
    assert browser.get("/write").status_code == 403


def test_nothing_airs_in_the_quiet_hours(stage: Stage, head: Entering) -> None:
    stage.clock.advance(timedelta(hours=12))  # 22:00 in the commune
    answer = air(head(unapproved=True))
    assert answer.status_code == 422
    assert "khung giờ không phát" in answer.text


def test_what_is_plainly_longer_than_the_minutes_left_is_refused_and_kept_in_the_form(
    stage: Stage, head: Entering
) -> None:
    answer = air(head(unapproved=True, daily_minutes=1), text="mời bà con " * 200)
    assert answer.status_code == 422
    assert "Hôm nay thôn còn 1 phút" in answer.text
    assert "mời bà con mời bà con" in answer.text
    with stage.rows() as session:
        assert session.query(Schedule).count() == 0


def test_a_recording_airs_in_place_of_a_text(stage: Stage, head: Entering) -> None:
    recording = io.BytesIO(made("Ghi âm mới 12.m4a", 3)), "Ghi âm.m4a"
    assert air(head(unapproved=True), text="", file=recording).status_code == 303
    with stage.rows() as session:
        bulletin = session.query(Schedule).one().bulletin
        assert bulletin.sound is not None
        assert (bulletin.title, bulletin.spoken) == ("Ghi âm", "")


def test_a_recording_longer_than_the_minutes_left_is_refused_and_what_is_no_sound_too(
    stage: Stage, head: Entering
) -> None:
    browser = head(unapproved=True, daily_minutes=1)
    long = air(
        browser, text="", file=(io.BytesIO(encoded("adts", "aac", np.tile(melody(0.1, 8_000), 610), 8_000)), "dài.aac")
    )
    assert (long.status_code, "Hôm nay thôn còn" in long.text) == (422, True)
    broken = air(browser, text="", file=(io.BytesIO(b"no sound"), "x.mp3"))
    assert broken.status_code == 422
    with stage.rows() as session:
        assert session.query(Schedule).count() == 0


def test_the_same_form_sent_twice_airs_once(stage: Stage, head: Entering) -> None:
    browser, submission = head(unapproved=True), str(uuid4())
    for _ in range(2):
        assert air(browser, submission).status_code == 303
    with stage.rows() as session:
        assert session.query(VillageAiring).count() == 1


def test_a_form_of_somebody_elses_gives_nothing_away(stage: Stage, head: Entering, editor: Browser) -> None:
    submission = str(uuid4())
    editor.write(submission, places=["an-binh"])
    assert air(head(unapproved=True), submission).status_code == 303
    with stage.rows() as session:
        assert session.query(VillageAiring).count() == 0
    assert state(stage) is ApprovalState.SUBMITTED


def test_the_commune_sees_what_was_aired_and_a_revoked_head_airs_no_more(
    stage: Stage, head: Entering, editor: Browser
) -> None:
    browser = head(unapproved=True)
    air(browser)
    page = editor.get("/village/aired").text
    assert "Mời bà con ra nhà văn hóa." in page
    assert "Thôn Đông" in page
    assert "Truong-Thon" in page
    with stage.rows() as session:
        session.query(Grant).filter_by(role=Role.VILLAGE_HEAD).one().revoked_at = stage.clock.now()
    assert air(browser).status_code == 403


def test_a_village_head_hears_it_first(head: Entering) -> None:
    answer = head().post("/listen", {"text": "Mời bà con.", "voice": "north", "repeats": "1"})
    assert answer.status_code == 200
