"""The week of a place as a calendar, the next 24 hours of a speaker, and what should be playing now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.airing import BroadcastState, Coverage
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Delivery, Place, Speaker
from scheduler import power, timeline
from scheduler.timeline import Sounding
from web import coverage, rule_words
from web.access import requires
from web.context import now, services, zone

pages = Blueprint("week", __name__)

_DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
_MOVABLE: Final = frozenset({BroadcastState.PLANNED, BroadcastState.PREPARING})
_LISTED: Final = 200
"""Speakers that are listed beside a week."""
_MINUTES: Final = 24 * 60


@dataclass(frozen=True)
class Entry:
    """One line of a day: what is planned, and what became of it."""

    sounding: Sounding
    places: str
    coverage: Coverage
    movable: bool


@dataclass(frozen=True)
class Day:
    """One day of the calendar, with its lunar date and what is celebrated."""

    date: date
    words: str
    lunar: str
    holiday: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Bar:
    """A stretch in a drawing of a day: minutes from its beginning."""

    x: float
    width: float


def _locale() -> Locale:
    locale: Locale | None = get_locale()
    assert locale  # noqa: S101  a page is always rendered for somebody
    return locale


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a local day."""
    return datetime.combine(day, time.min, zone)


@pages.get("/week")
@requires()
def show() -> ResponseReturnValue:
    """A week of one place: what is planned, and of the past what became of it."""
    today = now().astimezone(zone()).date()
    first = monday_of(day_typed(request.args.get("date", "")) or today)
    with services().database.read() as session:
        places = session.scalars(select(Place).order_by(Place.position, Place.id)).all()
        place = next((each for each in places if each.code == request.args.get("place")), places[0] if places else None)
        return render_template(
            "week.html",
            days=_days(session, first, place, places),
            first=first,
            before=first - WEEK,
            after=first + WEEK,
            today=today,
            place=place,
            places=places,
            speakers=_speakers(session, place),
        )


def _speakers(session: Session, place: Place | None) -> Sequence[Speaker]:
    """The speakers in service that hear what is aired in a place."""
    if place is None:
        return []
    heard = Geography.load(session).heard_by([place.code])
    return session.scalars(select(Speaker).where(Speaker.id.in_(sorted(heard)[:_LISTED])).order_by(Speaker.id)).all()


def _days(session: Session, first: date, place: Place | None, places: Sequence[Place]) -> list[Day]:
    begin, end = midnight(first, zone()), midnight(first + WEEK, zone())
    found = timeline.soundings(session, zone(), begin, end, now())
    if place is not None:
        zones = Geography.load(session).zones_at(place.id)
        inside = {place.code, *(each.code for each in places if each.parent_id == place.id)}
        found = [each for each in found if each.heard_at(zones) or inside & set(each.zones)]
    entries = _entries(session, found, {each.code: each.name for each in places})
    days = []
    for number in range(7):
        day = first + number * _DAY
        mine = tuple(each for each in entries if each.sounding.start.astimezone(zone()).date() == day)
        words = rule_words.day_in_words(day, _locale())
        days.append(Day(day, words, rule_words.lunar_in_words(day), rule_words.holiday(day), mine))
    return days


def _entries(session: Session, found: Iterable[Sounding], names: Mapping[str, str]) -> list[Entry]:
    listed = list(found)
    ids = [each.broadcast for each in listed if each.broadcast]
    rows = session.scalars(select(Broadcast).where(Broadcast.id.in_(ids))).all() if ids else []
    counts = coverage.of_broadcasts(session, rows, now())
    return [
        Entry(
            each,
            ", ".join(names.get(code, code) for code in each.zones),
            counts.get(each.broadcast, Coverage()),
            each.state in _MOVABLE and each.start > now(),
        )
        for each in listed
    ]


@pages.get("/week/speaker/<speaker>")
@requires()
def of_speaker(speaker: str) -> ResponseReturnValue:
    """The next 24 hours of sound of one speaker, as list and timeline, with the hours its amplifier is on."""
    with services().database.read() as session:
        found = session.get(Speaker, speaker)
        geography = Geography.load(session)
        if found is None or speaker not in geography.speakers:
            abort(404)
        sounds = next_day(session, geography, speaker)
        lead = timedelta(milliseconds=found.amp_lead_ms)
        windows = power.windows((each.stretch for each in sounds), lead)
        last = select(Delivery).where(Delivery.speaker_id == speaker, Delivery.started_at.is_not(None))
        return render_template(
            "speaker_day.html",
            speaker=found,
            sounds=sounds,
            playing=timeline.should_play(sounds, geography.zones_of(speaker), now()),
            windows=windows,
            bars=[_bar(each.stretch) for each in sounds],
            axis=[now() + timedelta(hours=hours) for hours in range(0, 25, 6)],
            power=[_bar(each) for each in windows],
            last=session.scalar(last.order_by(Delivery.started_at.desc()).limit(1)),
        )


def next_day(session: Session, geography: Geography, speaker: str) -> list[Sounding]:
    """What a speaker is meant to play from now on for 24 hours."""
    found = timeline.soundings(session, zone(), now(), now() + _DAY, now())
    return [each for each in timeline.heard_by(found, geography, speaker) if each.to_air]


def should_be_playing(session: Session) -> list[tuple[str, Sounding]]:
    """What should be playing now, place by place, by plan and time alone; only where something should."""
    found = timeline.soundings(session, zone(), now(), now() + timedelta(seconds=1), now())
    geography = Geography.load(session)
    told: dict[int, Sounding] = {}
    for place in sorted(set(geography.speakers.values())):
        if sounding := timeline.should_play(found, geography.zones_at(place), now()):
            told[place] = sounding
    names = {place.id: place.name for place in session.scalars(select(Place).where(Place.id.in_(told)))}
    return [(names[place], sounding) for place, sounding in told.items()]


def _bar(stretch: tuple[datetime, datetime]) -> Bar:
    start = max(0.0, (stretch[0] - now()) / timedelta(minutes=1))
    end = min(float(_MINUTES), (stretch[1] - now()) / timedelta(minutes=1))
    return Bar(round(start, 1), round(max(end - start, 3), 1))


def day_typed(typed: str) -> date | None:
    """A day in an address or a form; None for anything else."""
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return found if date(1970, 1, 8) <= found < date(9000, 1, 1) else None
