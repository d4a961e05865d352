"""What came in by CAP: the list, one message with its original, raising what is proposed."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from broadcaster.alert_orders import Fault
from broadcaster.rows import Alert, AlertTarget, CapMessage, CapOutcome, Place
from scheduler import cap_archive
from scheduler.cap_decision import Planned
from scheduler.cap_desk import DecidedError
from web import alert_words, cap_words, choosing
from web.access import MANAGERS, RAISERS, may_at, me, must_at, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("cap", __name__)

_MOST: Final = 100
_LONGEST_WORDS: Final = 4_000


@dataclass(frozen=True)
class Typed:
    """What was sent to have a proposal raised: the orders as changed, and what is wrong with them."""

    orders: tuple[Planned, ...]
    faults: tuple[Fault, ...]


@pages.get("/cap")
@requires(*RAISERS, *MANAGERS)
def listing() -> ResponseReturnValue:
    """The latest messages, those that wait for a person first."""
    with services().database.read() as session:
        rows = select(CapMessage).options(joinedload(CapMessage.source)).order_by(CapMessage.id.desc())
        waiting = cap_archive.proposals(session, now())
        others = session.scalars(rows.where(CapMessage.outcome != CapOutcome.PROPOSED).limit(_MOST)).all()
    return render_template("cap.html", waiting=waiting, others=others, words=cap_words)


@pages.get("/cap/<int:number>")
@requires(*RAISERS, *MANAGERS)
def show(number: int) -> ResponseReturnValue:
    """One message: what it says, what became of it and why."""
    with services().database.read() as session:
        row = _message(session, number)
        orders = _orders(row)
        codes = tuple(dict.fromkeys(code for one in orders for code in one.places))
        named = (*row.done.get("alerts", ()), *row.plan.get("ends", ()))
        return render_template(
            "cap_message.html",
            row=row,
            orders=orders,
            raised=row.done.get("orders", {}),
            ends=session.scalars(select(Alert).where(Alert.id.in_(row.plan.get("ends", ())))).all(),
            alerts=session.scalars(select(Alert).where(Alert.id.in_(named))).all(),
            raisable=row.outcome is CapOutcome.PROPOSED and may_at(_concerned(session, row, orders), *RAISERS),
            names=dict(session.execute(select(Place.code, Place.name).where(Place.code.in_(codes))).all()),
            places=choosing.choices(session, RAISERS, codes),
            words=cap_words,
            alert_words=alert_words,
            templates={one.code: one.name for one in services().alert_table.templates},
        )


@pages.get("/cap/<int:number>/original")
@requires(*RAISERS, *MANAGERS)
def original(number: int) -> ResponseReturnValue:
    """The message as it came, as plain text: nothing in it may act in a browser."""
    with services().database.read() as session:
        row = session.get(CapMessage, number, options=[undefer(CapMessage.original)])
        if row is None:
            abort(404)
        answer = Response(row.original, mimetype="text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="cap-{number}.xml.txt"'
    return answer


@pages.post("/cap/<int:number>/raise")
@requires(*RAISERS)
def send(number: int) -> ResponseReturnValue:
    """Have a proposal raised; pressed again it leads to the same alert."""
    with services().database.read() as session:
        row = _message(session, number)
        typed = _typed(session, row)
        must_at(_concerned(session, row, typed.orders), *RAISERS)
    if not typed.faults:
        try:
            row = services().cap.press(number, me().id, typed.orders)
        except DecidedError:  # this very press, sent again, or somebody else
            with services().database.read() as session:
                row = _message(session, number)
    if typed.faults or row.reason == "order-refused":
        faults = typed.faults or (Fault("order", "refused"),)
        return jsonify(problems=[{"field": one.field, "text": _fault(one)} for one in faults]), 422
    alerts = row.done.get("alerts", ())
    target = url_for("board.show", alert_id=alerts[0]) if alerts else url_for("cap.show", number=number)
    return jsonify(alert=target) if request.headers.get("X-Requested-With") == "fetch" else redirect(target, 303)


@pages.post("/cap/<int:number>/dismiss")
@requires(*RAISERS)
def dismiss(number: int) -> ResponseReturnValue:
    """Decide against a proposal."""
    with services().database.read() as session:
        row = _message(session, number)
        must_at(_concerned(session, row, _orders(row)), *RAISERS)
    with suppress(DecidedError):  # the page tells by whom
        services().cap.dismiss(number, me().id)
    return redirect(url_for("cap.show", number=number), 303)


def _message(session: Session, number: int) -> CapMessage:
    options = [joinedload(CapMessage.source), joinedload(CapMessage.account)]
    row = session.get(CapMessage, number, options=options)
    if row is None:
        abort(404)
    return row


def _orders(row: CapMessage) -> list[Planned]:
    return msgspec.convert(row.plan.get("orders", []), list[Planned])


def _concerned(session: Session, row: CapMessage, orders: Collection[Planned]) -> set[int]:
    """Where something would begin to sound, or fall silent; the tops of the tree while an order has no place that we know."""
    codes = {code for one in orders for code in one.places}
    known = session.scalars(select(Place.id).where(Place.code.in_(codes))).all()
    where = Place.id.in_(known) if known else Place.parent_id.is_(None)
    silenced = {*row.plan.get("ends", ()), *(one.follows for one in orders if one.follows)}
    targets = select(AlertTarget.place_id).where(AlertTarget.alert_id.in_(silenced))
    return {*session.scalars(select(Place.id).where(where)), *session.scalars(targets)}


def _typed(session: Session, row: CapMessage) -> Typed:
    """The proposal as the form has changed it; what has been raised already stays."""
    planned, raised = _orders(row), row.done.get("orders", {})
    chosen = tuple(dict.fromkeys(request.form.getlist("places")))
    known = set(session.scalars(select(Place.code).where(Place.code.in_(chosen))))
    orders: list[Planned] = []
    faults = [Fault("places", "unknown", code) for code in chosen if code not in known]
    for number, one in enumerate(planned):
        if str(number) in raised:
            orders.append(one)
            continue
        level = request.form.get(f"level-{number}", "")
        words = request.form.get(f"words-{number}", "")[:_LONGEST_WORDS].splitlines()
        changed = msgspec.structs.replace(
            one,
            level=int(level) if level in {"1", "2", "3", "4", "5"} else one.level,
            words=tuple(" ".join(line.split()) for line in words if line.strip()),
            places=one.places if one.places and len(planned) > 1 else chosen,
        )
        if not changed.places:
            faults.append(Fault("places", "none"))
        if not changed.words and changed.template == "khac":
            faults.append(Fault("loi", "missing"))
        if changed.expires_at <= now():
            faults.append(Fault("life", "expired"))
        orders.append(changed)
    if request.form.get("held") != "1":
        faults.append(Fault("held", "missing"))
    return Typed(tuple(orders), tuple(dict.fromkeys(faults)))


def _fault(of: Fault) -> str:
    if of.field == "order":
        return _("Không phát được. Mở lại trang để xem lý do.")
    return alert_words.fault(of)
