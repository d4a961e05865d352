"""The reading dictionary (từ điển đọc): how this station reads words, listed, added, changed, removed; with audit."""

import unicodedata
from typing import Final

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from broadcaster.rows import LexiconEntry
from scheduler import lexicon
from tts.reading import LexiconError
from web import sentences
from web.access import WRITERS, me, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("lexicon", __name__)

_MAX_SHOWN: Final = 500


def _folded(text: str) -> str:
    """Letters without accents, lower case, so that duc finds Đức."""
    marks = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(mark for mark in marks if not unicodedata.combining(mark))


@pages.get("/lexicon")
@requires(*WRITERS)
def listing() -> ResponseReturnValue:
    """Every kept reading, or those that contain what is looked for."""
    return _show()


@pages.post("/lexicon")
@requires(*WRITERS)
def keep() -> ResponseReturnValue:
    """Keep a reading for the station; asked by a page's script, answers with JSON."""
    must_everywhere(*WRITERS)
    written, spoken = (" ".join(request.form.get(name, "").split()) for name in ("written", "spoken"))
    by_script = bool(request.headers.get("X-Requested-With"))
    try:
        _keep(written, spoken)
    except LexiconError:
        problem = sentences.reading_refused(written, spoken)
        return (jsonify(problem=problem), 422) if by_script else _show(problem, written, spoken)
    said = _("Đã nhớ: “%(written)s” đọc là “%(spoken)s”.", written=written, spoken=spoken)
    if by_script:
        return jsonify(message=said)
    flash(said, "success")
    return redirect(url_for("lexicon.listing"), 303)


@pages.post("/lexicon/check")
@requires(*WRITERS)
def check() -> ResponseReturnValue:
    """Whether a reading can be used for one bulletin; nothing is stored."""
    written, spoken = request.form.get("written", ""), request.form.get("spoken", "")
    if not lexicon.is_usable(written, spoken):
        return jsonify(problem=sentences.reading_refused(written, spoken)), 422
    return jsonify(message=_("Chỉ bản tin này: “%(written)s” đọc là “%(spoken)s”.", written=written, spoken=spoken))


@pages.post("/lexicon/<int:number>/forget")
@requires(*WRITERS)
def forget(number: int) -> ResponseReturnValue:
    """Remove a reading."""
    must_everywhere(*WRITERS)
    with services().database.write() as session:
        entry = session.get(LexiconEntry, number)
        if entry is None:
            abort(404)
        lexicon.forget(session, entry, account_id=me().id, now=now())
        written = entry.written
    flash(_("Đã bỏ “%(written)s” khỏi từ điển đọc.", written=written), "success")
    return redirect(url_for("lexicon.listing"), 303)


def _keep(written: str, spoken: str) -> None:
    try:
        _attempt(written, spoken)
    except IntegrityError:  # two people kept the same word at the same moment: the later one wins
        _attempt(written, spoken)


def _attempt(written: str, spoken: str) -> None:
    with services().database.write() as session:
        lexicon.keep(session, written, spoken, account_id=me().id, now=now())


def _show(problem: str = "", written: str = "", spoken: str = "") -> ResponseReturnValue:
    sought = _folded(request.args.get("q", "").strip())
    with services().database.read() as session:
        rows = session.scalars(select(LexiconEntry).options(joinedload(LexiconEntry.account))).all()
        found = [row for row in rows if sought in _folded(f"{row.written} {row.spoken}")]
        found.sort(key=lambda row: (_folded(row.written), row.written))
        page = render_template(
            "lexicon.html",
            entries=found[:_MAX_SHOWN],
            more=len(found) > _MAX_SHOWN,
            total=len(rows),
            sought=request.args.get("q", ""),
            problem=problem,
            written=written or request.args.get("written", ""),
            spoken=spoken,
        )
    return page, 422 if problem else 200
