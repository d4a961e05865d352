"""Writing a bulletin: the form, filled anew, from a draft, from an old bulletin or from a planned one; and sending it."""

from dataclasses import replace
from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster.hours import WEEKDAYS
from broadcaster.rows import Bulletin, ItemKind, LibraryItem, Schedule, Sound
from scheduler import lexicon
from scheduler.submissions import MAX_TEXT, MAX_TITLE, Problem, Submission, SubmissionError, submit
from tts import reading
from tts.decoding import MAX_SOUND_S
from tts.limited import RefusedFileError
from tts.settings import PAUSES, REPEATS, SPEEDS
from web import ahead, choosing, defaults, drafts, fields, form_words, uploads, when
from web.access import WRITERS, may_at, me, must_at, requires
from web.context import now, services, zone
from web.fields import Fields
from web.preview import preview
from web.typed import row_number
from web.words import gettext as _

pages = Blueprint("bulletins", __name__)


@pages.get("/write")
@requires(*WRITERS)
def begin() -> ResponseReturnValue:
    """Name a new form; the name stays in the address, so that a reload finds the draft."""
    return redirect(f"{url_for('bulletins.form', submission=uuid4())}?{request.query_string.decode()}".rstrip("?"), 303)


@pages.get("/write/<uuid:submission>")
@requires(*WRITERS)
def form(submission: UUID) -> ResponseReturnValue:
    """The form; one that was sent already leads to what became of it."""
    with services().database.read() as session:
        if sent := _sent(session, str(submission)):
            return redirect(url_for("broadcasts.schedule", number=sent.id), 303)
        draft = drafts.find(session, str(submission), me().id)
        typed = fields.of_draft(draft.fields) if draft else _prefilled(session)
        return _show(session, str(submission), typed)


@pages.post("/write/<uuid:submission>")
@requires(*WRITERS)
def send(submission: UUID) -> ResponseReturnValue:
    """Take a form in, or show it again with what is wrong at its fields."""
    typed = fields.of_form(dict(request.form.lists()))
    if request.form.get("action") == "draft":
        return _keep(str(submission), typed)
    if fix := request.form.get("fix"):
        typed = fields.mended(typed, fix)
    if request.form.get("action") == "suit":
        with services().database.read() as session:
            return _show(session, str(submission), _suited(session, typed))
    typed, refused = _with_words(typed) if request.form.get("action") == "import" else uploads.with_sound(typed)
    if (
        refused
        or fix
        or choosing.only_looks()
        or request.form.get("action") in {"upload", "drop-sound", "import", "when"}
    ):
        with services().database.read() as session:
            return _show(session, str(submission), typed, refused)
    wanted, problems = fields.parse(typed, str(submission), zone(), now())
    try:
        schedule = _store(wanted, problems)
    except SubmissionError as error:
        with services().database.read() as session:
            return _show(session, str(submission), typed, error.problems)
    services().orders.wake()
    return redirect(url_for("broadcasts.schedule", number=schedule, sent=submission), 303)


def _with_words(typed: Fields) -> tuple[Fields, tuple[Problem, ...]]:
    """The fields with the text of a document that a browser without JavaScript sent along."""
    try:
        text = uploads.words(request.files.get("document"))
    except RefusedFileError as refusal:
        return typed, (Problem("document", refusal.code, refusal.values),)
    return replace(typed, text=f"{typed.text}\n\n{text}".strip()), ()


def _keep(submission: str, typed: Fields) -> ResponseReturnValue:
    """Save a draft for a browser that can't do it by itself."""
    with services().database.write() as session:
        if drafts.save(session, submission, typed, me().id):
            flash(_("Đã lưu nháp."), "success")
    return redirect(url_for("bulletins.form", submission=submission), 303)


def _store(wanted: Submission, problems: list[Problem]) -> int:
    """Store a submission once; returns its schedule's id. Everything wrong is told at once. Errors: SubmissionError."""
    try:
        return _attempt(wanted, problems)
    except IntegrityError:  # the same form came twice at the same moment: find what the other one stored
        return _attempt(wanted, problems)


