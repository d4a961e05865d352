"""Emergencies through the whole chain: real broker, real voice, speakers that play."""

import argparse
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import alert_documents, alert_reports, alert_templates, alerting, guest_keys, rehearsals, standing
from broadcaster.alert_orders import Order
from broadcaster.alert_reports import Hearing
from broadcaster.alerting import By
from broadcaster.rows import (
    Alert,
    AlertSource,
    CapSource,
    Distribution,
    LedgerEntry,
    PlaceGeocode,
    Published,
    StandingSound,
)
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Event
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from tests import cap
from tests.tts.sound_files import made, melody
from tests.whole.town import LiveTown, Town, live, wait_until
from tts.encoding import RATE, encode
from web import cli_keys
from web.api_alerts import FORWARD, make_token
from web.say import speaker_of

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

SPEAKERS = 2


@pytest.fixture(scope="module")
def few_templates() -> Iterator[None]:
    """A station that knows fire and correction only: each template takes seconds to speak and to send."""
    few = tuple(alert_templates.template(code) for code in ("chay", "dinh-chinh", "thu"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alert_templates, "all_templates", lambda: few)
        yield


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, few_templates: None) -> Iterator[LiveTown]:
    folder = tmp_path_factory.mktemp("town")
    made = Town.make(folder, SPEAKERS, keep_sounds=True, clip_rate_bps=20_000_000)
    with live(made) as running:
        wait_until(lambda: made.ready() == SPEAKERS)
        wait_until(lambda: kept(made), 120)
        yield running


def kept(town: Town) -> bool:
    """Whether every sound that speakers keep was made and sent."""
    with town.database.read() as session:
        sounds = session.scalars(select(StandingSound)).all()
        sent = {(row.clip_sha256, row.zone) for row in session.scalars(select(Distribution))}
        return bool(sounds) and all((sound.clip_sha256, sound.place.code) in sent for sound in sounds)


def hearings(town: Town, alert: str) -> Counter[Hearing]:
    with town.database.read() as session:
        row = alerting.get(session, alert)
        assert row
        lines = alert_reports.lines(session, row, row.raised_at)
        return Counter(line.hearing for line in lines)


def events(town: Town, alert: str) -> Counter[Event]:
    with town.database.read() as session:
        return Counter(session.scalars(select(LedgerEntry.event).where(LedgerEntry.broadcast_id == alert)))


def drill(town: LiveTown, request: str, **changes: Any) -> Alert:
    given: dict[str, Any] = {"request": request, "template": "dien-tap", "places": ("an-binh",)} | changes
    return town.station.raise_alert(Order(**given), By()).alert


def test_a_drill_is_heard_everywhere_with_words_spoken_meanwhile_and_corrected_in_the_middle(town: LiveTown) -> None:
    values = {"noi": "nhà văn hóa thôn Đông"}
    alert = drill(town, "one", template="chay", values=values, drill=True)
    wait_until(lambda: hearings(town.town, alert.id)[Hearing.SOUNDING] == SPEAKERS, 20)
    wait_until(lambda: not growing(town.town, alert.id), 20)
    town.station.correct_alert(alert.id, By())
    wait_until(lambda: events(town.town, alert.id)[Event.STOPPED] == SPEAKERS, 20)
    with town.town.database.read() as session:
        words = session.scalars(select(Alert).where(Alert.follows_id == alert.id)).one()
        assert not alert_documents.is_growing(words.sounds)  # all of it was on the speakers
    wait_until(lambda: events(town.town, words.id)[Event.STARTED] == SPEAKERS, 20)
    town.station.end_alert(words.id, By(), words=False, at_once=True)


def test_a_cap_exercise_is_heard_as_a_drill_in_its_own_words_and_its_sound_after_them(town: LiveTown) -> None:
    sound = base64.b64encode(made("bulletin.wav", 1.0)).decode()
    digest = hashlib.sha1(made("bulletin.wav", 1.0)).hexdigest()
    with town.town.database.write() as session:
        session.add(PlaceGeocode(scheme="gso", value="19876", place_id=1))
        source = CapSource(name="tỉnh", direct=True, created_at=town.station.core.clock.now())
        session.add(source)
    brought = f"<resource><resourceDesc>x</resourceDesc><mimeType>audio/wav</mimeType><derefUri>{sound}</derefUri>"
    areas = f"{brought}<digest>{digest}</digest></resource>" + cap.area(polygons=(), geocodes=[("GSO", "19876")])
    words = {"event": "Cháy", "headline": "Cháy chợ Đông", "description": "Tránh xa chợ.", "instruction": ""}
    now = town.station.core.clock.now()
    block = cap.info(areas=areas, expires=f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}-00:00", **words)
    sent = f"{now:%Y-%m-%dT%H:%M:%S}-00:00"
    row = town.station.services.cap.take(source.id, cap.alert("chay-1", [block], status="Exercise", sent=sent)).row
    [alert] = row.done["alerts"]
    wait_until(lambda: hearings(town.town, alert)[Hearing.SOUNDING] == SPEAKERS, 20)
    wait_until(lambda: not growing(town.town, alert), 30)
    with town.town.database.read() as session:
        sounds = alerting.get(session, alert).sounds  # type: ignore[union-attr]  # it was raised
        assert all(one.clip and not one.failed for one in sounds)
        texts = [one.text for one in sounds if one.place_id == 1][1:]
    assert texts[0] == texts[-1] == "Đây là diễn tập."
    assert texts[3:5] == ["Cháy chợ Đông", "Tránh xa chợ."]
    assert texts[5] == f"bản ghi âm {digest}"
    town.station.end_alert(alert, By(), words=False, at_once=True)
    wait_until(lambda: events(town.town, alert)[Event.STOPPED] == SPEAKERS, 20)


