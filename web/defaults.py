"""What the bulletins of each category begin with: what is shipped, as far as no administrator has chosen otherwise."""

from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from broadcaster import chain
from broadcaster.rows import CategoryDefault, ItemKind, LibraryItem, Sound
from tts.settings import HOUSE_TUNE, MAX_TUNE_MS, PAUSES, REPEATS, SPEEDS
from tts.voice import VOICES
from web import fields, recorded, sentences
from web.access import MANAGERS, me, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("defaults", __name__)

_TUNES: Final = ("opening_tune", "closing_tune")


def choices(session: Session) -> dict[str, dict[str, str]]:
    """For each category what it changes of `fields.PLAIN`."""
    kept = {row.category: row.choices for row in session.scalars(select(CategoryDefault))}
    return {category: dict(kept.get(category, fields.DEFAULTS.get(category, {}))) for category in fields.CATEGORIES}


def tunes(session: Session, *chosen: str) -> dict[str, str]:
    """The names of the library's tunes by the hash of their sounds, and of those that are chosen though no longer on the shelf."""
    shelf = (
        select(LibraryItem)
        .join(LibraryItem.sound)
        .where(
            LibraryItem.kind.in_((ItemKind.TUNE, ItemKind.STING)),
            LibraryItem.archived_at.is_(None),
            Sound.duration_ms <= MAX_TUNE_MS,
        )
        .order_by(LibraryItem.title)
    )
    found = {item.sound_sha256: item.title for item in session.scalars(shelf) if item.sound_sha256}
    for sha256 in chosen:
        if sha256 not in found and (sound := session.get(Sound, sha256)):
            found[sha256] = sound.name
    return found


def voices(*chosen: str) -> dict[str, str]:
    """The names of the voices that can speak now, and of those that are chosen."""
    ready = {key for key in VOICES if services().speech.offers(key)}
    if not recorded.sentences_of_station().all():
        ready.discard("recorded")
    return {key: sentences.voice(key) for key in VOICES if key in ready or key in chosen}


@pages.get("/defaults")
@requires(*MANAGERS)
def show() -> ResponseReturnValue:
    """Every category with what its bulletins begin with."""
    must_everywhere(*MANAGERS)
    with services().database.read() as session:
        chosen = {category: {**fields.PLAIN, **values} for category, values in choices(session).items()}
        rows = session.scalars(select(CategoryDefault).options(joinedload(CategoryDefault.account))).all()
        used = [values[name] for values in chosen.values() for name in _TUNES]
        return render_template(
            "defaults.html",
            chosen=chosen,
            changed={row.category: row for row in rows},
            tunes=tunes(session, *used),
            voices=voices(*(values["voice"] for values in chosen.values())),
            repeats=REPEATS,
            speeds=SPEEDS,
            pauses=PAUSES,
        )


@pages.post("/defaults")
@requires(*MANAGERS)
def change() -> ResponseReturnValue:
    """Keep a category's choices, or go back to those that are shipped; bulletins that exist stay as they are."""
    must_everywhere(*MANAGERS)
    category = request.form.get("category", "")
    if category not in fields.CATEGORIES:
        abort(400)
    shipped = request.form.get("action") == "shipped"
    with services().database.write() as session:
        before = choices(session)[category]
        values = dict(fields.DEFAULTS.get(category, {})) if shipped else _chosen(session)
        row = session.get(CategoryDefault, category)
        if shipped and row is not None:
            session.delete(row)
        elif not shipped:
            session.merge(
                CategoryDefault(category=category, choices=values, account_id=me().id, changed_at=now()),
            )
        if before != values:
            detail = {"before": before, "after": values}
            chain.audit(
                session, at=now(), account_id=me().id, action="defaults.change", subject=category, detail=detail
            )
    flash(_("Đã lưu. Bản tin viết sau sẽ theo lựa chọn này; bản tin đã gửi giữ nguyên."), "success")
    return redirect(url_for("defaults.show"), 303)


def _chosen(session: Session) -> dict[str, str]:
    """What was chosen, as far as it differs from what every form begins with."""
    typed = {name: request.form.get(name, "") for name in fields.PLAIN}
    shelf = frozenset(("", HOUSE_TUNE, *tunes(session, *(typed[name] for name in _TUNES))))
    allowed = {
        "voice": frozenset(VOICES),
        "speed": frozenset(SPEEDS),
        "pause": frozenset(PAUSES),
        "repeats": frozenset(map(str, REPEATS)),
        "chime": frozenset(("", "1")),
        **dict.fromkeys(_TUNES, shelf),
    }
    if any(value not in allowed[name] for name, value in typed.items()):
        abort(400)
    return {name: value for name, value in typed.items() if value != fields.PLAIN[name]}
