"""A weather bulletin is pasted; what was understood of it fills the form of an alert. Nothing is raised here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from broadcaster.rows import Place, PlaceKind
from broadcaster.weather import reading
from broadcaster.weather.reading import Reading
from web import duty, weather_words
from web.access import RAISERS, requires
from web.context import now, services, zone
from web.words import gettext as _

pages = Blueprint("pasted", __name__)

_MAX_TEXT: Final = 20_000
"""A storm bulletin with all its tables has about 8 000 characters."""


@pages.get("/duty/paste")
@requires(*RAISERS)
def show() -> ResponseReturnValue:
    """An empty field for the text."""
    return render_template("duty_paste.html", name=uuid4(), follows=request.args.get("follows", ""))


@pages.post("/duty/paste")
@requires(*RAISERS)
def understand() -> ResponseReturnValue:
    """The form of the hazard that was recognised, filled in, with what it was filled from."""
    text, wanted = request.form.get("text", "").strip(), request.form.get("template", "")
    if not text or len(text) > _MAX_TEXT:
        flash(_("Hãy dán nội dung bản tin, nhiều nhất 20.000 ký tự."), "warning")
        return redirect(url_for("pasted.show"), 303)
    table = services().alert_table
    offered = table.warnings()
    chosen = wanted if wanted in {one.code for one in offered} else ""
    with services().database.read() as session:
        places = session.scalars(
            select(Place).where(Place.kind != PlaceKind.GROUP).order_by(Place.position, Place.id)
        ).all()
        tops = [place.code for place in places if place.parent_id is None]
        names = {place.code: place.name for place in places}
        found = reading.read(text, names, tops, now().astimezone(zone()), chosen)
        template = table.template(found.template)
        typed = duty.Typed(
            {**found.values, "loi": found.brief},
            found.places,
            str(found.level or template.level),
            str(_life_h(found, now())),
            follows=request.form.get("follows", ""),
        )
        facts = {"reading": found, "segments": list(_segments(found)), "templates": offered, "wanted": chosen}
        return duty.show(session, template, _name(), typed, pasted=facts | _words())


def _words() -> dict[str, object]:
    return {"doubt": weather_words.doubt, "marks": weather_words.MARKS}


def _name() -> UUID:
    """The form's name travels with the text: read again or reloaded, it stays one form and raises one alert."""
    try:
        return UUID(request.form.get("name", ""))
    except ValueError:
        return uuid4()


def _life_h(found: Reading, at: datetime) -> int:
    """The shortest life offered that lasts until the next bulletin, else until this one's end; else the usual."""
    until = found.following or found.until
    if until is None or until <= at:
        return duty.DEFAULT_H
    hours = (until - at).total_seconds() / 3600
    return next((offered for offered in duty.LIVES_H if offered >= hours), duty.LIVES_H[-1])


def _segments(found: Reading) -> Iterable[tuple[str, str]]:
    """The text in pieces, each with what was recognised in it, or ""."""
    position = 0
    for mark in found.marks:
        yield found.text[position : mark.start], ""
        yield found.text[mark.start : mark.end], mark.kind
        position = mark.end
    yield found.text[position:], ""
