"""What speakers keep of alerts, and who heard one, as far as they told."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from broadcaster import (
    alert_reports,
    alert_tables,
    alerting,
    chain,
    publishing,
    standing,
)
from broadcaster.alert_reports import Hearing
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.geography import Geography
from broadcaster.rows import (
    Alert,
    AlertReport,
    AlertSound,
    AlertTarget,
    AuditEntry,
    Published,
    Speaker,
    StandingSound,
    ToldByPerson,
)
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Event, Plan, Receipt, SpeakerState, Why
from tests.broadcaster import town
from tests.broadcaster.test_alerting import DUTY, keep_everything, raised, told
from tests.clocks import FixedClock


def test_what_speakers_keep_can_never_sound(core: Core) -> None:
    keep_everything(core)
    with core.database.write() as session:
        standing.put_plans(session, core, standing.unsigned(session, core))
        rows = session.scalars(select(Published).where(Published.topic.endswith(publishing.STANDING_DAY))).all()
        plans = [strict_json.decode(envelope.parse(row.envelope).payload, Plan) for row in rows]
    assert {plan.zone for plan in plans} == {"xa", "thon-dong", "thon-doai", "ban-na-loc", "ven-suoi"}
    for plan in plans:
        for item in plan.items:
            assert (item.excluded, item.volume, item.late_ms) == ((plan.zone,), 0, 0)
            assert item.start_at > to_ms(core.clock.now()) * 100
    assert all(len(row.envelope) < 100_000 for row in rows)


def test_sounds_that_are_kept_follow_places_and_templates(core: Core) -> None:
    keep_everything(core)
    with core.database.write() as session:
        session.get_one(Speaker, "loa-4").retired_at = core.clock.now()
        session.flush()
        standing.follow(session, alert_tables.load("hue"))
        session.flush()
        kept = session.scalars(select(StandingSound)).all()
    assert not any("ban-na-loc" in sound.text for sound in kept)
    assert any("còi báo động 5x30s" in sound.text for sound in kept)
    assert all(sound.clip_sha256 for sound in kept if "Mời bà con" in sound.text)


def report(core: Core, alert: str, speaker: str, event: Event, **more: Any) -> None:
    receipt = Receipt(id="x", broadcast=alert, event=event, at=core.clock.now_ms(), **more)
    with core.database.write() as session:
        alert_reports.take(session, [(speaker, receipt)])


def board(core: Core, alert: str) -> dict[str, tuple[Hearing, str]]:
    with core.database.read() as session:
        row = alerting.get(session, alert)
        assert row
        found = alert_reports.lines(session, row, core.clock.now())
        return {line.speaker.id: (line.hearing, line.why) for line in found}


def test_the_board_says_what_each_speaker_told_and_no_more(core: Core, clock: FixedClock) -> None:
    alert = raised(core).alert.id
    with core.database.write() as session:
        session.get_one(Speaker, "loa-4").state = SpeakerState.LOST
        for name in ("loa-1", "loa-2", "loa-3"):
            session.get_one(Speaker, name).state = SpeakerState.READY
        alert_reports.write_audience(session, session.get_one(Alert, alert), Geography.load(session), clock.now())
    assert board(core, alert)["loa-1"] == (Hearing.WAITING, "")
    for event in (Event.ARMED, Event.STARTED, Event.FINISHED):
        report(core, alert, "loa-1", event)
    report(core, alert, "loa-2", Event.STARTED)
    report(core, alert, "loa-1", Event.STOPPED, why=Why.WITHDRAWN)
    clock.advance(timedelta(seconds=61))
    assert board(core, alert) == {
        "loa-1": (Hearing.HEARD, ""),
        "loa-2": (Hearing.SOUNDING, ""),
        "loa-3": (Hearing.SILENT, "no-report"),
        "loa-4": (Hearing.OFFLINE, ""),
    }
    report(core, alert, "loa-3", Event.SKIPPED, why=Why.NOT_CACHED)
    assert board(core, alert)["loa-3"] == (Hearing.SILENT, "not-cached")


def test_receipts_of_alerts_there_never_were_leave_no_trace(core: Core) -> None:
    report(core, "kc-20261122-nobody", "loa-1", Event.STARTED)
    with core.database.read() as session:
        assert not session.scalars(select(AlertReport)).all()


def test_only_connected_speakers_that_have_not_answered_are_told_again(core: Core) -> None:
    alert = raised(core).alert.id
    with core.database.write() as session:
        for name in ("loa-1", "loa-2", "loa-3"):
            session.get_one(Speaker, name).state = SpeakerState.READY
    report(core, alert, "loa-1", Event.ARMED)
    with core.database.write() as session:
        row = session.get_one(Alert, alert)
        assert alert_reports.unarmed(session, row, set(town.SPEAKERS)) == ["loa-2", "loa-3"]
        alerting.end_alert(session, core, alert, DUTY, words=False)
        assert alert_reports.unarmed(session, row, set(town.SPEAKERS)) == ["loa-1"]


def test_warming_up_leaves_nothing_behind(filled: Database, clock: FixedClock) -> None:
    core = town.core(filled, clock)
    with filled.write() as session:
        alerting.warm_up(session, core)
    with filled.read() as session:
        for table in (Alert, AlertSound, AlertTarget, Published, AuditEntry):
            assert session.scalars(select(table)).all() == []
    assert raised(core).fresh


def test_both_databases_take_an_alert_from_its_raising_to_its_end(filled: Database, clock: FixedClock) -> None:
    core = town.core(filled, clock)
    keep_everything(core)
    with filled.write() as session:
        standing.follow(session, alert_tables.load("hue"))
    first = raised(core, places=("thon-dong", "ven-suoi"), values={"so": "13"})
    report(core, first.alert.id, "loa-1", Event.STARTED)
    with filled.write() as session:
        alert_reports.write_audience(
            session, session.get_one(Alert, first.alert.id), Geography.load(session), clock.now()
        )
        done = alerting.end_alert(session, core, first.alert.id, DUTY, words=True)
        assert [one.ended for one in told(core, done)] == [True, True, False, False]
        assert chain.first_break(session, AuditEntry) is None
        assert session.scalars(select(AlertReport)).all()


def test_a_speaker_that_is_right_to_leave_a_correction_out_is_neither_silent_nor_told_again(
    core: Core, clock: FixedClock
) -> None:
    alert = raised(core).alert.id
    report(core, alert, "loa-1", Event.STARTED)
    report(core, alert, "loa-4", Event.STARTED)
    with core.database.write() as session:
        for name in ("loa-1", "loa-2", "loa-3", "loa-4"):
            session.get_one(Speaker, name).state = SpeakerState.READY
        place = session.get_one(Speaker, "loa-3").place_id
        session.add(ToldByPerson(alert_id=alert, place_id=place, account_id=1, at=clock.now()))
        alerting.correct_alert(session, core, alert, DUTY)
        words = session.scalars(select(Alert).where(Alert.follows_id == alert)).one()
    report(core, words.id, "loa-1", Event.STARTED)
    for name in ("loa-2", "loa-3", "loa-4"):
        report(core, words.id, name, Event.SKIPPED, why=Why.NOT_BEGUN)
    clock.advance(timedelta(seconds=61))
    with core.database.read() as session:
        assert alert_reports.unarmed(session, words, {"loa-1", "loa-2", "loa-3", "loa-4"}) == []
    assert board(core, words.id) == {
        "loa-1": (Hearing.SOUNDING, ""),
        "loa-2": (Hearing.SPARED, "not-begun"),
        "loa-3": (Hearing.SILENT, alert_reports.TOLD),
        "loa-4": (Hearing.SILENT, alert_reports.FORGOTTEN),
    }
