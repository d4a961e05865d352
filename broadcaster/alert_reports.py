"""What speakers report of alerts, and what is known of each: heard, sounding, silent with a reason, or not there."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from broadcaster.alert_documents import spoken_of
from broadcaster.alerting import PREFIX
from broadcaster.clock import from_ms
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AlertReport, Speaker, ToldByPerson
from broadcaster.wire.documents import Event, Receipt, SpeakerState, Why

NAMED_AFTER: Final = timedelta(seconds=45)
"""Then a speaker that has told nothing is named: 15 s after its last chance (`alert_keeper`), and people read it within the minute."""
_AWAY: Final = frozenset({SpeakerState.LOST, SpeakerState.DISCONNECTED, None})
_ALERT: Final = re.compile(rf"{PREFIX}|[0-9a-f]{{16}}-")
"""Begins the name of an alert: the station's, or a guest's, which begins with its key."""
_ENDED: Final = Why.WITHDRAWN.value
"""It sounded until the alert was ended."""
_NOT_BEGUN: Final = Why.NOT_BEGUN.value
TOLD: Final = "told-by-person"
"""Why a speaker that is right to leave words out is named all the same: its place knows of the alert from a person."""
FORGOTTEN: Final = "forgotten"
"""And here it had begun the alert by its own receipts, and knows no more of it."""


class Hearing(StrEnum):
    """What is known of one alert on one speaker."""

    HEARD = "heard"
    SOUNDING = "sounding"
    WAITING = "waiting"
    SILENT = "silent"
    OFFLINE = "offline"
    SPARED = "spared"
    """Words about an alert that it has not begun: it leaves them out, and nothing has to be done."""


UNHEARD: Final = frozenset({Hearing.SILENT, Hearing.OFFLINE})
"""Somebody has to be called."""


def take(session: Session, receipts: Iterable[tuple[str, Receipt]]) -> None:
    """Let the reports know what receipts of alerts tell, by speaker; their order does not matter."""
    told = [(speaker, receipt) for speaker, receipt in receipts if _ALERT.match(receipt.broadcast)]
    if not told:
        return
    alerts, speakers = {receipt.broadcast for _, receipt in told}, {speaker for speaker, _ in told}
    real = set(session.scalars(select(Alert.id).where(Alert.id.in_(alerts))))
    query = select(AlertReport).where(AlertReport.alert_id.in_(real), AlertReport.speaker_id.in_(speakers))
    known = {(report.alert_id, report.speaker_id): report for report in session.scalars(query)}
    for speaker, receipt in told:
        if receipt.broadcast not in real:
            continue
        report = known.get((receipt.broadcast, speaker))
        if report is None:
            report = known[receipt.broadcast, speaker] = AlertReport(alert_id=receipt.broadcast, speaker_id=speaker)
            session.add(report)
        apply(report, receipt)
    session.flush()


def apply(report: AlertReport, receipt: Receipt) -> None:
    """The first time of each kind counts, of reasons the last."""
    at = from_ms(receipt.at)
    match receipt.event:
        case Event.ARMED | Event.CACHED:
            report.armed_at = min(report.armed_at or at, at)
        case Event.STARTED:
            report.started_at = min(report.started_at or at, at)
        case Event.FINISHED:
            report.finished_at = min(report.finished_at or at, at)
        case _ if report.silent_at is None or at >= report.silent_at:
            report.silent_at, report.why = at, receipt.why.value if receipt.why else None


def write_audience(session: Session, alert: Alert, geography: Geography, now: datetime, at_most: int = 100_000) -> bool:
    """Write down for whom an alert is, so that a silent speaker has a row to be named by; returns whether all are there."""
    meant = geography.heard_by(place.code for place in alert.targets)
    known = set(session.scalars(select(AlertReport.speaker_id).where(AlertReport.alert_id == alert.id)))
    lacking = sorted(meant - known)
    if lacking:
        session.execute(
            insert(AlertReport), [{"alert_id": alert.id, "speaker_id": speaker} for speaker in lacking[:at_most]]
        )
    if len(lacking) <= at_most:
        alert.audience_at = now
    return len(lacking) <= at_most


def hearing(report: AlertReport, speaker: Speaker, alert: Alert, now: datetime) -> Hearing:
    """Which state a speaker is in; never more than it has told itself."""
    started, quiet = report.started_at, report.silent_at
    sounding = started is not None and (quiet is None or quiet < started or report.why == _ENDED)
    spared = quiet is not None and report.why == _NOT_BEGUN
    gone = speaker.state in _AWAY and report.armed_at is None
    return _hearing(bool(report.finished_at), sounding, spared, bool(quiet), gone, _is_named(alert, now))


def _hearing(finished: bool, sounding: bool, spared: bool, silent: bool, gone: bool, named: bool) -> Hearing:  # noqa: FBT001, PLR0917
    """The decision, on facts that the database can count by."""
    for holds, state in (
        (finished, Hearing.HEARD),
        (sounding, Hearing.SOUNDING),
        (spared, Hearing.SPARED),
        (silent, Hearing.SILENT),
        (gone, Hearing.OFFLINE),
        (named, Hearing.SILENT),
    ):
        if holds:
            return state
    return Hearing.WAITING


def _is_named(alert: Alert, now: datetime) -> bool:
    """Whether every speaker has had the time to answer."""
    return not alert.in_force(now) or now >= max(alert.raised_at, alert.hold_until or alert.raised_at) + NAMED_AFTER


@dataclass(frozen=True)
class Line:
    """One speaker on the board; ``why`` is a code, empty where nothing has to be explained."""

    speaker: Speaker
    report: AlertReport
    hearing: Hearing
    why: str


def lines(session: Session, alert: Alert, now: datetime, places: Collection[int] | None = None) -> list[Line]:
    """Every speaker of an alert, or those in some places."""
    rows = (
        select(AlertReport)
        .where(AlertReport.alert_id == alert.id)
        .options(joinedload(AlertReport.speaker).joinedload(Speaker.place))
        .order_by(AlertReport.speaker_id)
    )
    if places is not None:
        rows = rows.join(AlertReport.speaker).where(Speaker.place_id.in_(places))
    found = [_line(report, alert, now) for report in session.scalars(rows)]
    if any(line.hearing is Hearing.SPARED for line in found):
        return _doubted(session, alert, found)
    return found


def _line(report: AlertReport, alert: Alert, now: datetime) -> Line:
    state = hearing(report, report.speaker, alert, now)
    why = ""
    if state in {Hearing.SILENT, Hearing.SPARED}:
        why = report.why or ("not-started" if report.armed_at else "no-report")
    return Line(report.speaker, report, state, why)


def _doubted(session: Session, alert: Alert, found: Iterable[Line]) -> list[Line]:
    """Where words were left out, though people there know of the alert: from the speaker itself, or from somebody who called."""
    about = spoken_of(session, alert)
    begun = select(AlertReport.speaker_id).where(AlertReport.alert_id.in_(about), AlertReport.started_at.is_not(None))
    began = set(session.scalars(begun))
    told = set(session.scalars(select(ToldByPerson.place_id).where(ToldByPerson.alert_id.in_(about))))

    def judged(line: Line) -> Line:
        if line.hearing is not Hearing.SPARED or (line.speaker.id not in began and line.speaker.place_id not in told):
            return line
        return replace(line, hearing=Hearing.SILENT, why=FORGOTTEN if line.speaker.id in began else TOLD)

    return [judged(line) for line in found]


def unheard(session: Session, alert: Alert, now: datetime) -> list[Line]:
    """The speakers of an alert that are silent or away."""
    not_sounding = AlertReport.started_at.is_(None) | AlertReport.silent_at.is_not(None)
    rows = (
        select(AlertReport)
        .where(AlertReport.alert_id == alert.id, AlertReport.finished_at.is_(None), not_sounding)
        .options(joinedload(AlertReport.speaker).joinedload(Speaker.place))
        .order_by(AlertReport.speaker_id)
    )
    found = [_line(report, alert, now) for report in session.scalars(rows)]
    return [line for line in found if line.hearing in UNHEARD]


def by_place(session: Session, alert: Alert, now: datetime) -> Mapping[int, Counter[Hearing]]:
    """How many speakers of each place are in each state, counted by the database: of a province there are ten thousand."""
    quiet, why, about = AlertReport.silent_at, func.coalesce(AlertReport.why, ""), spoken_of(session, alert)
    facts = (
        AlertReport.finished_at.is_not(None),
        AlertReport.started_at.is_not(None) & (quiet.is_(None) | (quiet < AlertReport.started_at) | (why == _ENDED)),
        quiet.is_not(None) & (why == _NOT_BEGUN) & ~_knows(about),
        quiet.is_not(None),
        or_(Speaker.state.is_(None), Speaker.state.in_(_AWAY - {None})) & AlertReport.armed_at.is_(None),
    )
    told = (
        select(Speaker.place_id, *(fact.label(f"fact{number}") for number, fact in enumerate(facts)))
        .join(AlertReport.speaker)
        .where(AlertReport.alert_id == alert.id)
        .subquery()
    )
    named, counted = _is_named(alert, now), defaultdict[int, Counter[Hearing]](Counter)
    rows = session.execute(select(*told.c, func.count()).group_by(*told.c))
    for row in rows:
        place, finished, sounding, spared, silent, gone, count = tuple(row)
        counted[place][_hearing(finished, sounding, spared, silent, gone, named)] += count
    return counted


def _knows(about: Collection[str]) -> ColumnElement[bool]:
    """Whether somebody at a speaker knows of one of these alerts: see `_doubted`."""
    other = aliased(AlertReport)
    began = exists().where(
        other.alert_id.in_(about), other.speaker_id == AlertReport.speaker_id, other.started_at.is_not(None)
    )
    return began | Speaker.place_id.in_(select(ToldByPerson.place_id).where(ToldByPerson.alert_id.in_(about)))


def counts(inside: Mapping[int, Counter[Hearing]]) -> Mapping[Hearing, int]:
    """How many speakers are in each state in all places."""
    counted = sum(inside.values(), Counter[Hearing]())
    return {state: counted[state] for state in Hearing}


def unarmed(session: Session, alert: Alert, audience: Collection[str]) -> list[str]:
    """The connected speakers of an audience that have not answered the alert, or its end."""
    reports = {
        report.speaker_id: report
        for report in session.scalars(select(AlertReport).where(AlertReport.alert_id == alert.id))
    }
    gone = Speaker.state.in_([SpeakerState.LOST, SpeakerState.DISCONNECTED]) | Speaker.state.is_(None)
    away = set(session.scalars(select(Speaker.id).where(gone)))

    def knows(speaker: str) -> bool:
        report = reports.get(speaker)
        if alert.ended_at:
            return report is None or report.armed_at is None or bool(report.silent_at or report.finished_at)
        return report is not None and bool(report.armed_at or report.started_at or report.why == _NOT_BEGUN)

    return sorted(speaker for speaker in audience if speaker not in away and not knows(speaker))
