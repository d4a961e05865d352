"""Speaking live over HTTP: whose right it is, what is refused, and what the pages tell of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from broadcaster import deliveries, village
from broadcaster.clock import to_ms
from broadcaster.deliveries import Told
from broadcaster.rows import Grant, Role, Sound, Station, Talk, TalkEnd
from broadcaster.wire.documents import Class, Event, Receipt, Why
from tests.streams import programme
from tests.web.conftest import Browser
from tests.web.station import Stage, account

RATE = 24_000
VOICE = programme(3)
Entering = Callable[..., Browser]


@pytest.fixture
def enter(app: Flask, stage: Stage) -> Entering:
    """Somebody with one role, at a station without quiet hours."""

    def sign_in(role: Role, **facts: Any) -> Browser:
        with stage.rows() as session:
            session.query(Station).one().quiet_start = None
            session.add(account(role.value, role, stage.clock.now(), **facts))
        browser = Browser(app.test_client())
        assert browser.sign_in(role.value).status_code == 303
        return browser

    return sign_in


def begin(browser: Browser, *places: str, klass: str = "routine", rate: object = RATE) -> TestResponse:
    return browser.post("/live", {"places": list(places or ("thon-2",)), "klass": klass, "rate": str(rate)})


def take(app: Flask, talk: dict[str, str], position: object, data: bytes, key: str | None = None) -> TestResponse:
    """From a phone that nobody is signed in on."""
    headers = {"X-Talk-Key": talk["key"] if key is None else key, "X-Talk-Position": str(position)}
    return app.test_client().post(talk["sound"], data=data, headers=headers)


def end(app: Flask, talk: dict[str, str]) -> TestResponse:
    return app.test_client().post(talk["over"], headers={"X-Talk-Key": talk["key"]})


def test_a_duty_officer_speaks_and_the_page_tells_who_heard_it(app: Flask, stage: Stage, enter: Entering) -> None:
    browser = enter(Role.DUTY_OFFICER)
    page = browser.get("/live").text
    assert all(name in page for name in ("Xã An Bình", "Vùng ven suối", "Khẩn cấp", "Bật micrô"))
    answer = begin(browser, "thon-2", klass="emergency")
    talk = answer.get_json()
    assert (talk["speakers"], talk["seconds"]) == (2, 600)
    assert take(app, talk, 0, VOICE[:4_800].tobytes()).get_json()["next"] == 4_800
    stage.clock.advance(timedelta(seconds=2))
    stage.services.talks.look()
    assert end(app, talk).status_code == 410  # the phone was gone for too long: it ended by itself
    gone = take(app, talk, 4_800, VOICE[:4_800].tobytes())
    assert (gone.status_code, gone.get_json()["end"]) == (410, "dropped")
    stage.services.talks.recordings.archive()
    name = talk["shown"].rsplit("/", 1)[1]

    def told(number: str, event: Event, **more: Any) -> Receipt:
        return Receipt(id=number, broadcast=name, event=event, at=to_ms(stage.clock.now()), **more)

    receipts = told("a-1", Event.STARTED), told("a-2", Event.FINISHED, played_ms=200)
    silent = told("b-1", Event.SKIPPED, why=Why.HIGHER_CLASS)
    with stage.rows() as session:
        deliveries.take(session, [Told("loa-001", receipts, to_ms(stage.clock.now()))])
        deliveries.take(session, [Told("loa-002", (silent,), to_ms(stage.clock.now()))])
    shown = browser.get(talk["shown"]).text
    assert "Mất kết nối với máy của người nói" in shown
    assert "1/2" in shown
    assert "Thôn Đông - cụm 2" in shown
    with stage.rows() as session:
        sound = session.query(Sound).one()
        assert session.query(Talk).one().klass is Class.EMERGENCY
    assert f"/sounds/{sound.sha256}.flac" in shown
    with browser.get(f"/sounds/{sound.sha256}.flac") as flac:
        assert flac.data[:4] == b"fLaC"
    assert "Mất kết nối với máy của người nói" in browser.get("/live").text


@pytest.mark.parametrize(
    ("role", "klass", "status"),
    [
        (Role.DUTY_OFFICER, "emergency", 200),
        (Role.ADMINISTRATOR, "emergency", 200),
        (Role.APPROVER, "priority", 200),
        (Role.APPROVER, "emergency", 403),
        (Role.EDITOR, "routine", 200),
        (Role.EDITOR, "emergency", 403),
        (Role.TECHNICIAN, "routine", 403),
        (Role.VIEWER, "routine", 403),
    ],
)
def test_who_may_speak_and_how_loudly(enter: Entering, role: Role, klass: str, status: int) -> None:
    assert begin(enter(role), klass=klass).status_code == status


def test_one_speaks_in_the_places_of_ones_right_only(enter: Entering) -> None:
    browser = enter(Role.DUTY_OFFICER, place=2)
    page = browser.get("/live").text
    assert "Thôn Đông" in page
    assert "Thôn Đoài" not in page
    assert begin(browser, "thon-2").status_code == 200
    for elsewhere in (("thon-3",), ("thon-2", "thon-3"), ("an-binh",)):
        assert begin(browser, *elsewhere).status_code == 403


def test_where_everything_is_approved_an_editor_does_not_speak_live(stage: Stage, enter: Entering) -> None:
    browser = enter(Role.EDITOR)
    with stage.rows() as session:
        session.query(Station).one().approval = True
    assert "phải duyệt" in begin(browser).get_json()["problem"]


def test_a_village_head_speaks_alone_where_that_was_granted_and_within_the_minutes(
    app: Flask, stage: Stage, enter: Entering
) -> None:
    browser = enter(Role.VILLAGE_HEAD, place=2, daily_minutes=1)
    with stage.rows() as session:
        session.query(Station).one().approval = True
        grant = session.query(Grant).filter_by(role=Role.VILLAGE_HEAD).one()
        grant.unapproved = False
    assert "phải duyệt" in begin(browser).get_json()["problem"]
    with stage.rows() as session:
        session.get_one(Grant, grant.id).unapproved = True
    assert begin(browser, klass="priority").status_code == 403
    talk = begin(browser).get_json()
    assert talk["seconds"] == 60
    take(app, talk, 0, VOICE[:24_000].tobytes())
    assert end(app, talk).status_code == 200
    with stage.rows() as session:
        left = village.left_ms(session, grant, stage.clock.now(), ZoneInfo("Asia/Ho_Chi_Minh"))
        assert left == 59_000
        session.query(Talk).one().duration_ms = 60_000
    assert "hết số phút" in begin(browser).get_json()["problem"]


@pytest.mark.parametrize(
    ("position", "data", "status"),
    [
        (0, b"\0", 400),  # half a sample
        ("-1", b"\0\0", 400),
        ("x", b"\0\0", 400),
        ("9" * 30, b"\0\0", 400),
        (2, b"\0\0", 409),
        (0, b"", 429),
        (0, bytes(2 * RATE * 3 + 2), 429),
        (0, bytes(600_000), 413),
    ],
)
def test_malformed_sound_is_refused_and_the_talk_goes_on(
    app: Flask, enter: Entering, position: object, data: bytes, status: int
) -> None:
    talk = begin(enter(Role.DUTY_OFFICER)).get_json()
    assert take(app, talk, position, data).status_code == status
    assert take(app, talk, 0, VOICE[:4_800].tobytes()).status_code == 200


def test_a_strangers_sound_is_refused(app: Flask, enter: Entering) -> None:
    talk = begin(enter(Role.DUTY_OFFICER)).get_json()
    for key in ("", "guessed", "é"):
        assert take(app, talk, 0, VOICE[:4_800].tobytes(), key).status_code == 404
    assert take(app, talk | {"sound": "/live/live-0/sound"}, 0, VOICE[:4_800].tobytes()).status_code == 404


@pytest.mark.parametrize(("klass", "rate"), [("loud", RATE), ("routine", 0), ("routine", "x"), ("routine", 10**7)])
def test_a_malformed_wish_is_refused(enter: Entering, klass: str, rate: object) -> None:
    assert begin(enter(Role.DUTY_OFFICER), klass=klass, rate=rate).status_code == 400


def test_what_can_not_begin_is_told_in_words(stage: Stage, enter: Entering, editor: Browser) -> None:
    browser = enter(Role.DUTY_OFFICER)
    assert "Chưa chọn nơi phát" in browser.post("/live", {"klass": "routine", "rate": "24000"}).get_json()["problem"]
    assert "chưa có cụm loa" in begin(browser, "thon-5").get_json()["problem"]
    assert begin(editor, "thon-2").status_code == 200
    assert "Lan đang nói" in begin(browser, "an-binh").get_json()["problem"]
    with stage.rows() as session:
        row = session.query(Station).one()
        row.quiet_start, row.quiet_until = "09:00", "11:00"  # it is 10:00
    assert "Từ 09:00 đến 11:00" in begin(browser, "thon-3").get_json()["problem"]
    stage.line.connected = False
    assert "mất kết nối" in begin(browser, "thon-3").get_json()["problem"]


def test_somebody_with_the_right_stops_a_talk(stage: Stage, enter: Entering, editor: Browser) -> None:
    urgent = begin(enter(Role.DUTY_OFFICER), klass="emergency").get_json()
    assert editor.post(f"{urgent['shown']}/stop").status_code == 403  # an emergency is not theirs
    with stage.rows() as session:
        session.query(Talk).one().klass = Class.ROUTINE
    assert "Tắt micrô" in editor.get(urgent["shown"]).text
    for _ in range(2):
        assert editor.post(f"{urgent['shown']}/stop").status_code == 303
    with stage.rows() as session:
        assert session.query(Talk).one().end is TalkEnd.STOPPED
    assert editor.get("/live/live-none").status_code == 404


def test_the_phone_is_told_that_nobody_speaks_and_that_the_speakers_are_lost(
    app: Flask, stage: Stage, enter: Entering
) -> None:
    talk = begin(enter(Role.DUTY_OFFICER)).get_json()
    assert take(app, talk, 0, bytes(9_600)).get_json() == {"next": 4_800, "silent": 0.2, "lost": False}
    stage.line.connected = False
    assert take(app, talk, 4_800, VOICE[:9_600].tobytes()).get_json() == {"next": 14_400, "silent": 0, "lost": True}
    stage.line.connected = True
    assert not take(app, talk, 14_400, VOICE[:9_600].tobytes()).get_json()["lost"]
