"""A province's key on its page, its alerts by the API, and what the duty officer sees and may do."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import RateLimitItemPerHour
from sqlalchemy import select
from werkzeug.test import TestResponse

from broadcaster import guest_keys, setup_documents, tokens
from broadcaster.rows import Alert, AuditEntry, Clip, GuestKey, Place, Published, Role
from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import HOUR, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from tests.tts.sound_files import encoded, melody
from tests.web.conftest import Browser
from tests.web.programs import make_token
from tests.web.station import ROOT, Stage, account
from tts.encoding import RATE, encode

TOPICS = Topics("an-binh")


@pytest.fixture
def province() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def technician(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        session.add(account("ky-thuat", Role.TECHNICIAN, stage.clock.now()))
    browser = Browser(app.test_client())
    assert browser.sign_in("ky-thuat").status_code == 303
    return browser


@pytest.fixture
def client(app: Flask, stage: Stage, province: SigningKey) -> FlaskClient:
    """A program with a token to hand over what a province has signed, whose key is trusted up to level 3 in Thôn Đông."""
    with stage.rows() as session:
        place = session.get_one(Place, 2)
        text = keys.public_text(province.public)
        now = stage.clock.now()
        guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[place], account_id=1)
        guest_keys.sign(session, stage.orders.core, ROOT, province.kid)
        token = tokens.make(session, now, "tỉnh", (tokens.FORWARD,))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def signed(stage: Stage, key: SigningKey, zone: str = "thon-2", **changes: Any) -> bytes:
    now = stage.clock.now_ms()
    told: dict[str, Any] = {"alert": f"{key.kid}-lu", "level": 3, "start_at": now, "title": "Lũ khẩn cấp"} | changes
    return envelope.sign(
        key.private,
        key.kid,
        typ=Kind.ALERT.value,
        topic=TOPICS.alert(zone, told["alert"]),
        seq=UnixMs(now),
        payload=strict_json.encode(Document(**told)),
        exp=UnixMs(now + HOUR),
    )


def said(answer: TestResponse) -> dict[str, Any]:
    assert isinstance(answer.json, dict)
    return answer.json


def forward(client: FlaskClient, message: bytes) -> TestResponse:
    return client.post("/api/v1/envelopes", data=message)


def test_a_technician_asks_for_a_key_compares_it_and_learns_the_command(
    technician: Browser, stage: Stage, province: SigningKey
) -> None:
    text = keys.public_text(province.public)
    form = {"name": "Đài  tỉnh", "key": f" {text} ", "level": "3", "places": ["thon-2"]}
    page = technician.post("/keys", form, follow_redirects=True).text
    assert text in page
    assert guest_keys.fingerprint(text) in page
    assert guest_keys.fingerprint(text).replace(" ", "").startswith(province.kid)
    assert f"loa key sign {province.kid}" in page
    assert "Thôn Đông" in page
    with stage.rows() as session:
        asked = session.get_one(GuestKey, province.kid)
        assert (asked.name, asked.max_level, asked.signed_at) == ("Đài tỉnh", 3, None)
        assert session.scalars(select(Published)).all() == []  # nothing follows from a request
        guest_keys.sign(session, stage.orders.core, ROOT, province.kid)
    assert "Đang được tin" in technician.get("/keys").text
    page = technician.post(f"/keys/{province.kid}/revoke", follow_redirects=True).text
    assert "Chờ khóa gốc ký thu hồi" in page
    with stage.rows() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == province.kid)).all()
        assert actions == ["key.ask", "key.sign", "key.ask-revocation"]


def test_a_request_that_was_never_signed_is_simply_dropped(
    technician: Browser, stage: Stage, province: SigningKey
) -> None:
    form = {"name": "x", "key": keys.public_text(province.public), "level": "5", "everywhere": "1"}
    technician.post("/keys", form)
    technician.post(f"/keys/{province.kid}/revoke")
    assert province.kid not in technician.get("/keys").text
    assert technician.post("/keys", form).status_code == 303


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"key": "abc"}, "không phải khóa công khai"),
        ({"key": "A" * 42 + "é"}, "không phải khóa công khai"),
        ({"places": []}, "Hãy chọn nơi"),
        ({"places": ["thon-khong-co"]}, "Hãy chọn nơi"),
        ({"places": ["mars"]}, "Hãy chọn nơi"),
        ({"name": " "}, "Hãy ghi tên"),
        ({"level": "9"}, "Cấp độ rủi ro từ 1 đến 5"),
        ({"level": "²"}, "Cấp độ rủi ro từ 1 đến 5"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_and_kept(
    technician: Browser, stage: Stage, province: SigningKey, changes: dict[str, Any], told: str
) -> None:
    form = {"name": "Đài tỉnh", "key": keys.public_text(province.public), "level": "3", "places": ["thon-2"]}
    answer = technician.post("/keys", form | changes)
    assert answer.status_code == 422
    assert told in answer.text
    with stage.rows() as session:
        assert session.scalars(select(GuestKey)).all() == []


def test_only_who_looks_after_speakers_may_ask(editor: Browser, viewer: Browser) -> None:
    assert {browser.get("/keys").status_code for browser in (editor, viewer)} == {403}
    assert editor.post("/keys", {}).status_code == 403


def test_an_alert_is_handed_on_as_it_is_and_the_same_again_answers_alike(
    client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    message = signed(stage, province)
    answer, again = forward(client, message), forward(client, message)
    assert (answer.status_code, again.status_code) == (201, 200)
    assert said(answer) == said(again)
    assert said(answer)["topic"] == TOPICS.alert("thon-2", f"{province.kid}-lu")
    with stage.rows() as session:
        assert session.get_one(Published, said(answer)["topic"]).envelope == message
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.forward")).one()
        assert (entry.detail["road"], entry.detail["token"]) == ("api", 1)


def test_what_is_refused_is_answered_with_the_reason_of_the_protocol(
    client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    stranger = SigningKey.generate()
    good = signed(stage, province)
    attacks = {
        "out-of-scope": signed(stage, province, level=4),
        "unknown-key": signed(stage, stranger),
        "bad-signature": good.replace(b'"level":3', b'"level":1'),
        "not-mine": signed(stage, province, "khong-co"),
        "malformed": b"x",
    }
    for reason, message in attacks.items():
        answer = forward(client, message)
        assert (answer.status_code, said(answer)["error"], said(answer)["reason"]) == (422, "refused", reason)
    assert forward(client, good + b" " * 120_000).status_code == 413
    with stage.rows() as session:
        assert session.scalars(select(Alert)).all() == []


def test_a_token_for_something_else_hands_over_nothing(
    app: Flask, client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    scopes = tuple(scope for scope in tokens.SCOPES if scope != tokens.FORWARD)
    token = make_token(stage, "khác", *scopes)
    other = app.test_client()
    for given, code in ((f"Bearer {token}", 403), ("", 401)):
        for path in ("/api/v1/envelopes", "/api/v1/clips"):
            answer = other.post(path, data=signed(stage, province), headers={"Authorization": given})
            assert answer.status_code == code


def test_a_sound_is_kept_as_it_is_and_its_alert_follows(
    client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    sound = encode(melody(1.0, RATE), lambda: None).opus
    part = AlertPart(
        part=Part.SPEECH,
        at_ms=0,
        clip=clips.sha256(sound),
        manifest=clips.sha256(strict_json.encode(clips.describe(sound)[0])),
        bytes=len(sound),
        duration_ms=1_000,
        sent_by=stage.clock.now_ms(),
    )
    message = signed(stage, province, parts=(part,))
    refused = forward(client, message)
    assert (refused.status_code, said(refused)["missing"]) == (422, [part.clip])
    told = client.post("/api/v1/clips", data=sound, content_type="audio/ogg")
    assert told.status_code == 201
    assert said(told) | {"duration_ms": 0} == {
        "clip": part.clip,
        "manifest": part.manifest,
        "bytes": part.bytes,
        "duration_ms": 0,
    }
    assert abs(said(told)["duration_ms"] - 1_000) < 50
    assert stage.services.clips.opus(part.clip) == sound
    assert client.post("/api/v1/clips", data=sound, content_type="audio/ogg").status_code == 200
    assert forward(client, message).status_code == 201


def test_a_stolen_token_does_not_fill_the_disk(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.api_envelopes._CLIPS", RateLimitItemPerHour(1))
    first, second = (encode(melody(seconds, RATE), lambda: None).opus for seconds in (0.5, 1.0))
    answers = [client.post("/api/v1/clips", data=sound, content_type="audio/ogg") for sound in (first, first, second)]
    assert [answer.status_code for answer in answers] == [201, 200, 429]
    assert said(answers[-1])["error"] == "too-many"


@pytest.mark.parametrize("bad", ["wav", "stereo", "cut", "noise"])
def test_a_sound_that_speakers_could_not_play_is_refused(client: FlaskClient, stage: Stage, bad: str) -> None:
    good = encode(melody(1.0, RATE), lambda: None).opus
    sound = {
        "wav": encoded("wav", "pcm_s16le", melody(1.0)),
        "stereo": encoded("ogg", "libopus", melody(1.0, 48_000), 48_000, channels=2),
        "cut": good[:-10],
        "noise": good[:28] + b"OpusHead" + b"\xff" * 11 + good[47:],
    }[bad]
    answer = client.post("/api/v1/clips", data=sound, content_type="audio/ogg")
    assert (answer.status_code, said(answer)["error"]) == (422, "refused")
    assert client.post("/api/v1/clips", data=good, content_type="text/plain").status_code == 415
    with stage.rows() as session:
        assert session.scalars(select(Clip)).all() == []


def test_the_board_says_whose_it_is_and_lets_the_duty_officer_lock_the_key_out_only(
    app: Flask, client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    forward(client, signed(stage, province))
    name = f"{province.kid}-lu"
    officer = Browser(app.test_client())
    officer.sign_in("truc")
    page = officer.get(f"/alerts/{name}").text
    assert "tỉnh · Đài tỉnh" in page
    assert "chuyển nguyên văn" in page
    assert not re.search(rf"/alerts/{name}/(end|correct)", page)
    assert officer.post(f"/alerts/{name}/end").status_code == 403
    assert officer.post(f"/alerts/{name}/correct").status_code == 403
    assert "tỉnh" in officer.get("/alerts").text
    page = officer.post(f"/alerts/{name}/lock-out", follow_redirects=True).text
    assert "Khóa này đang bị khóa phát đến" in page
    other = signed(stage, province, alert=f"{province.kid}-hai")
    assert said(forward(client, other))["reason"] == "locked-out"
    with stage.rows() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.lock-out")).one()
        assert (entry.subject, entry.account_id) == (province.kid, 3)
        assert session.get_one(Alert, name).ended_at == stage.clock.now()


def test_a_program_can_neither_end_nor_replace_it(client: FlaskClient, stage: Stage, province: SigningKey) -> None:
    forward(client, signed(stage, province))
    token = make_token(stage, "khác", tokens.RAISE)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    name = f"{province.kid}-lu"
    answer = client.post(f"/api/v1/alerts/{name}/end", json={}, headers=headers)
    assert (answer.status_code, said(answer)["error"]) == (409, "not-ours")
    body = {"template": "bao", "places": ["thon-2"], "values": {"so": "13"}, "follows": name}
    assert said(client.post("/api/v1/alerts", json=body, headers=headers))["error"] == "not-ours"


def test_the_trust_of_a_station_names_nobody_it_was_not_told_of(client: FlaskClient, stage: Stage) -> None:
    with stage.rows() as session:
        trusted = setup_documents.signed_trust(session, ROOT).keys
        assert [(key.max_level, key.zones) for key in trusted] == [(None, ()), (None, ()), (3, ("thon-2",))]


def test_an_envelope_that_is_sent_as_a_form_is_answered_with_what_to_send(
    client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    form = "application/x-www-form-urlencoded"  # what curl says unless it is told otherwise
    answer = client.post("/api/v1/envelopes", data=signed(stage, province), content_type=form)
    assert (answer.status_code, said(answer)["error"]) == (415, "wrong-type")
    assert "octet-stream" in said(answer)["detail"]


def test_a_token_of_another_place_hands_over_nothing(
    app: Flask, client: FlaskClient, stage: Stage, province: SigningKey
) -> None:
    other = app.test_client()
    elsewhere = {"Authorization": f"Bearer {make_token(stage, 'khác', tokens.FORWARD, place=3)}"}
    answer = other.post("/api/v1/envelopes", data=signed(stage, province), headers=elsewhere)
    assert (answer.status_code, said(answer)["error"]) == (403, "wrong-place")
    with stage.rows() as session:
        assert session.scalars(select(Alert)).all() == []
