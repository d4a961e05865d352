"""Taking in a bulletin: check it, store it once, or say what is wrong with which field."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster import airing, chain
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.rows import Bulletin, Draft, Place, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class
from scheduler import quiet, recurrence

MAX_TEXT: Final = 20_000
MAX_TITLE: Final = 200
_PAST_GRACE: Final = timedelta(seconds=30)
"""A form that was opened for this very minute is not refused for the seconds it took to send."""


@dataclass(frozen=True)
class Problem:
    """Why a field can't be taken; ``code`` names the sentence, ``values`` fill it."""

    field: str
    code: str
    values: tuple[str, ...] = ()


class SubmissionError(LoaError):
    """The submission has problems; nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(", ".join(f"{problem.field}: {problem.code}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Submission:
    """What an officer sends in.

    Attributes:
        submission: the form's own name, made when it was opened: the same form sent twice is one bulletin.
        spoken: the reading, when the officer corrected it; empty means that the rules read ``text``.
        start_at: aware; None with `ScheduleKind.NOW`.
        until: last local day of a daily schedule.
        places: codes of places.
        replaces: id of the schedule this one takes the place of.
    """

    submission: str
    title: str
    text: str
    kind: ScheduleKind
    places: tuple[str, ...]
    spoken: str = ""
    klass: Class = Class.ROUTINE
    category: str = ""
    voice: str = "north"
    repeats: int = 1
    chime: bool = True
    start_at: datetime | None = None
    until: date | None = None
    replaces: int | None = None


def _check_text(submission: Submission) -> list[Problem]:
    text = submission.text.strip()
    if not text:
        return [Problem("text", "empty")]
    if len(text) > MAX_TEXT:
        return [Problem("text", "too-long", (str(len(text)), str(MAX_TEXT)))]
    foreign = tts.reading.unspeakable(f"{text}\n{submission.spoken}")
    if foreign:
        return [Problem("text", "unspeakable", tuple(dict.fromkeys(piece.source for piece in foreign))[:10])]
    if not any(character.isalnum() for character in text):
        return [Problem("text", "no-words")]
    return []


def _check_time(submission: Submission, station: Station, now: datetime) -> list[Problem]:
    start = submission.start_at
    zone = ZoneInfo(station.timezone)
    problems = []
    if submission.kind is not ScheduleKind.NOW:
        if start is None:
            return [Problem("start_at", "missing")]
        if start < now - _PAST_GRACE and submission.kind is ScheduleKind.ONCE:
            problems.append(Problem("start_at", "past"))
    if submission.until and start and submission.until < start.astimezone(zone).date():
        problems.append(Problem("until", "before-start"))
    if submission.klass is not Class.EMERGENCY and quiet.is_quiet(station, start or now):
        problems.append(Problem("start_at", "quiet-hours", (station.quiet_start or "", station.quiet_until or "")))
    return problems


def _find_places(session: Session, submission: Submission, geography: Geography) -> tuple[list[Place], list[Problem]]:
    if not submission.places:
        return [], [Problem("places", "none")]
    found = {place.code: place for place in session.scalars(select(Place).where(Place.code.in_(submission.places)))}
    problems = [Problem("places", "unknown", (code,)) for code in submission.places if code not in found]
    problems += [
        Problem("places", "no-speaker", (place.name,))
        for code, place in found.items()
        if not geography.heard_by([code])
    ]
    return list(found.values()), problems


def _stored(session: Session, submission: Submission) -> Schedule | None:
    """The schedule an earlier sending of the same form made."""
    sent = select(Schedule).join(Schedule.bulletin).where(Bulletin.submission == submission.submission)
    return session.scalar(sent.limit(1))


def submit(session: Session, submission: Submission, *, account_id: int, now: datetime) -> Schedule:
    """Store a bulletin and its schedule, once, in the transaction of ``session``.

    Errors: SubmissionError.
    """
    if stored := _stored(session, submission):
        return stored
    station = session.scalars(select(Station)).one()
    geography = Geography.load(session)
    places, problems = _find_places(session, submission, geography)
    problems = _check_text(submission) + _check_time(submission, station, now) + problems
    if len(submission.title) > MAX_TITLE:
        problems.append(Problem("title", "too-long", (str(len(submission.title)), str(MAX_TITLE))))
    if problems:
        raise SubmissionError(problems)
    replaced = session.get(Schedule, submission.replaces) if submission.replaces else None
    bulletin = Bulletin(
        submission=submission.submission,
        title=submission.title.strip() or _title_from(submission.text),
        text=submission.text.strip(),
        spoken=submission.spoken.strip() or tts.reading.read(submission.text).spoken,
        klass=submission.klass,
        category=submission.category,
        voice=submission.voice,
        repeats=submission.repeats,
        chime=submission.chime,
        replaces_id=replaced.bulletin_id if replaced else None,
        account_id=account_id,
        created_at=now,
    )
    targets = {place.id: place for place in places}
    schedule = Schedule(
        bulletin=bulletin,
        kind=submission.kind,
        start_at=submission.start_at,
        rrule=recurrence.daily(submission.until) if submission.kind is ScheduleKind.DAILY else "",
        account_id=account_id,
        created_at=now,
        targets=_reduced(session, geography, targets),
    )
    session.add(schedule)
    if replaced and not replaced.cancelled_at:
        airing.cancel_schedule(session, replaced.id, account_id=account_id, now=now)
    if draft := session.get(Draft, submission.submission):
        session.delete(draft)
    session.flush()
    chain.audit(
        session,
        at=now,
        account_id=account_id,
        action="bulletin.submit",
        subject=str(bulletin.id),
        detail={"title": bulletin.title, "schedule": schedule.id, "places": [place.code for place in schedule.targets]},
    )
    return schedule


def _reduced(session: Session, geography: Geography, chosen: dict[int, Place]) -> list[Place]:
    return [chosen.get(place) or session.get_one(Place, place) for place in geography.reduce(chosen)]


def _title_from(text: str) -> str:
    """The first words of a text that came without a title."""
    words = text.split()
    title = " ".join(words[:8])
    return title if len(words) <= 8 else title + "…"  # noqa: PLR2004  a line of a list
