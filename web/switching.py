"""On and off: "off until" for a place, times of on and off by rule, and what is skipped meanwhile. One page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.geography import Geography
from broadcaster.hours import WEEKDAYS
from broadcaster.rows import Place, Power, Switching
from broadcaster.wire.documents import Class
from scheduler import power, recurrence, rule_text, timeline
from scheduler.recurrence import Rule, RuleError
from scheduler.switching import Switches
from scheduler.timeline import Sounding
from web import choosing, form_words, moments, rule_words, typed, when
from web.access import STOPPERS, VIEWERS, WRITERS, me, must_at, requires
from web.context import geography, locale, now, services, station, zone
from web.typed import WrongError
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("switching", __name__)

KINDS: Final = ("once", "dates", "daily", "weekly", "monthly", "days", "lunar")
_LONGEST_OFF: Final = timedelta(days=92)
"""A quarter: who is off for longer has times of on and off, or is taken out of service."""
_TOLD_AHEAD: Final = timedelta(days=7)
_PAST_SHOWN: Final = 10


@dataclass(frozen=True)
class Ahead:
    """What is planned for the next days, read once for some switchings."""

    geography: Geography
    switches: Switches
    soundings: tuple[Sounding, ...]

    @classmethod
    def load(cls, session: Session, rows: Iterable[Switching]) -> "Ahead":
        """From now on, where these switchings count."""
        inside = {spot for row in rows for place in row.places for spot in geography().inside(place.id)}
        near = {heard for spot in inside for heard in geography().zones_at(spot)}
        found = timeline.soundings(session, zone(), now(), now() + _TOLD_AHEAD, now(), near) if near else []
        mild = (each for each in found if each.to_air and each.klass is not Class.EMERGENCY)
        return cls(geography(), Switches.load(session, station(), now()), tuple(mild))

    def skipped(self, row: Switching) -> tuple[Sounding, ...]:
        """What would have sounded in the places of a switching and will not, because they are off."""
        audience = self.geography.heard_by(place.code for place in row.places)
        local = now().astimezone(zone()).date()
        off = [
            stretch
            for place in row.places
            for stretch in self.switches.off(self.geography.zones_at(place.id), local, local + _TOLD_AHEAD)
        ]
        return tuple(
            each
            for each in self.soundings
            if power.meets(off, each.stretch) and self.geography.heard_by(each.zones) & audience
        )


@dataclass(frozen=True)
class Line:
    """A switching in words, with what is skipped because of it in the next days."""

    row: Switching
    words: str
    skipped: tuple[Sounding, ...] = ()


@pages.get("/power")
@requires(*VIEWERS)
def show() -> ResponseReturnValue:
    """What is off, and when it is on."""
    return _page("", {})


def _page(wrong: str, filled: Mapping[str, Any], part: str = "") -> ResponseReturnValue:
    ticked = request.form.getlist("places") if part else request.args.getlist("place")
    with services().database.read() as session:
        query = select(Switching).options(selectinload(Switching.places), joinedload(Switching.account))
        rows = session.scalars(query.order_by(Switching.until, Switching.id)).all()
        current = [row for row in rows if row.ended_at is None and not _is_over(row)]
        ended = sorted((row for row in rows if row not in current), key=_end_of, reverse=True)
        planned = Ahead.load(session, current)
        page = render_template(
            "power.html",
            current=[Line(row, _words(row), planned.skipped(row)) for row in current],
            ended=[Line(row, _words(row)) for row in ended[:_PAST_SHOWN]],
            places_off=choosing.choices(session, STOPPERS, ticked if part in {"", "off"} else ()),
            places_times=choosing.choices(session, WRITERS, ticked if part in {"", "times"} else ()),
            kinds=KINDS,
            weekdays=WEEKDAYS,
            days_ticked=request.form.getlist("weekdays") if part == "times" else WEEKDAYS[:5],
            lunar=when.LUNAR[:-1],
            today=now().astimezone(zone()).date(),
            wrong=wrong,
            wrong_part=part,
            typed=filled,
        )
    return page, 422 if wrong else 200


def _is_over(row: Switching) -> bool:
    rule, length = _rule(row), row.until - row.start_at
    return rule is not None and not recurrence.following(rule, now() - length)


def _rule(row: Switching) -> Rule | None:
    """When it counts; None where that can't be read, so that somebody sees it and takes it off."""
    try:
        return rule_text.read(row.rrule, row.start_at, zone())
    except RuleError:
        return None


def _end_of(row: Switching) -> datetime:
    return min(row.ended_at or row.until, row.until) if not row.rrule else row.ended_at or row.until


def _words(row: Switching) -> str:
    start, until = (moments.moment(at, zone(), now(), locale()) for at in (row.start_at, row.until))
    if not row.rrule:
        return _("từ %(start)s đến %(until)s", start=start, until=until)
    rule = _rule(row)
    if rule is None:
        return _("Không đọc được lịch này nên nó không có hiệu lực. Hãy bỏ đi và đặt lại.")
    return _(
        "%(rule)s Mỗi lần đến %(until)s.",
        rule=rule_words.in_words(rule, locale()),
        until=moments.clock(row.until, zone()),
    )


