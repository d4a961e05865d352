"""Every route says whom it is for, pages hide the rest, and the server refuses it."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from broadcaster.permissions import ACTIONS
from broadcaster.rows import Account, AuditEntry, Broadcast, Place, Role, Schedule
from tests.web.conftest import Browser
from tests.web.station import PASSWORD, Stage, account
from web import access

SignedIn = Callable[..., Browser]
ANYBODY = {
    "signin.sign_in",
    "signin.check",
    "signin.sign_out",
    "language.choose",
    "phone.show",
    "phone.authority",
    "feeds.calendar",  # the address is the key
    "duty.token",  # says nothing but a token of the asker's own session
    "board.bulletin_board",
    "api_alerts.create",  # a token decides, not a session
    "api_alerts.show",
    "api_alerts.finish",
    "api_envelopes.forward",
    "api_envelopes.bring",
    "api_cap.push",
    "live_intake.take",  # the talk's key decides
    "live_intake.end",
    "static",
    "bootstrap.static",
}
FILLED = {"uuid:": "6f1d3c1e-0000-4000-8000-000000000000", "int:": "99999", "": "none"}


@pytest.fixture
def signed_in(app: Flask, stage: Stage) -> SignedIn:
    """A browser of somebody with one role."""

    def enter(role: Role, place: int | None = None, **facts: object) -> Browser:
        name = f"{role.value}-{place or 0}"
        with stage.rows() as session:
            session.add(account(name, role, stage.clock.now(), place=place, **facts))
        browser = Browser(app.test_client())
        assert browser.sign_in(name).status_code == 303
        return browser

    return enter


def path_of(rule: str) -> str:
    return re.sub(r"<(\w+:)?\w+>", lambda found: FILLED[found[1] or ""], rule)


def test_every_route_declares_whom_it_is_for(app: Flask) -> None:
    undeclared = [rule.endpoint for rule in app.url_map.iter_rules() if access.declared(app, rule.endpoint) is None]
    assert undeclared == []
    assert {rule.endpoint for rule in app.url_map.iter_rules() if access.declared(app, rule.endpoint) == "anybody"} == (
        ANYBODY
    )


def test_a_route_that_declares_nothing_is_refused_to_everybody(app: Flask, signed_in: SignedIn) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert signed_in(Role.ADMINISTRATOR).get("/forgotten").status_code == 403


@pytest.mark.parametrize("role", Role)
def test_every_route_refuses_a_role_that_lacks_its_permission_with_a_plain_page(
    app: Flask, signed_in: SignedIn, role: Role
) -> None:
    browser, refused = signed_in(role), 0
    token = browser.token()
    for rule in app.url_map.iter_rules():
        needs = access.declared(app, rule.endpoint)
        if needs is None or isinstance(needs, str) or not needs or needs & ACTIONS[role]:
            continue
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        answer = browser.client.open(path_of(rule.rule), method=method, data={"csrf_token": token})
        assert answer.status_code == 403, rule
        assert "Tài khoản này không được làm việc đó" in answer.text, rule
        refused += 1
    assert (refused > 0) == (role is not Role.ADMINISTRATOR) or role is Role.ADMINISTRATOR


def test_a_person_without_a_grant_is_let_in_and_sees_nothing(app: Flask, stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        session.query(Account).filter_by(username="lan").one().grants[0].revoked_at = stage.clock.now()
    answer = editor.get("/")
    assert answer.status_code == 403
    assert "Chưa được giao quyền" in answer.text
    assert editor.get("/password").status_code == 200


def test_a_page_hides_what_one_may_not_do_and_the_server_refuses_it_elsewhere(
    stage: Stage, signed_in: SignedIn
) -> None:
    village = signed_in(Role.EDITOR, 2)
    assert village.write(places=["thon-2"]).status_code == 303
    refused = village.write(places=["thon-3"])
    assert refused.status_code == 422
    assert "không được phát ở Thôn Đoài" in refused.text
    with stage.rows() as session:
        assert session.query(Schedule).count() == 1
    number = stage.broadcast(starts_in=-stage.clock.now().resolution)
    page = village.get(f"/broadcasts/{number}").text
    assert "Dừng bản tin này" not in page
    assert "Dừng tất cả" not in page
    assert "Dừng riêng ở Thôn Đông" in page
    assert "Dừng riêng ở Thôn Đoài" not in page
    for path in ("/stop-all", f"/broadcasts/{number}/stop", f"/broadcasts/{number}/stop/3", "/schedules/2/cancel"):
        assert village.post(path).status_code == 403, path
    assert village.post(f"/broadcasts/{number}/stop/2").status_code == 303


def test_an_editor_of_one_village_can_not_replace_what_airs_in_another(stage: Stage, signed_in: SignedIn) -> None:
    stage.broadcast(starts_in=stage.clock.now().resolution * 3_600_000_000)
    village = signed_in(Role.EDITOR, 2)
    assert village.write(places=["thon-2"], replaces="1").status_code == 403
    with stage.rows() as session:
        assert session.get_one(Schedule, 1).cancelled_at is None
        assert session.query(Broadcast).count() == 1


def test_a_technician_of_one_village_leaves_the_others_alone(stage: Stage, signed_in: SignedIn) -> None:
    technician = signed_in(Role.TECHNICIAN, 2)
    assert technician.post("/enrolment/speaker/loa-003/retire").status_code == 403
    assert technician.post("/enrolment/speaker/loa-001/move", {"place": "thon-3"}).status_code == 403
    assert technician.post("/enrolment", {"id": "loa-9", "place": "thon-3"}).status_code == 403
    assert technician.post("/enrolment", {"id": "loa-9", "place": "thon-2"}).status_code == 303


def add(browser: Browser, **fields: str) -> str:
    """Add somebody; returns the password that is shown."""
    form = {"username": "hoa", "name": "Trần Thị Hoa", "role": "editor", "place": "thon-2"}
    answer = browser.post("/people", form | fields)
    found = re.search(r"<code>([^<]+)</code>", answer.text)
    assert found, answer.text
    return found[1]


def test_a_new_person_gets_a_password_that_is_shown_once_and_works(
    app: Flask, stage: Stage, signed_in: SignedIn
) -> None:
    boss = signed_in(Role.ADMINISTRATOR)
    password = add(boss)
    assert password not in boss.get("/people").text
    hoa = Browser(app.test_client())
    assert hoa.sign_in("hoa", password).status_code == 303
    assert hoa.write(places=["thon-2"]).status_code == 303
    assert hoa.get("/people").status_code == 403
    assert "Đã có tài khoản “hoa”" in boss.post("/people", {"username": "HOA", "role": "viewer", "place": ""}).text
    with stage.rows() as session:
        assert session.query(AuditEntry).filter_by(action="account.add", subject="hoa").count() == 1


def test_a_person_who_is_switched_off_is_out_at_once_and_can_come_back(
    app: Flask, stage: Stage, signed_in: SignedIn, editor: Browser
) -> None:
    boss = signed_in(Role.ADMINISTRATOR)
    boss.post("/people/1/switch", {"to": "off"})
    assert editor.get("/").status_code == 303
    assert editor.sign_in("lan").status_code == 401
    boss.post("/people/1/switch", {"to": "on"})
    assert editor.sign_in("lan").status_code == 303


def test_a_reset_password_ends_the_old_sessions(signed_in: SignedIn, editor: Browser) -> None:
    answer = signed_in(Role.ADMINISTRATOR).post("/people/1/password")
    found = re.search(r"<code>([^<]+)</code>", answer.text)
    assert found
    assert editor.get("/").status_code == 303
    assert editor.sign_in("lan", PASSWORD).status_code == 401
    assert editor.sign_in("lan", found[1]).status_code == 303


def test_a_granted_role_counts_at_the_next_click_and_a_revoked_one_no_longer(
    stage: Stage, signed_in: SignedIn, viewer: Browser
) -> None:
    boss = signed_in(Role.ADMINISTRATOR)
    assert viewer.get("/write").status_code == 403
    boss.post("/people/2/grants", {"role": "editor", "place": "thon-2"})
    assert viewer.get("/write").status_code == 303
    with stage.rows() as session:
        number = session.get_one(Account, 2).grants[1].id
    boss.post(f"/people/2/grants/{number}/revoke")
    assert viewer.get("/write").status_code == 403


def test_a_village_head_needs_a_village(signed_in: SignedIn, stage: Stage) -> None:
    boss = signed_in(Role.ADMINISTRATOR)
    new = {"username": "tt", "role": "village-head", "place": ""}
    for answer in (boss.post("/people", new), boss.post("/people/2/grants", new)):
        assert answer.status_code == 422
        assert "Trưởng thôn cần một địa bàn" in answer.text
    with stage.rows() as session:
        assert session.query(Account).filter_by(username="tt").count() == 0


def test_the_last_administrator_can_not_be_switched_off(signed_in: SignedIn, stage: Stage) -> None:
    boss = signed_in(Role.ADMINISTRATOR)
    boss.post("/people/4/switch", {"to": "off"})
    assert "ít nhất một người quản trị toàn đài" in boss.get("/people").text
    with stage.rows() as session:
        assert session.get_one(Account, 4).disabled_at is None


def test_an_administrator_of_one_village_grants_there_and_nowhere_else(stage: Stage, signed_in: SignedIn) -> None:
    local = signed_in(Role.ADMINISTRATOR, 2)
    assert add(local)
    for place in ("thon-3", ""):
        answer = local.post("/people", {"username": "khac", "role": "administrator", "place": place})
        assert answer.status_code == 403
    assert local.post("/people/1/password").status_code == 403, "lan writes for the whole commune"
    with stage.rows() as session:
        assert session.query(Place).count() == 6


def test_an_editor_of_one_village_sets_its_rules_and_no_others(signed_in: SignedIn) -> None:
    village, station = signed_in(Role.EDITOR, 2), signed_in(Role.EDITOR)
    hours = {"start": "07:00", "until": "11:00", "kind": "quiet"}
    eve = {
        "name": "Giao thừa",
        "reason": "Chúc Tết",
        "approver": "Chủ tịch",
        "cap": "60",
        "start": "23:50",
        "until": "00:20",
    }
    eve |= {"first_day": "2027-02-05", "last_day": "2027-02-05"}
    assert village.post("/rules", {"weekdays": ["MO"]}).status_code == 403
    assert village.post("/rules/hours", hours).status_code == 403, "it would count everywhere"
    assert village.post("/rules/hours", hours | {"place": "thon-2"}).status_code == 303
    assert village.post("/rules/exceptions", eve | {"places": ["an-binh"]}).status_code == 403
    assert station.post("/rules/exceptions", eve | {"places": ["an-binh"]}).status_code == 303
    assert village.post("/rules/exceptions/1/end").status_code == 403
    page = village.get("/rules").text
    assert 'value="thon-2"' in page
    assert 'value="thon-3"' not in page
    assert village.post("/rules/hours/1/delete").status_code == 303
    assert signed_in(Role.ADMINISTRATOR, 2).get("/defaults").status_code == 403
