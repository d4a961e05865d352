"""Drafts: forms that were not sent yet. They save themselves."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final
from uuid import UUID

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.rows import Bulletin, Draft
from web import fields, moments
from web.access import WRITERS, me, requires
from web.context import now, services, zone
from web.fields import Fields
from web.words import gettext as _

pages = Blueprint("drafts", __name__)

_MAX_TEXT: Final = 200_000
"""A draft may be longer than a bulletin: it is shortened later."""


def find(session: Session, submission: str, account_id: int) -> Draft | None:
    """A draft of one's own."""
    draft = session.get(Draft, submission)
    return draft if draft and draft.account_id == account_id else None


def save(session: Session, submission: str, typed: Fields, account_id: int) -> bool:
    """Store a form as it stands; False when it was sent already or is somebody else's."""
    if session.scalar(select(Bulletin.id).where(Bulletin.submission == submission)) is not None:
        return False
    draft = session.get(Draft, submission)
    if draft is None:
        draft = Draft(submission=submission, account_id=account_id)
        session.add(draft)
    elif draft.account_id != account_id:
        return False
    draft.fields = asdict(typed) | {"places": list(typed.places)}
    draft.updated_at = now()
    return True


def count(session: Session, account_id: int) -> int:
    """How many drafts somebody has."""
    return session.scalar(select(func.count()).select_from(Draft).where(Draft.account_id == account_id)) or 0


def _mine(session: Session, account_id: int) -> Sequence[Draft]:
    return session.scalars(select(Draft).where(Draft.account_id == account_id).order_by(Draft.updated_at.desc())).all()


@pages.get("/drafts")
@requires(*WRITERS)
def listing() -> ResponseReturnValue:
    """One's own drafts, newest first."""
    with services().database.read() as session:
        found = [(draft, fields.of_draft(draft.fields)) for draft in _mine(session, me().id)]
        return render_template("drafts.html", drafts=found)


@pages.post("/drafts/<uuid:submission>")
@requires(*WRITERS)
def keep(submission: UUID) -> ResponseReturnValue:
    """Save a form while it is being written; answers with the time for the officer."""
    typed = fields.of_form(dict(request.form.lists()))
    if len(typed.text) + len(typed.spoken) > _MAX_TEXT:
        abort(413)
    with services().database.write() as session:
        if not save(session, str(submission), typed, me().id):
            abort(409)
    return jsonify(message=_("Đã lưu nháp lúc %(time)s", time=moments.clock(now(), zone(), seconds=True)))


@pages.post("/drafts/<uuid:submission>/delete")
@requires(*WRITERS)
def delete(submission: UUID) -> ResponseReturnValue:
    """Throw a draft away."""
    with services().database.write() as session:
        if draft := find(session, str(submission), me().id):
            session.delete(draft)
    flash(_("Đã xóa bản nháp."), "success")
    return redirect(url_for("drafts.listing"), 303)
