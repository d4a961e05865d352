"""The week of a place as a calendar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.airing import BroadcastState, Coverage
from broadcaster.rows import Broadcast, Place, Speaker
from scheduler import timeline
from scheduler.timeline import Sounding
from web import coverage, on_air, rule_words
from web.access import requires
from web.context import geography, locale, now, services, zone
from web.paging import PLACES
from web.typed import FIRST_DAY, LAST_DAY

pages = Blueprint("week", __name__)

_DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
_MOVABLE: Final = frozenset({BroadcastState.PLANNED, BroadcastState.PREPARING})
_LISTED: Final = 200
"""Speakers that are listed beside a week."""


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
            days=days_of(session, first, 7, place, places),
            first=first,
            before=first - WEEK,
            after=first + WEEK,
            today=today,
            place=place,
            places=places,
            speakers=_speakers(session, place),
            on_air=on_air.of_place(session, place),
            apart=place is not None and len(on_air.inside(place)) > PLACES,
        )


def _speakers(session: Session, place: Place | None) -> Sequence[Speaker]:
    """The speakers in service that hear what is aired in a place."""
    if place is None:
        return []
    heard = geography().heard_by([place.code])
    return session.scalars(select(Speaker).where(Speaker.id.in_(sorted(heard)[:_LISTED])).order_by(Speaker.id)).all()


def days_of(session: Session, first: date, count: int, place: Place | None, places: Sequence[Place]) -> list[Day]:
    """So many days of a place and of what lies in it, from ``first`` on."""
    begin, end = midnight(first, zone()), midnight(first + count * _DAY, zone())
    found = timeline.soundings(session, zone(), begin, end, now(), on_air.near(place) if place else None)
    if place is not None:
        zones = geography().zones_at(place.id)
        inside = on_air.near(place) - set(zones) | {place.code}
        found = [each for each in found if each.heard_at(zones) or inside & set(each.zones)]
    entries = _entries(session, found, {each.code: each.name for each in places})
    days = []
    for number in range(count):
        day = first + number * _DAY
        mine = tuple(each for each in entries if each.sounding.start.astimezone(zone()).date() == day)
        words = rule_words.day_in_words(day, locale())
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


def day_typed(typed: str) -> date | None:
    """A day in an address or a form; None for anything else."""
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return found if FIRST_DAY <= found < LAST_DAY else None