def _attempt(wanted: Submission, problems: list[Problem]) -> int:
    with services().database.write() as session:
        if wanted.replaces is not None:
            replaced = session.get(Schedule, wanted.replaces)
            if replaced is None:
                abort(404)
            must_at(replaced.targets, *WRITERS)
        try:
            schedule = submit(session, wanted, account_id=me().id, now=now())
        except SubmissionError as error:
            raise SubmissionError(_merged(problems, error.problems)) from error
        elsewhere = [place.name for place in schedule.targets if not may_at([place], *WRITERS)]
        problems += [Problem("places", "not-yours", (name,)) for name in elsewhere]
        if problems:
            raise SubmissionError(problems)
        return schedule.id


def _merged(typed: list[Problem], meant: tuple[Problem, ...]) -> list[Problem]:
    """Of one field only what was typed wrong, if anything was: the rest follows from it."""
    fields_typed = {problem.field for problem in typed}
    return [*typed, *(problem for problem in meant if problem.field not in fields_typed)]


def _sent(session: Session, submission: str) -> Schedule | None:
    found = select(Schedule).join(Schedule.bulletin).where(Bulletin.submission == submission)
    return session.scalar(found.order_by(Schedule.id).limit(1))


def _prefilled(session: Session) -> Fields:
    """The fields of a new form, of one that uses an old bulletin again, or of one that replaces a planned one."""
    empty = _suited(session, fields.blank(now(), zone()))
    if number := request.args.get("edit", type=row_number):
        schedule = session.get(Schedule, number)
        if schedule is None or schedule.cancelled_at:
            abort(404)
        return replace(_fields_of(session, schedule.bulletin, schedule), replaces=str(schedule.id))
    if number := request.args.get("copy", type=row_number):
        bulletin = session.get(Bulletin, number)
        if bulletin is None:
            abort(404)
        latest = select(Schedule).where(Schedule.bulletin_id == number).order_by(Schedule.id.desc()).limit(1)
        filled = _fields_of(session, bulletin, session.scalar(latest))
        return replace(filled, when=replace(empty.when, time=filled.when.time))
    if number := request.args.get("item", type=row_number):
        item = session.get(LibraryItem, number)
        if item is None:
            abort(404)
        category = item.category if item.category in fields.CATEGORIES else empty.category
        return replace(
            _suited(session, replace(empty, category=category)),
            title=item.title,
            text=item.text,
            sound=item.sound_sha256 or "",
            music=item.kind in {ItemKind.TUNE, ItemKind.STING},
        )
    return empty


def _suited(session: Session, typed: Fields) -> Fields:
    return fields.suited(typed, defaults.choices(session).get(typed.category, {}))


def _fields_of(session: Session, bulletin: Bulletin, schedule: Schedule | None) -> Fields:
    words = lexicon.in_force(session, bulletin.readings)
    return fields.of_bulletin(bulletin, schedule, reading.read(bulletin.text, words).spoken, zone())


def _show(session: Session, submission: str, typed: Fields, problems: tuple[Problem, ...] = ()) -> ResponseReturnValue:
    told: dict[str, list[str]] = {}
    for problem in problems:
        told.setdefault(problem.field, []).append(form_words.problem(problem))
    words = lexicon.in_force(session, fields.corrections(typed.readings))
    today = now().astimezone(zone()).date()
    page = render_template(
        "write.html",
        submission=submission,
        typed=typed,
        problems=told,
        places=choosing.choices(session, WRITERS, typed.places),
        preview=preview(typed.text, today, words) if typed.text.strip() else None,
        typed_text=typed.text,
        ahead=ahead.of_request(session, typed),
        when_kinds=when.KINDS,
        weekdays=WEEKDAYS,
        monthly=when.MONTHLY,
        lunar=when.LUNAR,
        voices=defaults.voices(typed.voice),
        repeats=REPEATS,
        speeds=SPEEDS,
        pauses=PAUSES,
        classes=fields.CLASSES,
        categories=fields.CATEGORIES,
        plain=fields.PLAIN,
        defaults=defaults.choices(session),
        tunes=defaults.tunes(session, typed.opening_tune, typed.closing_tune),
        max_text=MAX_TEXT,
        max_title=MAX_TITLE,
        sound=session.get(Sound, typed.sound) if typed.sound else None,
        max_sound_s=MAX_SOUND_S,
    )
    return page, 422 if problems else 200
