"""The rules of the commune: quiet hours, slots, weekdays, hours of single places, and named exceptions. One page."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.hours import WEEKDAYS
from broadcaster.rows import HourException, HourRule, Place, Station
from web.access import WRITERS, me, requires
from web.context import now, services, zone
from web.words import gettext as _

pages = Blueprint("rules", __name__)

MAX_SLOTS: Final = 24
MAX_SLOT_MINUTES: Final = 240
_LOUDEST: Final = 100
_LONGEST_EXCEPTION: Final = timedelta(days=92)
"""A quarter: what lasts longer is a rule, not an exception."""
_PAST_SHOWN: Final = 10


class _WrongError(Exception):
    """A field can't be taken; the text is the sentence for whoever typed it."""


@pages.get("/rules")
@requires()
def show() -> ResponseReturnValue:
    """The rules in force."""
    return _page("", {})


def _page(wrong: str, typed: Mapping[str, Any], part: str = "") -> ResponseReturnValue:
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
            today=today,
            wrong=wrong,
            wrong_part=part,
            typed=typed,
        )
    return page, 422 if wrong else 200


def _change(part: str, action: str) -> ResponseReturnValue:
    """Carry one change out and write down who made it, or show the page again with what is wrong."""
    form = request.form
    try:
        with services().database.write() as session:
            subject, detail = _CHANGES[part](session, form)
            chain.audit(session, at=now(), account_id=me().id, action=action, subject=subject, detail=detail)
    except _WrongError as error:
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
        detail = {"place": rule.place.code if rule.place else "", "start": rule.start, "until": rule.until}
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
        named.ended_at = named.ended_at or now()
        chain.audit(session, at=now(), account_id=me().id, action="rules.exception-end", subject=named.name)
    services().orders.wake()
    return redirect(url_for("rules.show"), 303)


def _set_commune(session: Session, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    station = session.scalars(select(Station)).one()
    start, until = form.get("quiet_start", "").strip(), form.get("quiet_until", "").strip()
    if bool(start) != bool(until):
        raise _WrongError(_("Khung giờ không phát cần cả giờ bắt đầu và giờ kết thúc, hoặc để trống cả hai."))
    days = [day for day in WEEKDAYS if day in request.form.getlist("weekdays")]
    if not days:
        raise _WrongError(_("Hãy chọn ít nhất một ngày trong tuần được phát."))
    before = _facts(station)
    station.quiet_start, station.quiet_until = (_time(start), _time(until)) if start else (None, None)
    if start and station.quiet_start == station.quiet_until:
        raise _WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    station.slots_a_day = _number(form.get("slots_a_day", ""), 1, MAX_SLOTS)
    station.slot_minutes = _number(form.get("slot_minutes", ""), 1, MAX_SLOT_MINUTES)
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
    place = _place(session, form.get("place", "")) if form.get("place") else None
    start, until = _time(form.get("start", "")), _time(form.get("until", ""))
    if start == until:
        raise _WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    quiet = form.get("kind") == "quiet"
    cap = _LOUDEST if quiet else _number(form.get("cap", ""), 0, _LOUDEST)
    if cap is None:
        raise _WrongError(_("Hãy ghi mức âm lượng tối đa, từ 0 đến 100."))
    rule = HourRule(
        place_id=place.id if place else None,
        start=start,
        until=until,
        quiet=quiet,
        cap=cap,
        why=form.get("why", "")[:200],
    )
    session.add(rule)
    session.flush()
    facts = {"place": place.code if place else "", "start": start, "until": until, "quiet": quiet, "cap": cap}
    return str(rule.id), facts


def _add_exception(session: Session, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    words = {name: form.get(name, "").strip()[:200] for name in ("name", "approver", "reason")}
    if not all(words.values()):
        raise _WrongError(_("Ngoại lệ cần có tên, lý do và người cho phép."))
    first, last = _date(form.get("first_day", "")), _date(form.get("last_day", ""))
    if last < first or last < now().astimezone(zone()).date():
        raise _WrongError(_("Ngày cuối phải từ ngày đầu trở đi và chưa qua."))
    if last - first > _LONGEST_EXCEPTION:
        raise _WrongError(_("Ngoại lệ chỉ kéo dài tối đa ba tháng. Lâu hơn thì hãy sửa quy định."))
    cap = _number(form.get("cap", ""), 1, _LOUDEST)
    places = [_place(session, code) for code in dict.fromkeys(request.form.getlist("places"))]
    if cap is None or not places:
        raise _WrongError(_("Hãy chọn nơi áp dụng và ghi mức âm lượng tối đa, từ 1 đến 100."))
    start, until = _time(form.get("start", "")), _time(form.get("until", ""))
    if start == until:
        raise _WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    named = HourException(
        **words, first_day=first, last_day=last, start=start, until=until, cap=cap, account_id=me().id, created_at=now()
    )
    named.places = places
    session.add(named)
    detail = {"days": [first.isoformat(), last.isoformat()], "hours": [start, until], "cap": cap, **words}
    return words["name"], detail | {"places": [place.code for place in places]}


_CHANGES: Final = {"commune": _set_commune, "hours": _add_hours, "exception": _add_exception}


def _place(session: Session, code: str) -> Place:
    found = session.scalar(select(Place).where(Place.code == code))
    if found is None:
        raise _WrongError(_("Không có địa bàn “%(place)s”.", place=code))
    return found


def _time(typed: str) -> str:
    try:
        at = time.fromisoformat(typed.strip())
    except ValueError as error:
        raise _WrongError(_("Giờ không đúng. Ví dụ: 21:00.")) from error
    return f"{at:%H:%M}"


def _date(typed: str) -> date:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError as error:
        raise _WrongError(_("Ngày không đúng. Ví dụ: 25/11/2026.")) from error


def _number(typed: str, least: int, most: int) -> int | None:
    """The number that was typed; None for an empty field."""
    if not typed.strip():
        return None
    if not typed.strip().isdecimal() or len(typed) > 4 or not least <= int(typed) <= most:  # noqa: PLR2004  no limit has more digits
        raise _WrongError(_("Hãy ghi một số từ %(least)s đến %(most)s.", least=least, most=most))
    return int(typed)
