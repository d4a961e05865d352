"""Broadcasts: the home page with what is on the air, and the page of each with who heard it."""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, abort, make_response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import airing, alert_reports, alerting, approval
from broadcaster.airing import BroadcastState
from broadcaster.approval import Approvals
from broadcaster.clock import from_ms, to_ms
from broadcaster.rows import Broadcast, Clip, Schedule
from broadcaster.wire.documents import SpeakerState
from scheduler import relays
from scheduler.composing import pieces_of
from web import agenda, area_map, coverage, day, drafts, programme_words, speakers
from web.access import VIEWERS, WRITERS, may, me, requires
from web.agenda import Item
from web.context import now, services, zone
from web.paging import Paged

pages = Blueprint("broadcasts", __name__)

_NAMED: Final = 8
"""Places of which the page says what should be on the air there; there are so many, and more."""
_RANK: Final = (BroadcastState.ON_AIR, BroadcastState.UNSENT, BroadcastState.PREPARING, BroadcastState.PLANNED)
"""Which broadcast of a schedule its own address leads to."""


def _page(whole: str, part: str, **values: object) -> ResponseReturnValue:
    """A page; or, for a page that follows what happens, its living part, and nothing when the browser has it already."""
    if request.args.get("part") != "live":
        return render_template(whole, **values)
    response = make_response(render_template(part, **values))
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


@pages.get("/")
@requires(*VIEWERS)
def home() -> ResponseReturnValue:
    """What is on the air, what comes, what has been."""
    before = _position(request.args.get("before", ""))
    with services().database.read() as session:
        current = agenda.current(session, now(), zone()) if before is None else agenda.Current()
        past = agenda.past(session, now(), before)
        shown = {item.schedule.id for item in (*current.on_air, *current.preparing, *current.upcoming)}
        return _page(
            "home.html",
            "_home_live.html",
            current=current,
            past=past,
            named=_NAMED,
            by_plan=day.should_be_playing(session, _NAMED + 1) if before is None else [],
            older=f"{to_ms(past.older[0])}-{past.older[1]}" if past.older else "",
            first_page=before is None,
            lost=speakers.count_by_state(session)[SpeakerState.LOST] if before is None else 0,
            pieces_now=_pieces_now(session, current.on_air),
            places=_map(session) if before is None and area_map.outlined(session) else None,
            progress=_progress((*current.preparing, *current.upcoming)),
            approvals=Approvals.load(session, shown, now()),
            drafts=drafts.count(session, me().id) if may(*WRITERS) else 0,
        )


def _pieces_now(session: Session, items: tuple[Item, ...]) -> dict[str, str]:
    """Which piece of each programme on the air is on, by broadcast."""
    programmes = [item.broadcast for item in items if item.broadcast and item.bulletin.rundown]
    return {each.id: programme_words.sounding(each, relays.told(session, each.id), now()) for each in programmes}


def _map(session: Session) -> area_map.Map:
    """Who hears the gravest alert in force; on quiet days, where speakers are connected."""
    warnings = [alert for alert in alerting.in_force(session, now()) if alert.audience_at]
    inside = alert_reports.by_place(session, warnings[0], now()) if warnings else {}
    return area_map.of_alert(session, inside) if inside else area_map.of_presence(session)


def _position(text: str) -> tuple[datetime, str] | None:
    """Where a page of past broadcasts begins: "milliseconds-id"."""
    moment, _, number = text.partition("-")
    if not moment.isdecimal() or len(moment) > 14 or not number:  # noqa: PLR2004  beyond any year
        return None
    return from_ms(int(moment)), number


def _progress(items: tuple[Item, ...]) -> dict[int, tuple[int, int]]:
    """Steps done and in all of the sounds that are being made, by bulletin."""
    asked = ((item.bulletin.id, services().orders.progress(item.bulletin.id)) for item in items)
    return {number: steps for number, steps in asked if steps}


@pages.get("/schedules/<int:number>")
@requires(*VIEWERS)
def schedule(number: int) -> ResponseReturnValue:
    """What became of a schedule: its broadcast that matters most now, or that there is none yet."""
    with services().database.read() as session:
        found = session.get(Schedule, number)
        if found is None:
            abort(404)
        if broadcast := _foremost(session, number):
            asked = {name: request.args[name] for name in ("part", "sent") if name in request.args}
            return redirect(
                f"{url_for('broadcasts.broadcast', number=broadcast.id)}?{urlencode(asked)}".rstrip("?"), 303
            )
        at = agenda.upcoming_moment(found, now(), zone())
        state = BroadcastState.PLANNED if at else BroadcastState.PREPARING
        if found.cancelled_at:
            state = BroadcastState.CANCELLED
        item = Item(found, None, at or found.start_at, state, airing.Coverage())
        return _page("broadcast.html", "_broadcast_live.html", **_facts(session, item), places=())


def _foremost(session: Session, schedule_id: int) -> Broadcast | None:
    rows = select(Broadcast).where(Broadcast.schedule_id == schedule_id).order_by(Broadcast.occurrence)
    every = list(session.scalars(rows))
    for wanted in _RANK:
        for each in every:
            if airing.state_of(each, now()) is wanted:
                return each
    return every[-1] if every else None


@pages.get("/broadcasts/<number>")
@requires(*VIEWERS)
def broadcast(number: str) -> ResponseReturnValue:
    """One broadcast: where it stands, and what every speaker reported."""
    with services().database.read() as session:
        found = session.get(Broadcast, number)
        if found is None:
            abort(404)
        counts = coverage.of_broadcasts(session, [found], now())[number]
        state = airing.state_of(found, now())
        item = Item(found.schedule, found, found.start_at or found.occurrence, state, counts)
        listed = Paged.asked(coverage.by_place(session, found, now()))
        reports = coverage.reports(session, found, now(), listed.shown)
        values = {"places": listed.shown, "reports": reports, "listed": listed}
        return _page("broadcast.html", "_broadcast_live.html", **_facts(session, item), **values)


def _facts(session: Session, item: Item) -> dict[str, object]:
    """What the page of a broadcast shows besides its places."""
    clip = (item.broadcast.clip if item.broadcast else None) or item.bulletin.clip
    return {
        "item": item,
        "end": airing.end_of(item.broadcast) if item.broadcast else None,
        "progress": _progress((item,)),
        "clip": clip if clip and services().clips.mp3_path(clip.sha256).exists() else None,
        "standing": approval.standing(session, item.schedule, now()),
        "sent": request.args.get("sent", ""),
        "words": programme_words,
        "relays": relays.told(session, item.broadcast.id) if item.broadcast and item.bulletin.rundown else (),
        "pieces": pieces_of(item.broadcast.composition) if item.broadcast and item.broadcast.composition else (),
    }


@pages.get("/clips/<sha256>.mp3")
@requires(*VIEWERS)
def sound(sha256: str) -> ResponseReturnValue:
    """Exactly what the speakers play, for browsers."""
    with services().database.read() as session:
        if session.get(Clip, sha256) is None:
            abort(404)
    path = services().clips.mp3_path(sha256)
    if not path.exists():
        abort(404)
    return send_file(path, mimetype="audio/mpeg", conditional=True, max_age=86_400)
