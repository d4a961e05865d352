"""Everybody who would like to make a horn talk, against the whole chain: HTTP, CAP, feeds and broker of a running station.

One speaker listens to it all and must stay silent; whoever knocks is told why; then the same station raises a true alert.
`docs/security.md` holds the list.
"""

import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
from paho.mqtt import publish, subscribe
from sqlalchemy import select, update

from broadcaster import alerting, keyring, setup_documents, tokens
from broadcaster.alerting import By
from broadcaster.rows import Alert, AlertSource, CapMessage, CapSource, Place, PlaceGeocode, Published, Station
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Class, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from broadcaster.wire.urgent import Alert as Document
from device_sim.speaker import Speaker
from scheduler.cap_rounds import Rounds
from tests import cap
from tests.http_servers import plain, serving
from tests.whole.town import LiveTown, Town, kit_of, live, wait_until

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

SPEAKERS = 3
WITNESS = "loa-001"
"""Stands in thon-dong: what is raised for other villages here is not for its ears."""
TOPICS = Topics("an-binh")
CAP_TYPE = "application/cap+xml"
EVERYWHERE = cap.area(polygons=(), geocodes=[("GSO", "xa")])
NEVER = "2026-01-01T00:00:00+07:00"


class Enemy:
    """Knocks at every door."""

    def __init__(self, town: LiveTown) -> None:
        self.town = town
        now = town.station.core.clock.now()
        with town.town.database.write() as session:
            places = {place.code: place for place in session.scalars(select(Place))}
            session.add(PlaceGeocode(scheme="gso", value="xa", place_id=places["an-binh"].id))

            def token(name: str, *scopes: str, place: str = "") -> str:
                where = places[place] if place else None
                return tokens.make(session, now, name, scopes or tokens.SCOPES, place=where)

            self.province = token("tỉnh")
            self.village = token("thôn Đoài", place="thon-doai")
            self.reader = token("bảng", tokens.READ)
            self.revoked = token("cũ")
            tokens.revoke(session, tokens.find(session, self.revoked, now) or pytest.fail("no token"), now)

    def ask(self, path: str, body: bytes, token: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """What the station answers: always JSON."""
        line = http.client.HTTPConnection("127.0.0.1", self.town.pages.port, timeout=30)
        try:
            line.request("POST", f"/api/v1/{path}", body, {"Authorization": f"Bearer {token}"} | headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()

    def order(self, token: str, *places: str, key: str = "k", path: str = "", **more: object) -> tuple[int, str]:
        body = json.dumps({"template": "chay", "places": places} | more).encode()
        status, said = self.ask(f"alerts{path}", body, token, **{"Idempotency-Key": key})
        return status, said.get("error") or said["alert"]

    def push(self, data: bytes, token: str = "") -> tuple[int, str]:
        """Status, and why: the reason, the first fault or the error."""
        status, said = self.ask("cap", data, token or self.province, **{"Content-Type": CAP_TYPE})
        faults = [one["code"] for one in said.get("faults", ())]
        return status, next(iter(faults), said.get("error") or said["reason"])

    def sent(self, ago: timedelta = timedelta()) -> str:
        return f"{self.town.station.core.clock.now() - ago:%Y-%m-%dT%H:%M:%S}-00:00"

    def message(self, name: str, areas: str = EVERYWHERE, block: dict[str, str] | None = None, **facts: str) -> bytes:
        expires = self.sent(-timedelta(hours=1))
        given = {"event": "Cháy", "headline": "Giả", "expires": expires} | (block or {})
        return cap.alert(name, [cap.info(areas=areas, **given)], **({"sent": self.sent()} | facts))

    def publish(self, topic: str, payload: bytes, broker: str = "") -> None:
        """Put something into the broker, with the station's own password unless another is given."""
        publish.single(topic, payload, qos=1, retain=True, **self._at_broker(broker))

    def refused(self) -> Counter[str]:
        """What the witness did not act on."""
        return Counter({str(reason): count for reason, count in self.witness().machine.rejected.items()})

    def witness(self) -> Speaker:
        [speaker] = [one for one in self.town.fleet.speakers if one.name == WITNESS]
        return speaker

    def in_force(self, topic: str, since: bytes = b"") -> bytes:
        """The document of a topic, another than ``since``, as soon as the witness has it."""

        def found() -> Published | None:
            with self.town.town.database.read() as session:
                row = session.get(Published, topic)
            floor = self.witness().machine.beliefs.floors.get(topic)
            here = row and row.envelope != since and floor and (floor.seq, bool(floor.payload_hash)) == (row.seq, True)
            return row if here else None

        self.town.station.wake()
        wait_until(found, 20)
        row = found()
        assert row
        return row.envelope

    def retained(self, topic: str) -> bytes:
        """What the broker tells whoever comes new."""
        return bytes(subscribe.simple(topic, qos=1, **self._at_broker()).payload)  # type: ignore[no-untyped-call]

    def _at_broker(self, broker: str = "") -> dict[str, Any]:
        """How to reach the broker, with the station's own password unless another address is given."""
        embedded = self.town.station.broker
        assert embedded is not None
        address = urlsplit(broker or embedded.url)
        auth = {"username": address.username or "", "password": address.password or ""}
        return {"hostname": "127.0.0.1", "port": address.port or 0, "auth": auth}

    def sounded_ms(self) -> int:
        return self.town.town.sounding_ms(WITNESS)


@pytest.fixture(scope="module")
def enemy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enemy]:
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS, clip_rate_bps=20_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rounds.__init__, "__kwdefaults__", {"deadline_s": 3.0})
        with live(made) as running:
            wait_until(lambda: made.ready() == SPEAKERS)
            yield Enemy(running)


