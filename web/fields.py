"""The fields of the form that writes a bulletin: what was typed, and what it means. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from broadcaster.rows import Bulletin, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler.lexicon import MAX_CORRECTIONS
from scheduler.submissions import Problem, Submission
from tts.settings import REPEATS
from tts.voice import VOICES

_Choice = TypeVar("_Choice", bound=StrEnum)

CLASSES: Final = (Class.ROUTINE, Class.PRIORITY)
"""An emergency has its own page and its own people."""
CATEGORIES: Final = (
    "thông báo chung",
    "nông nghiệp",
    "hành chính công",
    "họp dân",
    "điện nước",
    "an ninh",
    "y tế",
    "giáo dục",
    "thiên tai",
    "văn hóa – thể thao",
    "trả lời phản ánh",
)
DEFAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "thiên tai": {"repeats": "3", "speed": "slow", "pause": "long"},
    "an ninh": {"repeats": "2"},
    "y tế": {"repeats": "2", "speed": "slow"},
    "điện nước": {"repeats": "2"},
    "họp dân": {"repeats": "2"},
    "văn hóa – thể thao": {"opening_tune": "1", "closing_tune": "1"},
}
"""What a category changes of the form's first values (`PLAIN`), as long as nobody has chosen otherwise."""
PLAIN: Final[Mapping[str, str]] = {
    "repeats": "1",
    "speed": "normal",
    "pause": "normal",
    "opening_tune": "",
    "closing_tune": "",
}
_EVENING: Final = time(20)
_MAX_LINE: Final = 300
_MAX_READINGS: Final = 50_000


@dataclass(frozen=True)
class Fields:
    """Every field as it was typed, so that a form can be shown again as it was."""

    title: str = ""
    text: str = ""
    spoken: str = ""
    klass: str = Class.ROUTINE.value
    category: str = CATEGORIES[0]
    voice: str = next(iter(VOICES))
    repeats: str = "1"
    chime: bool = True
    opening_tune: bool = False
    closing_tune: bool = False
    speed: str = "normal"
    pause: str = "normal"
    readings: str = ""
    places: tuple[str, ...] = ()
    kind: str = ScheduleKind.ONCE.value
    date: str = ""
    time: str = ""
    until: str = ""
    replaces: str = ""


def corrections(typed: str) -> dict[str, str]:
    """The readings that the page keeps in a hidden field; what is not such a table counts as none."""
    try:
        table = json.loads(typed) if typed else {}
    except ValueError:
        return {}
    if not isinstance(table, dict):
        return {}
    pairs = list(table.items())[:MAX_CORRECTIONS]
    return {written: spoken for written, spoken in pairs if isinstance(spoken, str)}


