"""Approving (Duyệt): what waits, heard in one player and approved with one button; returning; the switch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import airing, approval, notices, permissions
from broadcaster.approval import ApprovalError, Approver, Paper, Standing
from broadcaster.geography import Geography
from broadcaster.permissions import Action, Person
from broadcaster.rows import Broadcast, Clip, Decision, Schedule
from scheduler.composing import pieces_of
from scheduler.rundown import Piece
from web import agenda, documents, programme_words, sentences
from web.access import (
    APPROVERS,
    MANAGERS,
    WRITERS,
    current_person,
    may_at,
    may_everywhere,
    me,
    must_everywhere,
    requires,
)
from web.context import geography, now, services, station, zone
from web.documents import DocumentError
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("approval", __name__)

_MAX_COMMENT = 2_000
_MAX_NUMBER = 120
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Waiting:
    """One bulletin on the approver's page, or one programme with all of its times: one verdict is about all of them.

    Attributes:
        schedules: what the verdict is about; only of a programme several.
        at: when it would air next; None for at once.
        clip: the very sound, when browsers can hear it.
        seen: the fingerprint of what is shown, sent back with the verdict; of a programme with what its next occurrence is
            made of, so that what has changed since must be looked at again.
        changed: what is not as it was when it, or what it replaces, was approved.
        own: whether the one who looks sent it in.
        composed: of a programme, the occurrence that comes next as it is composed now.
    """

    schedules: tuple[Schedule, ...]
    at: datetime | None
    clip: Clip | None
    seen: str
    changed: tuple[str, ...]
    own: bool
    composed: Broadcast | None = None

    @property
    def schedule(self) -> Schedule:
        """The one that airs first."""
        return self.schedules[0]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What that occurrence is made of."""
        return pieces_of(self.composed.composition) if self.composed and self.composed.composition else ()


def approver_for(schedule: Schedule, person: Person, tree: Geography) -> Approver | None:
    """In whose name ``person`` may approve a schedule: their own right first, then one that was lent."""
    places = [place.id for place in schedule.targets]
    lenders = {holding.on_behalf_of for holding in person.holdings}
    for lender in sorted(lenders, key=lambda number: number or 0):
        held = tuple(holding for holding in person.holdings if holding.on_behalf_of == lender)
        if held and permissions.may_all(Person(person.account_id, held), Action.APPROVE, places, tree):
            return Approver(person.account_id, lender)
    return None


def _waiting(session: Session, bulletin: int | None = None) -> Iterator[Waiting]:
    """What waits for the one who asks, of one bulletin or of all; the times of a programme together."""
    tree, person = geography(), current_person()
    found: dict[tuple[int, Approver], list[tuple[Schedule, Standing]]] = {}
    for schedule, stands in approval.waiting(session, now(), bulletin):
        if by := approver_for(schedule, person, tree):
            one = schedule.bulletin_id if schedule.bulletin.rundown else -schedule.id
            found.setdefault((one, by), []).append((schedule, stands))
    for (_one, by), together in found.items():
        yield _shown(session, together, by)


def _shown(session: Session, together: Sequence[tuple[Schedule, Standing]], by: Approver) -> Waiting:
    moments = {each.id: agenda.upcoming_moment(each, now(), zone()) for each, _ in together}
    (schedule, stands), *_rest = sorted(together, key=lambda pair: moments[pair[0].id] or _NEVER)
    schedules = (schedule, *(each for each, _ in together if each is not schedule))
    present = approval.facts(schedule)
    before = stands.decision or approval.predecessor(session, schedule)
    composed = _next_composed(session, schedules) if schedule.bulletin.rundown else None
    clip = composed.composition.clip if composed and composed.composition else schedule.bulletin.clip
    return Waiting(
        schedules,
        moments[schedule.id],
        clip if clip and services().clips.mp3_path(clip.sha256).exists() else None,
        _mark(schedules, composed),
        sentences.changed(approval.changes(before.facts, present)) if before else (),
        schedule.bulletin.account_id in {by.account_id, by.on_behalf_of},
        composed,
    )


def _mark(schedules: Sequence[Schedule], composed: Broadcast | None) -> str:
    """The fingerprint of all that is shown of a bulletin, or of a programme."""
    marks = {str(each.id): approval.fingerprint(approval.facts(each)) for each in schedules}
    if schedules[0].bulletin.rundown is None:
        return marks[str(schedules[0].id)]
    pieces = composed.composition.key if composed and composed.composition else ""
    return approval.fingerprint({"times": marks, "pieces": pieces})


def _next_composed(session: Session, schedules: Sequence[Schedule]) -> Broadcast | None:
    ahead = (
        select(Broadcast).join(Broadcast.composition).where(Broadcast.schedule_id.in_(each.id for each in schedules))
    )
    coming = ahead.where(Broadcast.occurrence > now(), *airing.OPEN)
    return session.scalar(coming.order_by(Broadcast.occurrence).limit(1))


def _soonest(item: Waiting) -> datetime:
    return item.at or item.schedule.created_at


