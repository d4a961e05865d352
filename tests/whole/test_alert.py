"""Emergencies through the whole chain: real broker, real voice, speakers that play."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import alert_documents, alert_reports, alert_templates, alerting, rehearsals, standing
from broadcaster.alert_orders import Order
from broadcaster.alert_reports import Hearing
from broadcaster.alerting import By
from broadcaster.rows import Alert, AlertSource, CapSource, Distribution, LedgerEntry, PlaceGeocode, StandingSound
from broadcaster.wire.documents import Event
from tests import cap
from tests.tts.sound_files import made
from tests.whole.town import LiveTown, Town, live, wait_until

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


def growing(town: Town, alert: str) -> bool:
    with town.database.read() as session:
        row = alerting.get(session, alert)
        return row is None or alert_documents.is_growing(row.sounds)


def test_no_receipt_of_what_is_kept_stands_in_the_ledger(town: LiveTown) -> None:
    with town.town.database.read() as session:
        names = set(session.scalars(select(LedgerEntry.broadcast_id)))
    assert names
    assert not any(name.startswith(standing.PREFIX) for name in names)
