"""CAP by HTTP push: what becomes of a message, and of one that should not have been sent."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from broadcaster import alerting, chain, tokens
from broadcaster.rows import (
    AlertEnd,
    ApiToken,
    AuditEntry,
    CapMessage,
    CapOutcome,
    CapSource,
    Notice,
    PlaceGeocode,
    Role,
)
from scheduler import cap_archive
from tests import cap
from tests.web.conftest import Browser
from tests.web.programs import alerts, make_token, messages, notes, push, said
from tests.web.serving import served
from tests.web.station import Stage, account


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(stage: Stage) -> str:
    return make_token(stage)


def setting(stage: Stage, **values: Any) -> None:
    """Change the settings of the one source."""
    with stage.rows() as session:
        [source] = session.scalars(select(CapSource))
        for name, value in values.items():
            setattr(source, name, value)


# What is right.


def test_a_message_sounds_where_it_is_for_in_its_own_words(client: FlaskClient, token: str, stage: Stage) -> None:
    areas = cap.area(polygons=[cap.DONG])
    answer = push(client, token, cap.alert(infos=[cap.info(areas=areas)]))
    assert (answer.status_code, said(answer)["outcome"]) == (201, "done")
    [alert] = alerts(stage)
    assert said(answer)["alerts"] == [alert.id]
    assert (alert.template, alert.level, alert.siren, alert.drill) == ("bao", 3, True, False)
    assert [place.code for place in alert.targets] == ["thon-2"]
    assert alert.title == "Bão số 13 đang vào bờ"
    assert [sound.text for sound in alert.sounds][1:] == [
        "Cảnh báo khẩn cấp về bão.",
        "Mời bà con Thôn Đông chú ý nghe.",
        "Bão số 13 đang vào bờ",
        "Gió giật cấp 12.",
        "Xem để biết thêm.",
        "Bà con ở trong nhà.",
    ]
    assert alert.expires_at.isoformat() == "2026-11-21T11:00:00+00:00"
    with stage.rows() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "cap.take")).one()
        assert entry.detail["sender"] == cap.SENDER
        assert chain.first_break(session, AuditEntry) is None


def test_a_replayed_message_is_answered_as_the_first_time_and_raises_nothing(
    client: FlaskClient, token: str, stage: Stage
) -> None:
    first, again = push(client, token, cap.alert()), push(client, token, cap.alert())
    assert (first.status_code, again.status_code) == (201, 200)
    assert said(first) == said(again)
    stage.orders.end_alert(said(first)["alerts"][0], alerting.By(), words=False, at_once=True)
    stage.clock.advance(timedelta(hours=1))
    assert said(push(client, token, cap.alert()))["message"] == said(first)["message"]
    assert [alert.end for alert in alerts(stage)] == [AlertEnd.ENDED]


def test_the_same_name_with_other_content_is_refused(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    answer = push(client, token, cap.alert(infos=[cap.info(headline="Giả")]))
    assert (answer.status_code, said(answer)["reason"]) == (409, "other-content")
    assert len(alerts(stage)) == 1


def test_an_update_takes_the_place_and_a_cancel_ends_it(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    later = "2026-11-21T09:59:00+07:00"
    update = cap.alert(
        "13-02", [cap.info(severity="Extreme")], msgType="Update", references=cap.reference(), sent=later
    )
    assert push(client, token, update).status_code == 201
    first, second = alerts(stage)
    first, second = (first, second) if first.end else (second, first)
    assert (first.end, second.follows_id, second.level) == (AlertEnd.REPLACED, first.id, 4)
    # The cancel names the first message only: it means what has become of it.
    answer = push(client, token, cap.alert("13-03", msgType="Cancel", references=cap.reference()))
    assert (answer.status_code, said(answer)["alerts"]) == (201, [second.id])
    assert {alert.end for alert in alerts(stage) if alert.template == "bao"} == {AlertEnd.REPLACED, AlertEnd.ENDED}


def test_a_message_that_comes_after_its_update_is_not_heard(client: FlaskClient, token: str, stage: Stage) -> None:
    push(
        client,
        token,
        cap.alert("13-02", msgType="Update", references=cap.reference(), sent="2026-11-21T09:59:00+07:00"),
    )
    answer = push(client, token, cap.alert())
    assert (answer.status_code, said(answer)["reason"]) == (200, "superseded")
    assert len(alerts(stage)) == 1


def test_an_update_that_leaves_our_area_ends_what_it_replaces(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    away = cap.info(areas=cap.area(polygons=["10,100 10,101 11,101 11,100 10,100"]))
    push(client, token, cap.alert("13-02", [away], msgType="Update", references=cap.reference()))
    assert [alert.end for alert in alerts(stage) if alert.template == "bao"] == [AlertEnd.ENDED]


UNHEARD: list[tuple[dict[str, Any], str]] = [
    ({"status": "System"}, "status-system"),
    ({"status": "Draft"}, "status-draft"),
    ({"msgType": "Ack"}, "kind-ack"),
    ({"msgType": "Error"}, "kind-error"),
    ({"scope": "Restricted"}, "not-public"),
    ({"scope": "Private"}, "not-public"),
    ({"msgType": "Cancel", "references": cap.reference("nie")}, "nothing-to-cancel"),
    ({"infos": []}, "no-info"),
    ({"infos": [cap.info(expires="2026-11-21T09:59:59+07:00")]}, "expired"),
    ({"infos": [cap.info(expires="")], "sent": "2026-11-21T03:59:59+07:00"}, "expired"),
    ({"infos": [cap.info(urgency="Past")]}, "past"),
    ({"infos": [cap.info(responseType="AllClear")]}, "all-clear"),
    ({"infos": [cap.info(areas=cap.area(polygons=["1,1 1,2 2,2 2,1 1,1"]))]}, "outside"),
    ({"infos": [cap.info(areas=cap.area(polygons=[], geocodes=[("GSO", "1")]))]}, "outside"),
]


def test_what_is_not_to_be_heard_is_not_and_the_reason_is_told(client: FlaskClient, token: str, stage: Stage) -> None:
    for number, (changes, reason) in enumerate(UNHEARD):
        answer = push(client, token, cap.alert(f"n{number}", **changes))
        assert (answer.status_code, said(answer)["outcome"], said(answer)["reason"]) == (200, "ignored", reason)
    assert alerts(stage) == []


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_an_exercise_is_a_drill_or_silent_by_setting(
    client: FlaskClient, token: str, stage: Stage, status: str
) -> None:
    assert push(client, token, cap.alert(status=status)).status_code == 201
    [drill] = alerts(stage)
    assert (drill.drill, drill.sounds[1].text, drill.sounds[-1].text) == (True, "Đây là diễn tập.", "Đây là diễn tập.")
    setting(stage, drills=False)
    assert said(push(client, token, cap.alert("x", status=status)))["reason"] == "drill-silent"


def test_an_exercise_cancels_nothing_that_is_meant_in_earnest(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    answer = push(client, token, cap.alert("13-02", status="Exercise", msgType="Cancel", references=cap.reference()))
    assert said(answer)["reason"] == "nothing-to-cancel"
    assert alerts(stage)[0].end is None


def test_vietnamese_comes_first_then_english(client: FlaskClient, token: str, stage: Stage) -> None:
    english = cap.info(language="en-US", event="Typhoon", headline="Typhoon 13", description="", instruction="")
    push(client, token, cap.alert(infos=[english, cap.info()]))
    answer = push(client, token, cap.alert("13-02", [english]))
    assert notes(answer) == ["not-vietnamese"]
    spoken = [[sound.text for sound in alert.sounds] for alert in alerts(stage)]
    assert not any("Typhoon" in text for texts in spoken for text in texts)
    assert any("chằng chống nhà cửa" in text for texts in spoken for text in texts), "the template's own words"


def test_several_blocks_are_several_alerts_where_they_differ(client: FlaskClient, token: str, stage: Stage) -> None:
    flood = cap.info(event="Lũ quét", severity="Extreme", headline="Lũ quét", areas=cap.area(polygons=[cap.DONG]))
    more = cap.info(headline="Mưa lớn", description="", instruction="")
    push(client, token, cap.alert(infos=[cap.info(), flood, more]))
    found = {alert.template: alert for alert in alerts(stage)}
    assert (found["lu-quet"].level, [place.code for place in found["lu-quet"].targets]) == (4, ["thon-2"])
    assert [place.code for place in found["bao"].targets] == ["an-binh"]
    assert found["bao"].sounds[-1].text == "Mưa lớn"


def test_a_geocode_reaches_all_that_lies_in_the_place(client: FlaskClient, token: str, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(PlaceGeocode(scheme="gso", value="19876", place_id=9))
    areas = cap.area(polygons=[], geocodes=[("GSO", "19876")])
    push(client, token, cap.alert(infos=[cap.info(areas=areas)]))
    assert [place.code for place in alerts(stage)[0].targets] == ["ven-suoi"]


# What is for a person.


DOUBTFUL: list[tuple[dict[str, Any], str]] = [
    ({"infos": [cap.info(areas=cap.area(polygons=[]))]}, "area-without-geometry"),
    ({"infos": [cap.info(areas="")]}, "no-area"),
    ({"infos": [cap.info(areas=cap.area(polygons=["1,2 3"]))]}, "bad-polygon"),
    ({"infos": [cap.info(certainty="Unlikely")]}, "certainty-unlikely"),
    ({"infos": [cap.info(severity="Unknown")]}, "severity-unknown"),
    ({"infos": [cap.info(effective="2026-11-21T12:00:00+07:00")]}, "effective-later"),
    ({"infos": [cap.info(event="Sóng thần", headline="", description="", instruction="")]}, "nothing-to-say"),
    (
        {"sent": "2027-01-01T00:00:00+07:00", "infos": [cap.info(expires="2027-01-01T06:00:00+07:00")]},
        "sent-in-future",
    ),
]


def test_what_is_doubtful_waits_for_a_person(client: FlaskClient, token: str, stage: Stage) -> None:
    for number, (changes, note) in enumerate(DOUBTFUL):
        answer = push(client, token, cap.alert(f"n{number}", **changes))
        assert (answer.status_code, said(answer)["reason"]) == (202, "doubtful"), note
        assert note in notes(answer)
    assert alerts(stage) == []
    with stage.rows() as session:
        assert len(session.scalars(select(Notice)).all()) == len(DOUBTFUL)


@pytest.fixture
def officer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("truc").status_code == 303
    return browser


@pytest.fixture
def proposal(client: FlaskClient, token: str, stage: Stage) -> int:
    push(client, token, cap.alert("first", status="Draft"))
    setting(stage, direct=False)
    answer = push(client, token, cap.alert())
    assert said(answer)["reason"] == "by-setting"
    return int(said(answer)["message"])


def test_a_proposal_is_raised_with_one_press_and_only_once(officer: Browser, stage: Stage, proposal: int) -> None:
    assert "Bão số 13 đang vào bờ" in officer.get("/duty").text
    page = officer.get(f"/cap/{proposal}").text
    assert "Gió giật cấp 12." in page
    form = {"held": "1", "places": ["thon-3"], "level-0": "4", "words-0": "Câu một.\n\n  Câu hai. "}
    first = officer.post(f"/cap/{proposal}/raise", form)
    again = officer.post(f"/cap/{proposal}/raise", form)
    [alert] = alerts(stage)
    assert first.location == again.location == f"/alerts/{alert.id}"
    assert (alert.level, [place.code for place in alert.targets]) == (4, ["thon-3"])
    assert [sound.text for sound in alert.sounds][-2:] == ["Câu một.", "Câu hai."]
    assert alert.account_id == 3
    with stage.rows() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "cap.raise")).one().account_id == 3
    assert "Đã thực hiện" in officer.get(f"/cap/{proposal}").text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"places": ["thon-2"]}, "nhấn giữ nút 2 giây"),
        ({"held": "1"}, "Chưa chọn nơi phát"),
    ],
)
def test_nothing_is_raised_that_is_not_whole(
    officer: Browser, stage: Stage, proposal: int, form: dict[str, Any], told: str
) -> None:
    answer = officer.post(f"/cap/{proposal}/raise", form)
    assert answer.status_code == 422
    assert told in said(answer)["problems"][0]["text"]
    assert alerts(stage) == []


def test_a_proposal_that_has_expired_can_not_be_raised(officer: Browser, stage: Stage, proposal: int) -> None:
    stage.clock.advance(timedelta(hours=9))
    answer = officer.post(f"/cap/{proposal}/raise", {"held": "1", "places": ["thon-2"]})
    assert "đã hết hạn" in said(answer)["problems"][0]["text"]
    assert alerts(stage) == []


def test_a_proposal_is_dismissed_or_withdrawn_by_its_sender(
    client: FlaskClient, token: str, officer: Browser, stage: Stage, proposal: int
) -> None:
    officer.post(f"/cap/{proposal}/dismiss")
    assert messages(stage)[proposal - 1].outcome is CapOutcome.DISMISSED
    officer.post(f"/cap/{proposal}/raise", {"held": "1", "places": ["thon-2"]})
    push(client, token, cap.alert("14"))
    push(client, token, cap.alert("15", msgType="Cancel", references=cap.reference("14")))
    assert [row.outcome for row in messages(stage)][-2:] == [CapOutcome.SUPERSEDED, CapOutcome.IGNORED]
    assert alerts(stage) == []


def test_an_officer_of_one_village_can_not_put_a_proposal_in_the_place_of_what_sounds_elsewhere(
    app: Flask, client: FlaskClient, token: str, stage: Stage
) -> None:
    with stage.rows() as session:
        session.add(account("dong", Role.DUTY_OFFICER, stage.clock.now(), place=2))
    village = Browser(app.test_client())
    assert village.sign_in("dong").status_code == 303
    push(client, token, cap.alert())
    setting(stage, direct=False)
    update = said(push(client, token, cap.alert("13-02", msgType="Update", references=cap.reference())))["message"]
    for path in ("raise", "dismiss"):
        form = {"held": "1", "places": ["thon-2"]}
        assert village.post(f"/cap/{update}/{path}", form).status_code == 403
    assert messages(stage)[update - 1].outcome is CapOutcome.PROPOSED
    assert [alert.ended_at for alert in alerts(stage)] == [None]


def test_a_token_that_pushes_is_seen_to_be_used(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    with stage.rows() as session:
        assert session.scalars(select(ApiToken.last_used_at)).all() == [stage.clock.now()]


def test_who_may_not_raise_there_may_not_raise_it(
    editor: Browser, viewer: Browser, stage: Stage, proposal: int
) -> None:
    for browser in (editor, viewer):
        assert browser.post(f"/cap/{proposal}/raise", {"held": "1", "places": ["thon-2"]}).status_code == 403
        assert browser.get(f"/cap/{proposal}").status_code == 403
    assert alerts(stage) == []


# What is meant to do harm.


@pytest.mark.parametrize("scopes", [(tokens.READ,), (tokens.RAISE, tokens.READ)])
def test_a_stolen_token_of_another_scope_opens_nothing(
    client: FlaskClient, stage: Stage, scopes: tuple[str, ...]
) -> None:
    answer = push(client, make_token(stage, "khác", *scopes), cap.alert())
    assert (answer.status_code, said(answer)["error"]) == (403, "wrong-scope")
    assert client.post("/api/v1/cap", data=cap.alert(), content_type="application/cap+xml").status_code == 401
    cap_token = make_token(stage, "tỉnh")
    headers = {"Authorization": f"Bearer {cap_token}", "Idempotency-Key": "k"}
    assert (
        client.post("/api/v1/alerts", json={"template": "bao", "places": ["thon-2"]}, headers=headers).status_code
        == 403
    )
    assert messages(stage) == []
    assert alerts(stage) == []


@pytest.mark.parametrize(
    ("data", "mimetype", "status"),
    [
        (b"<a>" * 200 + b"</a>" * 200, "application/cap+xml", 422),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml", 422),
        (b"", "application/xml", 422),
        (b"{}", "application/json", 415),
        (b" " * (1 << 20) + b"x", "application/cap+xml", 413),
    ],
)
def test_a_hostile_document_is_told_what_is_wrong_and_does_nothing(
    client: FlaskClient, token: str, stage: Stage, data: bytes, mimetype: str, status: int
) -> None:
    answer = push(client, token, data, mimetype)
    assert answer.status_code == status
    assert said(answer).get("faults") or said(answer)["error"]
    assert alerts(stage) == []


def test_a_fault_says_line_and_element_on_the_page_too(
    client: FlaskClient, token: str, officer: Browser, stage: Stage
) -> None:
    answer = push(client, token, cap.alert().replace(b"<scope>Public", b"<scope>Everybody"))
    [fault, *_] = said(answer)["faults"]
    assert (fault["line"], fault["element"]) == (3, "scope")
    page = officer.get(f"/cap/{said(answer)['message']}").text
    assert "Dòng 3: Sai chuẩn CAP 1.2 &lt;scope&gt;" in page
    original = officer.get(f"/cap/{said(answer)['message']}/original")
    assert (original.mimetype, b"Everybody" in original.data) == ("text/plain", True)


def test_markup_in_a_message_stays_text(client: FlaskClient, token: str, officer: Browser) -> None:
    answer = push(client, token, cap.alert(infos=[cap.info(headline="<script>alert(1)</script>", certainty="Unknown")]))
    page = officer.get(f"/cap/{said(answer)['message']}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_one_sender_can_not_end_what_another_raised(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    thief = make_token(stage, "kẻ khác")
    push(client, thief, cap.alert("giả", msgType="Update", references=cap.reference("không có")))
    answer = push(
        client, thief, cap.alert("giả-2", msgType="Cancel", references=f"{cap.reference()} {cap.reference('giả')}")
    )
    assert (said(answer)["outcome"], notes(answer)) == ("proposed", ["other-source"])
    answer = push(client, thief, cap.alert("x", msgType="Cancel", sender="other", references=cap.reference()))
    assert said(answer)["reason"] == "nothing-to-cancel"
    assert all(alert.end is None for alert in alerts(stage))


def test_the_same_message_from_two_sources_is_heard_once(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    second = make_token(stage, "nguồn hai")
    assert said(push(client, second, cap.alert()))["reason"] == "known-from-other-source"
    assert len(alerts(stage)) == 1
    cancel = cap.alert("13-02", msgType="Cancel", references=cap.reference())
    assert notes(push(client, second, cancel)) == ["other-source"], "whoever stole a token could send it again"
    assert push(client, token, cancel).status_code == 201
    assert [alert.end for alert in alerts(stage) if alert.template == "bao"] == [AlertEnd.ENDED]


def test_a_flood_of_messages_is_held_back(client: FlaskClient, token: str, stage: Stage, monkeypatch: Any) -> None:
    monkeypatch.setattr(cap_archive, "MOST_A_MINUTE", 3)
    for number in range(3):
        push(client, token, cap.alert(f"n{number}", status="Draft"))
    assert push(client, token, cap.alert("n4")).status_code == 429
    assert push(client, token, cap.alert("n1", status="Draft")).status_code == 200, "what is known costs nothing"
    stage.clock.advance(timedelta(minutes=2))
    assert push(client, token, cap.alert("n4")).status_code == 201


def test_what_a_restart_interrupted_is_carried_out_once(client: FlaskClient, token: str, stage: Stage) -> None:
    push(client, token, cap.alert())
    with stage.rows() as session:
        row = session.get_one(CapMessage, 1)
        row.outcome, row.done = CapOutcome.DUE, {"alerts": []}
    stage.services.cap.carry_out_due()
    [row] = messages(stage)
    assert (row.outcome, row.done["alerts"]) == (CapOutcome.DONE, [alerts(stage)[0].id])


# Settings.


@pytest.fixture
def boss(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        session.add(account("chu", Role.ADMINISTRATOR, stage.clock.now()))
    browser = Browser(app.test_client())
    assert browser.sign_in("chu").status_code == 303
    return browser


def test_an_administrator_names_sources_and_how_far_they_are_trusted(boss: Browser, token: str, stage: Stage) -> None:
    boss.post("/cap/sources", {"name": "KTTV", "url": "https://cap.example.vn/all.atom"})
    boss.post("/cap/sources", {"name": "x", "url": "file:///etc/passwd"})
    boss.post("/cap/tokens/1", {"direct": "", "drills": "1", "hosts": ""})
    with stage.rows() as session:
        feed, pushed = session.scalars(select(CapSource).order_by(CapSource.id)).all()
        assert (feed.direct, feed.url, pushed.direct, pushed.token_id) == (
            False,
            "https://cap.example.vn/all.atom",
            False,
            1,
        )
    boss.post("/cap/sources/1", {"direct": "1", "hosts": "a.example.vn, b.example.vn", "every_s": "300"})
    boss.post("/cap/sources/1", {"direct": "1", "hosts": "a/b", "every_s": "5"})
    boss.post("/cap/geocodes", {"scheme": "GSO", "value": "19876", "place": "thon-2"})
    assert "gso = <b>19876</b>" in boss.get("/cap/sources").text
    with stage.rows() as session:
        feed = session.get_one(CapSource, 1)
        assert (feed.direct, feed.hosts, feed.every_s) == (True, "a.example.vn b.example.vn", 300)
        actions = set(session.scalars(select(AuditEntry.action)))
        assert {"cap.source.add", "cap.source.change", "cap.geocode.add"} <= actions
    boss.post("/cap/geocodes", {"scheme": "gso", "value": "19876", "place": "thon-2", "delete": "1"})
    boss.post("/cap/sources/1/remove")
    page = boss.get("/cap/sources").text
    assert "19876" not in page
    assert "cap.example.vn/all.atom" not in page


def ask(url: str, *pieces: bytes) -> bytes:
    """What the real server answers to bytes on a socket."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        for piece in pieces:
            line.sendall(piece)
        return line.recv(65_536)


def test_the_server_takes_pieces_and_refuses_five_gigabytes_before_they_come(
    app: Flask, token: str, stage: Stage
) -> None:
    head = f"POST /api/v1/cap HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/cap+xml\r\n"
    data = cap.alert()
    with served(app) as url:
        huge = ask(url, f"{head}Content-Length: 5000000000\r\n\r\n".encode(), data)
        assert b" 413 " in huge.split(b"\r\n")[0]
        half = len(data) // 2
        pieces = [b"%x\r\n%s\r\n" % (len(one), one) for one in (data[:half], data[half:])]
        taken = ask(url, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), *pieces, b"0\r\n\r\n")
        assert b" 201 " in taken.split(b"\r\n")[0]
    assert len(alerts(stage)) == 1
