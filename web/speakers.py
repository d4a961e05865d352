"""The speakers: a map and a list by village, with the state of each in words."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.rows import Place, Speaker
from web import chart
from web.access import requires
from web.chart import Chart
from web.context import services

pages = Blueprint("speakers", __name__)

NEVER: Final = "never"
_ORDER: Final = ("ready", "init", "sleeping", "disconnected", "lost", NEVER)
_MAX_DRAWN: Final = 2000


def state_of(speaker: Speaker) -> str:
    """The state of a speaker, or that it was never heard of."""
    return speaker.state.value if speaker.state else NEVER


@dataclass(frozen=True)
class Village:
    """A place with its speakers."""

    place: Place
    speakers: tuple[Speaker, ...]


@pages.get("/speakers")
@requires()
def listing() -> ResponseReturnValue:
    """Map and list."""
    with services().database.read() as session:
        villages, drawing = _load(session)
        everyone = [speaker for village in villages for speaker in village.speakers]
        counted = Counter(state_of(speaker) for speaker in everyone)
        template = "_speakers_live.html" if request.args.get("part") == "live" else "speakers.html"
        return render_template(
            template,
            villages=villages,
            chart=drawing,
            width=chart.WIDTH,
            counts={state: counted[state] for state in _ORDER if counted[state]},
            total=len(everyone),
        )


def _load(session: Session) -> tuple[list[Village], Chart]:
    rows = select(Speaker).where(Speaker.retired_at.is_(None)).order_by(Speaker.name, Speaker.id)
    inside: dict[int, list[Speaker]] = {}
    positions = {}
    for speaker in session.scalars(rows):
        inside.setdefault(speaker.place_id, []).append(speaker)
        if speaker.latitude is not None and speaker.longitude is not None and len(positions) < _MAX_DRAWN:
            positions[speaker.id] = (speaker.latitude, speaker.longitude)
    places = session.scalars(select(Place).where(Place.id.in_(inside)).order_by(Place.position, Place.id))
    villages = [Village(place, tuple(inside[place.id])) for place in places]
    names = {village.place.name: [speaker.id for speaker in village.speakers] for village in villages}
    return villages, chart.draw(positions, names)
