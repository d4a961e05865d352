"""The fields of the form that writes a bulletin: what was typed, and what it means. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from broadcaster.clock import from_ms
from broadcaster.rows import Bulletin, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler.lexicon import MAX_CORRECTIONS
from scheduler.materialisation import rule_of
from scheduler.submissions import Problem, Submission
from tts.settings import HOUSE_TUNE, REPEATS
from tts.trimming import Part
from tts.voice import VOICES
from web import when
from web.when import When

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
    "văn hóa – thể thao": {"opening_tune": HOUSE_TUNE, "closing_tune": HOUSE_TUNE},
}
"""What a category changes of the form's first values (`PLAIN`) until an administrator or the writer chooses otherwise."""
PLAIN: Final[Mapping[str, str]] = {
    "repeats": "1",
    "speed": "normal",
    "pause": "normal",
    "voice": next(iter(VOICES)),
    "chime": "1",
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
    opening_tune: str = ""
    closing_tune: str = ""
    music: bool = False
    speed: str = "normal"
    pause: str = "normal"
    readings: str = ""
    places: tuple[str, ...] = ()
    when: When = field(default_factory=When)
    replaces: str = ""
    sound: str = ""
    sound_from: str = ""
    sound_to: str = ""
    displaces: str = ""


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
    return Fields(when=When(date=day.isoformat()))


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
        opening_tune=_tune(line("opening_tune")),
        closing_tune=_tune(line("closing_tune")),
        music=bool(line("music")),
        speed=line("speed") or "normal",
        pause=line("pause") or "normal",
        readings=long("readings")[:_MAX_READINGS],
        places=tuple(dict.fromkeys(lists.get("places") or ())),
        when=when.of_form(lists),
        replaces=line("replaces"),
        sound=line("sound"),
        sound_from=line("sound_from"),
        sound_to=line("sound_to"),
        displaces=line("displaces"),
    )


def _tune(typed: str | bool) -> str:  # noqa: FBT001  a draft of an earlier version holds a tick
    """Nothing, the house's own tune, or a hash; forms and drafts of earlier versions have a tick instead."""
    return HOUSE_TUNE if typed in {True, "1"} else str(typed or "")


def suited(typed: Fields, choices: Mapping[str, str]) -> Fields:
    """The form with what suits its category."""
    values: dict[str, Any] = {**PLAIN, **choices}
    return replace(typed, **{**values, "chime": bool(values["chime"])})


