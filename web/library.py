"""The library (kho tư liệu): finding, hearing, naming and using again what is kept."""

import re
from dataclasses import replace
from typing import Final
from uuid import uuid4

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from broadcaster import library
from broadcaster.library import Wanted
from broadcaster.rows import ItemKind, LibraryItem, Sound
from scheduler.submissions import MAX_TEXT, MAX_TITLE
from tts.limited import RefusedFileError
from tts.tidying import tidied
from web import defaults, drafts, fields, file_words, uploads
from web.access import WRITERS, may_everywhere, me, requires
from web.context import now, services, zone
from web.paging import page_asked
from web.words import gettext as _

pages = Blueprint("library", __name__, url_prefix="/library")

_PAGE: Final = 20
_MAX_TAGS: Final = 300
_BLANK: Final = re.compile(r"\{([^{}\n]{1,80})\}")
_BRINGABLE: Final = (ItemKind.RECORDING, ItemKind.TUNE, ItemKind.STING)


def blanks(text: str) -> list[str]:
    """What has to be filled into a template, in order, each once."""
    return list(dict.fromkeys(_BLANK.findall(text)))


def filled(text: str, values: dict[str, str]) -> str:
    """The template with its blanks filled in; those without a value stay."""
    return _BLANK.sub(lambda blank: values.get(blank[1], "").strip() or blank[0], text)


def _wanted() -> Wanted:
    asked = request.args
    kind = asked.get("kind", "")
    return Wanted(
        query=asked.get("q", "")[:MAX_TITLE],
        kind=ItemKind(kind) if kind in set(ItemKind) else None,
        category=asked.get("category", ""),
        archived=asked.get("archived") == "1",
    )


def _item(session: Session, number: int) -> LibraryItem:
    return session.get(LibraryItem, number) or abort(404)


def _may_keep(item: LibraryItem) -> bool:
    """Whether the one who asks may change an item, which everybody uses: their own, and writers of the whole station any."""
    return item.account_id == me().id or may_everywhere(*WRITERS)


def _must_keep(item: LibraryItem) -> None:
    if not _may_keep(item):
        abort(403)


