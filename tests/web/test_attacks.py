"""Whoever holds a role in one village changes nothing elsewhere: every order of the pages, tried by each role.

The same orders by an administrator of the whole station leave a trace each, so that a refused one has been refused for its place.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster import alert_reports, library, own_keys
from broadcaster.geography import Geography
from broadcaster.rows import Account, Alert, AuditEntry, ItemKind, LexiconEntry, LibraryItem, Role, Station
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from tests.streams import programme
from tests.web.conftest import Browser
from tests.web.station import KEYS, Stage, account
from tests.web.test_rules import COMMUNE, EVE, SCHOOL
from tests.web.test_switching import OFF, WORKDAYS
from tts.pcm import Pcm
from web.recorded import sentences_of_station

UUID: Final = "6f1d3c1e-0000-4000-8000-00000000000"
KEY: Final = SigningKey.generate()
STORM: Final = {"level": "3", "life_h": "6", "v-so": "13", "held": "1"}
BULLETIN: Final = {
    "title": "Họp", "text": "Mời bà con họp.", "kind": "once", "date": "2026-11-23", "time": "07:30", "klass": "routine",
    "category": "họp dân", "voice": "north", "repeats": "1",
}  # fmt: skip
CHOICES: Final = {"voice": "north", "speed": "normal", "pause": "normal", "repeats": "1"}
ORDERS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("/live", {"places": ["thon-2", "thon-3"], "klass": "routine", "rate": "24000"}),
    ("/lexicon", {"written": "Nà Lốc", "spoken": "na lốc"}),
    ("/lexicon/1/forget", {}),
    ("/recorded/remove", {"sentence": "Kính mời bà con nghe đài"}),
    ("/clock/trust", {}),
    ("/library/1", {"title": "Khác"}),
    ("/library/1/archive", {"away": "1"}),
    ("/rules/hours", SCHOOL | {"place": "thon-3"}),
    ("/rules/hours/1/delete", {}),
    ("/rules/hours/2/delete", {}),
    ("/rules/exceptions", EVE),
    ("/rules/exceptions/1/end", {}),
    ("/rules", COMMUNE | {"quiet_start": "", "quiet_until": ""}),
    ("/power/off", OFF | {"places": ["thon-2", "thon-3"]}),
    ("/power/times", WORKDAYS),
    ("/power/1/end", {}),
    (f"/write/{UUID}1", BULLETIN | {"places": ["thon-2", "thon-3"]}),
    (f"/write/{UUID}2", BULLETIN | {"places": ["thon-2"], "replaces": "2", "time": "08:30"}),
    ("/broadcasts/b0/stop/3", {}),
    ("/broadcasts/b0/stop", {}),
    ("/schedules/1/cancel", {}),
    ("/stop-all", {}),
    (f"/duty/bao/{UUID}3", STORM | {"places": ["thon-3"]}),
    (f"/duty/bao/{UUID}4", STORM | {"places": ["thon-2"], "follows": "{first}"}),
    ("/alerts/{second}/told/3", {}),
    ("/alerts/{second}/end", {}),
    ("/alerts/{third}/correct", {}),
    ("/contacts", {"place": "3", "name": "Mai", "role": "tổ trưởng", "phone": "0912345678"}),
    ("/contacts/1/delete", {}),
    ("/people", {"username": "ke", "name": "Kẻ", "role": "editor", "place": ""}),
    ("/people/1/grants", {"role": "editor", "place": "thon-3"}),
    ("/people/1/password", {}),
    ("/people/1/grants/1/revoke", {}),
    ("/people/1/switch", {"to": "off"}),
    ("/approval/switch", {"to": "on"}),
    ("/defaults", {"category": "y tế", **CHOICES}),
    ("/tokens", {"name": "Đài tỉnh", "scope": ["alerts:read"]}),
    ("/tokens/1/revoke", {}),
    ("/keys", {"name": "Tỉnh", "key": keys.public_text(KEY.public), "level": "3", "everywhere": "1"}),
    (f"/keys/{KEY.kid}/revoke", {}),
    (f"/keys/{KEYS.station.kid}/lock-out", {}),
    ("/cap/sources", {"name": "Tỉnh", "url": "https://cap.example.vn/feed"}),
    ("/cap/sources/1", {"drills": "1"}),
    ("/cap/sources/1/remove", {}),
    ("/cap/geocodes", {"scheme": "x", "value": "1", "place": "thon-3"}),
    ("/rehearsals", {"active": "1", "weekday": "0", "at": "09:00", "sound": "none"}),
    ("/rehearsals/now", {}),
    ("/enrolment", {"id": "loa-9", "place": "thon-3"}),
    ("/enrolment/speaker/loa-003/move", {"place": "thon-2"}),
    ("/enrolment/speaker/loa-001/move", {"place": "thon-3"}),
    ("/enrolment/speaker/loa-004/retire", {}),
)  # fmt: skip
ATTACKERS: Final = [(role, 2) for role in Role if role is not Role.VIEWER] + [(Role.VIEWER, None)]


def template(title: str, account_id: int, now: datetime) -> LibraryItem:
    return LibraryItem(
        kind=ItemKind.TEMPLATE, title=title, text="Mời", account_id=account_id, created_at=now, updated_at=now
    )


def furnish(app: Flask, stage: Stage) -> dict[str, str]:
    """Something of everybody's, and of another village, for each order."""
    stage.broadcast(starts_in=timedelta(0))
    stage.broadcast(starts_in=timedelta(hours=5))
    now = stage.clock.now()
    with stage.rows() as session:
        session.query(Station).one().clock_doubt = "jumped"
        session.add(account("sep", Role.ADMINISTRATOR, now))
        session.add(LexiconEntry(written="ABC", spoken="a bê xê", account_id=1, changed_at=now))
        library.add(session, template("Mẫu", 1, now))
        own_keys.note(session, stage.orders.core)
    with app.app_context():
        sentences_of_station().put("Kính mời bà con nghe đài", Pcm(programme(1), 24_000))
    boss = Person(app, "sep", {})
    furniture: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("/rules/hours", {"start": "05:00", "until": "06:30", "kind": "volume", "cap": "55"}),
        ("/rules/hours", SCHOOL | {"place": "thon-4"}),
        ("/rules/exceptions", EVE),
        ("/power/off", OFF | {"places": ["thon-3"]}),
        *((f"/duty/bao/{UUID}{number}", STORM | {"places": ["thon-3"]}) for number in (7, 8, 9)),
        ("/contacts", {"place": "3", "name": "Lan", "role": "", "phone": "0912345679"}),
    )
    for path, form in furniture:
        assert boss.order(path, form) == 303, path
    with stage.rows() as session:
        for alert in session.scalars(select(Alert)):
            alert_reports.write_audience(session, alert, Geography.load(session), now)
        return dict(zip(("first", "second", "third"), session.scalars(select(Alert.id)), strict=True))


