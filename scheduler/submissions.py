"""Taking in a bulletin: check it, store it once, or say what is wrong with which field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster import airing, chain, library
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.hours import OperatingHours, Stretch
from broadcaster.rows import Bulletin, Draft, Place, Schedule, ScheduleKind, Sound, Station
from broadcaster.wire.documents import Class
from scheduler import conflicts, lexicon, recurrence, rule_text, rules, timeline
from scheduler.recurrence import RuleError
from scheduler.rules import Commune
from tts.legacy import legacy_code
from tts.reading import Lexicon
from tts.settings import MAX_TUNE_MS, PAUSES, REPEATS, SPEEDS
from tts.tidying import tidied
from tts.voice import VOICES

MAX_TEXT: Final = 20_000
MAX_TITLE: Final = 200
MAX_CATEGORY: Final = 60
MAX_SOUND: Final = timedelta(minutes=30)
"""Of a sound with its repeats: nobody listens longer, and a small PC has to hold it."""
MIN_SOUND: Final = timedelta(milliseconds=400)
_BLANK: Final = re.compile(r"\{[^{}\n]{1,80}\}")
"""A blank of a template that nobody filled in."""
_TITLE_WORDS: Final = 8
_READING_GROWS: Final = 10
"""A reading is longer than its text: "9.999.999" has nine characters and is spoken with seventy."""
FORESEEN: Final = 60
"""How many times of a repeated schedule the rules are asked about beforehand; the planner asks about each."""
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
        sound: SHA-256 of a sound that is heard instead of a voice; ``text`` is then a note and may be empty.
        sound_start_ms: where it begins.
        sound_end_ms: where it ends; None is its end.
        music: whether that sound is music.
        opening_tune, closing_tune: whether a tune comes before and after all.
        opening_sound, closing_sound: SHA-256 of that tune; empty is the house's own.
        start_at: aware; None with `ScheduleKind.NOW`.
        rule: the text of its rule (see `scheduler.rule_text`), with `ScheduleKind.REPEATED`.
        speed, pause: keys of `tts.settings.SPEEDS` and `PAUSES`.
        readings: corrections of single words for this bulletin alone.
        places: codes of places.
        replaces: id of the schedule this one takes the place of.
        displaces: single occurrences that give way to this one: (schedule, moment).
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
    sound: str = ""
    sound_start_ms: int = 0
    sound_end_ms: int | None = None
    music: bool = False
    opening_tune: bool = False
    closing_tune: bool = False
    opening_sound: str = ""
    closing_sound: str = ""
    speed: str = "normal"
    pause: str = "normal"
    readings: Mapping[str, str] = field(default_factory=dict)
    start_at: datetime | None = None
    rule: str = ""
    replaces: int | None = None
    displaces: tuple[tuple[int, datetime], ...] = ()


def _plain(text: str) -> str:
    """A text without what no database keeps, nobody sees, or Word put before it."""
    return tidied(text)


def _check_sound(session: Session, submission: Submission) -> list[Problem]:
    sound = session.get(Sound, submission.sound)
    if sound is None:
        return [Problem("sound", "gone")]
    if len(submission.text) > MAX_TEXT:
        return [Problem("text", "too-long", (str(len(submission.text)), str(MAX_TEXT)))]
    start, end = submission.sound_start_ms, submission.sound_end_ms
    end = sound.duration_ms if end is None else min(end, sound.duration_ms)
    length = timedelta(milliseconds=end - start)
    if start < 0 or length < MIN_SOUND:
        return [Problem("sound", "too-short")]
    if length * submission.repeats > MAX_SOUND:
        return [Problem("sound", "too-long", (str(MAX_SOUND // timedelta(minutes=1)),))]
    count = len(sound.peaks)
    first, last = start * count // sound.duration_ms, -(-end * count // sound.duration_ms)
    return [] if any(sound.peaks[first:last]) else [Problem("sound", "silent")]


def _check_tunes(session: Session, submission: Submission) -> list[Problem]:
    problems = []
    for field_name, sha256 in (
        ("opening_tune", submission.opening_sound),
        ("closing_tune", submission.closing_sound),
    ):
        if not sha256:
            continue
        sound = session.get(Sound, sha256)
        if sound is None:
            problems.append(Problem(field_name, "gone"))
        elif sound.duration_ms > MAX_TUNE_MS:
            problems.append(Problem(field_name, "too-long"))
    return problems


def _check_letters(text: str, spoken: str) -> Problem | None:
    if unfilled := _BLANK.findall(text):
        return Problem("text", "unfilled", tuple(dict.fromkeys(unfilled))[:10])
    code = legacy_code(f"{text}\n{spoken}")
    return Problem("text", "legacy-font", (code,)) if code else None


def _check_text(submission: Submission) -> list[Problem]:
    text = _plain(submission.text)
    if not text:
        return [Problem("text", "empty")]
    longest = max(len(text), len(submission.spoken) // _READING_GROWS)
    if longest > MAX_TEXT:
        return [Problem("text", "too-long", (str(longest), str(MAX_TEXT)))]
    if wrong := _check_letters(text, submission.spoken):
        return [wrong]
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
    if submission.kind is ScheduleKind.REPEATED and start:
        problems += _check_rule(submission.rule, start, zone, now)
    return problems


def _check_rules(
    session: Session, submission: Submission, station: Station, geography: Geography, now: datetime
) -> list[Problem]:
    """Whether the commune's rules allow every time it would air, its end too, as far as they can be foreseen."""
    if submission.klass is Class.EMERGENCY:
        return []
    commune = Commune.of(station, OperatingHours.load(session, station))
    zone = commune.hours.timezone
    start = (submission.start_at if submission.kind is not ScheduleKind.NOW else None) or now
    text = submission.rule if submission.kind is ScheduleKind.REPEATED else ""
    moments = recurrence.following(rule_text.read(text, start, zone), min(start, now) if not text else now, FORESEEN)
    speakers = geography.heard_by(submission.places)
    heard = rules.listeners(geography, speakers)
    length = timeline.estimate(_plain(submission.spoken) or _plain(submission.text), submission.repeats)
    for moment in moments:
        others = _others(session, commune, submission, geography.heard_by(submission.places), geography, moment, now)
        if broken := rules.breach(commune, heard, moment, moment + length, others):
            return [Problem("start_at", broken.rule.value, broken.values)]
    return []


