"""The week of a place as a calendar, and moving and copying what is planned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain
from broadcaster.airing import BroadcastState, Coverage
from broadcaster.geography import Geography
from broadcaster.rows import Broadcast, Place, Schedule, ScheduleKind, Speaker, Station
from broadcaster.wire.documents import Class
from scheduler import conflicts, rules, timeline
from scheduler.rules import Commune
from scheduler.timeline import Sounding
from web import coverage, on_air, rule_words, sentences
from web.access import WRITERS, me, requires
from web.context import now, services, zone
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("week", __name__)

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_MOVABLE: Final = frozenset({BroadcastState.PLANNED, BroadcastState.PREPARING})
_LISTED: Final = 200
"""Speakers that are listed beside a week."""


@dataclass(frozen=True)
class Entry:
    """One line of a day: what is planned, and what became of it."""

    sounding: Sounding
    places: str
    coverage: Coverage
    movable: bool


@dataclass(frozen=True)
class Day:
    """One day of the calendar, with its lunar date and what is celebrated."""

    date: date
    words: str
    lunar: str
    holiday: str
    entries: tuple[Entry, ...]


def _locale() -> Locale:
    locale: Locale | None = get_locale()
    assert locale  # noqa: S101  a page is always rendered for somebody
    return locale


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a local day."""
    return datetime.combine(day, time.min, zone)


@pages.get("/week")
@requires()
def show() -> ResponseReturnValue:
    """A week of one place: what is planned, and of the past what became of it."""
    today = now().astimezone(zone()).date()
    first = monday_of(day_typed(request.args.get("date", "")) or today)
    with services().database.read() as session:
        places = session.scalars(select(Place).order_by(Place.position, Place.id)).all()
        place = next((each for each in places if each.code == request.args.get("place")), places[0] if places else None)
        return render_template(
            "week.html",
            days=days_of(session, first, 7, place, places),
            first=first,
            before=first - _WEEK,
            after=first + _WEEK,
            today=today,
            place=place,
            places=places,
            speakers=_speakers(session, place),
            on_air=on_air.of_place(session, place),
        )


def _speakers(session: Session, place: Place | None) -> Sequence[Speaker]:
    """The speakers in service that hear what is aired in a place."""
    if place is None:
        return []
    heard = Geography.load(session).heard_by([place.code])
    return session.scalars(select(Speaker).where(Speaker.id.in_(sorted(heard)[:_LISTED])).order_by(Speaker.id)).all()


def days_of(session: Session, first: date, count: int, place: Place | None, places: Sequence[Place]) -> list[Day]:
    """So many days of a place and of what lies in it, from ``first`` on."""
    begin, end = midnight(first, zone()), midnight(first + count * _DAY, zone())
    found = timeline.soundings(session, zone(), begin, end, now())
    if place is not None:
        zones = Geography.load(session).zones_at(place.id)
        inside = {place.code, *(each.code for each in places if each.parent_id == place.id)}
        found = [each for each in found if each.heard_at(zones) or inside & set(each.zones)]
    entries = _entries(session, found, {each.code: each.name for each in places})
    days = []
    for number in range(count):
        day = first + number * _DAY
        mine = tuple(each for each in entries if each.sounding.start.astimezone(zone()).date() == day)
        words = rule_words.day_in_words(day, _locale())
        days.append(Day(day, words, rule_words.lunar_in_words(day), rule_words.holiday(day), mine))
    return days


def _entries(session: Session, found: Iterable[Sounding], names: Mapping[str, str]) -> list[Entry]:
    listed = list(found)
    ids = [each.broadcast for each in listed if each.broadcast]
    rows = session.scalars(select(Broadcast).where(Broadcast.id.in_(ids))).all() if ids else []
    counts = coverage.of_broadcasts(session, rows, now())
    return [
        Entry(
            each,
            ", ".join(names.get(code, code) for code in each.zones),
            counts.get(each.broadcast, Coverage()),
            each.state in _MOVABLE and each.start > now(),
        )
        for each in listed
    ]


