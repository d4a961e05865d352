"""What a rehearsal of the whole chain has shown: who answered, how fast, who was silent, and what is new since the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from broadcaster.alert_reports import NAMED_AFTER
from broadcaster.geography import tops
from broadcaster.notices import tell
from broadcaster.people import Everybody
from broadcaster.permissions import Action
from broadcaster.rows import Alert, AlertReport, AlertSource, NoticeKind, RehearsalPlan, Speaker

_RECENT: Final = timedelta(days=1)
_NAMED: Final = 20
_CONCERNED: Final = (Action.RAISE, Action.SEE_STATUS)


@dataclass(frozen=True)
class Answer:
    """One speaker; lengths are from the order to its answer, None where it gave none.

    Attributes:
        before_ms: how long it took in the rehearsal before.
        is_known: whether it was asked then.
    """

    speaker: Speaker
    took_ms: int | None
    before_ms: int | None
    is_known: bool

    @property
    def is_new_silence(self) -> bool:
        """Whether it answered last time and does not now."""
        return self.took_ms is None and self.before_ms is not None

    @property
    def is_back(self) -> bool:
        """Whether it answers now and did not last time."""
        return self.took_ms is not None and self.is_known and self.before_ms is None


@dataclass(frozen=True)
class Report:
    """A rehearsal with its answers, the silent speakers first."""

    alert: Alert
    before: Alert | None
    answers: Sequence[Answer]

    @property
    def silent(self) -> list[Answer]:
        """Who gave no answer."""
        return [answer for answer in self.answers if answer.took_ms is None]

    @property
    def times_ms(self) -> list[int]:
        """How long those who answered took, the quickest first."""
        return sorted(answer.took_ms for answer in self.answers if answer.took_ms is not None)

    @property
    def median_ms(self) -> int | None:
        """How long half of them took at most."""
        return round(median(self.times_ms)) if self.times_ms else None

    def is_settled(self, now: datetime) -> bool:
        """Whether everybody has had the time to answer."""
        return now >= self.alert.raised_at + NAMED_AFTER


def plan(session: Session) -> RehearsalPlan | None:
    """The weekly plan as it stands."""
    return session.scalar(select(RehearsalPlan).order_by(RehearsalPlan.id.desc()).limit(1))


def latest(session: Session, count: int, before: datetime | None = None) -> Sequence[Alert]:
    """The last rehearsals, the newest first."""
    rows = select(Alert).where(Alert.source == AlertSource.REHEARSAL).order_by(Alert.raised_at.desc()).limit(count)
    return session.scalars(rows.where(Alert.raised_at < before) if before else rows).all()


def tallies(session: Session, alerts: Sequence[Alert]) -> Mapping[str, tuple[int, int]]:
    """How many answered, and how many were asked, by rehearsal."""
    answered = func.coalesce(AlertReport.armed_at, AlertReport.started_at)
    rows = select(AlertReport.alert_id, func.count(answered), func.count()).group_by(AlertReport.alert_id)
    wanted = rows.where(AlertReport.alert_id.in_([alert.id for alert in alerts]))
    return {alert_id: (heard, asked) for alert_id, heard, asked in session.execute(wanted)}


def report(session: Session, alert: Alert) -> Report:
    """What one rehearsal has shown."""
    before = next(iter(latest(session, 1, alert.raised_at)), None)
    last = _took(session, before) if before else {}
    reports = (
        select(AlertReport)
        .where(AlertReport.alert_id == alert.id)
        .options(joinedload(AlertReport.speaker).joinedload(Speaker.place))
    )
    answers = [
        Answer(row.speaker, _ms(row, alert), last.get(row.speaker_id), row.speaker_id in last)
        for row in session.scalars(reports)
    ]
    order = sorted(answers, key=lambda one: (one.took_ms is not None, not one.is_new_silence, one.speaker.id))
    return Report(alert, before, order)


def _took(session: Session, alert: Alert) -> Mapping[str, int | None]:
    rows = select(AlertReport).where(AlertReport.alert_id == alert.id)
    return {row.speaker_id: _ms(row, alert) for row in session.scalars(rows)}


def _ms(row: AlertReport, alert: Alert) -> int | None:
    """A speaker's clock may be some milliseconds behind ours."""
    at = row.armed_at or row.started_at
    return max(0, round((at - alert.raised_at).total_seconds() * 1000)) if at else None


def look(session: Session, now: datetime) -> int:
    """Tell duty officers and technicians what a rehearsal has shown, once; returns how many notices that were."""
    made = 0
    for alert in latest(session, 5):
        found = report(session, alert) if now - _RECENT < alert.raised_at and alert.audience_at else None
        if found and found.is_settled(now):
            everybody = Everybody(session, now)
            whole = [place.id for place in session.scalars(tops())]
            whom = {one for action in _CONCERNED for one in everybody.allowed(action, whole)}
            made += tell(session, whom, NoticeKind.REHEARSAL, alert.id, now, detail=_detail(found))
    return made


def _detail(found: Report) -> dict[str, object]:
    return {
        "rehearsal": found.alert.id,
        "answered": len(found.times_ms),
        "asked": len(found.answers),
        "silent": [answer.speaker.name for answer in found.silent[:_NAMED]],
        "new": sum(answer.is_new_silence for answer in found.answers),
    }
