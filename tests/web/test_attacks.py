"""Whoever holds a role in one village changes nothing elsewhere: every order of the pages, tried by each role.

The same orders by an administrator of the whole station leave a trace each, so that a refused one has been refused for its place.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster import alert_reports, approval, guest_keys, library, own_keys, tokens
from broadcaster.geography import Geography
from broadcaster.rows import (
    Account,
    Alert,
    AuditEntry,
    CapOutcome,
    CapSource,
    Grant,
    ItemKind,
    LexiconEntry,
    LibraryItem,
    PlaceGeocode,
    Role,
    Schedule,
    Speaker,
    Station,
    Talk,
)
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from tests import cap
from tests.streams import programme
from tests.tts.sound_files import made
from tests.web.conftest import Browser
from tests.web.station import KEYS, ROOT, Stage, account
from tests.web.test_guest_keys import TOPICS, signed
from tests.web.test_outlines import collection, feature, square
from tests.web.test_rules import COMMUNE, EVE, SCHOOL
from tests.web.test_switching import OFF, WORKDAYS
from tts.pcm import Pcm
from web.recorded import sentences_of_station

UUID: Final = "6f1d3c1e-0000-4000-8000-00000000000"
KEY: Final = SigningKey.generate()
GUEST: Final = SigningKey.generate()
STORM: Final = {"level": "3", "life_h": "6", "v-so": "13", "held": "1"}
BULLETIN: Final = {
    "title": "Họp", "text": "Mời bà con họp.", "kind": "once", "date": "2026-11-23", "time": "07:30", "klass": "routine",
    "category": "họp dân", "voice": "north", "repeats": "1",
}  # fmt: skip
PROGRAMME: Final = {
    "title": "Bản tin sáng", "places": "thon-4", "action": "send", "planned": "15", "i-0-kind": "bulletins",
    "i-0-days": "1", "kind": "daily", "time": "06:00", "date": "2026-11-22", "overrun": "drop",
    "klass": "routine", "voice": "north",
}  # fmt: skip
CHOICES: Final = {"voice": "north", "speed": "normal", "pause": "normal", "repeats": "1"}
ORDERS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("/week/move", {"schedule": "3", "occurrence": "{tomorrow}", "date": "2026-11-24", "time": "09:00"}),
    ("/approval", {"item": "{approved}"}),
    ("/approval/5/return", {"seen": "{returned}", "comment": "Sửa lại"}),
    (f"/programmes/{UUID}5", PROGRAMME),
    ("/live/{talk}/stop", {}),
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
    ("/approval/switch", {"to": "off"}),
    ("/defaults", {"category": "y tế", **CHOICES}),
    ("/cap/tokens/1", {"drills": "1"}),
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
    ("/enrolment/speaker/loa-005/replace", {}),
    ("/enrolment/speaker/loa-006/confirm", {"key": keys.public_text(KEY.public)}),
    ("/enrolment/list", {"file": "Mã loa;Mã địa bàn;Tên;Âm lượng (%)\nloa-10;thon-3;Cụm 10;80"}),
    (f"/alerts/{GUEST.kid}-lu/confirm", {}),
    (f"/alerts/{GUEST.kid}-lu/lock-out", {}),
    ("/cap/1/raise", {"held": "1", "places": ["thon-3"], "level-0": "4", "words-0": "Bão về."}),
    ("/cap/2/dismiss", {}),
    ("/outlines", {"text": collection(feature("Đoài", square(106.04, 20.85)))}),
    ("/outlines/3/remove", {}),
    ("/recorded", {"text": "Xin cảm ơn bà con", "sound": "{sound}", "sound_to": "1"}),
)  # fmt: skip
UNTRACED: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("/enrolment/speaker/loa-006/kit", {}),
    ("/enrolment/speaker/loa-006/label", {}),
)  # fmt: skip
"""What changes nothing, and shows secrets that are of another village."""
ELSEWHERE: Final = {
    "language.choose": "one's own session", "signin.check": "one's own session", "signin.sign_out": "one's own session",
    "signin.password": "one's own password", "me.add": "one's own address", "me.remove": "one's own address",
    "me.lend": "one's own rights", "me.end": "one's own rights", "drafts.keep": "one's own draft",
    "drafts.delete": "one's own draft", "library.fill": "one's own draft", "library.add": "one's own new item",
    "library.keep": "one's own new item", "uploads.take": "one's own sound", "moving.copy": "copies what is one's own",
    "programmes.look": "only shows", "programmes.show_when": "only shows", "ahead.show": "only shows",
    "preview.show": "only shows", "lexicon.check": "only shows", "uploads.take_words": "only shows",
    "village.air": "tried in test_village", "pasted.understand": "only shows", "listening.order": "only sounds in one's own browser",
    "live_intake.take": "the key of the talk decides", "live_intake.end": "the key of the talk decides",
    "api_alerts.create": "a token decides", "api_alerts.finish": "a token decides", "api_cap.push": "a token decides",
    "api_envelopes.forward": "a token decides", "api_envelopes.bring": "a token decides",
}  # fmt: skip
"""Orders that are not tried here, and why; those of a token are tried in `whole/test_attack_list`."""
ATTACKERS: Final = [(role, 2) for role in Role if role is not Role.VIEWER] + [(Role.VIEWER, None)]


def template(title: str, account_id: int, now: datetime) -> LibraryItem:
    return LibraryItem(
        kind=ItemKind.TEMPLATE, title=title, text="Mời", account_id=account_id, created_at=now, updated_at=now
    )


def furnish(app: Flask, stage: Stage) -> dict[str, str]:
    """Something of everybody's, and of another village, for each order."""
    for hours in (0, 5, 24, 25, 26):
        stage.broadcast(starts_in=timedelta(hours=hours))
    now = stage.clock.now()
    with stage.rows() as session:
        station = session.query(Station).one()
        station.clock_doubt, station.approval = "jumped", True
        boss_account = account("sep", Role.ADMINISTRATOR, now)
        boss_account.grants.append(Grant(role=Role.APPROVER, granted_at=now))
        session.add(boss_account)
        waiting = session.get_one(Speaker, "loa-006")
        waiting.pending_since, waiting.public_key = now, keys.public_text(KEY.public)
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
        names = dict(zip(("first", "second", "third"), session.scalars(select(Alert.id)), strict=True))
        marks = {number: approval.fingerprint(approval.facts(session.get_one(Schedule, number))) for number in (4, 5)}
    names |= {"approved": f"4:{marks[4]}", "returned": marks[5]}
    names["tomorrow"] = (now + timedelta(hours=24)).isoformat()
    strangers(stage)
    folder = stage.services.settings.home_path / "keys"
    folder.mkdir()
    (folder / "root.pub").write_text(keys.public_text(ROOT.public))
    assert Person(app, "truc", {}).order("/live", {"places": ["thon-4"], "klass": "emergency", "rate": "24000"}) == 200
    with stage.rows() as session:
        names["talk"] = session.scalars(select(Talk.id)).one()
    sound = boss.post("/sounds", {"file": (BytesIO(made("bulletin.wav")), "câu.wav")}).json
    return names | {"sound": sound["sound"]} if sound else names


