"""Nói trực tiếp: speaking to chosen places with the microphone of a phone or a PC, and what was spoken so far."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import talks, village
from broadcaster.rows import Grant, Place, Role, Talk
from broadcaster.talks import Order
from broadcaster.wire.documents import Class
from scheduler.talking import MOST_MS, OverError, RefusedTalkError
from web import choosing, live_words
from web.access import (
    APPROVERS,
    RAISERS,
    STOPPERS,
    TALKERS,
    VIEWERS,
    WRITERS,
    current_person,
    may,
    may_at,
    me,
    must_at,
    requires,
)
from web.context import now, services, station, zone

pages = Blueprint("live", __name__)

_FREELY: Final = (*RAISERS, *APPROVERS)
"""Who needs nobody's approval."""


@dataclass(frozen=True)
class _Right:
    """How one may speak in some places: how long at most, and whose minutes it takes."""

    most_ms: int = MOST_MS
    grant_id: int | None = None


@pages.get("/live")
@requires(*VIEWERS)
def show() -> ResponseReturnValue:
    """The microphone for those who may speak somewhere, and the last talks for everybody."""
    with services().database.read() as session:
        return render_template(
            "live.html",
            places=choosing.choices(session, TALKERS),
            talks=talks.latest(session),
            classes=_classes(),
            words=live_words,
            talkers=TALKERS,
            most_ms=MOST_MS,
        )


def _classes() -> list[Class]:
    """As what one may speak, the usual one first."""
    above = [Class.PRIORITY] if may(*_FREELY, *WRITERS) else []
    return [Class.ROUTINE, *above, *([Class.EMERGENCY] if may(*RAISERS) else [])]


@pages.post("/live")
@requires(*TALKERS)
def begin() -> ResponseReturnValue:
    """Open the microphone, or say why not."""
    codes, rate = request.form.getlist("places"), request.form.get("rate", "", str)
    try:
        klass = Class(request.form.get("klass", ""))
        with services().database.read() as session:
            places = session.scalars(select(Place).where(Place.code.in_(codes))).all()
            right = _right(session, places, klass)
        order = Order(me().id, tuple(place.id for place in places), klass, right.most_ms, right.grant_id)
        talk = services().talks.begin(order, int(rate))
    except RefusedTalkError as error:
        return jsonify(problem=live_words.refusal(error.code, error.values)), 422
    except ValueError:
        abort(400)
    return jsonify(
        key=talk.key,
        sound=url_for("live_intake.take", name=talk.name),
        over=url_for("live_intake.end", name=talk.name),
        shown=url_for("live.talk", name=talk.name),
        speakers=len(talk.audience),
        seconds=talk.order.most_ms / 1000,
    )


def _right(session: Session, places: Iterable[Place], klass: Class) -> _Right:
    """By what right one speaks in all of these places. Errors: RefusedTalkError, Forbidden."""
    wanted = list(places)
    if not wanted:
        raise RefusedTalkError("no-places")
    must_at(wanted, *TALKERS)
    if klass is Class.EMERGENCY:
        must_at(wanted, *RAISERS)
    if may_at(wanted, *_FREELY):
        return _Right()
    if may_at(wanted, *WRITERS):
        if station().approval:
            raise RefusedTalkError("approval")
        return _Right()
    if klass is not Class.ROUTINE:
        abort(403)
    return _village_right(session, wanted)


def _village_right(session: Session, places: list[Place]) -> _Right:
    """A village head speaks in one village, in its minutes, and alone only where that was granted."""
    held = {holding.place_id: holding for holding in current_person().holdings if holding.role is Role.VILLAGE_HEAD}
    if len(places) != 1 or places[0].id not in held:
        raise RefusedTalkError("one-village")
    grant = session.get_one(Grant, held[places[0].id].grant_id)
    if station().approval and not grant.unapproved:
        raise RefusedTalkError("approval")
    left_ms = village.left_ms(session, grant, now(), zone())
    if not left_ms:
        raise RefusedTalkError("quota")
    return _Right(min(left_ms, MOST_MS), grant.id)


@pages.get("/live/<name>")
@requires(*VIEWERS)
def talk(name: str) -> ResponseReturnValue:
    """One talk: who, when, where, its recording, and what every speaker reported."""
    with services().database.read() as session:
        found = session.get(Talk, name)
        if found is None:
            abort(404)
        told = talks.reports(session, found, now())
        values = {"talk": found, "reports": told, "coverage": talks.coverage(told), "words": live_words}
        if request.args.get("part") != "live":
            return render_template("talk.html", **values)
        response = make_response(render_template("_talk_live.html", **values))
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


@pages.post("/live/<name>/stop")
@requires(*STOPPERS)
def stop(name: str) -> ResponseReturnValue:
    """Take the microphone from somebody."""
    with services().database.read() as session:
        found = session.get(Talk, name)
        if found is None:
            abort(404)
        must_at(found.targets, *(RAISERS if found.klass is Class.EMERGENCY else STOPPERS))
    with suppress(OverError):  # it is over, as was wished
        services().talks.stop_talk(name, me().id)
    return redirect(url_for("live.talk", name=name), 303)