def blank(now: datetime, zone: ZoneInfo) -> Fields:
    """An empty form: today, or tomorrow once the evening has come."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=local.time() >= _EVENING)
    return Fields(date=day.isoformat())


def of_form(lists: Mapping[str, Sequence[str]]) -> Fields:
    """The fields of a sent form; line ends become single."""

    def line(name: str) -> str:
        return (lists.get(name) or [""])[0][:_MAX_LINE]

    def long(name: str) -> str:
        return (lists.get(name) or [""])[0].replace("\r\n", "\n")

    return Fields(
        title=line("title"),
        text=long("text"),
        spoken=long("spoken"),
        klass=line("klass"),
        category=line("category"),
        voice=line("voice"),
        repeats=line("repeats"),
        chime=bool(line("chime")),
        opening_tune=bool(line("opening_tune")),
        closing_tune=bool(line("closing_tune")),
        speed=line("speed") or "normal",
        pause=line("pause") or "normal",
        readings=long("readings")[:_MAX_READINGS],
        places=tuple(dict.fromkeys(lists.get("places") or ())),
        kind=line("kind"),
        date=line("date"),
        time=line("time"),
        until=line("until"),
        replaces=line("replaces"),
    )


def of_draft(stored: Mapping[str, Any]) -> Fields:
    """The fields of a draft; what this version does not know is left out."""
    known = {field.name for field in fields(Fields)}
    kept = {name: value for name, value in stored.items() if name in known}
    return replace(Fields(), **{**kept, "places": tuple(kept.get("places", ()))})


def of_bulletin(bulletin: Bulletin, schedule: Schedule | None, reading: str, zone: ZoneInfo) -> Fields:
    """A stored bulletin as fields. ``reading`` is what the rules make of its text: a corrected one is kept."""
    filled = Fields(
        title=bulletin.title,
        text=bulletin.text,
        spoken="" if bulletin.spoken == reading else bulletin.spoken,
        klass=bulletin.klass.value,
        category=bulletin.category,
        voice=bulletin.voice,
        repeats=str(bulletin.repeats),
        chime=bulletin.chime,
        opening_tune=bulletin.opening_tune,
        closing_tune=bulletin.closing_tune,
        speed=bulletin.speed,
        pause=bulletin.pause,
        readings=json.dumps(bulletin.readings, ensure_ascii=False) if bulletin.readings else "",
    )
    if schedule is None:
        return filled
    local = schedule.start_at.astimezone(zone) if schedule.start_at else None
    until = next((part[6:14] for part in schedule.rrule.split(";") if part.startswith("UNTIL=")), "")
    return replace(
        filled,
        places=tuple(place.code for place in schedule.targets),
        kind=schedule.kind.value,
        date=f"{local:%Y-%m-%d}" if local else "",
        time=f"{local:%H:%M}" if local else "",
        until=f"{until[:4]}-{until[4:6]}-{until[6:]}" if until else "",
    )


def parse(typed: Fields, submission: str, zone: ZoneInfo, now: datetime) -> tuple[Submission, list[Problem]]:
    """What the fields mean, and which of them mean nothing."""
    problems: list[Problem] = []
    kind = _choice(ScheduleKind.NOW, typed.kind, "kind", problems)
    klass = _choice(Class.ROUTINE, typed.klass, "klass", problems)
    if klass not in CLASSES:
        problems.append(Problem("klass", "unknown"))
    start = None if kind is ScheduleKind.NOW else _moment(typed, zone, now, kind, problems)
    until = _date(typed.until, "until", problems) if kind is ScheduleKind.DAILY and typed.until else None
    if typed.voice not in VOICES:
        problems.append(Problem("voice", "unknown"))
    if not typed.repeats.isdecimal() or int(typed.repeats) not in REPEATS:
        problems.append(Problem("repeats", "unknown"))
    if typed.category not in CATEGORIES:
        problems.append(Problem("category", "unknown"))
    wanted = Submission(
        submission=submission,
        title=typed.title.strip(),
        text=typed.text,
        kind=kind,
        places=typed.places,
        spoken=typed.spoken,
        klass=klass,
        category=typed.category,
        voice=typed.voice,
        repeats=int(typed.repeats) if typed.repeats.isdecimal() else 1,
        chime=typed.chime,
        opening_tune=typed.opening_tune,
        closing_tune=typed.closing_tune,
        speed=typed.speed,
        pause=typed.pause,
        readings=corrections(typed.readings),
        start_at=start,
        until=until,
        replaces=int(typed.replaces) if typed.replaces.isdecimal() else None,
    )
    return wanted, problems


def _choice(first: _Choice, typed: str, field: str, problems: list[Problem]) -> _Choice:
    """The member of ``first``'s enumeration that was typed; ``first`` itself when there is none."""
    try:
        return type(first)(typed)
    except ValueError:
        problems.append(Problem(field, "unknown"))
        return first


def _date(typed: str, field: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        problems.append(Problem(field, "not-a-date"))
        return None


def _moment(
    typed: Fields, zone: ZoneInfo, now: datetime, kind: ScheduleKind, problems: list[Problem]
) -> datetime | None:
    """The moment of date and time on the station's wall clock; a daily one without a date begins today."""
    if not typed.time.strip() or (not typed.date.strip() and kind is ScheduleKind.ONCE):
        return None  # said to be missing where everything is checked
    day = _date(typed.date, "start_at", problems) if typed.date.strip() else now.astimezone(zone).date()
    try:
        at = time.fromisoformat(typed.time.strip())
    except ValueError:
        problems.append(Problem("start_at", "not-a-time"))
        return None
    if day is None or at.tzinfo:
        return None
    moment = datetime.combine(day, at, zone).astimezone(UTC)
    if moment.astimezone(zone).time() != at:
        problems.append(Problem("start_at", "no-such-time"))
    return moment