def mended(typed: Fields, fix: str) -> Fields:
    """The form with one click of a note carried out; ``fix`` is "field=value&…", of the fields that say when."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(fix):
        given.setdefault(name, []).append(value)
    known = {each.name for each in fields(When)} & set(given)
    changes: dict[str, Any] = {name: given[name][0] for name in known}
    if "weekdays" in known:
        changes["weekdays"] = tuple(given["weekdays"])
    displaces = " ".join(dict.fromkeys([*typed.displaces.split(), *given.get("displaces", ())]))
    return replace(typed, when=replace(typed.when, **changes), displaces=displaces)


def of_draft(stored: Mapping[str, Any]) -> Fields:
    """The fields of a draft; what this version does not know is left out."""
    known = {each.name for each in fields(Fields)}
    kept = {name: value for name, value in stored.items() if name in known}
    typed_when = when.of_draft(
        stored.get("when", stored)
    )  # a draft of the first version has these fields among its own
    tunes = {name: _tune(kept.get(name, "")) for name in ("opening_tune", "closing_tune")}
    return replace(Fields(), **{**kept, **tunes, "places": tuple(kept.get("places", ())), "when": typed_when})


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
        sound=bulletin.sound_sha256 or "",
        sound_from=seconds_text(bulletin.sound_start_ms),
        sound_to="" if bulletin.sound_end_ms is None else seconds_text(bulletin.sound_end_ms),
        opening_tune=(bulletin.opening_sound_sha256 or HOUSE_TUNE) if bulletin.opening_tune else "",
        closing_tune=(bulletin.closing_sound_sha256 or HOUSE_TUNE) if bulletin.closing_tune else "",
        music=bulletin.music,
        speed=bulletin.speed,
        pause=bulletin.pause,
        readings=json.dumps(bulletin.readings, ensure_ascii=False) if bulletin.readings else "",
    )
    if schedule is None:
        return filled
    if schedule.kind is ScheduleKind.PROGRAMME:
        return replace(filled, places=tuple(place.code for place in schedule.targets), when=When(kind="programme"))
    rule = rule_of(schedule, zone)
    return replace(
        filled,
        places=tuple(place.code for place in schedule.targets),
        when=when.of_rule(rule) if rule else When(kind=ScheduleKind.NOW.value),
    )


def parse(typed: Fields, submission: str, zone: ZoneInfo, now: datetime) -> tuple[Submission, list[Problem]]:
    """What the fields mean, and which of them mean nothing."""
    problems: list[Problem] = []
    klass = _choice(Class.ROUTINE, typed.klass, "klass", problems)
    if klass not in CLASSES:
        problems.append(Problem("klass", "unknown"))
    meant, wrong = when.parse(typed.when, zone, now)
    problems += wrong
    if typed.voice not in VOICES:
        problems.append(Problem("voice", "unknown"))
    if not typed.repeats.isdecimal() or int(typed.repeats) not in REPEATS:
        problems.append(Problem("repeats", "unknown"))
    if typed.category not in CATEGORIES:
        problems.append(Problem("category", "unknown"))
    part = part_of(typed, problems)
    wanted = Submission(
        submission=submission,
        title=typed.title.strip(),
        text=typed.text,
        kind=meant.kind,
        places=typed.places,
        spoken=typed.spoken,
        klass=klass,
        category=typed.category,
        voice=typed.voice,
        repeats=int(typed.repeats) if typed.repeats.isdecimal() else 1,
        chime=typed.chime,
        sound=typed.sound,
        sound_start_ms=part.start_ms,
        sound_end_ms=part.end_ms,
        music=typed.music,
        opening_tune=bool(typed.opening_tune),
        closing_tune=bool(typed.closing_tune),
        opening_sound=typed.opening_tune.replace(HOUSE_TUNE, ""),
        closing_sound=typed.closing_tune.replace(HOUSE_TUNE, ""),
        speed=typed.speed,
        pause=typed.pause,
        readings=corrections(typed.readings),
        start_at=meant.start_at,
        rule=meant.rule,
        replaces=_row(typed.replaces) if typed.replaces.isdecimal() else None,
        displaces=tuple(displaced(typed.displaces)),
    )
    return wanted, problems


def _row(typed: str) -> int:
    return int(typed) if len(typed) < 10 else 0  # noqa: PLR2004  no row has more digits; there is no row 0


def seconds_text(milliseconds: int) -> str:
    """A moment of a sound as the form shows it; nothing for its beginning."""
    return f"{milliseconds / 1000:g}" if milliseconds else ""


def part_of(typed: Fields, problems: list[Problem]) -> Part:
    """Which part of its sound the form means; seconds with a point or a comma."""
    moments: list[int | None] = []
    for text in (typed.sound_from, typed.sound_to):
        try:
            seconds = float(text.strip().replace(",", ".")) if text.strip() else None
            moments.append(None if seconds is None else round(seconds * 1000))
        except (ValueError, OverflowError):
            problems.append(Problem("sound", "not-a-time"))
            moments.append(None)
    start, end = moments
    return Part(start or 0, end)


def displaced(typed: str) -> Iterator[tuple[int, datetime]]:
    """Occurrences that give way, as "schedule@milliseconds schedule@milliseconds"; what is not one is left out."""
    for word in typed.split():
        number, _, moment = word.partition("@")
        if number.isdecimal() and moment.isdecimal() and max(len(number), len(moment)) < 15:  # noqa: PLR2004  beyond any year
            yield int(number), from_ms(int(moment))


def _choice(first: _Choice, typed: str, field: str, problems: list[Problem]) -> _Choice:
    """The member of ``first``'s enumeration that was typed; ``first`` itself when there is none."""
    try:
        return type(first)(typed)
    except ValueError:
        problems.append(Problem(field, "unknown"))
        return first
