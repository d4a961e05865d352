"""What was understood of a pasted bulletin: hazard, level, places, times, a short version, and what is doubtful."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from broadcaster.weather import brief, hazards, names, times
from broadcaster.weather.text import Text

_OLD: Final = timedelta(hours=12)
"""The offices issue a bulletin every three to twelve hours: an older one has a successor."""
_MAX_BRIEF: Final = 1_000
_FLOODS: Final = ("lu-1", "lu-2", "lu-3")


@dataclass(frozen=True)
class Mark:
    """Something recognised, from ``start`` to ``end`` of `Reading.text`; ``kind`` is hazard, level, place or time."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Doubt:
    """Something the officer should look at: a code, and what it is about."""

    code: str
    about: str = ""


@dataclass(frozen=True)
class Reading:
    """A proposal for an alert.

    Attributes:
        text: what was pasted, in NFC; marks are places in it.
        template: code of the template that fits best.
        level: None where the bulletin names none.
        places: codes; the whole station where the bulletin names none of its places.
        values: fields of the template.
        brief: a short version for loudspeakers.
    """

    text: str
    template: str
    level: int | None
    places: tuple[str, ...]
    issued: datetime | None
    until: datetime | None
    following: datetime | None
    values: Mapping[str, str]
    brief: str
    marks: tuple[Mark, ...]
    doubts: tuple[Doubt, ...]


@dataclass
class _Notes:
    """What is gathered on the way."""

    marks: list[Mark] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)

    def mark(self, kind: str, spans: Iterable[tuple[int, int]]) -> None:
        self.marks += [Mark(start, end, kind) for start, end in spans]

    def doubt(self, code: str, about: str = "") -> None:
        self.doubts.append(Doubt(code, about))


def read(pasted: str, places: Mapping[str, str], tops: Iterable[str], now: datetime, template: str = "") -> Reading:
    """Understand a bulletin.

    Args:
        pasted: as the office wrote it.
        places: names of the station's places and of what they lie in, by code.
        tops: codes of the places that are the whole station.
        now: an aware moment in the station's time zone.
        template: what the officer knows better.
    """
    text, notes = Text.of(pasted), _Notes()
    if text.plain:
        notes.doubt("no-diacritics")
    code = template or _template(text, notes)
    named, chosen = _places(text, places, tuple(tops), notes)
    found = _times(text, now, notes)
    number = hazards.storm(text)
    storm = str(number.values[0]) if number.values else ""
    if code == "bao":
        notes.mark("hazard", number.spans[:1])
        if len(set(number.values)) > 1:
            notes.doubt("several-storms", ", ".join(dict.fromkeys(map(str, number.values))))
    following = found.following.at if found.following else None
    closing = f"Tin tiếp theo lúc {_spoken(following, now)}" if following else ""
    spans = [(one.start, one.end) for one in named]
    short = brief.write(text, storm=storm, template=code, named=spans, closing=closing)
    if not short or short == f"{closing}.":
        notes.doubt("no-brief")
    return Reading(
        text=text.raw,
        template=code,
        level=_level(text, notes),
        places=chosen,
        issued=found.issued.at if found.issued else None,
        until=found.until.at if found.until else None,
        following=following,
        values={"so": storm} if storm and code == "bao" else {},
        brief=short[:_MAX_BRIEF],
        marks=_apart(notes.marks),
        doubts=tuple(notes.doubts),
    )


def _template(text: Text, notes: _Notes) -> str:
    found = hazards.hazards(text)
    if not found.values:
        notes.doubt("no-hazard")
        return "khac"
    best = str(found.values[0])
    notes.mark("hazard", found.spans)
    headed = [str(one) for one, span in zip(found.values, found.spans, strict=True) if span[0] < text.title_end]
    if len(headed) > 1:
        notes.doubt("several-hazards", ",".join(_flood(text, one, _Notes()) for one in headed[1:]))
    elif not headed and len(found.values) > 1:
        notes.doubt("hazard-from-body")
    return _flood(text, best, notes)


def _flood(text: Text, code: str, notes: _Notes) -> str:
    """Which of the three floods: the highest alarm level that is spoken of."""
    if code != hazards.FLOOD:
        return code
    found = hazards.alarms(text)
    if not found.values:
        notes.doubt("no-alarm-level")
        return _FLOODS[1]
    notes.mark("level", found.spans)
    if len(set(found.values)) > 1:
        notes.doubt("several-alarm-levels", ", ".join(str(one) for one in sorted(set(found.values), key=str)))
    return _FLOODS[max(int(one) for one in found.values) - 1]


def _level(text: Text, notes: _Notes) -> int | None:
    found = hazards.levels(text)
    if not found.values:
        notes.doubt("no-level")
        return None
    notes.mark("level", found.spans)
    several = sorted({int(one) for one in found.values})
    if len(several) > 1:
        notes.doubt("several-levels", ", ".join(map(str, several)))
    return several[-1]


def _places(
    text: Text, places: Mapping[str, str], tops: tuple[str, ...], notes: _Notes
) -> tuple[list[names.Named], tuple[str, ...]]:
    found, unknown = names.find(text, places)
    named = list(found)
    notes.mark("place", ((one.start, one.end) for one in named))
    sure = tuple(names.codes(named))
    for code in names.codes(named, sure=False):
        notes.doubt("unsure-place", places[code])
    for name in dict.fromkeys(one.text for one in unknown if one.village):
        notes.doubt("unknown-place", name)
    inner = [code for code in sure if code not in tops]
    if not sure:
        notes.doubt("no-place", ", ".join(dict.fromkeys(one.text for one in unknown if not one.village)))
    elif inner and len(inner) < len(sure):
        notes.doubt("wide-and-narrow", ", ".join(places[code] for code in inner))
    return named, sure or tops


def _times(text: Text, now: datetime, notes: _Notes) -> times.Times:
    found = times.find(text, now)
    notes.mark("time", (one.span for one in (found.issued, found.until, found.following) if one))
    if found.issued is None:
        notes.doubt("no-issued")
    elif found.issued.guessed:
        notes.doubt("issued-guessed")
    if found.issued and found.issued.at > now + timedelta(hours=1):
        notes.doubt("issued-ahead")
    if (found.until and found.until.at <= now) or (found.following and found.following.at <= now):
        notes.doubt("over")
    elif found.issued and now - found.issued.at > _OLD:
        notes.doubt("old")
    return found


def _spoken(at: datetime, now: datetime) -> str:
    """A moment as a loudspeaker says it."""
    clock = f"{at.hour} giờ {at.minute}" if at.minute else f"{at.hour} giờ"
    return clock if at.date() == now.date() else f"{clock} ngày {at.day} tháng {at.month}"


def _apart(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks in order, none inside another."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda one: (one.start, -one.end)):
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return tuple(kept)
