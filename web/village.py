"""Village heads (trưởng thôn): hear it, air it in one's own village now; the commune sees everything that was aired."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from broadcaster import airing, approval, chain, village
from broadcaster.approval import Approvals
from broadcaster.rows import Broadcast, Bulletin, Grant, Place, Role, Schedule, ScheduleKind, Sound, VillageAiring
from broadcaster.wire.documents import Class
from scheduler.submissions import MAX_TEXT, Problem, Submission, SubmissionError, submit
from tts import reading
from tts.decoding import MAX_SOUND_S
from tts.settings import SpeechSettings
from tts.voice import VOICES
from web import coverage, fields, form_words, moments, sentences, uploads
from web.access import VIEWERS, VILLAGE_HEADS, current_person, me, requires
from web.context import now, services, station, zone
from web.fields import Fields
from web.when import When

pages = Blueprint("village", __name__)

_LISTED: Final = 50
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class Village:
    """A village of the one who asks. ``left_ms`` may still be aired today."""

    grant: Grant
    place: Place
    left_ms: int


def _villages(session: Session) -> list[Village]:
    """The places in which one is village head, each by one grant."""
    found: dict[int, Village] = {}
    for holding in current_person().holdings:
        if holding.role is Role.VILLAGE_HEAD and holding.place_id is not None and holding.place_id not in found:
            grant = session.get_one(Grant, holding.grant_id)
            left = village.left_ms(session, grant, now(), zone())
            found[holding.place_id] = Village(grant, session.get_one(Place, holding.place_id), left)
    return list(found.values())


@pages.get("/village")
@requires(*VILLAGE_HEADS)
def form() -> ResponseReturnValue:
    """The form, on a phone above all."""
    with services().database.read() as session:
        return _show(session, str(uuid4()), Fields())


def _show(session: Session, submission: str, typed: Fields, problems: tuple[Problem, ...] = ()) -> ResponseReturnValue:
    told: dict[str, list[str]] = {}
    for problem in problems:
        told.setdefault(problem.field, []).append(form_words.problem(problem))
    page = render_template(
        "village.html",
        submission=submission,
        typed=typed,
        problems=told,
        sound=session.get(Sound, typed.sound) if typed.sound else None,
        max_sound_s=MAX_SOUND_S,
        villages=_villages(session),
        voices={key: sentences.voice(key) for key in VOICES},
        approval_on=station().approval,
        max_text=MAX_TEXT,
    )
    return page, 422 if problems else 200


@pages.post("/village/<uuid:submission>")
@requires(*VILLAGE_HEADS)
def air(submission: UUID) -> ResponseReturnValue:
    """Air in one's own village now; or say why not."""
    if sent := _sent(str(submission)):
        return redirect(url_for("broadcasts.schedule", number=sent), 303)
    typed, refused = uploads.with_sound(fields.of_form(dict(request.form.lists())))
    if refused or request.form.get("action") in {"upload", "drop-sound"}:
        with services().database.read() as session:
            return _show(session, str(submission), typed, refused)
    fixed = replace(
        typed,
        when=When(kind=ScheduleKind.NOW.value),
        klass=Class.ROUTINE.value,
        category=fields.CATEGORIES[0],
        repeats="1",
        replaces="",
        places=typed.places[:1],
    )
    wanted, problems = fields.parse(fixed, str(submission), zone(), now())
    try:
        with services().database.write() as session:
            schedule = _store(session, wanted, problems)
    except IntegrityError:  # the same form came twice at the same moment
        return redirect(url_for("broadcasts.schedule", number=_sent(str(submission)) or abort(409)), 303)
    except SubmissionError as error:
        with services().database.read() as session:
            return _show(session, str(submission), typed, error.problems)
    services().orders.wake()
    return redirect(url_for("broadcasts.schedule", number=schedule, sent=submission), 303)


def _sent(submission: str) -> int | None:
    """The schedule that an earlier sending of the same form made, whoever sent it."""
    with services().database.read() as session:
        return session.scalar(select(Schedule.id).join(Schedule.bulletin).where(Bulletin.submission == submission))


def _store(session: Session, wanted: Submission, problems: list[Problem]) -> int:
    """Store what a village head sends in, once; returns its schedule's id. Errors: SubmissionError."""
    mine = next((each for each in _villages(session) if (each.place.code,) == wanted.places), None)
    if mine is None:
        abort(403)
    problems += _check_quota(session, wanted, mine)
    try:
        schedule = submit(session, wanted, account_id=me().id, now=now())
    except SubmissionError as error:
        raise SubmissionError([*problems, *error.problems]) from error
    if problems:
        raise SubmissionError(problems)
    session.add(VillageAiring(schedule_id=schedule.id, grant_id=mine.grant.id))
    detail = {"schedule": schedule.id, "grant": mine.grant.id}
    chain.audit(session, at=now(), account_id=me().id, action="village.air", subject=mine.place.code, detail=detail)
    return schedule.id


def _check_quota(session: Session, wanted: Submission, mine: Village) -> list[Problem]:
    """What is plainly too long; the planner measures the finished sound itself."""
    if mine.left_ms > 0 and _length_ms(session, wanted) <= mine.left_ms:
        return []
    return [Problem("sound" if wanted.sound else "text", "quota", (moments.length(mine.left_ms),))]


def _length_ms(session: Session, wanted: Submission) -> float:
    if wanted.sound:
        sound = session.get(Sound, wanted.sound)
        end_ms = wanted.sound_end_ms if wanted.sound_end_ms is not None else sound.duration_ms if sound else 0
        return end_ms - wanted.sound_start_ms
    words = len(reading.read(wanted.spoken or wanted.text[:MAX_TEXT]).spoken.split())
    return words / SpeechSettings().words_per_minute * _MINUTE_MS


@pages.get("/village/aired")
@requires(*VIEWERS)
def listing() -> ResponseReturnValue:
    """What villages aired by themselves, the latest first."""
    with services().database.read() as session:
        rows = (
            select(VillageAiring)
            .options(
                joinedload(VillageAiring.schedule).joinedload(Schedule.bulletin).joinedload(Bulletin.account),
                joinedload(VillageAiring.schedule).selectinload(Schedule.targets),
            )
            .order_by(VillageAiring.schedule_id.desc())
            .limit(_LISTED)
        )
        schedules = [each.schedule for each in session.scalars(rows)]
        numbers = [schedule.id for schedule in schedules]
        aired = {
            each.schedule_id: each
            for each in session.scalars(select(Broadcast).where(Broadcast.schedule_id.in_(numbers)))
        }
        approvals = Approvals.load(session, numbers, now())
        return render_template(
            "village_aired.html",
            schedules=schedules,
            aired=aired,
            counts=coverage.of_broadcasts(session, list(aired.values()), now()),
            state=lambda broadcast: airing.state_of(broadcast, now()),
            waits=lambda each: approvals.of(each).state is approval.ApprovalState.SUBMITTED,
        )