@pages.get("")
@requires(*WRITERS)
def shelf() -> ResponseReturnValue:
    """What is kept, by words, kind and category."""
    wanted, page = _wanted(), page_asked()
    with services().database.read() as session:
        items, count = library.find(session, wanted, limit=_PAGE, offset=(page - 1) * _PAGE)
        return render_template(
            "library.html",
            items=items,
            count=count,
            wanted=wanted,
            page=page,
            pages=-(-count // _PAGE),
            kinds=ItemKind,
            categories=fields.CATEGORIES,
        )


@pages.get("/add")
@requires(*WRITERS)
def bring() -> ResponseReturnValue:
    """The form that puts something on the shelf."""
    return _bring_page({}, "")


def _bring_page(typed: dict[str, str], problem: str) -> ResponseReturnValue:
    page = render_template(
        "library_add.html", typed=typed, problem=problem, kinds=_BRINGABLE, categories=fields.CATEGORIES
    )
    return page, 422 if problem else 200


@pages.post("/add")
@requires(*WRITERS)
def add() -> ResponseReturnValue:
    """Put a file or a template on the shelf."""
    typed = _typed()
    kind = request.form.get("kind", "")
    if kind == ItemKind.TEMPLATE:
        if not typed["text"] or not typed["title"]:
            return _bring_page(typed | {"kind": kind}, _("Mẫu cần có tên và nội dung."))
        return _added(ItemKind.TEMPLATE, typed, None)
    if kind not in _BRINGABLE:
        abort(400)
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            return _bring_page(typed | {"kind": kind}, file_words.refusal("empty", ()))
        sound = uploads.store(file)
    except RefusedFileError as refusal:
        return _bring_page(typed | {"kind": kind}, file_words.refusal(refusal.code, refusal.values))
    return _added(ItemKind(kind), typed | {"title": typed["title"] or sound.name}, sound.sha256)


def _added(kind: ItemKind, typed: dict[str, str], sound: str | None) -> ResponseReturnValue:
    with services().database.write() as session:
        number = _keep(session, kind, typed, sound).id
    flash(_("Đã cất vào kho."), "success")
    return redirect(url_for("library.show", number=number), 303)


def _keep(session: Session, kind: ItemKind, typed: dict[str, str], sound: str | None) -> LibraryItem:
    item = LibraryItem(
        kind=kind,
        sound_sha256=sound,
        account_id=me().id,
        created_at=now(),
        updated_at=now(),
        text=typed.get("text", ""),
    )
    item.title, item.category, item.tags = typed["title"], typed.get("category", ""), typed.get("tags", "")
    return library.add(session, item)


def _typed() -> dict[str, str]:
    form = request.form
    category = form.get("category", "")
    return {
        "title": form.get("title", "").strip()[:MAX_TITLE],
        "category": category if category in fields.CATEGORIES else "",
        "tags": form.get("tags", "").strip()[:_MAX_TAGS],
        "text": tidied(form.get("text", ""))[:MAX_TEXT],
    }


@pages.post("/keep")
@requires(*WRITERS)
def keep() -> ResponseReturnValue:
    """Put the sound of the form that is open on the shelf; once is enough."""
    with services().database.write() as session:
        sound = session.get(Sound, request.form.get("sound", "")) or abort(404)
        kept = session.query(LibraryItem).filter_by(sound_sha256=sound.sha256, kind=ItemKind.RECORDING).first()
        if kept is None:
            title = request.form.get("title", "").strip()[:MAX_TITLE] or sound.name
            _keep(session, ItemKind.RECORDING, {"title": title}, sound.sha256)
    return jsonify(message=_("Đã cất vào kho."))


@pages.get("/<int:number>")
@requires(*WRITERS)
def show(number: int) -> ResponseReturnValue:
    """One item: heard, read, renamed, used again, put away."""
    with services().database.read() as session:
        item = _item(session, number)
        text = item.bulletin.text if item.bulletin else item.text
        return render_template(
            "library_item.html",
            item=item,
            text=text,
            blanks=blanks(item.text),
            categories=fields.CATEGORIES,
            may_keep=_may_keep(item),
        )


@pages.post("/<int:number>")
@requires(*WRITERS)
def change(number: int) -> ResponseReturnValue:
    """Rename an item, or change its category, tags or text."""
    typed = _typed()
    with services().database.write() as session:
        item = _item(session, number)
        _must_keep(item)
        if item.kind is not ItemKind.TEMPLATE or not typed["text"]:
            del typed["text"]
        if not typed["title"]:
            del typed["title"]
        library.change(session, item, account_id=me().id, now=now(), **typed)
    flash(_("Đã lưu."), "success")
    return redirect(url_for("library.show", number=number), 303)


@pages.post("/<int:number>/archive")
@requires(*WRITERS)
def archive(number: int) -> ResponseReturnValue:
    """Put an item away, or back."""
    away = request.form.get("away") == "1"
    with services().database.write() as session:
        item = _item(session, number)
        _must_keep(item)
        library.archive(session, item, account_id=me().id, now=now(), away=away)
    flash(_("Đã cất đi. Tìm lại ở mục Đã cất đi.") if away else _("Đã đưa lại vào kho."), "success")
    return redirect(url_for("library.show", number=number), 303)


@pages.post("/<int:number>/fill")
@requires(*WRITERS)
def fill(number: int) -> ResponseReturnValue:
    """Make a draft of a template with its blanks filled in, and open it."""
    with services().database.write() as session:
        item = _item(session, number)
        names = blanks(item.text)
        values = {name: request.form.get(f"blank-{place}", "")[:MAX_TITLE] for place, name in enumerate(names)}
        form = replace(fields.blank(now(), zone()), title=item.title, text=filled(item.text, values))
        if item.category in fields.CATEGORIES:
            form = replace(form, category=item.category)
        form = fields.suited(form, defaults.choices(session).get(form.category, {}))
        submission = str(uuid4())
        drafts.save(session, submission, form, me().id)
    return redirect(url_for("bulletins.form", submission=submission), 303)
