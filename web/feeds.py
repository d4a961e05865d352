"""The plan as an iCalendar feed, at an address that is its own key. The only importer of icalendar."""

import hmac
from datetime import timedelta
from typing import Final

import icalendar
from flask import Blueprint, Response, abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.airing import BroadcastState
from broadcaster.rows import Account, Place
from scheduler import timeline
from scheduler.timeline import Sounding
from web.access import mark_of, me, open_to_all, requires
from web.context import now, services, station, zone

pages = Blueprint("feeds", __name__)

_BACK: Final = timedelta(days=14)
_AHEAD: Final = timedelta(days=28)
_GONE: Final = frozenset({BroadcastState.CANCELLED, BroadcastState.MISSED})


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="calendar")


@pages.get("/calendar")
@requires()
def address() -> ResponseReturnValue:
    """Where one's own feed is. The address ends with the password: a new one makes the old address useless."""
    token = _serializer().dumps([me().id, mark_of(me())])
    return render_template("calendar.html", address=url_for("feeds.calendar", token=token, _external=True))


@pages.get("/calendar/<token>.ics")
@open_to_all
def calendar(token: str) -> ResponseReturnValue:
    """The plan of two weeks back and four ahead, for whoever holds the address."""
    with services().database.read() as session:
        if not _belongs(session, token):
            abort(404)
        names = {place.code: place.name for place in session.scalars(select(Place))}
        found = timeline.soundings(session, zone(), now() - _BACK, now() + _AHEAD, now())
    feed = icalendar.Calendar()
    feed.add("prodid", "-//Loa Phường//vi")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", station().name)
    for each in found:
        feed.add_component(_event(each, names))
    return Response(feed.to_ical(), mimetype="text/calendar", headers={"Cache-Control": "no-cache"})


def _belongs(session: Session, token: str) -> bool:
    try:
        number, mark = _serializer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return False
    account = session.get(Account, number) if isinstance(number, int) else None
    return (
        account is not None
        and account.disabled_at is None
        and isinstance(mark, str)
        and hmac.compare_digest(mark, mark_of(account))
    )


def _event(sounding: Sounding, names: dict[str, str]) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{sounding.schedule}-{sounding.occurrence:%Y%m%dT%H%M%SZ}@{station().code}")
    event.add("dtstamp", now())
    event.add("dtstart", sounding.start)
    event.add("dtend", sounding.end)
    event.add("summary", sounding.title)
    event.add("location", ", ".join(names.get(code, code) for code in sounding.zones))
    event.add("status", "CANCELLED" if sounding.state in _GONE else "CONFIRMED")
    return event
