"""Emergencies through the whole chain: real broker, real voice, speakers that play."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import alert_reports, alerting, standing
from broadcaster.alert_orders import Order
from broadcaster.alert_reports import Hearing
from broadcaster.alerting import By
from broadcaster.rows import Alert, Distribution, LedgerEntry, StandingSound
from broadcaster.wire.documents import Event
from tests.whole.town import LiveTown, Town, live, wait_until

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

SPEAKERS = 6


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTown]:
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS, keep_sounds=True)
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


def test_an_alert_is_heard_everywhere_with_a_sentence_that_was_spoken_meanwhile(town: LiveTown) -> None:
    alert = drill(town, "one", template="bao", values={"so": "13"}, drill=True)
    wait_until(lambda: events(town.town, alert.id)[Event.STARTED] == SPEAKERS, 20)
    with town.town.database.read() as session:
        reports = [
            line.report
            for line in alert_reports.lines(session, alerting.get(session, alert.id) or alert, alert.raised_at)
        ]
    late = [report.started_at - alert.start_at for report in reports if report.started_at]
    assert max(late) < timedelta(seconds=1)
    wait_until(lambda: hearings(town.town, alert.id)[Hearing.HEARD] == SPEAKERS, 90)


def test_the_end_silences_and_a_correction_is_said_at_once(town: LiveTown) -> None:
    alert = drill(town, "two", template="so-tan")
    wait_until(lambda: events(town.town, alert.id)[Event.STARTED] == SPEAKERS, 20)
    town.station.correct_alert(alert.id, By())
    wait_until(lambda: events(town.town, alert.id)[Event.STOPPED] == SPEAKERS, 20)
    with town.town.database.read() as session:
        words = session.scalars(select(Alert).where(Alert.follows_id == alert.id)).one()
    wait_until(lambda: events(town.town, words.id)[Event.FINISHED] == SPEAKERS, 60)


def test_no_receipt_of_what_is_kept_stands_in_the_ledger(town: LiveTown) -> None:
    with town.town.database.read() as session:
        names = set(session.scalars(select(LedgerEntry.broadcast_id)))
    assert names
    assert not any(name.startswith(standing.PREFIX) for name in names)