def _others(  # noqa: PLR0917  one day of one audience
    session: Session,
    commune: Commune,
    submission: Submission,
    audience: frozenset[str],
    geography: Geography,
    moment: datetime,
    now: datetime,
) -> list[Stretch]:
    """What else the same people hear on that day, where the rules count it."""
    if not commune.counts_slots:
        return []
    day = timedelta(days=1)
    found = timeline.soundings(session, commune.hours.timezone, moment - day, moment + day, now)
    return [
        each.stretch
        for each in found
        if each.to_air and each.schedule != submission.replaces and geography.heard_by(each.zones) & audience
    ]


def _check_rule(text: str, start: datetime, zone: ZoneInfo, now: datetime) -> list[Problem]:
    try:
        rule = rule_text.read(text, start, zone)
    except RuleError as error:
        return [Problem("rule", "not-understood", (str(error),))]
    return [] if recurrence.following(rule, max(start, now)) else [Problem("until", "before-start")]


def _check_voice(submission: Submission) -> list[Problem]:
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
        *(_check_sound(session, submission) if submission.sound else _check_text(submission)),
        *_check_time(submission, station, now),
        *problems,
        *_check_voice(submission),
        *_check_tunes(session, submission),
        *_check_rest(session, submission),
    ]
    if not any(problem.field in {"start_at", "rule"} for problem in problems):
        problems += _check_rules(session, submission, station, geography, now)
    if problems:
        raise SubmissionError(problems)
    replaced = session.get(Schedule, submission.replaces) if submission.replaces else None
    words = lexicon.in_force(session, submission.readings)
    bulletin = Bulletin(
        submission=submission.submission,
        title=_plain(submission.title) or _title_from(_plain(submission.text)) or _title_of(session, submission.sound),
        text=_plain(submission.text),
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
        rrule=submission.rule if submission.kind is ScheduleKind.REPEATED else "",
        account_id=account_id,
        created_at=now,
        targets=_reduced(session, geography, targets),
    )
    session.add(schedule)
    if replaced:
        airing.cancel_schedule(session, replaced.id, account_id=account_id, now=now)
    for number, moment in submission.displaces:
        other = session.get(Schedule, number)
        if other is not None and other.cancelled_at is None:
            conflicts.take_off(session, other, moment, ZoneInfo(station.timezone), account_id=account_id, now=now)
    if draft := session.get(Draft, submission.submission):
        session.delete(draft)
    session.flush()
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


def _reduced(session: Session, geography: Geography, chosen: dict[int, Place]) -> list[Place]:
    return [chosen.get(place) or session.get_one(Place, place) for place in geography.reduce(chosen)]


def _spoken(submission: Submission, words: Lexicon) -> str:
    """What a voice will say: nothing where a sound is heard instead."""
    if submission.sound:
        return ""
    return _plain(submission.spoken) or tts.reading.read(_plain(submission.text), words).spoken


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
