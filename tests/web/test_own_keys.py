"""The station's own keys on their page: what they are, and the duty officer who locks one out at five in the morning."""

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster import guest_keys, keyring, own_keys
from broadcaster.rows import AuditEntry, OwnKey, Role
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from tests.web.conftest import Browser
from tests.web.station import KEYS, ROOT, Stage, account

LOCK = f"/keys/{KEYS.station.kid}/lock-out"


@pytest.fixture(autouse=True)
def noted(stage: Stage) -> None:
    with stage.rows() as session:
        own_keys.note(session, stage.orders.core)


def signed_in(app: Flask, name: str) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in(name).status_code == 303
    return browser


def test_the_page_shows_both_keys_and_the_commands_that_replace_them(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("ky-thuat", Role.TECHNICIAN, stage.clock.now()))
    page = signed_in(app, "ky-thuat").get("/keys").text
    for key in (KEYS.station, KEYS.emergency):
        assert guest_keys.fingerprint(keys.public_text(key.public)) in page
    assert "loa key replace station --root" in page
    assert "loa key replace emergency --root" in page
    assert LOCK not in page  # that is for who raises alerts


def test_the_duty_officer_finds_the_button_locks_the_key_out_and_every_page_tells_it(app: Flask, stage: Stage) -> None:
    officer = signed_in(app, "truc")
    assert 'href="/keys"' in officer.get("/duty").text
    page = officer.get("/keys").text
    assert LOCK in page
    assert "Thêm khóa" not in page  # a province's key is for who enrols
    assert "Khóa đài đang bị khóa phát đến" not in officer.get("/").text
    page = officer.post(LOCK, follow_redirects=True).text
    assert "Đã khóa phát: loa chỉ còn phát khẩn cấp" in page
    assert "Khóa thêm" in page
    assert "Khóa đài đang bị khóa phát đến" in officer.get("/").text
    with stage.rows() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.lock-out")).one()
        assert (entry.subject, entry.account_id, entry.detail) == (KEYS.station.kid, 3, {"key": "station"})


def test_neither_the_emergency_key_nor_one_that_is_none_of_ours_is_locked_out_here(app: Flask) -> None:
    officer = signed_in(app, "truc")
    assert officer.post(f"/keys/{KEYS.emergency.kid}/lock-out").status_code == 404
    assert officer.post(f"/keys/{'0' * 16}/lock-out").status_code == 404


def test_who_raises_no_alerts_in_the_whole_station_locks_nothing_out(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("ky-thuat", Role.TECHNICIAN, stage.clock.now()))
        session.add(account("truc-thon", Role.DUTY_OFFICER, stage.clock.now(), place=2))
    for name in ("lan", "ky-thuat", "truc-thon"):
        assert signed_in(app, name).post(LOCK).status_code == 403
    assert signed_in(app, "truc-thon").get("/keys").status_code == 403


def test_a_replaced_key_is_told_and_can_be_locked_out_no_more(app: Flask, stage: Stage) -> None:
    new = SigningKey.generate()
    with stage.rows() as session:
        own_keys.replace(session, stage.orders.core, ROOT, keyring.STATION, new)
        assert session.get_one(OwnKey, KEYS.station.kid).replaced_at == stage.clock.now()
    officer = signed_in(app, "truc")
    page = officer.get("/keys").text
    assert "Khóa cũ đã thu hồi" in page
    assert KEYS.station.kid in page
    assert LOCK not in page
    assert f"/keys/{new.kid}/lock-out" in page
    assert officer.post(LOCK).status_code == 404
