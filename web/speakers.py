"""The speakers: a map and a list by village, with the state of each in words."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.rows import Place, Speaker
from web import chart, day, enrolment
from web.access import ENROLLERS, VIEWERS, may, requires
from web.context import geography, services
from web.paging import PLACES, page_asked
from web.places import Choices

pages = Blueprint("speakers", __name__)

NEVER: Final = "never"
_ORDER: Final = ("ready", "init", "sleeping", "disconnected", "lost", NEVER)
_MAX_LISTED: Final = 1000
_ON_A_PAGE: Final = 100
"""Speakers; a place that has more is a page by itself."""
_MILLION: Final = 1_000_000


def state_of(speaker: Speaker) -> str:
    """The state of a speaker, or that it was never heard of."""
    return speaker.state.value if speaker.state else NEVER


def amplifier_is_on(speaker: Speaker) -> bool:
    """Whether its amplifier was on when it last reported."""
    on, off = speaker.amplifier_on_at, speaker.amplifier_off_at
    return on is not None and (off is None or off < on)


def megabytes(size: int) -> str:
    """A number of bytes in millions, as it is written in the language of the page."""
    millions = size / _MILLION
    return str(format_decimal(round(millions, 1 if millions >= 1 else 2)))


@dataclass(frozen=True)
class Village:
    """A place with its speakers."""

    place: Place
    speakers: tuple[Speaker, ...]


@pages.get("/speakers")
@requires(*VIEWERS)
def listing() -> ResponseReturnValue:
    """Map and list, a page of places at a time."""
    page, find = page_asked(), request.args.get("find", "").strip()[:100]
    with services().database.read() as session:
        counted = count_by_state(session)
        villages, more = _load(session, page, find)
        positions = {
            speaker.id: (speaker.latitude, speaker.longitude)
            for village in villages
            for speaker in village.speakers
            if speaker.latitude is not None and speaker.longitude is not None
        }
        names = {village.place.name: [speaker.id for speaker in village.speakers] for village in villages}
        template = "_speakers_live.html" if request.args.get("part") == "live" else "speakers.html"
        return render_template(
            template,
            villages=villages,
            chart=chart.draw(positions, names),
            width=chart.WIDTH,
            counts={state: counted[state] for state in _ORDER if counted[state]},
            total=counted.total(),
            page=page,
            find=find,
            more=more,
            amplifier_is_on=amplifier_is_on,
            off_until=day.off_until([village.place.id for village in villages]),
            waiting=enrolment.pending(session) if may(*ENROLLERS) else [],
        )


def count_by_state(session: Session) -> Counter[str]:
    """How many speakers are in each state."""
    rows = session.execute(
        select(Speaker.state, func.count()).where(Speaker.retired_at.is_(None)).group_by(Speaker.state)
    )
    return Counter({state.value if state else NEVER: count for state, count in rows})


def _load(session: Session, page: int, find: str) -> tuple[list[Village], bool]:
    """The places of one page that have speakers, of all or of those found, and whether there are more."""
    pages = _pages(session, find)
    shown = pages[page - 1] if page <= len(pages) else []
    inside: dict[int, list[Speaker]] = {place: [] for place in shown}
    rows = select(Speaker).where(Speaker.retired_at.is_(None), Speaker.place_id.in_(shown))
    for speaker in session.scalars(rows.order_by(Speaker.name, Speaker.id).limit(_MAX_LISTED)):
        inside[speaker.place_id].append(speaker)
    places = {place.id: place for place in session.scalars(select(Place).where(Place.id.in_(shown)))}
    return [Village(places[one], tuple(inside[one])) for one in shown], len(pages) > page


def _pages(session: Session, find: str) -> list[list[int]]:
    """The places with speakers, page by page."""
    rows = (
        select(Place.id, func.count())
        .join(Speaker, Speaker.place_id == Place.id)
        .where(Speaker.retired_at.is_(None))
        .group_by(Place.id)
        .order_by(Place.position, Place.id)
    )
    named = Choices.load(session, geography()).find(find) if find else ()
    found = {place for one in named for place in (one.id, *one.own)}
    pages: list[list[int]] = []
    room = 0
    for place, count in session.execute(rows):
        if find and place not in found:
            continue
        if not pages or room < count or len(pages[-1]) == PLACES:
            pages.append([])
            room = _ON_A_PAGE
        pages[-1].append(place)
        room -= count
    return pages
