"""Choosing places: what every form that asks for them shows, and what it fetches when somebody opens or searches."""

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from broadcaster.permissions import Action
from web.access import VIEWERS, may, may_at, may_everywhere, requires
from web.context import geography, services
from web.places import Choices
from web.typed import row_number

pages = Blueprint("choosing", __name__)

_FOUND: Final = 30
"""As many places as a search shows."""


def choices(session: Session, actions: Iterable[Action], codes: Iterable[str] = ()) -> Choices:
    """The places in which one may do one of ``actions``, with those chosen that ``codes`` name."""
    wanted = tuple(actions)
    if may(*wanted) and may_everywhere(*wanted):
        return Choices.load(session, geography(), codes, asked=everything_asked())
    return Choices.load(
        session, geography(), codes, allowed=lambda place: may_at([place], *wanted), asked=everything_asked()
    )


def everything_asked() -> bool:
    """Whether a browser that can't open the tree by itself wants all of it."""
    return "whole" in request.values


def only_looks() -> bool:
    """Whether a form was sent for nothing else than to show every place."""
    return "now" in request.form.getlist("whole")


@pages.get("/places")
@requires(*VIEWERS)
def look() -> ResponseReturnValue:
    """A part of the tree: what lies in one place, what some typed words find, or places by their codes."""
    actions = [Action(one) for one in request.args.getlist("may") if one in set(Action)]
    codes = request.args.getlist("code")
    with services().database.read() as session:
        tree = choices(session, actions, codes)
    shown = {"places": tree, "mark": request.args.get("mark", "place"), "actions": actions}
    inside = request.args.get("inside", type=row_number)
    if inside is not None:
        return render_template("_places_inside.html", branches=tree.inside(inside), **shown)
    if codes:
        return render_template("_places_found.html", branches=tree.of(codes), **shown)
    found = tree.find(request.args.get("find", "")[:100])
    return render_template("_places_found.html", branches=found[:_FOUND], more=len(found) > _FOUND, **shown)
