"""What an officer sends in, and everything that may be wrong with it, field by field. Stores nothing."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster.geography import Geography
from broadcaster.hours import Stretch
from broadcaster.rows import Place, Schedule, ScheduleKind, Sound, Station
from broadcaster.wire.documents import Class
from scheduler import lexicon, recurrence, rule_text, rules, timeline
from scheduler.recurrence import RuleError
from scheduler.rules import Commune
from scheduler.rundown import Rundown
from tts.legacy import legacy_code
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
_READING_GROWS: Final = 10
"""A reading is longer than its text: "9.999.999" has nine characters and is spoken with seventy."""
FORESEEN: Final = 60
"""How many times of a repeated schedule the rules are asked about beforehand; the planner asks about each."""
_DAY: Final = timedelta(days=1)
_PAST_GRACE: Final = timedelta(seconds=30)
"""A form that was opened for this very minute is not refused for the seconds it took to send."""


@dataclass(frozen=True)
class Problem:
    """Why a field can't be taken; ``code`` names the sentence, ``values`` fill it."""

    field: str
    code: str
    values: tuple[str, ...] = ()


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
        rundown: of a programme, which has no text of its own and is checked before (see `scheduler.programmes`).
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
    rundown: Rundown | None = None

    @property
    def length(self) -> timedelta:
        """How long it will be, about."""
        if self.rundown:
            return timedelta(milliseconds=self.rundown.planned_ms)
        return timeline.estimate(plain(self.spoken) or plain(self.text), self.repeats)


def plain(text: str) -> str:
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


def _check_content(session: Session, submission: Submission) -> list[Problem]:
    if submission.rundown:
        return []
    return _check_sound(session, submission) if submission.sound else _check_text(submission)


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
    text = plain(submission.text)
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
    if not tts.reading.read(plain(submission.spoken) or text).sentences:
        return [Problem("text", "no-words")]
    return []


def _check_time(submission: Submission, station: Station, now: datetime) -> list[Problem]:
    start = submission.start_at
    zone = ZoneInfo(station.timezone)
    problems = []
    if submission.kind in {ScheduleKind.ONCE, ScheduleKind.REPEATED}:
        if start is None:
            return [Problem("start_at", "missing")]
        past = start <= now if submission.rundown else start < now - _PAST_GRACE  # a programme is composed before
        if past and submission.kind is ScheduleKind.ONCE:
            problems.append(Problem("start_at", "past"))
    if submission.kind is ScheduleKind.REPEATED and start:
        problems += _check_rule(submission.rule, start, zone, now)
    return problems


def _check_rules(
    session: Session, submission: Submission, station: Station, geography: Geography, now: datetime
) -> list[Problem]:
    """Whether the commune's rules allow every time it would air, its end too, as far as they can be foreseen."""
    if submission.klass is Class.EMERGENCY or submission.kind is ScheduleKind.PROGRAMME:
        return []
    commune = Commune.load(session, station, now)
    zone = commune.hours.timezone
    start = (submission.start_at if submission.kind is not ScheduleKind.NOW else None) or now
    text = submission.rule if submission.kind is ScheduleKind.REPEATED else ""
    moments = recurrence.following(rule_text.read(text, start, zone), min(start, now) if not text else now, FORESEEN)
    heard = rules.listeners(geography, geography.heard_by(submission.places))
    for near in _near_each_other(moments):
        others = _heard_already(session, submission, geography, zone, near, now) if commune.counts_slots else {}
        for moment in near:
            mine = others.get(moment.astimezone(zone).date(), ())
            if broken := rules.breach(commune, heard, moment, moment + submission.length, mine):
                return [Problem("start_at", broken.rule.value, broken.values)]
    return []


def _near_each_other(moments: Sequence[datetime]) -> list[list[datetime]]:
    """Moments whose days are read together: all of a daily schedule, each by itself of a monthly one."""
    made: list[list[datetime]] = []
    for moment in moments:
        if made and moment - made[-1][-1] <= 2 * _DAY:
            made[-1].append(moment)
        else:
            made.append([moment])
    return made


def _heard_already(  # noqa: PLR0917  some days of one audience
    session: Session,
    submission: Submission,
    geography: Geography,
    zone: ZoneInfo,
    moments: Sequence[datetime],
    now: datetime,
) -> dict[date, list[Stretch]]:
    """What else the same people hear on the days of these moments, by day."""
    audience = geography.heard_by(submission.places)
    heard: dict[date, list[Stretch]] = defaultdict(list)
    for each in timeline.soundings(session, zone, moments[0] - _DAY, moments[-1] + _DAY, now):
        if each.to_air and each.schedule != submission.replaces and geography.heard_by(each.zones) & audience:
            heard[each.start.astimezone(zone).date()].append(each.stretch)
    return heard


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


def check(session: Session, submission: Submission, now: datetime) -> tuple[list[Place], list[Problem]]:
    """The places it is for, and everything that is wrong with it."""
    station, geography = session.scalars(select(Station)).one(), Geography.load(session)
    places, problems = _find_places(session, submission, geography)
    problems = [
        *_check_content(session, submission),
        *_check_time(submission, station, now),
        *problems,
        *_check_voice(submission),
        *_check_tunes(session, submission),
        *_check_rest(session, submission),
    ]
    if not any(problem.field in {"start_at", "rule"} for problem in problems):
        problems += _check_rules(session, submission, station, geography, now)
    return places, problems
