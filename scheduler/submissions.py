"""Taking in a bulletin: check it, store it once, or say what is wrong with which field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from scheduler import lexicon, quiet, recurrence
from tts.settings import PAUSES, REPEATS, SPEEDS
from tts.voice import VOICES

MAX_TEXT: Final = 20_000
MAX_TITLE: Final = 200
MAX_CATEGORY: Final = 60
_TITLE_WORDS: Final = 8
_READING_GROWS: Final = 10
"""A reading is longer than its text: "9.999.999" has nine characters and is spoken with seventy."""
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
        speed, pause: keys of `tts.settings.SPEEDS` and `PAUSES`.
        readings: corrections of single words for this bulletin alone.
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
    opening_tune: bool = False
    closing_tune: bool = False
    speed: str = "normal"
    pause: str = "normal"
    readings: Mapping[str, str] = field(default_factory=dict)
    start_at: datetime | None = None
    until: date | None = None
    replaces: int | None = None


def _plain(text: str) -> str:
    """A text without what no database keeps and nobody sees."""
    return text.replace("\x00", "").strip()


def _check_text(submission: Submission) -> list[Problem]:
    text = _plain(submission.text)
    if not text:
        return [Problem("text", "empty")]
    longest = max(len(text), len(submission.spoken) // _READING_GROWS)
    if longest > MAX_TEXT:
        return [Problem("text", "too-long", (str(longest), str(MAX_TEXT)))]
    foreign = tts.reading.unspeakable(f"{text}\n{submission.spoken}")
    if foreign:
        return [Problem("text", "unspeakable", tuple(dict.fromkeys(piece.source for piece in foreign))[:10])]
    if not tts.reading.read(_plain(submission.spoken) or text).sentences:
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
    if submission.kind is ScheduleKind.DAILY and start and submission.until:
        rule, earliest = recurrence.daily(submission.until), max(start, now)
        if not any(recurrence.occurrences(rule, start, zone, earliest, earliest + timedelta(days=2))):
            problems.append(Problem("until", "before-start"))
    if submission.klass is not Class.EMERGENCY and quiet.is_quiet(station, start or now):
        problems.append(Problem("start_at", "quiet-hours", (station.quiet_start or "", station.quiet_until or "")))
    return problems


def _check_sound(submission: Submission) -> list[Problem]:
    problems = []
    if submission.voice not in VOICES:
        problems.append(Problem("voice", "unknown"))
    if submission.repeats not in REPEATS:
        problems.append(Problem("repeats", "unknown"))
    if submission.speed not in SPEEDS:
        problems.append(Problem("speed", "unknown"))
    if submission.pause not in PAUSES:
        problems.append(Problem("pause", "unknown"))
    for written, spoken in submission.readings.items():
        if not lexicon.is_usable(written, spoken):
            problems.append(Problem("text", "reading", (written, spoken)))
    return problems


def _check_rest(session: Session, submission: Submission) -> list[Problem]:
    problems = []
    for name, length, limit in (
        ("title", len(submission.title), MAX_TITLE),
        ("category", len(submission.category), MAX_CATEGORY),
    ):
        if length > limit:
            problems.append(Problem(name, "too-long", (str(length), str(limit))))
    replaced = session.get(Schedule, submission.replaces) if submission.replaces else None
    if submission.replaces and (replaced is None or replaced.cancelled_at):
        problems.append(Problem("replaces", "gone"))  # someone else has changed or cancelled it: both would air
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
    problems = [
        *_check_text(submission),
        *_check_time(submission, station, now),
        *problems,
        *_check_sound(submission),
        *_check_rest(session, submission),
    ]
    if problems:
        raise SubmissionError(problems)
    replaced = session.get(Schedule, submission.replaces) if submission.replaces else None
    words = lexicon.in_force(session, submission.readings)
    bulletin = Bulletin(
        submission=submission.submission,
        title=_plain(submission.title) or _title_from(_plain(submission.text)),
        text=_plain(submission.text),
        spoken=_plain(submission.spoken) or tts.reading.read(_plain(submission.text), words).spoken,
        klass=submission.klass,
        category=submission.category,
        voice=submission.voice,
        repeats=submission.repeats,
        chime=submission.chime,
        opening_tune=submission.opening_tune,
        closing_tune=submission.closing_tune,
        speed=submission.speed,
        pause=submission.pause,
        readings=dict(submission.readings) or None,
        replaces_id=replaced.bulletin_id if replaced else None,
        account_id=account_id,
        created_at=now,
    )
    targets = {place.id: place for place in places}
    start = None if submission.kind is ScheduleKind.NOW else submission.start_at
    if submission.kind is ScheduleKind.ONCE and start and start <= now:
        start = None  # this very minute: on the second it was meant for, its first words would be missed
    schedule = Schedule(
        bulletin=bulletin,
        kind=submission.kind if start else ScheduleKind.NOW,
        start_at=start,
        rrule=recurrence.daily(submission.until) if submission.kind is ScheduleKind.DAILY else "",
        account_id=account_id,
        created_at=now,
        targets=_reduced(session, geography, targets),
    )
    session.add(schedule)
    if replaced:
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
    title = " ".join(words[:_TITLE_WORDS])
    cut = len(words) > _TITLE_WORDS or len(title) > MAX_TITLE
    return title[: MAX_TITLE - 1] + "…" if cut else title