class Person(Browser):
    """Somebody who is signed in and sends orders."""

    def __init__(self, app: Flask, name: str, names: Mapping[str, str]) -> None:
        super().__init__(app.test_client())
        assert self.sign_in(name).status_code == 303
        self._token, self._names = self.token(), names

    def order(self, path: str, form: Mapping[str, Any]) -> int:
        filled = {key: value.format(**self._names) if isinstance(value, str) else value for key, value in form.items()}
        data = {"csrf_token": self._token, **filled}
        return self.client.post(path.format(**self._names), data=data).status_code


def traces(stage: Stage, name: str) -> list[tuple[str, str]]:
    with stage.rows() as session:
        rows = session.query(AuditEntry).join(Account, Account.id == AuditEntry.account_id)
        mine = rows.filter(Account.username == name, AuditEntry.action != "account.sign-in").order_by(AuditEntry.id)
        return [(row.action, row.subject) for row in mine]


@pytest.fixture
def names(app: Flask, stage: Stage) -> dict[str, str]:
    return furnish(app, stage)


def test_a_role_of_one_village_changes_nothing_elsewhere(app: Flask, stage: Stage, names: dict[str, str]) -> None:
    for role, place in ATTACKERS:
        name = f"ke-{role.value}"
        with stage.rows() as session:
            session.add(account(name, role, stage.clock.now(), place=place))
        attacker = Person(app, name, names)
        for path, form in ORDERS:
            assert attacker.order(path, form) in {403, 404, 422}, (role, path)
        assert traces(stage, name) == [], role


def test_the_same_orders_by_an_administrator_leave_a_trace_each(
    app: Flask, stage: Stage, names: dict[str, str]
) -> None:
    boss = Person(app, "sep", names)
    for path, form in ORDERS:
        before = traces(stage, "sep")
        status = boss.order(path, form)
        assert len(traces(stage, "sep")) > len(before), (path, status)


def test_what_belongs_to_nobody_else_is_still_theirs(app: Flask, stage: Stage, names: dict[str, str]) -> None:
    with stage.rows() as session:
        session.add(account("hoa", Role.EDITOR, stage.clock.now(), place=2))
        session.flush()
        mine = session.query(Account.id).filter_by(username="hoa").scalar()
        number = library.add(session, template("Của tôi", mine, stage.clock.now())).id
    hoa = Person(app, "hoa", names)
    assert hoa.order(f"/library/{number}", {"title": "Đổi tên"}) == 303
    page = hoa.get("/write", follow_redirects=True).text
    assert 'id="fix-keep" hidden' in page
    assert "chỉ người viết của toàn đài" in hoa.get("/lexicon").text
    assert "chỉ người viết của toàn đài" in hoa.get("/recorded").text
    with stage.rows() as session:
        session.add(account("dong", Role.ADMINISTRATOR, stage.clock.now(), place=2))
    dong = Person(app, "dong", names)
    assert {path: dong.get(path).status_code for path in ("/people", "/tokens", "/outlines", "/keys")} == (
        {"/people": 200, "/tokens": 403, "/outlines": 403, "/keys": 403}
    )
    assert not {"/tokens", "/outlines"} & set(re.findall(r'href="(/\w+)"', dong.get("/people").text))
