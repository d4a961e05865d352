"""Emergencies through the whole chain: real broker, real voice, speakers that play."""

import argparse
import base64
import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import (
    alert_documents,
    alert_reports,
    alert_tables,
    alert_templates,
    alerting,
    chain,
    guest_keys,
    rehearsals,
    standing,
    talks,
    tokens,
)
from broadcaster.alert_orders import Order
from broadcaster.alert_reports import Hearing
from broadcaster.alert_templates import Template
from broadcaster.alerting import By
from broadcaster.clips import ClipStore
from broadcaster.clock import to_ms
from broadcaster.rows import (
    Alert,
    AlertSound,
    AlertSource,
    CapSource,
    Distribution,
    LedgerEntry,
    PlaceGeocode,
    Published,
    StandingSound,
)
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Class, Event
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from device_sim.hearing import find_clip
from device_sim.opus import decode_clip
from device_sim.timeline import Timeline, read_timeline
from scheduler.talking import OnAir
from tests import cap
from tests.tts.sound_files import made, melody
from tests.whole.town import LiveTown, Town, live, wait_until
from tts.encoding import RATE, encode
from tts.live_encoding import RATE_HZ
from web import cli_keys
from web.say import speaker_of

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

SPEAKERS = 2


def short(code: str, level: int, sentence: str) -> Template:
    """A template that says one sentence after the bell."""
    return Template(
        code=code, name=code, level=level, siren="", why="", fields=(), sentences=(sentence,), repeats=1, every_min=0
    )


LOWER = short("nuoc-len", 2, "Nước suối đang lên rất nhanh, bà con lên nhà văn hóa.")
HIGHER = short("vo-dap", 5, "Đập đã vỡ, bà con chạy ngay lên đồi.")
TONE_HZ = 2_750
VOICE = np.asarray(8_000 * np.sin(2 * np.pi * TONE_HZ * np.arange(RATE_HZ * 2) / RATE_HZ), np.int16)


@pytest.fixture(scope="module")
def few_templates() -> Iterator[None]:
    """A station that knows fire, correction and two short ones: each template takes seconds to speak and to send."""
    few = (*map(alert_tables.load().template, ("chay", "dinh-chinh", "thu")), LOWER, HIGHER)
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
            self.token = tokens.make(session, now, "tỉnh", (tokens.FORWARD,))
        given = argparse.Namespace(verb="sign", kid=self.key.kid, root=None, yes=True)
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

    topic, message = province.signed("broker", parts=(speech,))
    province.publish(topic, message)
    wait_until(lambda: events(town.town, f"{province.key.kid}-broker")[Event.STARTED] == SPEAKERS, 20)
    assert hearings(town.town, f"{province.key.kid}-broker")[Hearing.SOUNDING] == SPEAKERS
    town.station.lock_out(province.key.kid, 1)
    with town.town.database.read() as session:
        assert session.get(Published, topic) is None  # cleared at the broker too, not at the next housekeeping
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


def entries(town: Town, name: str, event: Event) -> dict[str, list[int]]:
    """When each speaker did this, by its receipts in the ledger."""
    found: dict[str, list[int]] = defaultdict(list)
    with town.database.read() as session:
        rows = select(LedgerEntry).where(LedgerEntry.broadcast_id == name, LedgerEntry.event == event)
        for row in session.scalars(rows.order_by(LedgerEntry.at)):
            found[row.speaker_id].append(to_ms(row.at))
    return found


def speak(town: LiveTown, talk: OnAir) -> None:
    """A microphone into which somebody whistles one tone."""
    part, spoken = RATE_HZ // 5, threading.Event()
    for position in range(0, len(VOICE), part):
        town.station.services.talks.take(talk.name, talk.key, position, VOICE[position : position + part])
        spoken.wait(0.2)
    town.station.services.talks.end(talk.name, talk.key)


def share_of_tone(heard: Timeline, begin_ms: int, until_ms: int) -> float:
    """How much of the sound that left the card between two moments is the voice's tone."""
    begin, until = ((at - heard.epoch_ms) * RATE_HZ // 1000 for at in (begin_ms, until_ms))
    power = np.abs(np.fft.rfft(heard.samples[begin:until].astype(float))) ** 2
    pitch = np.fft.rfftfreq(until - begin, 1 / RATE_HZ)
    return float(power[np.abs(pitch - TONE_HZ) < 60].sum() / power.sum())


def test_a_live_emergency_silences_two_alerts_which_follow_whole_by_their_level(town: LiveTown) -> None:
    lower = town.station.raise_alert(Order("lower", LOWER.code, ("an-binh",)), By()).alert.id
    wait_until(lambda: events(town.town, lower)[Event.STARTED] == SPEAKERS, 20)
    higher = town.station.raise_alert(Order("higher", HIGHER.code, ("an-binh",)), By()).alert.id
    wait_until(lambda: events(town.town, higher)[Event.STARTED] == SPEAKERS, 20)
    talk = town.station.services.talks.begin(talks.Order(1, (1,), Class.EMERGENCY, 60_000), RATE_HZ)
    speak(town, talk)
    for name in (talk.name, higher, lower):
        wait_until(lambda name=name: events(town.town, name)[Event.FINISHED] == SPEAKERS, 30)  # type: ignore[misc]
    for name in (higher, lower):
        counted = events(town.town, name)
        assert counted.keys() == {Event.ARMED, Event.STARTED, Event.PREEMPTED, Event.FINISHED}
        assert [counted[once] for once in (Event.ARMED, Event.PREEMPTED)] == [SPEAKERS, SPEAKERS]
    assert events(town.town, talk.name) == {Event.STARTED: SPEAKERS, Event.FINISHED: SPEAKERS}
    with town.town.database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None
        clips = [_speech(session, name) for name in (higher, lower)]
    folder = town.town.home / "wav"
    for speaker, [begun] in entries(town.town, talk.name, Event.STARTED).items():
        [over] = entries(town.town, talk.name, Event.FINISHED)[speaker]
        heard = read_timeline(max(folder.glob(f"{speaker}_*.wav")))
        assert over - begun > 1_500
        assert share_of_tone(heard, begun + 300, over - 300) > 0.9
        after = Timeline(over, heard.samples[(over - heard.epoch_ms) * RATE_HZ // 1000 :])
        first, second = (find_clip(after, decode_clip(ClipStore(town.town.home / "clips").opus(one))) for one in clips)
        assert first
        assert second
        assert min(first.played_fraction, second.played_fraction) > 0.9
        [higher_over] = entries(town.town, higher, Event.FINISHED)[speaker]
        assert first.start_ms < higher_over <= second.start_ms
        assert share_of_tone(heard, round(first.start_ms), higher_over) < 0.1


def _speech(session: Session, alert: str) -> str:
    """The clip of the one sentence of an alert."""
    rows = select(AlertSound.clip_sha256).where(AlertSound.alert_id == alert, AlertSound.part == Part.SPEECH)
    return session.scalars(rows).one() or ""
