"""Moving one occurrence to another time, with what it would meet there, and copying a week."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from urllib.parse import parse_qsl

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain
from broadcaster.geography import Geography
from broadcaster.rows import Schedule, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler import conflicts, recurrence, rules, timeline
from scheduler.conflicts import Conflict, Wanted
from scheduler.materialisation import rule_of
from scheduler.rules import Commune
from scheduler.timeline import Sounding
from web import fields, form_words, rule_words
from web.access import WRITERS, may_at, me, must_at, requires
from web.context import commune, geography, locale, now, services, zone
from web.typed import row_number
from web.week import WEEK, day_typed, midnight, monday_of
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("moving", __name__)

_DAY: Final = timedelta(days=1)
_TYPED: Final = ("date", "time", "displaces")
Given = tuple[tuple[int, datetime], ...]
"""Occurrences that give way: schedule and moment."""


@dataclass(frozen=True)
class Surroundings:
    """What counts for one schedule at another time: who hears it, by which rules, and what else they hear around then."""

    geography: Geography
    commune: Commune
    audience: frozenset[str]
    others: tuple[Sounding, ...]

    @classmethod
    def of(
        cls, session: Session, schedule: Schedule, moment: datetime, without: Collection[tuple[int, datetime]] = ()
    ) -> "Surroundings":
        """Around a moment, but for what gives way to it."""
        audience = geography().heard_by(place.code for place in schedule.targets)
        found = timeline.soundings(session, zone(), moment - _DAY, moment + _DAY, now())
        others = [
            each
            for each in found
            if each.to_air
            and (each.schedule, each.occurrence) not in without
            and geography().heard_by(each.zones) & audience
        ]
        return cls(geography(), commune(), audience, tuple(others))

    def refusal(self, schedule: Schedule, moment: datetime) -> str:
        """Why a bulletin may not air then; empty when it may."""
        if moment <= now():
            return _("Giờ này đã qua.")
        if schedule.bulletin.klass is Class.EMERGENCY:
            return ""
        heard, end = rules.listeners(self.geography, self.audience), moment + timeline.length_of(schedule.bulletin)
        taken = [each.stretch for each in self.others if each.schedule != schedule.id]
        broken = rules.breach(self.commune, heard, moment, end, taken)
        return form_words.broken_rule(broken.rule.value, broken.values) if broken else ""

    def conflicts(self, schedule: Schedule, moment: datetime) -> list[Conflict]:
        """What it would meet then."""
        bulletin = schedule.bulletin
        wanted = Wanted((moment,), timeline.length_of(bulletin), bulletin.klass, self.audience)
        return conflicts.find(wanted, self.others, self.geography, self.commune)


def _typed() -> dict[str, str]:
    """The fields that say where to, with one click of a conflict carried out."""
    typed = {name: request.form.get(name, "") for name in _TYPED}
    chosen = dict(parse_qsl(request.form.get("fix", "")))
    given_way = " ".join(filter(None, (typed["displaces"], chosen.get("displaces", ""))))
    return typed | {name: value for name, value in chosen.items() if name in _TYPED} | {"displaces": given_way}


@pages.post("/week/move")
@requires(*WRITERS)
def move() -> ResponseReturnValue:
    """One occurrence airs at another time; of a repeated schedule only this one. What it would meet there is shown first."""
    number, occurrence = request.form.get("schedule", type=row_number), _moment(request.form.get("occurrence", ""))
    typed = _typed()
    day, clock = day_typed(typed["date"]), _time(typed["time"])
    if number is None or occurrence is None:
        abort(404)
    if day is None or clock is None:
        flash(_("Hãy chọn ngày và giờ phát."), "warning")
        return _back(occurrence)
    moment = datetime.combine(day, clock, zone())
    given_way = tuple(fields.displaced(typed["displaces"]))
    with services().database.write() as session:
        schedule = session.get(Schedule, number)
        if schedule is None or schedule.cancelled_at:
            abort(404)
        must_at(schedule.targets, *WRITERS)
        if not _airs(schedule, occurrence):
            flash(_("Lượt phát này vừa được dời hoặc hủy."), "warning")
            return _back(moment)
        around = Surroundings.of(session, schedule, moment, {*given_way, (number, occurrence)})
        if wrong := around.refusal(schedule, moment):
            flash(wrong, "warning")
            return _back(occurrence)
        met = [] if "anyway" in request.form else around.conflicts(schedule, moment)
        title = schedule.bulletin.title
        if not met:
            _move(session, schedule, occurrence, moment, given_way)
    if met:
        return render_template("week_move.html", title=title, typed=typed, moment=moment, conflicts=met)
    services().orders.wake()
    flash(_("Đã dời sang %(when)s.", when=rule_words.moment_in_words(moment, zone(), locale())), "success")
    return _back(moment)


def _airs(schedule: Schedule, occurrence: datetime) -> bool:
    """Whether a schedule still has an occurrence: a form that is sent twice moves it once."""
    rule = rule_of(schedule, zone())
    return rule is None or occurrence in recurrence.occurrences(rule, occurrence, occurrence + timedelta(seconds=1))


def _move(session: Session, schedule: Schedule, occurrence: datetime, moment: datetime, given_way: Given) -> None:
    made = _again(session, schedule, moment)
    conflicts.take_off(session, schedule, occurrence, zone(), account_id=me().id, now=now())
    for number, at in given_way:
        other = session.get(Schedule, number)
        if other is not None and other.cancelled_at is None:
            must_at(other.targets, *WRITERS)
            conflicts.displace(session, other, at, zone(), account_id=me().id, now=now())
    detail = {
        "from": [schedule.id, occurrence.isoformat()],
        "to": moment.isoformat(),
        "displaces": [[number, at.isoformat()] for number, at in given_way],
    }
    chain.audit(session, at=now(), account_id=me().id, action="schedule.move", subject=str(made.id), detail=detail)


@pages.post("/week/copy")
@requires(*WRITERS)
def copy() -> ResponseReturnValue:
    """What airs once in a week airs again on the same weekdays of another; what repeats comes by itself."""
    source, target = day_typed(request.form.get("from", "")), day_typed(request.form.get("to", ""))
    if source is None or target is None or monday_of(source) == monday_of(target):
        flash(_("Hãy chọn tuần khác để chép sang."), "warning")
        return redirect(url_for("week.show"), 303)
    first, shift = monday_of(source), monday_of(target) - monday_of(source)
    begin, end = midnight(first, zone()), midnight(first + WEEK, zone())
    copied, told = 0, []
    with services().database.write() as session:
        once = select(Schedule).where(
            Schedule.kind == ScheduleKind.ONCE,
            Schedule.cancelled_at.is_(None),
            Schedule.start_at >= begin,
            Schedule.start_at < end,
        )
        for schedule in session.scalars(once).all():
            assert schedule.start_at  # noqa: S101  asked for just now
            local = schedule.start_at.astimezone(zone())
            moment = datetime.combine(local.date() + shift, local.time(), zone())
            if _has(session, schedule, moment) or not may_at(schedule.targets, *WRITERS):
                continue
            around = Surroundings.of(session, schedule, moment)
            if wrong := around.refusal(schedule, moment):
                told.append(f"{schedule.bulletin.title}: {wrong}")
                continue
            told += [_meeting(schedule, met) for met in around.conflicts(schedule, moment)]
            _again(session, schedule, moment)
            copied += 1
        detail = {"from": first.isoformat(), "to": (first + shift).isoformat(), "copied": copied}
        chain.audit(session, at=now(), account_id=me().id, action="week.copy", subject="station", detail=detail)
    services().orders.wake()
    flash(ngettext("Đã chép %(num)d bản tin.", "Đã chép %(num)d bản tin.", copied), "success")
    for each in told:
        flash(each, "warning")
    return redirect(url_for("week.show", date=(first + shift).isoformat()), 303)


def _meeting(schedule: Schedule, met: Conflict) -> str:
    """That what was copied meets something else: it is seen on the week, and dealt with there."""
    return _(
        "“%(title)s” trùng giờ với “%(other)s” lúc %(when)s. Hãy dời một trong hai.",
        title=schedule.bulletin.title,
        other=met.other.title,
        when=rule_words.moment_in_words(met.moment, zone(), locale()),
    )


def _has(session: Session, schedule: Schedule, moment: datetime) -> bool:
    """Whether the same bulletin airs then already: copying twice is copying once."""
    same = select(Schedule.id).where(
        Schedule.bulletin_id == schedule.bulletin_id, Schedule.start_at == moment, Schedule.cancelled_at.is_(None)
    )
    return session.scalar(same.limit(1)) is not None


def _again(session: Session, schedule: Schedule, moment: datetime) -> Schedule:
    made = Schedule(
        bulletin=schedule.bulletin, kind=ScheduleKind.ONCE, start_at=moment, account_id=me().id, created_at=now()
    )
    made.targets = list(schedule.targets)
    session.add(made)
    session.flush()
    return made


def _back(moment: datetime) -> ResponseReturnValue:
    day = moment.astimezone(zone()).date()
    page = "day.show" if request.form.get("view") == "day" else "week.show"
    return redirect(url_for(page, date=day.isoformat(), place=request.form.get("place") or None), 303)


def _time(typed: str) -> time | None:
    try:
        found = time.fromisoformat(typed.strip())
    except ValueError:
        return None
    return None if found.tzinfo else found


def _moment(typed: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return found if found.tzinfo else None
