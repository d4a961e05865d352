"""Taking in a bulletin: store it once, or say what is wrong with which field (see `scheduler.checks`)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster import airing, chain, library
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.rows import Bulletin, Draft, Place, Schedule, ScheduleKind, Sound, Station
from scheduler import conflicts, lexicon, recurrence, rule_text, rundown
from scheduler.checks import MAX_TEXT, MAX_TITLE, Problem, Submission, check, plain
from scheduler.materialisation import rule_of
from tts.reading import Lexicon

__all__ = ["MAX_TEXT", "MAX_TITLE", "Problem", "Submission", "SubmissionError", "submit"]

_TITLE_WORDS: Final = 8


class SubmissionError(LoaError):
    """The submission has problems; nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(", ".join(f"{problem.field}: {problem.code}" for problem in problems))
        self.problems = tuple(problems)


def find(session: Session, submission: str) -> Schedule | None:
    """The schedule an earlier sending of the same form made."""
    sent = select(Schedule).join(Schedule.bulletin).where(Bulletin.submission == submission)
    return session.scalar(sent.order_by(Schedule.id).limit(1))


def submit(session: Session, submission: Submission, *, account_id: int, now: datetime) -> Schedule:
    """Store a bulletin and its schedule, once, in the transaction of ``session``.

    Errors: SubmissionError.
    """
    if stored := find(session, submission.submission):
        return stored
    places, problems = check(session, submission, now)
    if problems:
        raise SubmissionError(problems)
    station, geography = session.scalars(select(Station)).one(), Geography.load(session)
    zone = ZoneInfo(station.timezone)
    replaced = session.get(Schedule, submission.replaces) if submission.replaces else None
    words = lexicon.in_force(session, submission.readings)
    bulletin = Bulletin(
        submission=submission.submission,
        title=plain(submission.title) or _title_from(plain(submission.text)) or _title_of(session, submission.sound),
        text=plain(submission.text),
        spoken=_spoken(submission, words),
        klass=submission.klass,
        category=submission.category,
        voice=submission.voice,
        repeats=submission.repeats,
        chime=submission.chime,
        sound_sha256=submission.sound or None,
        sound_start_ms=submission.sound_start_ms if submission.sound else 0,
        sound_end_ms=submission.sound_end_ms if submission.sound else None,
        music=submission.music and bool(submission.sound),
        opening_tune=submission.opening_tune,
        closing_tune=submission.closing_tune,
        opening_sound_sha256=submission.opening_sound or None,
        closing_sound_sha256=submission.closing_sound or None,
        speed=submission.speed,
        pause=submission.pause,
        readings=dict(submission.readings) or None,
        rundown=rundown.stored(submission.rundown) if submission.rundown else None,
        replaces_id=replaced.bulletin_id if replaced else None,
        account_id=account_id,
        created_at=now,
    )
    targets = {place.id: place for place in places}
    start = submission.start_at if submission.kind in {ScheduleKind.ONCE, ScheduleKind.REPEATED} else None
    if submission.kind is ScheduleKind.ONCE and start and start <= now:
        start = None  # this very minute: on the second it was meant for, its first words would be missed
    schedule = Schedule(
        bulletin=bulletin,
        kind=submission.kind if start or submission.kind is ScheduleKind.PROGRAMME else ScheduleKind.NOW,
        start_at=start,
        rrule=submission.rule if submission.kind is ScheduleKind.REPEATED else "",
        account_id=account_id,
        created_at=now,
        targets=_reduced(session, geography, targets),
    )
    session.add(schedule)
    if replaced:
        leave_out(schedule, left_out(replaced, zone), zone)
        airing.cancel_schedule(session, replaced.id, account_id=account_id, now=now)
    for number, moment in submission.displaces:
        other = session.get(Schedule, number)
        if other is not None and other.cancelled_at is None:
            conflicts.displace(session, other, moment, zone, account_id=account_id, now=now)
    if draft := session.get(Draft, submission.submission):
        session.delete(draft)
    session.flush()
    if submission.rundown is None:
        library.keep_bulletin(session, bulletin, now)
    chain.audit(
        session,
        at=now,
        account_id=account_id,
        action="bulletin.submit",
        subject=str(bulletin.id),
        detail={"title": bulletin.title, "schedule": schedule.id, "places": [place.code for place in schedule.targets]},
    )
    return schedule


def left_out(schedule: Schedule, zone: ZoneInfo) -> frozenset[datetime]:
    """The single occurrences that a schedule leaves out, by the wall clock: they gave way or were moved."""
    rule = rule_of(schedule, zone)
    return rule.skipped_times if rule else frozenset()


def leave_out(schedule: Schedule, moments: Collection[datetime], zone: ZoneInfo) -> bool:
    """Let a schedule leave out those of these moments that it has; returns whether it leaves any out."""
    rule = rule_of(schedule, zone)
    if rule is None or schedule.kind is not ScheduleKind.REPEATED:
        return False
    without = recurrence.leaving_out(rule, moments)
    schedule.rrule = rule_text.write(without)
    return bool(without.skipped_times)


def _reduced(session: Session, geography: Geography, chosen: dict[int, Place]) -> list[Place]:
    return [chosen.get(place) or session.get_one(Place, place) for place in geography.reduce(chosen)]


def _spoken(submission: Submission, words: Lexicon) -> str:
    """What a voice will say: nothing where a sound is heard instead."""
    if submission.sound or submission.rundown:
        return ""
    return plain(submission.spoken) or tts.reading.read(plain(submission.text), words).spoken


def _title_of(session: Session, sound: str) -> str:
    """A sound's own name, for a bulletin without words."""
    found = session.get(Sound, sound)
    return found.name[:MAX_TITLE] if found else ""


def _title_from(text: str) -> str:
    """The first words of a text that came without a title."""
    words = text.split()
    title = " ".join(words[:_TITLE_WORDS])
    cut = len(words) > _TITLE_WORDS or len(title) > MAX_TITLE
    return title[: MAX_TITLE - 1] + "…" if cut else title
