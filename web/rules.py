"""The rules of the commune: quiet hours, slots, weekdays, hours of single places, and named exceptions. One page."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.hours import WEEKDAYS
from broadcaster.rows import HourException, HourRule, Place, Station
from web import choosing, typed
from web.access import WRITERS, me, must_at, must_everywhere, requires
from web.context import now, services, zone
from web.typed import WrongError
from web.words import gettext as _

pages = Blueprint("rules", __name__)

MAX_SLOTS: Final = 24
MAX_SLOT_MINUTES: Final = 240
_LOUDEST: Final = 100
_LONGEST_EXCEPTION: Final = timedelta(days=92)
"""A quarter: what lasts longer is a rule, not an exception."""
_PAST_SHOWN: Final = 10


@pages.get("/rules")
@requires()
def show() -> ResponseReturnValue:
    """The rules in force."""
    return _page("", {})


def _page(wrong: str, filled: Mapping[str, Any], part: str = "") -> ResponseReturnValue:
    today = now().astimezone(zone()).date()
    with services().database.read() as session:
        named = select(HourException).options(selectinload(HourException.places), joinedload(HourException.account))
        exceptions = session.scalars(named.order_by(HourException.last_day.desc(), HourException.id.desc())).all()
        current = [each for each in exceptions if not each.ended_at and each.last_day >= today]
        page = render_template(
            "rules.html",
            rules=session.scalars(select(Station)).one(),
            weekdays=WEEKDAYS,
            hours=session.scalars(select(HourRule).options(joinedload(HourRule.place)).order_by(HourRule.id)).all(),
            current=current,
            ended=[each for each in exceptions if each not in current][:_PAST_SHOWN],
            places=session.scalars(select(Place).order_by(Place.position, Place.id)).all(),
            excepted=choosing.choices(session, WRITERS, request.form.getlist("places")),
            today=today,
            wrong=wrong,
            wrong_part=part,
            typed=filled,
        )
    return page, 422 if wrong else 200


def _change(part: str, action: str) -> ResponseReturnValue:
    """Carry one change out and write down who made it, or show the page again with what is wrong."""
    form = request.form
    if choosing.only_looks():
        return _page("", form.to_dict(), part)
    try:
        with services().database.write() as session:
            subject, detail = _CHANGES[part](session, form)
            chain.audit(session, at=now(), account_id=me().id, action=action, subject=subject, detail=detail)
    except WrongError as error:
        return _page(str(error), form.to_dict(), part)
    services().orders.wake()
    flash(_("Đã lưu. Các cụm loa nhận quy định mới ngay khi có kết nối."), "success")
    return redirect(url_for("rules.show"), 303)


@pages.post("/rules")
@requires(*WRITERS)
def change() -> ResponseReturnValue:
    """The commune's own rules."""
    return _change("commune", "rules.change")


@pages.post("/rules/hours")
@requires(*WRITERS)
def add_hours() -> ResponseReturnValue:
    """Hours of quiet, or of volume, in one place or everywhere."""
    return _change("hours", "rules.hours-add")


@pages.post("/rules/hours/<int:number>/delete")
@requires(*WRITERS)
def delete_hours(number: int) -> ResponseReturnValue:
    """These hours don't count any more."""
    with services().database.write() as session:
        rule = session.get(HourRule, number)
        if rule is None:
            abort(404)
        _must_rule(rule.place)
        detail = _hour_facts(rule)
        session.delete(rule)
        chain.audit(
            session, at=now(), account_id=me().id, action="rules.hours-delete", subject=str(number), detail=detail
        )
    services().orders.wake()
    return redirect(url_for("rules.show"), 303)


@pages.post("/rules/exceptions")
@requires(*WRITERS)
def add_exception() -> ResponseReturnValue:
    """A named exception from the quiet hours."""
    return _change("exception", "rules.exception-add")


@pages.post("/rules/exceptions/<int:number>/end")
@requires(*WRITERS)
def end_exception(number: int) -> ResponseReturnValue:
    """A named exception ends now."""
    with services().database.write() as session:
        named = session.get(HourException, number)
        if named is None:
            abort(404)
        must_at(named.places, *WRITERS)
        named.ended_at = named.ended_at or now()
        chain.audit(session, at=now(), account_id=me().id, action="rules.exception-end", subject=named.name)
    services().orders.wake()
    return redirect(url_for("rules.show"), 303)