@pages.get("/approval")
@requires(*APPROVERS, *MANAGERS)
def listing() -> ResponseReturnValue:
    """What waits for the one who asks, the next to air first."""
    with services().database.read() as session:
        return render_template(
            "approval.html",
            waiting=sorted(_waiting(session), key=_soonest),
            on=station().approval,
            may_switch=may_everywhere(*MANAGERS),
            words=programme_words,
            nobody=station().approval and not approval.has_approver(session, now()),
        )


def _paper() -> Paper | None:
    """The document that approves, if there is one; a file without a number is not one."""
    number = request.form.get("document_number", "").strip()[:_MAX_NUMBER]
    kept = documents.keep(services().settings.home_path, request.files.get("document"))
    if kept and not number:
        raise DocumentError("no-number")
    return Paper(number, *(kept or ())) if number else None


@pages.post("/approval")
@requires(*APPROVERS)
def approve() -> ResponseReturnValue:
    """Approve what was ticked, each exactly as it was shown."""
    wanted = [item.partition(":")[::2] for item in request.form.getlist("item")]
    if not wanted:
        flash(_("Chưa chọn bản tin nào để duyệt."), "warning")
        return redirect(url_for("approval.listing"), 303)
    try:
        paper = _paper()
    except DocumentError as error:
        flash(sentences.document_problem(error.code), "warning")
        return redirect(url_for("approval.listing"), 303)
    done = sum(_approve_one(number, seen, paper) for number, seen in wanted)
    if done:
        services().orders.wake()
        flash(ngettext("Đã duyệt %(num)d bản tin.", "Đã duyệt %(num)d bản tin.", done), "success")
    return redirect(url_for("approval.listing"), 303)


def _approve_one(number: str, seen: str, paper: Paper | None) -> bool:
    """Approve one bulletin or programme in a transaction of its own: what is wrong with it holds up no other."""
    with services().database.write() as session:
        schedule, by = _found(session, number)
        try:
            for each, mark in _meant(session, schedule, seen):
                approval.approve(session, each, by, seen=mark, now=now(), paper=paper)
        except ApprovalError as error:
            problem = sentences.approval_problem(error.code)
            flash(_("“%(title)s”: %(problem)s", title=schedule.bulletin.title, problem=problem), "warning")
            return False
    return True


def _found(session: Session, number: str | int) -> tuple[Schedule, Approver]:
    """A schedule and in whose name it is decided about; refused when that is nobody's."""
    schedule = session.get(Schedule, int(number)) if str(number).isdecimal() and len(str(number)) < 10 else None  # noqa: PLR2004
    if schedule is None:
        abort(404)
    by = approver_for(schedule, current_person(), geography())
    if by is None:
        abort(403)
    return schedule, by


def _meant(session: Session, schedule: Schedule, seen: str) -> list[tuple[Schedule, str]]:
    """What a verdict is about, each with the fingerprint of what was seen of it: a programme's times, or the one schedule.

    Errors: ApprovalError, when a programme is not as it was shown.
    """
    if schedule.bulletin.rundown is None:
        return [(schedule, seen)]
    shown = next((each for each in _waiting(session, schedule.bulletin_id) if schedule in each.schedules), None)
    if shown is None or shown.seen != seen:
        raise ApprovalError("changed")
    return [(each, approval.fingerprint(approval.facts(each))) for each in shown.schedules]


@pages.post("/approval/<int:number>/return")
@requires(*APPROVERS)
def give_back(number: int) -> ResponseReturnValue:
    """Return a bulletin with a comment; whoever wrote it is told."""
    comment = request.form.get("comment", "").strip()[:_MAX_COMMENT]
    try:
        with services().database.write() as session:
            schedule, by = _found(session, number)
            decided = [
                approval.give_back(session, each, by, seen=mark, comment=comment, now=now())
                for each, mark in _meant(session, schedule, request.form.get("seen", ""))
            ]
            notices.returned(session, decided[0], now())
        services().orders.wake()
        flash(_("Đã trả lại bản tin kèm ý kiến."), "success")
    except ApprovalError as error:
        flash(sentences.approval_problem(error.code), "warning")
    return redirect(url_for("approval.listing"), 303)


@pages.post("/approval/switch")
@requires(*MANAGERS)
def switch() -> ResponseReturnValue:
    """Ask for approval, or no longer: said in so many words, written down, and shown."""
    must_everywhere(*MANAGERS)
    on = request.form.get("to") == "on"
    with services().database.write() as session:
        approval.switch(session, on=on, by=me().id, now=now())
    services().orders.wake()
    flash(_("Đã bật duyệt bản tin.") if on else _("Đã tắt duyệt: bản tin phát không cần người duyệt."), "success")
    return redirect(url_for("approval.listing"), 303)


@pages.get("/approval/document/<int:number>")
@requires(*APPROVERS, *WRITERS)
def document(number: int) -> ResponseReturnValue:
    """The signed document of a verdict, for those who write or approve where the bulletin airs."""
    with services().database.read() as session:
        decision = session.get(Decision, number)
        if decision is None or decision.document_file is None:
            abort(404)
        if not may_at(decision.schedule.targets, *APPROVERS, *WRITERS):
            abort(403)
        path = services().settings.home_path / documents.FOLDER / decision.document_file
        if not path.exists():
            abort(404)
        kind = documents.TYPES[path.suffix.removeprefix(".")]
        return send_file(path, mimetype=kind, as_attachment=True, download_name=decision.document_name)