@pages.post("/power/off")
@requires(*STOPPERS)
def switch_off() -> ResponseReturnValue:
    """Some places are off until a moment."""
    return _add("off", _off_until)


@pages.post("/power/times")
@requires(*WRITERS)
def add_times() -> ResponseReturnValue:
    """Some places are on, or off, at certain times."""
    return _add("times", _times)


def _add(part: str, read: Callable[[Mapping[str, str]], Switching]) -> ResponseReturnValue:
    """Store one switching and write down who made it, or show the page again with what is wrong."""
    form = request.form
    if choosing.only_looks():
        return _page("", form.to_dict(), part)
    try:
        with services().database.write() as session:
            row = read(form)
            row.places, row.reason = _places(session), _reason()
            must_at(row.places, *(STOPPERS if part == "off" else WRITERS))
            row.account_id, row.created_at = me().id, now()
            session.add(row)
            session.flush()
            _audit(session, row, f"power.{part}")
            count = len(Ahead.load(session, [row]).skipped(row))
    except WrongError as error:
        return _page(str(error), form.to_dict(), part)
    services().orders.wake()
    flash(_("Đã lưu. Cụm loa đang mất kết nối sẽ theo khi có kết nối lại."), "success")
    if count:
        flash(
            ngettext(
                "Có %(num)d lượt phát trong 7 ngày tới không phát ở đó; xem danh sách bên dưới.",
                "Có %(num)d lượt phát trong 7 ngày tới không phát ở đó; xem danh sách bên dưới.",
                count,
            ),
            "warning",
        )
    return redirect(url_for("switching.show"), 303)


def _places(session: Session) -> list[Place]:
    places = typed.outermost(session, request.form.getlist("places"))
    if not places:
        raise WrongError(_("Hãy chọn nơi áp dụng."))
    return places


def _reason() -> str:
    reason = request.form.get("reason", "").strip()[:200]
    if not reason:
        raise WrongError(_("Hãy ghi lý do, để người khác biết vì sao loa tắt."))
    return reason


def _audit(session: Session, row: Switching, action: str) -> None:
    detail = {
        "power": row.power.value,
        "start": row.start_at.isoformat(),
        "until": row.until.isoformat(),
        "rule": row.rrule,
        "reason": row.reason,
        "places": [place.code for place in row.places],
    }
    chain.audit(session, at=now(), account_id=me().id, action=action, subject=str(row.id), detail=detail)


def _off_until(form: Mapping[str, str]) -> Switching:
    day, clock = typed.day(form.get("date", "")), typed.time_of_day(form.get("time", ""))
    until = datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=zone())
    if until <= now():
        raise WrongError(_("Giờ bật lại đã qua. Hãy chọn giờ muộn hơn."))
    if until - now() > _LONGEST_OFF:
        raise WrongError(_("Chỉ tắt được tối đa ba tháng. Lâu hơn thì hãy đặt giờ bật, tắt."))
    return Switching(power=Power.OFF, start_at=now(), until=until)


def _times(form: Mapping[str, str]) -> Switching:
    fields = replace(when.of_form(dict(request.form.lists())), until=form.get("last_day", ""))
    if fields.kind not in KINDS:
        raise WrongError(_("Hãy chọn ngày áp dụng."))
    typed.time_of_day(fields.time)
    end = typed.time_of_day(form.get("end", ""))
    meant, problems = when.parse(fields, zone(), now())
    if problems or meant.start_at is None:
        raise WrongError(form_words.problem(problems[0]) if problems else _("Hãy chọn ngày bắt đầu."))
    first = meant.start_at.astimezone(zone())
    if f"{first:%H:%M}" == end:
        raise WrongError(_("Giờ bắt đầu và giờ kết thúc phải khác nhau."))
    until = datetime.fromisoformat(f"{first.date().isoformat()}T{end}").replace(tzinfo=zone())
    until += timedelta(days=1) if until <= first else timedelta(0)
    row = Switching(
        power=Power.ON if form.get("power") == "on" else Power.OFF, start_at=first, until=until, rrule=meant.rule
    )
    if _is_over(row):
        raise WrongError(_("Các ngày đã chọn đều đã qua."))
    return row


@pages.post("/power/<int:number>/end")
@requires(*STOPPERS)
def end(number: int) -> ResponseReturnValue:
    """A switching does not count any more: what was off is on again."""
    with services().database.write() as session:
        row = session.get(Switching, number)
        if row is None:
            abort(404)
        must_at(row.places, *(STOPPERS if row.power is Power.OFF and not row.rrule else WRITERS))
        if row.ended_at is None:
            row.ended_at = now()
            _audit(session, row, "power.end")
    services().orders.wake()
    flash(_("Đã bỏ. Loa ở đó theo lịch như trước."), "success")
    return redirect(url_for("switching.show"), 303)