@pytest.fixture(autouse=True)
def silence(enemy: Enemy, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does, the witness makes no sound, and nothing breaks inside the station."""
    yield
    if "true_alert" not in request.node.name:
        assert enemy.sounded_ms() == 0
    assert not enemy.town.station.health().errors


def test_a_stolen_token_opens_what_it_was_made_for_and_nothing_else(enemy: Enemy) -> None:
    assert enemy.order("", "an-binh") == enemy.order("loa_guessed", "an-binh") == (401, "unauthorised")
    assert enemy.order(enemy.revoked, "an-binh") == (401, "unauthorised")
    assert enemy.order(enemy.reader, "an-binh") == (403, "wrong-scope")
    assert enemy.push(enemy.message("r"), enemy.reader) == (403, "wrong-scope")
    assert enemy.order(enemy.village, "an-binh") == enemy.order(enemy.village, "thon-dong") == (403, "wrong-place")
    status, alert = enemy.order(enemy.province, "thon-thuong", key="one")
    assert status == 201
    for what in ("end", "correct"):
        assert enemy.order(enemy.village, path=f"/{alert}/{what}") == (403, "wrong-place")
    assert enemy.order(enemy.village, "thon-doai", follows=alert) == (403, "wrong-place")
    assert enemy.order(enemy.province, "thon-thuong", key="one") == (200, alert)
    assert enemy.order(enemy.province, "an-binh", key="one") == (409, "other-request")
    assert enemy.order(enemy.province, path=f"/{alert}/end")[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b'{"template":"\xc3("}', b'{"template":"\\ud800"}', b"[" * 60_000, b'{"a":' * 9_000, b"1e999"],
)
def test_what_is_no_order_is_told_so(enemy: Enemy, body: bytes) -> None:
    status, said = enemy.ask("alerts", body, enemy.province, **{"Idempotency-Key": "k"})
    assert (status, said["error"]) == (400, "malformed")
    assert said["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "a\0b"},
        {"values": {"noi": "a\0b"}},
        {"places": ["a\0b"]},
        {"follows": "a\0b"},
        {"template": "a\0b"},
        {"values": {"a\0b": "x"}},
    ],
)
def test_signs_that_no_database_keeps_are_refused(enemy: Enemy, changes: dict[str, Any]) -> None:
    order: dict[str, Any] = {"template": "chay", "places": ["an-binh"]} | changes
    status, said = enemy.ask("alerts", json.dumps(order).encode(), enemy.province, **{"Idempotency-Key": "k"})
    assert (status, said["error"]) == (400, "malformed")
    assert "U+0000" in said["detail"]


def test_whatever_is_asked_is_answered_as_a_program_can_read_it(enemy: Enemy) -> None:
    assert enemy.ask("alerts/%00/end", b"", enemy.province)[0] == 400
    assert enemy.ask("nothing", b"", enemy.province) == (404, {"error": "not-found", "detail": ANY})
    status, said = enemy.ask("alerts/x", b"", enemy.province)
    assert (status, said["error"]) == (405, "method-not-allowed")
    with socket.create_connection(("127.0.0.1", enemy.town.pages.port), timeout=20) as line:
        head = f"POST /api/v1/cap HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {enemy.province}\r\nContent-Type: {CAP_TYPE}\r\n"
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n".encode())
        assert b" 400 " in line.recv(65_536).split(b"\r\n")[0]


def test_a_body_without_end_is_left_at_the_limit(enemy: Enemy) -> None:
    for path, kind in (("alerts", "application/json"), ("cap", CAP_TYPE)):
        head = f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {enemy.province}\r\nIdempotency-Key: k\r\n"
        for length in ("Content-Length: 52428800", "Content-Length: 5000000000", "Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", enemy.town.pages.port), timeout=20) as line:
                line.sendall(f"{head}Content-Type: {kind}\r\n{length}\r\n\r\n".encode())
                with suppress(OSError):  # it need not listen to all of it
                    for _ in range(20):
                        line.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                assert b" 413 " in line.recv(65_536).split(b"\r\n")[0], (path, length)


XML = b'<?xml version="1.0"?>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "an external entity": (XML + b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "has-dtd"),
    "a billion laughs": (XML + LAUGHS + b"<a>&b;</a>", "has-dtd"),
    "an external DTD": (XML + b'<!doctype a SYSTEM "http://127.0.0.1/evil.dtd"><a/>', "has-dtd"),
    "a parameter entity": (XML + b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]><a/>', "has-dtd"),
    "a hundred levels": (b"<a>" * 100 + b"</a>" * 100, "too-deep"),
    "a hundred thousand levels": (b"<a>" * 100_000, "not-xml"),
    "bad UTF-8": (cap.alert().replace(b"Likely", b"\xc3("), "not-utf8"),
    "UTF-16": (cap.alert().decode().encode("utf-16"), "not-utf8"),
    "UTF-7 that says so": (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4APA-a/+AD4-', "not-xml"),
    "a NUL": (cap.alert().replace(b"Likely", b"\0"), "not-xml"),
    "a NUL by number": (cap.alert().replace(b"Likely", b"&#0;"), "not-xml"),
    "another vocabulary": (b"<html/>", "not-cap"),
    "nothing": (b"", "not-xml"),
}


@pytest.mark.parametrize("attack", DOCUMENTS)
def test_a_hostile_document_is_told_what_is_wrong_with_it(enemy: Enemy, attack: str) -> None:
    data, why = DOCUMENTS[attack]
    assert enemy.push(data) == (422, why)


def test_a_message_that_is_not_meant_or_not_sure_sounds_nowhere(enemy: Enemy) -> None:
    def area(**given: Any) -> str:
        return cap.area(**({"polygons": ()} | given))

    huge = " ".join(f"20.{number:05},106.0" for number in range(21_000))
    codes = [("GSO", str(number)) for number in range(10_000)]
    doubtful = {
        "huge polygon": area(polygons=[huge]),
        "not a number": area(polygons=["NaN,NaN NaN,1 1,1 NaN,NaN"]),
        "infinite": area(polygons=["inf,0 0,inf -inf,0 inf,0"]),
        "beyond the earth": area(polygons=["91,0 0,181 -91,0 91,0"]),
        "infinite circle": area(circles=["0,0 inf"]),
        "exponents": area(circles=["0,0 9e99"]),
    }
    for name, where in doubtful.items():
        assert enemy.push(enemy.message(name.replace(" ", "-"), where)) == (202, "doubtful"), name
    assert enemy.push(enemy.message("codes", area(geocodes=codes))) == (200, "outside")
    assert enemy.push(enemy.message("old", block={"expires": NEVER})) == (200, "expired")
    assert enemy.push(enemy.message("ahead", sent=enemy.sent(-timedelta(days=3)))) == (202, "doubtful")
    assert enemy.push(enemy.message("year", sent="9999-01-01T00:00:00+07:00")) == (422, "bad-date")
    assert enemy.push(enemy.message("system", status="System")) == (200, "status-system")
    assert enemy.push(enemy.message("draft", status="Draft")) == (200, "status-draft")


def test_a_message_that_was_sent_before_is_the_same_one_and_speaks_for_nobody_else(enemy: Enemy) -> None:
    sent = enemy.sent(timedelta(minutes=1))
    first = enemy.message("13", sent=sent)
    assert enemy.push(first, enemy.village) == (201, ""), "it sounds in its village"
    assert enemy.push(first, enemy.village) == (200, "")
    assert enemy.push(first.replace(b"Gi\xe1\xba\xa3", b"Kh\xc3\xa1c"), enemy.village) == (409, "other-content")
    other = enemy.message("14", msgType="Cancel", references=cap.reference("13", sent, "somebody@else.vn"))
    assert enemy.push(other) == (200, "nothing-to-cancel")
    forged = enemy.message("15", msgType="Cancel", references=cap.reference("13", sent))
    assert enemy.push(forged) == (202, "doubtful"), "its sender's name is no proof"
    older = enemy.message(
        "16", msgType="Update", references=cap.reference("13", sent), sent=enemy.sent(timedelta(hours=1))
    )
    assert enemy.push(older, enemy.village) == (202, "doubtful")
    unseen = enemy.message("17", msgType="Update", references=cap.reference("never", sent), block={"expires": NEVER})
    assert enemy.push(unseen) == (200, "expired")
    with enemy.town.town.database.read() as session:
        [alert] = session.scalars(select(Alert).where(Alert.source == "cap"))
        assert (alert.ended_at, [place.code for place in alert.targets]) == (None, ["thon-doai"])


FEEDS = {
    "/five-gigabytes": "too-large",
    "/endless": "too-large",
    "/drip": "too-slow",
    "/bomb": "encoded",
    "/file": "bad-address",
    "/self": "other-host",
    "/lan": "other-host",
    "/round": "too-many-redirects",
    "/thousand": "more-to-come",
    "/changing": "",
}
"""What is told of each feed of `Hydra`."""


class Hydra:
    """A server with a feed for every way to hold a station up, or to lead it astray."""

    def __init__(self, *changing: bytes, many: list[bytes]) -> None:
        self.asked = Counter[str]()
        self._pages = {
            "/five-gigabytes": b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n",
            "/bomb": plain(b"\x1f\x8b", "Content-Encoding: gzip"),
            "/thousand": plain(self._atom(many)),
        }
        self._changing = [plain(self._atom([one], at)) for at, one in enumerate(changing)]
        to = {
            "/file": "file:///etc/passwd",
            "/self": "http://localhost:1/",
            "/lan": "http://10.0.0.1/",
            "/round": "/round",
        }
        self._pages |= {path: plain(b"", f"Location: {where}", status="302 Found") for path, where in to.items()}

    @staticmethod
    def _atom(messages: list[bytes], first: int = 0) -> bytes:
        blocks = (
            f"<entry><id>{at}</id>{one.decode().partition('?>')[2]}</entry>" for at, one in enumerate(messages, first)
        )
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(blocks)}</feed>'.encode()

    def __call__(self, to: socket.socket, request: str) -> None:
        path = request.split()[1]
        self.asked[path] += 1
        if path == "/changing":
            to.sendall(self._changing[min(self.asked[path], 2) - 1])
        elif path in self._pages:
            to.sendall(self._pages[path])
        else:
            to.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                to.sendall(b"x" if path == "/drip" else b"x" * 65_536)
                time.sleep(0.2 if path == "/drip" else 0)


def test_no_feed_leads_anywhere_or_holds_anything_up(enemy: Enemy) -> None:
    twice = [enemy.message("changes", status="Draft", sent=NEVER), enemy.message("changes", sent=NEVER)]
    hydra = Hydra(*twice, many=[enemy.message(f"d{number}", status="Draft") for number in range(1000)])
    database, now = enemy.town.town.database, enemy.town.station.core.clock.now()

    def told() -> dict[str, str]:
        with database.read() as session:
            feeds = session.scalars(select(CapSource).where(CapSource.polled_at.is_not(None)))
            return {feed.name: feed.problem for feed in feeds}

    def reasons() -> list[str]:
        with database.read() as session:
            forged = select(CapMessage.reason).where(CapMessage.identifier == "changes").order_by(CapMessage.id)
            return list(session.scalars(forged))

    with serving(hydra) as url:
        with database.write() as session:
            session.add_all(CapSource(name=path, url=f"{url}{path}", direct=True, created_at=now) for path in FEEDS)
        enemy.town.station.services.wake_cap()
        wait_until(lambda: len(told()) == len(FEEDS))
        assert told() == FEEDS
        with database.write() as session:
            session.scalars(select(CapSource).where(CapSource.name == "/changing")).one().next_at = None
        wait_until(lambda: len(reasons()) == 2)
        assert reasons() == ["status-draft", "other-content"]
        with database.write() as session:
            session.execute(update(CapSource).where(CapSource.url != "").values(removed_at=now))


def test_nothing_that_is_put_into_the_broker_makes_it_sound(enemy: Enemy) -> None:
    station = enemy.town.station
    status, alert = enemy.order(enemy.province, "thon-thuong", key="recorded")
    assert status == 201
    rehearsal = station.rehearse("recorded", By(AlertSource.REHEARSAL)).alert.id
    with enemy.town.town.database.read() as session:
        recorded = session.get_one(Published, TOPICS.alert("thon-thuong", alert)).envelope
        quiet = session.get_one(Published, TOPICS.alert("an-binh", rehearsal)).envelope
    enemy.order(enemy.province, path=f"/{alert}/end")
    payload = envelope.parse(recorded).payload
    evil = TOPICS.alert("an-binh", "evil")

    def forged(key: SigningKey, topic: str = evil) -> bytes:
        now = UnixMs(station.core.clock.now_ms())
        said = payload.replace(alert.encode(), b"evil")
        exp = UnixMs(now + 60_000)
        return envelope.sign(key.private, key.kid, typ=Kind.ALERT.value, topic=topic, seq=now, payload=said, exp=exp)

    before = enemy.refused()
    thief = kit_of(enemy.town.town, WITNESS)["brokers"][0]
    enemy.publish(evil, forged(station.core.keyring.station), thief)
    enemy.publish(TOPICS.trust("an-binh"), b"", thief)
    attacks = [
        (evil, forged(station.core.keyring.station), "out-of-scope"),
        (evil, forged(SigningKey.generate()), "unknown-key"),
        (evil, recorded, "wrong-topic"),
        (TOPICS.alert("thon-dong", alert), recorded, "wrong-topic"),
        (TOPICS.down(WITNESS, "copy"), recorded, "not-mine"),
        (TOPICS.alert("an-binh", rehearsal), quiet.replace(b'"drill":true', b'"drill":false'), "replayed"),
    ]
    for topic, message, _ in attacks:
        enemy.publish(topic, message)
    expected = Counter(reason for *_, reason in attacks)
    wait_until(lambda: (enemy.refused() - before).total() >= expected.total(), 20)
    assert enemy.refused() - before == expected, "what the thief of a speaker's password sent did not come through"
    wait_until(lambda: station.health().rejected.get("tampered"), 20)


def test_an_older_config_and_an_older_trust_change_nothing(enemy: Enemy) -> None:
    core, guest = enemy.town.station.core, SigningKey.generate()
    root = keyring.load(enemy.town.town.home / "keys", keyring.ROOT)
    config, trust = TOPICS.down(WITNESS, "config"), TOPICS.trust("an-binh")
    believed = TrustedKey(kid=guest.kid, key=keys.public_text(guest.public), scopes=(Class.EMERGENCY,), max_level=5)
    before = enemy.in_force(trust)
    with core.database.write() as session:
        setup_documents.put_trust(session, core, root, guests=[believed])
    recorded = {config: enemy.in_force(config), trust: enemy.in_force(trust, since=before)}
    with core.database.write() as session:
        setup_documents.put_trust(session, core, root, revoked=[guest.kid])
        station = session.scalars(select(Station)).one()
        station.quiet_start, station.quiet_until = "23:00", "23:30"
    now = {topic: enemy.in_force(topic, since=message) for topic, message in recorded.items()}
    refused = enemy.refused()
    for topic, message in recorded.items():
        enemy.publish(topic, message)
    name, at = f"{guest.kid}-evil", core.clock.now_ms()
    siren = Document(alert=name, level=5, start_at=at, growing=True)
    topic, payload, exp = TOPICS.alert("an-binh", name), strict_json.encode(siren), UnixMs(at + 60_000)
    typ = Kind.ALERT.value
    enemy.publish(
        topic, envelope.sign(guest.private, guest.kid, typ=typ, topic=topic, seq=at, payload=payload, exp=exp)
    )
    wait_until(lambda: (enemy.refused() - refused).total() >= 3, 20)
    assert enemy.refused() - refused == {"rolled-back": 2, "revoked-key": 1}
    wait_until(lambda: enemy.retained(trust) == now[trust], 20)


def test_after_all_that_a_true_alert_is_raised_and_heard(enemy: Enemy) -> None:
    status, alert = enemy.order(enemy.province, "an-binh", key="true")
    assert status == 201
    wait_until(enemy.sounded_ms, 30)
    assert enemy.order(enemy.province, path=f"/{alert}/end")[0] == 200


def test_a_true_alert_that_is_over_is_heard_by_nobody_again(enemy: Enemy) -> None:
    station, sounded = enemy.town.station, enemy.sounded_ms()
    status, alert = enemy.order(enemy.province, "thon-dong", key="over")
    assert status == 201
    topic = TOPICS.alert("thon-dong", alert)
    recorded = enemy.in_force(topic)
    wait_until(lambda: enemy.sounded_ms() > sounded, 30)
    station.end_alert(alert, By(), words=False, at_once=True)
    end = enemy.in_force(topic, since=recorded)
    before = enemy.refused()["rolled-back"]

    def again() -> None:
        """With the station's own password, for everybody who listens now or comes later."""
        enemy.publish(topic, recorded)
        enemy.publish(TOPICS.down(WITNESS, "copy"), recorded)

    again()
    wait_until(lambda: enemy.refused()["rolled-back"] >= before + 2, 20)
    wait_until(lambda: enemy.retained(topic) == end, 20)
    enemy.town.stop_fleet()
    again()
    sounded = enemy.sounded_ms()
    enemy.town.reboot_fleet()
    wait_until(lambda: enemy.in_force(topic) == end, 20)
    again()
    wait_until(lambda: enemy.refused()["rolled-back"] >= 2, 20)
    key, hour_ago = station.core.keyring.emergency, UnixMs(station.core.clock.now_ms() - 3_600_000)
    old = TOPICS.alert("thon-dong", "kc-of-yesterday")
    payload = envelope.parse(recorded).payload.replace(alert.encode(), b"kc-of-yesterday")
    exp = UnixMs(hour_ago + 600_000)
    enemy.publish(
        old,
        envelope.sign(key.private, key.kid, typ=Kind.ALERT.value, topic=old, seq=hour_ago, payload=payload, exp=exp),
    )
    wait_until(lambda: enemy.refused()["expired"], 20)
    wait_until(lambda: enemy.retained(topic) == end, 20)
    assert enemy.sounded_ms() == sounded
    assert {one.id for one in station_alerts(enemy)} & {alert, "kc-of-yesterday"} == set()


def station_alerts(enemy: Enemy) -> list[Alert]:
    with enemy.town.town.database.read() as session:
        return alerting.in_force(session, enemy.town.station.core.clock.now())