@pages.post("/week/move")
@requires(*WRITERS)
def move() -> ResponseReturnValue:
    """One occurrence airs at another time; of a repeated schedule only this one."""
    form = request.form
    number, occurrence = form.get("schedule", type=int), _moment(form.get("occurrence", ""))
    day, clock = day_typed(form.get("date", "")), _time(form.get("time", ""))
    if number is None or occurrence is None:
        abort(404)
    if day is None or clock is None:
        flash(_("Hãy chọn ngày và giờ phát."), "warning")
        return _back(occurrence)
    moment = datetime.combine(day, clock, zone())
    with services().database.write() as session:
        schedule = session.get(Schedule, number)
        if schedule is None or schedule.cancelled_at:
            abort(404)
        if wrong := _refusal(session, schedule, moment):
            flash(wrong, "warning")
            return _back(occurrence)
        made = _again(session, schedule, moment)
        conflicts.take_off(session, schedule, occurrence, zone(), account_id=me().id, now=now())
        chain.audit(
            session,
            at=now(),
            account_id=me().id,
            action="schedule.move",
            subject=str(made.id),
            detail={"from": [number, occurrence.isoformat()], "to": moment.isoformat()},
        )
    services().orders.wake()
    flash(_("Đã dời sang %(when)s.", when=rule_words.moment_in_words(moment, zone(), _locale())), "success")
    return _back(moment)


@pages.post("/week/copy")
@requires(*WRITERS)
def copy() -> ResponseReturnValue:
    """What airs once in a week airs again on the same weekdays of another; what repeats comes by itself."""
    source, target = day_typed(request.form.get("from", "")), day_typed(request.form.get("to", ""))
    if source is None or target is None or monday_of(source) == monday_of(target):
        flash(_("Hãy chọn tuần khác để chép sang."), "warning")
        return redirect(url_for("week.show"), 303)
    first, shift = monday_of(source), monday_of(target) - monday_of(source)
    begin, end = midnight(first, zone()), midnight(first + _WEEK, zone())
    copied, refused = 0, []
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
            if _has(session, schedule, moment):
                continue
            if wrong := _refusal(session, schedule, moment):
                refused.append(f"{schedule.bulletin.title}: {wrong}")
            else:
                _again(session, schedule, moment)
                copied += 1
        detail = {"from": first.isoformat(), "to": (first + shift).isoformat(), "copied": copied}
        chain.audit(session, at=now(), account_id=me().id, action="week.copy", subject="station", detail=detail)
    services().orders.wake()
    flash(ngettext("Đã chép %(num)d bản tin.", "Đã chép %(num)d bản tin.", copied), "success")
    for each in refused:
        flash(each, "warning")
    return redirect(url_for("week.show", date=(first + shift).isoformat()), 303)


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


def _refusal(session: Session, schedule: Schedule, moment: datetime) -> str:
    """Why a bulletin may not air then; empty when it may."""
    if moment <= now():
        return _("Giờ này đã qua.")
    if schedule.bulletin.klass is Class.EMERGENCY:
        return ""
    geography = Geography.load(session)
    audience = geography.heard_by(place.code for place in schedule.targets)
    row = session.scalars(select(Station)).one()
    commune = Commune.load(session, row, now())
    others = [
        each.stretch
        for each in timeline.soundings(session, zone(), moment - _DAY, moment + _DAY, now())
        if each.to_air and each.schedule != schedule.id and geography.heard_by(each.zones) & audience
    ]
    end = moment + timeline.length_of(schedule.bulletin)
    broken = rules.breach(commune, rules.listeners(geography, audience), moment, end, others)
    return sentences.broken_rule(broken.rule.value, broken.values) if broken else ""


def _back(moment: datetime) -> ResponseReturnValue:
    day = moment.astimezone(zone()).date()
    page = "day.show" if request.form.get("view") == "day" else "week.show"
    return redirect(url_for(page, date=day.isoformat(), place=request.form.get("place") or None), 303)


def day_typed(typed: str) -> date | None:
    """A day in an address or a form; None for anything else."""
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return found if date(1970, 1, 8) <= found < date(9000, 1, 1) else None


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
