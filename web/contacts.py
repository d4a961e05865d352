"""Whom to call in each place: trưởng thôn, tổ trưởng, with a telephone number."""

import re
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from broadcaster import chain
from broadcaster.rows import Contact, Place, PlaceKind
from web.access import STOPPERS, me, must_at, requires
from web.context import now, services
from web.typed import row_number
from web.words import gettext as _

pages = Blueprint("contacts", __name__)

_PHONE: Final = re.compile(r"\+?[0-9]{3,15}")


@pages.get("/contacts")
@requires(*STOPPERS)
def listing() -> ResponseReturnValue:
    """Every place with its people."""
    with services().database.read() as session:
        places = session.scalars(
            select(Place).where(Place.kind != PlaceKind.GROUP).order_by(Place.position, Place.id)
        ).all()
        people: dict[int, list[Contact]] = {}
        for contact in session.scalars(select(Contact).order_by(Contact.id)):
            people.setdefault(contact.place_id, []).append(contact)
        return render_template("contacts.html", places=places, people=people)


@pages.post("/contacts")
@requires(*STOPPERS)
def add() -> ResponseReturnValue:
    """Write one down."""
    name, role = request.form.get("name", "").strip()[:120], request.form.get("role", "").strip()[:60]
    phone = re.sub(r"[\s.\-()]", "", request.form.get("phone", ""))
    if not name or not _PHONE.fullmatch(phone):
        flash(_("Cần họ tên và số điện thoại, ví dụ 0912 345 678."), "warning")
        return redirect(url_for("contacts.listing"), 303)
    with services().database.write() as session:
        place = session.get(Place, request.form.get("place", 0, type=row_number))
        if place is None:
            abort(404)
        must_at([place], *STOPPERS)
        session.add(Contact(place_id=place.id, name=name, role=role, phone=phone))
        chain.audit(session, at=now(), account_id=me().id, action="contact.add", subject=f"{place.code} {name}"[:120])
    return redirect(url_for("contacts.listing") + f"#place-{place.id}", 303)


@pages.post("/contacts/<int:number>/delete")
@requires(*STOPPERS)
def delete(number: int) -> ResponseReturnValue:
    """Strike one out."""
    with services().database.write() as session:
        contact = session.get(Contact, number)
        if contact is None:
            abort(404)
        must_at([contact.place], *STOPPERS)
        subject = f"{contact.place.code} {contact.name}"[:120]
        session.delete(contact)
        chain.audit(session, at=now(), account_id=me().id, action="contact.delete", subject=subject)
    return redirect(url_for("contacts.listing"), 303)