def _must_rule(place: Place | None) -> None:
    """Refuse the request unless it may be done in a place, or in the whole station."""
    if place is None:
        must_everywhere(*WRITERS)
    else:
        must_at([place], *WRITERS)


def _set_commune(session: Session, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    must_everywhere(*WRITERS)
    station = session.scalars(select(Station)).one()
    start, until = form.get("quiet_start", "").strip(), form.get("quiet_until", "").strip()
    if bool(start) != bool(until):
        raise WrongError(_("Khung giờ không phát cần cả giờ bắt đầu và giờ kết thúc, hoặc để trống cả hai."))
    days = [day for day in WEEKDAYS if day in request.form.getlist("weekdays")]
    if not days:
        raise WrongError(_("Hãy chọn ít nhất một ngày trong tuần được phát."))
    before = _facts(station)
    station.quiet_start, station.quiet_until = (
        (typed.time_of_day(start), typed.time_of_day(until)) if start else (None, None)
    )
    if start and station.quiet_start == station.quiet_until:
        raise WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    station.slots_a_day = typed.number(form.get("slots_a_day", ""), 1, MAX_SLOTS)
    station.slot_minutes = typed.number(form.get("slot_minutes", ""), 1, MAX_SLOT_MINUTES)
    station.weekdays = ",".join(days)
    return "station", {"before": before, "after": _facts(station)}


def _facts(station: Station) -> dict[str, Any]:
    return {
        "quiet": [station.quiet_start, station.quiet_until],
        "slots_a_day": station.slots_a_day,
        "slot_minutes": station.slot_minutes,
        "weekdays": station.weekdays,
    }


def _add_hours(session: Session, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    place = typed.place(session, form.get("place", "")) if form.get("place") else None
    _must_rule(place)
    start, until = typed.time_of_day(form.get("start", "")), typed.time_of_day(form.get("until", ""))
    if start == until:
        raise WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    quiet = form.get("kind") == "quiet"
    volume, cap = (None if quiet else typed.number(form.get(name, ""), 0, _LOUDEST) for name in ("volume", "cap"))
    if not quiet and volume is None and cap is None:
        raise WrongError(_("Hãy ghi âm lượng thường dùng hoặc âm lượng tối đa, từ 0 đến 100."))
    cap = _LOUDEST if cap is None else cap
    if volume is not None and volume > cap:
        raise WrongError(_("Âm lượng thường dùng không được quá âm lượng tối đa."))
    rule = HourRule(
        place=place,
        start=start,
        until=until,
        quiet=quiet,
        volume=volume,
        cap=cap,
        why=form.get("why", "")[:200],
    )
    session.add(rule)
    session.flush()
    return str(rule.id), _hour_facts(rule)


def _hour_facts(rule: HourRule) -> dict[str, Any]:
    facts = {name: getattr(rule, name) for name in ("start", "until", "quiet", "volume", "cap")}
    return {"place": rule.place.code if rule.place else "", **facts}


def _add_exception(session: Session, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    words = {name: form.get(name, "").strip()[:200] for name in ("name", "approver", "reason")}
    if not all(words.values()):
        raise WrongError(_("Ngoại lệ cần có tên, lý do và người cho phép."))
    first, last = typed.day(form.get("first_day", "")), typed.day(form.get("last_day", ""))
    if last < first or last < now().astimezone(zone()).date():
        raise WrongError(_("Ngày cuối phải từ ngày đầu trở đi và chưa qua."))
    if last - first > _LONGEST_EXCEPTION:
        raise WrongError(_("Ngoại lệ chỉ kéo dài tối đa ba tháng. Lâu hơn thì hãy sửa quy định."))
    cap = typed.number(form.get("cap", ""), 1, _LOUDEST)
    places = typed.outermost(session, request.form.getlist("places"))
    if cap is None or not places:
        raise WrongError(_("Hãy chọn nơi áp dụng và ghi mức âm lượng tối đa, từ 1 đến 100."))
    must_at(places, *WRITERS)
    start, until = typed.time_of_day(form.get("start", "")), typed.time_of_day(form.get("until", ""))
    if start == until:
        raise WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    named = HourException(
        **words, first_day=first, last_day=last, start=start, until=until, cap=cap, account_id=me().id, created_at=now()
    )
    named.places = places
    session.add(named)
    detail = {"days": [first.isoformat(), last.isoformat()], "hours": [start, until], "cap": cap, **words}
    return words["name"], detail | {"places": [place.code for place in places]}


_CHANGES: Final = {"commune": _set_commune, "hours": _add_hours, "exception": _add_exception}
