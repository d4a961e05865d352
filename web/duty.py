"""PHÁT KHẨN CẤP: template → places → press and hold. A form has a name, so that sent twice it raises one alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import alert_templates, alerting
from broadcaster.alert_orders import Fault, Order, OrderError
from broadcaster.alert_templates import Template, UnknownTemplateError
from broadcaster.alerting import By, Done, NotInForceError, OtherRequestError
from broadcaster.rows import Alert, Place
from scheduler import cap_archive
from web import alert_words, choosing
from web.access import RAISERS, me, must_at, open_to_all, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("duty", __name__)

LIVES_H: Final = (1, 3, 6, 12, 24, 48)
DEFAULT_H: Final = 6


@dataclass(frozen=True)
class Typed:
    """The form as it was filled in."""

    values: dict[str, str]
    places: tuple[str, ...] = ()
    level: str = ""
    life_h: str = str(DEFAULT_H)
    drill: bool = False
    follows: str = ""


@pages.get("/duty")
@requires(*RAISERS)
def choose() -> ResponseReturnValue:
    """What has happened: the templates, and what is in force already."""
    with services().database.read() as session:
        return render_template(
            "duty.html",
            templates=services().alert_table.warnings(),
            alerts=alerting.in_force(session, now()),
            proposals=cap_archive.proposals(session, now()),
            follows=request.args.get("follows", ""),
            words=alert_words,
            colour=alert_templates.colour,
        )


@pages.get("/duty/token")
@open_to_all
def token() -> ResponseReturnValue:
    """A fresh token against forged forms, for a page whose sign-in has expired."""
    return jsonify(token=generate_csrf())


@pages.get("/duty/<code>")
@requires(*RAISERS)
def begin(code: str) -> ResponseReturnValue:
    """Name a new form; the name stays in the address, so that a reload keeps it."""
    query = request.query_string.decode()
    return redirect(f"{url_for('duty.form', code=code, name=uuid4())}?{query}".rstrip("?"), 303)


@pages.get("/duty/<code>/<uuid:name>")
@requires(*RAISERS)
def form(code: str, name: UUID) -> ResponseReturnValue:
    """The form of one template, filled from the alert that it shall replace."""
    template = _template(code)
    with services().database.read() as session:
        old = alerting.get(session, request.args.get("follows", ""))
        typed = Typed({}, level=str(template.level))
        if old and old.in_force(now()) and alerting.is_warning(old):
            places = tuple(place.code for place in old.targets)
            typed = Typed({}, places, str(max(template.level, old.level)), drill=old.drill, follows=old.id)
        return show(session, template, name, typed)


@pages.post("/duty/<code>/<uuid:name>")
@requires(*RAISERS)
def send(code: str, name: UUID) -> ResponseReturnValue:
    """Raise the alert; the same form again leads to the same alert."""
    template, typed = _template(code), _typed()
    if choosing.only_looks():
        with services().database.read() as session:
            return show(session, template, name, typed)
    faults: list[Fault] = []
    done: Done | None = None
    try:
        if request.form.get("held") == "1":
            done = _raise(_order(template, name, typed))
        else:
            faults = [Fault("held", "missing")]
    except OrderError as error:
        faults = list(error.faults)
    except (NotInForceError, OtherRequestError):
        faults = [Fault("follows", "gone")]
    if done:
        target = url_for("board.show", alert_id=done.alert.id)
        return jsonify(alert=target) if _by_script() else redirect(target, 303)
    if _by_script():
        return jsonify(problems=[{"field": one.field, "text": _fault(one)} for one in faults]), 422
    with services().database.read() as session:
        return show(session, template, name, typed, faults), 422


def _by_script() -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _fault(of: Fault) -> str:
    if of.field == "follows":
        return _("Cảnh báo này đã được sửa hoặc kết thúc ở nơi khác. Hãy mở lại.")
    return alert_words.fault(of)


def _template(code: str) -> Template:
    try:
        return services().alert_table.template(code)
    except UnknownTemplateError:
        abort(404)


def _typed() -> Typed:
    sent = request.form
    values = {name.removeprefix("v-"): value for name, value in sent.items() if name.startswith("v-")}
    return Typed(
        values,
        tuple(dict.fromkeys(sent.getlist("places"))),
        sent.get("level", ""),
        sent.get("life_h", ""),
        bool(sent.get("drill")),
        sent.get("follows", ""),
    )


def _order(template: Template, name: UUID, typed: Typed) -> Order:
    hours = int(typed.life_h) if typed.life_h.isdecimal() and len(typed.life_h) <= 3 else 0  # noqa: PLR2004  digits
    return Order(
        request=str(name),
        template=template.code,
        places=typed.places,
        values={key: " ".join(value.split()) for key, value in typed.values.items() if value.strip()},
        level=int(typed.level) if typed.level.isdecimal() and len(typed.level) == 1 else 0,
        life=timedelta(hours=hours),
        drill=typed.drill,
        follows=typed.follows or None,
    )


def _raise(order: Order) -> Done:
    with services().database.read() as session:
        wanted = session.scalars(select(Place.id).where(Place.code.in_(order.places)))
        old = session.get(Alert, order.follows) if order.follows else None
        must_at([*wanted, *(old.targets if old else ())], *RAISERS)  # what it replaces falls silent
    return services().orders.raise_alert(order, By(account_id=me().id))


def show(
    session: Session,
    template: Template,
    name: UUID,
    typed: Typed,
    faults: list[Fault] | None = None,
    *,
    pasted: Mapping[str, object] | None = None,
) -> str:
    """The form; ``pasted`` is what was understood of the bulletin that it was filled from."""
    told: dict[str, list[str]] = {}
    for one in faults or ():
        told.setdefault(one.field, []).append(_fault(one))
    return render_template(
        "duty_form.html",
        template=template,
        name=name,
        typed=typed,
        problems=told,
        places=choosing.choices(session, RAISERS, typed.places),
        lives=LIVES_H,
        pasted=pasted,
        words=alert_words,
        colour=alert_templates.colour,
    )
