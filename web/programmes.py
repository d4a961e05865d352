"""Programmes (Chương trình): the list with what each will air next, and the editor of rundowns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import airing
from broadcaster.hours import WEEKDAYS
from broadcaster.rows import Broadcast, Bulletin, ItemKind, LibraryItem, Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE
from scheduler import programmes, recurrence, rule_text, rules, submissions
from scheduler.composing import Composer, pieces_of
from scheduler.rules import Breach, Commune
from scheduler.rundown import Composed, Overrun, Piece
from scheduler.submissions import MAX_TITLE, Problem, Submission, SubmissionError
from tts.voice import VOICES
from web import agenda, ahead, choosing, fields, form_words, programme_words, rundown_fields, sentences, when
from web.access import VIEWERS, WRITERS, may_at, me, must_at, requires
from web.context import geography, now, services, station, zone
from web.fields import Fields
from web.rundown_fields import Typed
from web.typed import row_number

pages = Blueprint("programmes", __name__, url_prefix="/programmes")

_BULLETINS: Final = 100
"""That can be chosen one by one: the latest."""
_SOUNDS: Final = (ItemKind.TUNE, ItemKind.STING, ItemKind.RECORDING)


@dataclass(frozen=True)
class Programme:
    """One programme of the list: a schedule for each of its times of the day, and the occurrence that comes next."""

    bulletin: Bulletin
    schedules: tuple[Schedule, ...]
    at: datetime | None
    broadcast: Broadcast | None
    pieces: tuple[Piece, ...]
    on_air: bool

    @property
    def over(self) -> bool:
        """Whether it will not air again."""
        return self.at is None and not self.on_air


@dataclass(frozen=True)
class Look:
    """What a rundown would be at its next time: when it begins, is meant to end, and would end; the rule it would break."""

    composed: Composed
    at: datetime
    planned_end: datetime
    end: datetime
    broken: Breach | None

    @property
    def over(self) -> bool:
        """Whether it would run longer than planned."""
        return self.end > self.planned_end


@pages.get("")
@requires(*VIEWERS)
def listing() -> ResponseReturnValue:
    """Every programme in force, with what it will air next, and those that are over."""
    with services().database.read() as session:
        rows = (
            select(Schedule)
            .join(Schedule.bulletin)
            .where(Bulletin.rundown.is_not(None), Schedule.cancelled_at.is_(None))
            .options(joinedload(Schedule.bulletin), selectinload(Schedule.targets))
            .order_by(Schedule.id)
        )
        mine: dict[int, list[Schedule]] = {}
        for schedule in session.scalars(rows):
            mine.setdefault(schedule.bulletin_id, []).append(schedule)
        playing = {each.bulletin_id for each in airing.on_air(session, now())}
        found = [_programme(session, schedules, playing) for schedules in mine.values()]
        waiting = select(Schedule).where(Schedule.kind == ScheduleKind.PROGRAMME, Schedule.cancelled_at.is_(None))
        recent = waiting.where(Schedule.created_at > now() - timedelta(days=7)).order_by(Schedule.id.desc())
        return render_template(
            "programmes.html",
            programmes=[each for each in found if not each.over],
            over=[each for each in reversed(found) if each.over],
            waiting=session.scalars(recent.options(joinedload(Schedule.bulletin)).limit(_BULLETINS)).all(),
            words=programme_words,
        )


def _programme(session: Session, schedules: Sequence[Schedule], playing: Collection[int]) -> Programme:
    moments = [(at, each) for each in schedules if (at := agenda.upcoming_moment(each, now(), zone()))]
    at, schedule = min(moments, default=(None, schedules[0]), key=lambda pair: pair[0])
    planned = select(Broadcast).where(
        Broadcast.schedule_id == schedule.id, Broadcast.occurrence > now(), Broadcast.cancelled_at.is_(None)
    )
    broadcast = session.scalar(planned.order_by(Broadcast.occurrence).limit(1))
    pieces = pieces_of(broadcast.composition) if broadcast and broadcast.composition else ()
    alike = rundown_fields.alike(schedules, zone())
    bulletin = schedules[0].bulletin
    return Programme(bulletin, alike, at, broadcast, pieces, bulletin.id in playing)


@pages.get("/new")
@requires(*WRITERS)
def begin() -> ResponseReturnValue:
    """Name a new form; the name stays in the address."""
    address = url_for("programmes.form", submission=uuid4())
    return redirect(f"{address}?{request.query_string.decode()}".rstrip("?"), 303)


@pages.get("/<uuid:submission>")
@requires(*WRITERS)
def form(submission: UUID) -> ResponseReturnValue:
    """The form: empty, from a preset, or of a programme that is to be changed."""
    with services().database.read() as session:
        if submissions.find(session, str(submission)):
            return redirect(url_for("programmes.listing"), 303)
        return _show(session, str(submission), _prefilled(session))


def _prefilled(session: Session) -> Typed:
    if number := request.args.get("edit", type=row_number):
        schedule = session.get(Schedule, number)
        if schedule is None or schedule.cancelled_at or schedule.bulletin.rundown is None:
            abort(404)
        siblings = select(Schedule).where(Schedule.bulletin_id == schedule.bulletin_id, Schedule.cancelled_at.is_(None))
        every = session.scalars(siblings.order_by(Schedule.id)).all()
        return rundown_fields.of_bulletin(schedule.bulletin, rundown_fields.alike(every, zone()), zone())
    day = fields.blank(now(), zone()).when.date
    shelf = _tunes(session)
    return rundown_fields.preset(request.args.get("preset", ""), shelf, day, next(iter(VOICES)))


def _tunes(session: Session) -> Mapping[str, str]:
    """The tunes that came with the station, else any."""
    rows = select(LibraryItem).where(LibraryItem.sound_sha256.is_not(None), LibraryItem.archived_at.is_(None))
    by_origin = {item.origin: item.sound_sha256 or "" for item in session.scalars(rows)}
    any_sound = next(iter(by_origin.values()), "")
    opening = by_origin.get("tune-morning", any_sound)
    return {"opening": opening, "closing": by_origin.get("tune-closing", opening)}


@pages.post("/<uuid:submission>")
@requires(*WRITERS)
def send(submission: UUID) -> ResponseReturnValue:
    """Take a programme in, or show the form again: a button of it was pressed, or something is wrong."""
    typed = rundown_fields.of_form(dict(request.form.lists()))
    action = request.form.get("action", "")
    if fix := request.form.get("fix"):
        mended = fields.mended(_of_when(typed), fix)
        typed = replace(typed, when=mended.when, displaces=mended.displaces)
    with services().database.read() as session:
        default = _tunes(session)["opening"]
        moved = rundown_fields.rearranged(typed, action, request.form.get("add-kind", ""), sound=default)
        if moved or fix or action == "when" or choosing.only_looks():
            return _show(session, str(submission), moved or typed)
    try:
        _store(str(submission), typed)
    except SubmissionError as error:
        with services().database.read() as session:
            return _show(session, str(submission), typed, error.problems)
    services().orders.wake()
    return redirect(url_for("programmes.listing"), 303)


def _store(submission: str, typed: Typed) -> None:
    """Store a programme once. Errors: SubmissionError."""
    try:
        _attempt(submission, typed)
    except IntegrityError:  # the same form came twice at the same moment: find what the other one stored
        _attempt(submission, typed)


def _attempt(submission: str, typed: Typed) -> None:
    wanted, problems = _meant(submission, typed)
    times, wrong = rundown_fields.times_of(typed.times)
    problems += wrong
    with services().database.write() as session:
        if wanted.replaces is not None:
            must_at((session.get(Schedule, wanted.replaces) or abort(404)).targets, *WRITERS)
        try:
            schedule = programmes.submit(session, wanted, times, account_id=me().id, now=now())
        except SubmissionError as error:
            raise SubmissionError(list(dict.fromkeys([*problems, *error.problems]))) from error
        elsewhere = [place.name for place in schedule.targets if not may_at([place], *WRITERS)]
        problems += [Problem("places", "not-yours", (name,)) for name in elsewhere]
        if problems:
            raise SubmissionError(problems)


def _meant(submission: str, typed: Typed) -> tuple[Submission, list[Problem]]:
    means, problems = when.parse(typed.when, zone(), now())
    if typed.klass not in fields.CLASSES:
        problems.append(Problem("klass", "unknown"))
    wanted = Submission(
        submission=submission,
        title=typed.title.strip(),
        text="",
        kind=means.kind if typed.when.kind in rundown_fields.WHENS else ScheduleKind.ONCE,
        places=typed.places,
        klass=Class(typed.klass) if typed.klass in fields.CLASSES else Class.ROUTINE,
        voice=typed.voice,
        chime=False,
        start_at=means.start_at,
        rule=means.rule,
        replaces=rundown_fields.number(typed.replaces) or None,
        displaces=tuple(fields.displaced(typed.displaces)),
        rundown=rundown_fields.meant(typed),
    )
    return wanted, problems


def _of_when(typed: Typed) -> Fields:
    """The fields that the "when" part of a form needs."""
    return Fields(
        klass=typed.klass,
        places=typed.places,
        when=typed.when,
        replaces=typed.replaces,
        displaces=typed.displaces,
    )


def _look(session: Session, typed: Typed) -> Look | None:
    """What the rundown would be at its next time, as far as it is filled in."""
    means, problems = when.parse(typed.when, zone(), now())
    at = now()
    if not problems and means.start_at is not None:
        rule = rule_text.read(means.rule, means.start_at, zone())
        at = next(iter(recurrence.following(rule, now())), means.start_at)
    wanted = rundown_fields.meant(typed)
    if not wanted.items:
        return None
    title, audience = typed.title.strip()[:MAX_TITLE], geography().heard_by(typed.places)
    composed = Composer(session, station(), geography(), now()).of_rundown(wanted, title, audience, at)
    end = at + timedelta(milliseconds=composed.length_ms)
    broken = rules.breach(Commune.load(session, station(), now()), rules.listeners(geography(), audience), at, end)
    return Look(composed, at, at + timedelta(milliseconds=wanted.planned_ms), end, broken)


@pages.post("/look")
@requires(*WRITERS)
def look() -> ResponseReturnValue:
    """What the form would air, while it is being filled in."""
    typed = rundown_fields.of_form(dict(request.form.lists()))
    with services().database.read() as session:
        return render_template("_rundown_look.html", look=_look(session, typed), words=programme_words)


@pages.post("/when")
@requires(*WRITERS)
def show_when() -> ResponseReturnValue:
    """The part of the form that says when it will air."""
    typed = rundown_fields.of_form(dict(request.form.lists()))
    with services().database.read() as session:
        return render_template("_ahead.html", ahead=_ahead(session, typed))


def _ahead(session: Session, typed: Typed) -> ahead.Ahead | None:
    planned = timedelta(milliseconds=max(rundown_fields.meant(typed).planned_ms, MINUTE))
    return ahead.of_request(session, _of_when(typed), planned)


def _show(session: Session, submission: str, typed: Typed, problems: Sequence[Problem] = ()) -> ResponseReturnValue:
    told: dict[str, list[str]] = {}
    for problem in problems:
        told.setdefault(problem.field, []).append(programme_words.problem(problem) or form_words.problem(problem))
    page = render_template(
        "programme.html",
        submission=submission,
        typed=typed,
        problems=told,
        places=choosing.choices(session, WRITERS, typed.places),
        ahead=_ahead(session, typed),
        look=_look(session, typed),
        when_kinds=rundown_fields.WHENS,
        weekdays=WEEKDAYS,
        monthly=when.MONTHLY,
        lunar=when.LUNAR,
        voices={key: sentences.voice(key) for key in VOICES if services().speech.offers(key) or key == typed.voice},
        classes=fields.CLASSES,
        categories=fields.CATEGORIES,
        overruns=Overrun,
        kinds=rundown_fields.KINDS,
        sounds=_sounds(session),
        bulletins=_bulletins(session),
        words=programme_words,
    )
    return page, 422 if problems else 200


def _sounds(session: Session) -> Sequence[LibraryItem]:
    rows = (
        select(LibraryItem)
        .where(LibraryItem.kind.in_(_SOUNDS), LibraryItem.sound_sha256.is_not(None), LibraryItem.archived_at.is_(None))
        .options(joinedload(LibraryItem.sound))
        .order_by(LibraryItem.kind.desc(), LibraryItem.title)
    )
    return session.scalars(rows).all()


def _bulletins(session: Session) -> Sequence[Bulletin]:
    live = select(Schedule.bulletin_id).where(Schedule.cancelled_at.is_(None))
    rows = select(Bulletin).where(Bulletin.rundown.is_(None), Bulletin.id.in_(live)).order_by(Bulletin.id.desc())
    return session.scalars(rows.limit(_BULLETINS)).all()
