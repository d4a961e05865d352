"""The fields of the form that makes a programme: what was typed, how its lines move, and what they mean. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster.hours import WEEKDAYS
from broadcaster.rows import Bulletin, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE
from scheduler import announcing, rundown
from scheduler.materialisation import rule_of
from scheduler.programmes import MAX_TIMES
from scheduler.rundown import Bulletins, Fixed, Item, Music, Overrun, Relay, Rundown, Tune, Words
from scheduler.submissions import Problem
from web import when
from web.when import When

KINDS: Final = ("tune", "words", "relay", "bulletin", "bulletins", "music")
PRESETS: Final = ("phuong", "xa", "trong")
WHENS: Final = tuple(kind for kind in when.KINDS if kind not in {"now", "programme", "minutes"})
_MAX_LINE: Final = 2_000
_MAX_LINES: Final = 40


@dataclass(frozen=True)
class Line:
    """One item of the rundown as it was typed; which of its fields count follows from ``kind``."""

    kind: str
    sound: str = ""
    text: str = ""
    address: str = ""
    name: str = ""
    minutes: str = "20"
    bulletin: str = ""
    categories: tuple[str, ...] = ()
    days: str = "1"


@dataclass(frozen=True)
class Typed:
    """Every field as it was typed.

    Attributes:
        planned: minutes.
        times: further times of the day, as people write them.
    """

    title: str = ""
    klass: str = Class.ROUTINE.value
    voice: str = ""
    planned: str = "15"
    overrun: str = Overrun.DROP.value
    times: str = ""
    places: tuple[str, ...] = ()
    when: When = field(default_factory=lambda: When(kind="daily"))
    replaces: str = ""
    displaces: str = ""
    lines: tuple[Line, ...] = ()


def of_form(lists: Mapping[str, Sequence[str]]) -> Typed:
    """The fields of a sent form; items in the order of their numbers."""

    def first(name: str) -> str:
        return (lists.get(name) or [""])[0].replace("\r\n", "\n")[:_MAX_LINE]

    numbers = sorted({int(match[1]) for name in lists if (match := re.fullmatch(r"i-(\d{1,3})-kind", name))})
    plain = {each.name: first(each.name) for each in fields(Typed) if each.type is str}
    lines = tuple(_line(number, lists, first) for number in numbers[:_MAX_LINES] if first(f"i-{number}-kind") in KINDS)
    places = tuple(dict.fromkeys(lists.get("places") or ()))
    return Typed(**plain, places=places, when=when.of_form(lists), lines=lines)


def _line(number: int, lists: Mapping[str, Sequence[str]], first: Any) -> Line:
    known = {each.name: first(f"i-{number}-{each.name}") for each in fields(Line) if each.type is str}
    return Line(**known, categories=tuple(lists.get(f"i-{number}-categories") or ()))


def rearranged(typed: Typed, action: str, added: str, *, sound: str = "") -> Typed | None:
    """The form after one of its buttons: "add", "up-2", "down-2", "drop-2"; None for any other button."""
    lines = list(typed.lines)
    if action == "add" and added in KINDS and len(lines) < _MAX_LINES:
        return replace(typed, lines=(*lines, Line(added, sound=sound if added in {"tune", "relay", "music"} else "")))
    match = re.fullmatch(r"(up|down|drop)-(\d{1,3})", action)
    if match is None or int(match[2]) >= len(lines):
        return None
    line = lines.pop(int(match[2]))
    if match[1] != "drop":
        lines.insert(max(0, int(match[2]) + (1 if match[1] == "down" else -1)), line)
    return replace(typed, lines=tuple(lines))


def preset(name: str, sounds: Mapping[str, str], day: str, voice: str) -> Typed:
    """A form to begin with; ``sounds`` are those of the shelf by what they are for: opening, closing."""
    opening, closing = sounds.get("opening", ""), sounds.get("closing", "")
    begin = (Line("tune", sound=opening), Line("words", text=announcing.OPENING))
    end = (Line("words", text=announcing.CLOSING), Line("tune", sound=closing))
    if name == "phuong":
        weekly = When(kind="weekly", date=day, time="06:00", weekdays=WEEKDAYS[:5])
        return Typed("", voice=voice, planned="15", times="17:00", when=weekly, lines=(*begin, Line("bulletins"), *end))
    if name == "xa":
        relay = Line("relay", sound=opening, name="VOV1", minutes="20")
        lines = (*begin, relay, Line("bulletins"), Line("music", sound=closing), *end)
        daily = When(kind="daily", date=day, time="05:30")
        return Typed("", voice=voice, planned="45", times="11:00, 17:00", when=daily, lines=lines)
    return Typed("", voice=voice, when=When(kind="daily", date=day))


def of_bulletin(bulletin: Bulletin, schedules: Sequence[Schedule], zone: ZoneInfo) -> Typed:
    """A stored programme as a form; the first of ``schedules`` is the one that is replaced."""
    wanted = rundown.read(bulletin.rundown or {})
    typed = Typed(
        bulletin.title,
        bulletin.klass.value,
        bulletin.voice,
        str(wanted.planned_ms // MINUTE),
        wanted.overrun.value,
        lines=tuple(map(_of_item, wanted.items)),
    )
    if not schedules:
        return typed
    rule = rule_of(schedules[0], zone)
    others = (each.start_at.astimezone(zone) for each in schedules[1:] if each.start_at)
    return replace(
        typed,
        times=", ".join(f"{other:%H:%M}" for other in others),
        places=tuple(place.code for place in schedules[0].targets),
        when=when.of_rule(rule) if rule else typed.when,
        replaces=str(schedules[0].id),
    )


def alike(schedules: Sequence[Schedule], zone: ZoneInfo) -> tuple[Schedule, ...]:
    """The times of the day of a programme, without single occurrences of it that were moved elsewhere."""
    first = schedules[0]

    def day(schedule: Schedule) -> date | None:
        once = schedule.kind is ScheduleKind.ONCE
        return schedule.start_at.astimezone(zone).date() if once and schedule.start_at else None

    return tuple(each for each in schedules if each.kind is first.kind and day(each) == day(first))


def _of_item(item: Item) -> Line:
    match item:
        case Tune():
            return Line("tune", sound=item.sound)
        case Words():
            return Line("words", text=item.text)
        case Relay():
            return Line("relay", sound=item.fallback, address=item.address, name=item.name, minutes=str(item.minutes))
        case Fixed():
            return Line("bulletin", bulletin=str(item.bulletin))
        case Bulletins():
            return Line("bulletins", sound=item.sting, categories=item.categories, days=str(item.days))
        case Music():
            return Line("music", sound=item.sound)


def meant(typed: Typed) -> Rundown:
    """The rundown that the form means; what is no number counts as 0, which is refused where it matters."""
    overrun = Overrun(typed.overrun) if typed.overrun in set(Overrun) else Overrun.DROP
    return Rundown(number(typed.planned) * MINUTE, overrun, tuple(map(_item, typed.lines)))


def _item(line: Line) -> Item:
    match line.kind:
        case "tune":
            return Tune(line.sound)
        case "words":
            return Words(line.text)
        case "relay":
            return Relay(line.address.strip(), number(line.minutes), line.sound, line.name.strip())
        case "bulletin":
            return Fixed(number(line.bulletin))
        case "bulletins":
            return Bulletins(line.categories, number(line.days), line.sound)
        case _:
            return Music(line.sound)


def number(typed: str) -> int:
    """A whole number, or 0."""
    text = typed.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004  no field holds more


def times_of(typed: str) -> tuple[tuple[time, ...], list[Problem]]:
    """Further times of the day: "11:00, 17:00"."""
    found, problems = [], []
    for word in re.split(r"[,;\s]+", typed.strip()):
        try:
            at = time.fromisoformat(word.rjust(5, "0")) if word else None
        except ValueError:
            problems.append(Problem("times", "not-times", (word,)))
            continue
        if at:
            found.append(at.replace(tzinfo=None))
    if len(found) > MAX_TIMES:
        problems.append(Problem("times", "too-many", (str(MAX_TIMES),)))
    return tuple(found[:MAX_TIMES]), problems