def strangers(stage: Stage) -> None:
    """What has come from outside: a token, an alert that a guest has signed, and CAP messages that wait; all for Thôn Đoài."""
    now = stage.clock.now()
    with stage.rows() as session:
        tokens.make(session, now, "Đài KTTV", (tokens.PUSH_CAP,))
        text = keys.public_text(GUEST.public)
        guest_keys.ask(session, now, name="Tỉnh", public=text, max_level=3, places=[], account_id=1)
        guest_keys.sign(session, stage.orders.core, ROOT, GUEST.kid)
        session.add(CapSource(name="Nguồn", url="https://cap.example.vn/feed", direct=False, created_at=now))
        session.add(PlaceGeocode(scheme="gso", value="3", place_id=3))
    message = signed(stage, GUEST, "thon-3")
    stage.orders.forward(TOPICS.alert("thon-3", f"{GUEST.kid}-lu"), message, 1)
    for name in ("1", "2"):
        message = cap.alert(name, [cap.info(areas=cap.area(polygons=(), geocodes=[("GSO", "3")]))])
        assert stage.services.cap.take(1, message).row.outcome is CapOutcome.PROPOSED


class Person(Browser):
    """Somebody who is signed in and sends orders."""

    def __init__(self, app: Flask, name: str, names: Mapping[str, str]) -> None:
        super().__init__(app.test_client())
        assert self.sign_in(name).status_code == 303
        self._token, self._names = self.token(), names

    def order(self, path: str, form: Mapping[str, Any]) -> int:
        filled = {key: value.format(**self._names) if _is_open(value) else value for key, value in form.items()}
        data = {"csrf_token": self._token, **filled}
        if "file" in data:
            data["file"] = (BytesIO(data["file"].encode()), "loa.csv")
        return self.client.post(path.format(**self._names), data=data).status_code


def _is_open(value: object) -> bool:
    """Whether a field names something that `furnish` has made."""
    return isinstance(value, str) and re.search(r"\{\w+\}", value) is not None


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
        for path, form in (*ORDERS, *UNTRACED):
            assert attacker.order(path, form) in {403, 404, 422}, (role, path)
        assert traces(stage, name) == [], role


def test_the_same_orders_by_an_administrator_leave_a_trace_each(
    app: Flask, stage: Stage, names: dict[str, str]
) -> None:
    boss = Person(app, "sep", names)
    for path, form in UNTRACED:
        assert boss.order(path, form) == 200, path
    for path, form in ORDERS:
        before = traces(stage, "sep")
        status = boss.order(path, form)
        assert len(traces(stage, "sep")) > len(before), (path, status)


def test_no_order_is_forgotten_here(app: Flask) -> None:
    paths = app.url_map.bind("an-binh")
    named = dict.fromkeys(("first", "second", "third", "talk"), "x")
    tried = {paths.match(path.format(**named), method="POST")[0] for path, _ in (*ORDERS, *UNTRACED)}
    orders = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert orders - tried == set(ELSEWHERE), "an order is tried above, or reaches nobody else"


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