def test_a_rehearsal_is_answered_by_every_speaker_without_a_sound(town: LiveTown) -> None:
    alert = town.station.rehearse("one", By(AlertSource.REHEARSAL)).alert
    wait_until(lambda: events(town.town, alert.id)[Event.ARMED] == SPEAKERS, 20)
    assert set(events(town.town, alert.id)) == {Event.ARMED}
    with town.town.database.read() as session:
        found = rehearsals.report(session, session.get_one(Alert, alert.id))
        assert len(found.times_ms) == SPEAKERS


class Province:
    """A province whose key the root key has signed up to level 3, and what it sends."""

    def __init__(self, town: LiveTown) -> None:
        self.town, self.key = town, SigningKey.generate()
        core = town.station.core
        with core.database.write() as session:
            text = keys.public_text(self.key.public)
            now = core.clock.now()
            guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[], account_id=1)
            self.token = make_token(session, core.clock, "tỉnh", (FORWARD,))
        given = argparse.Namespace(verb="sign", kid=self.key.kid, root=None)
        assert cli_keys.run(given, town.town.settings, speaker_of("vi")) == 0
        town.station.wake()
        wait_until(self._is_confirmed, 20)

    def _is_confirmed(self) -> bool:
        with self.town.town.database.read() as session:
            rows = session.scalars(select(Published).where(Published.typ == Kind.TRUST.value)).all()
            return all(row.confirmed_seq == row.seq for row in rows)

    def signed(self, name: str, **changes: Any) -> tuple[str, bytes]:
        now = self.town.station.core.clock.now_ms()
        told: dict[str, Any] = {"level": 3, "start_at": now + 400, "drill": True} | changes
        document = Document(alert=f"{self.key.kid}-{name}", **told)
        topic = self.town.station.core.topics.alert("an-binh", document.alert)
        payload, exp = strict_json.encode(document), UnixMs(now + 10 * MINUTE)
        signed = envelope.sign(
            self.key.private, self.key.kid, typ=Kind.ALERT.value, topic=topic, seq=now, payload=payload, exp=exp
        )
        return topic, signed

    def post(self, path: str, data: bytes, mimetype: str = "application/octet-stream") -> tuple[int, dict[str, Any]]:
        line = HTTPConnection("127.0.0.1", self.town.pages.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": mimetype}
        line.request("POST", f"/api/v1/{path}", data, headers)
        answer = line.getresponse()
        told = json.loads(answer.read())
        line.close()
        return answer.status, told

    def publish(self, topic: str, message: bytes) -> None:
        """Straight at the broker."""
        self.town.station._prompt.publish(topic, message, retain=True)


def test_a_provinces_alert_is_heard_by_either_road_and_its_end_and_nothing_forged(town: LiveTown) -> None:
    province = Province(town)
    status, clip = province.post("clips", encode(melody(15.0, RATE), lambda: None).opus, "audio/ogg")
    assert status == 201
    sent_by = town.station.core.clock.now_ms() + 1_000
    speech = AlertPart(part=Part.SPEECH, at_ms=0, sent_by=sent_by, **clip)

    topic, message = province.signed("api", parts=(speech,))
    assert province.post("envelopes", message)[0] == 201
    wait_until(lambda: hearings(town.town, f"{province.key.kid}-api")[Hearing.SOUNDING] == SPEAKERS, 20)
    with town.town.database.read() as session:
        row = session.get_one(Published, topic)
        assert (row.envelope, row.confirmed_seq) == (message, row.seq)
    beyond = province.signed("beyond", parts=(speech,), level=4)
    assert province.post("envelopes", beyond[1])[1]["reason"] == "out-of-scope"
    province.publish(*beyond)  # a speaker judges by itself
    assert province.post("envelopes", province.signed("api", ended=True)[1])[0] == 201
    wait_until(lambda: events(town.town, f"{province.key.kid}-api")[Event.STOPPED] == SPEAKERS, 20)

    province.publish(*province.signed("broker", parts=(speech,)))
    wait_until(lambda: events(town.town, f"{province.key.kid}-broker")[Event.STARTED] == SPEAKERS, 20)
    assert hearings(town.town, f"{province.key.kid}-broker")[Hearing.SOUNDING] == SPEAKERS
    town.station.lock_out(province.key.kid, 1)
    wait_until(lambda: events(town.town, f"{province.key.kid}-broker")[Event.STOPPED] == SPEAKERS, 20)
    assert events(town.town, f"{province.key.kid}-beyond") == Counter()


def growing(town: Town, alert: str) -> bool:
    with town.database.read() as session:
        row = alerting.get(session, alert)
        return row is None or alert_documents.is_growing(row.sounds)


def test_no_receipt_of_what_is_kept_stands_in_the_ledger(town: LiveTown) -> None:
    with town.town.database.read() as session:
        names = set(session.scalars(select(LedgerEntry.broadcast_id)))
    assert names
    assert not any(name.startswith(standing.PREFIX) for name in names)
