"""The strip that says what is on the air in a place, and keeps saying it."""

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import airing
from broadcaster.rows import Broadcast, Place
from broadcaster.wire.documents import Class
from scheduler import rules
from web.access import VIEWERS, requires
from web.context import commune, geography, now, services
from web.paging import PLACES

pages = Blueprint("on_air", __name__)


@pages.get("/on-air")
@requires(*VIEWERS)
def show() -> ResponseReturnValue:
    """The strip of a place, or of the whole station; nothing when the browser has it already."""
    with services().database.read() as session:
        place = session.scalar(select(Place).where(Place.code == request.args.get("place", "")))
        response = make_response(render_template("_on_air.html", on_air=of_place(session, place)))
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def inside(place: Place) -> list[str]:
    """The codes of the places right inside another."""
    return [spot.code for spot in geography().spots.values() if spot.parent_id == place.id]


def near(place: Place) -> frozenset[str]:
    """The zones that are heard in a place, and those right inside it where they fit on a page."""
    found = inside(place)
    return frozenset({*geography().zones_at(place.id), *(found if len(found) <= PLACES else ())})


def of_place(session: Session, place: Place | None) -> list[Broadcast]:
    """What is on the air in a place, or right inside it; everywhere when no place is named."""
    found = airing.on_air(session, now())
    if place is None:
        return found
    zones = geography().zones_at(place.id)
    around, silent = near(place), rules.silence(commune(), zones, now(), now())
    return [
        each
        for each in found
        if around & {target.code for target in each.schedule.targets}
        and place not in each.excluded
        and not (silent and each.klass is not Class.EMERGENCY)
    ]
