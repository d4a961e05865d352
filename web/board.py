"""The board of one alert: who heard it, who did not and why, whom to call; ending and correcting it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from broadcaster import alert_reports, alert_templates, alerting, chain, standing
from broadcaster.alert_reports import UNHEARD, Hearing, Line
from broadcaster.alerting import By, NotAWarningError, NotInForceError, NotOursError
from broadcaster.geography import Geography
from broadcaster.guest_keys import GuestKeyError
from broadcaster.rows import Alert, AlertConfirmation, AlertSource, Contact, GuestKey, Place, ToldByPerson
from web import alert_words, area_map
from web.access import APPROVERS, RAISERS, me, must_at, must_everywhere, open_to_all, requires
from web.context import now, services
from web.paging import Paged, page_asked
from web.words import gettext as _

pages = Blueprint("board", __name__)

_MAX_LISTED: Final = 500
_MAX_PAST: Final = 50
_KID: Final = 16
"""Digits of the key's name that begin the name of a guest's alert."""


@dataclass(frozen=True)
class Village:
    """One place on the board."""

    place: Place
    counted: Counter[Hearing]
    lines: tuple[Line, ...]
    contacts: tuple[Contact, ...]
    told: ToldByPerson | None

    @property
    def heard(self) -> int:
        """How many of its speakers have sounded."""
        return self.counted[Hearing.HEARD] + self.counted[Hearing.SOUNDING]

    @property
    def meant(self) -> int:
        """How many of its speakers should sound."""
        return self.counted.total() - self.counted[Hearing.SPARED]

    @property
    def unheard(self) -> bool:
        """Whether somebody has to be called: a speaker here has not sounded, and should have."""
        return _is_unheard(self.counted)

    @property
    def listed(self) -> Sequence[Line]:
        """The speakers that are named one by one; of many only those that have not sounded."""
        if len(self.lines) <= _MAX_LISTED:
            return self.lines
        return [line for line in self.lines if line.hearing in UNHEARD][:_MAX_LISTED]


def _is_unheard(counted: Collection[Hearing]) -> bool:
    return not UNHEARD.isdisjoint(counted)


@pages.get("/alerts")
@requires()
def listing() -> ResponseReturnValue:
    """Every alert, the latest first."""
    with services().database.read() as session:
        raised = select(Alert).where(Alert.source != AlertSource.REHEARSAL).options(joinedload(Alert.account))
        alerts = session.scalars(raised.order_by(Alert.raised_at.desc()).limit(_MAX_PAST)).all()
        query = select(AlertConfirmation.alert_id).where(AlertConfirmation.alert_id.in_([one.id for one in alerts]))
        return render_template("alerts.html", alerts=alerts, confirmed=set(session.scalars(query)), **_words())


@pages.get("/alerts/<alert_id>")
@requires()
def show(alert_id: str) -> ResponseReturnValue:
    """One alert as it stands."""
    with services().database.read() as session:
        alert = _alert(session, alert_id)
        if alert.source is AlertSource.REHEARSAL:  # nobody hears it, and nobody has to be called
            return redirect(url_for("rehearsals.show", alert_id=alert_id), 303)
        inside = alert_reports.by_place(session, alert, now())
        counts, listed = alert_reports.counts(inside), Paged.asked(_in_order(session, inside))
        villages = _villages(session, alert, {place: inside[place] for place in listed.shown})
        lines = [line for village in villages for line in village.lines]
        values = {
            "alert": alert,
            "counts": counts,
            "total": sum(counts.values()),
            "villages": villages,
            "listed": listed,
            "said": _said(alert, alert.targets[0]) if alert.targets else [],
            "warning": alerting.is_warning(alert),
            "after": session.scalars(select(Alert).where(Alert.follows_id == alert.id)).all(),
            "foreign": alert.source is AlertSource.PROVINCE,
            "guest": session.get(GuestKey, alert.id[:_KID]) if alert.source is AlertSource.PROVINCE else None,
            "confirmed": session.get(AlertConfirmation, alert.id, options=[joinedload(AlertConfirmation.account)]),
            "chart": area_map.of_alert(session, inside, [line.speaker for line in lines]),
            "width": area_map.WIDTH,
            "hearing_of": {line.speaker.id: line for line in lines},
            **_words(),
        }
        if request.args.get("part") != "live":
            return render_template("board.html", **values)
        response = make_response(render_template("_board_live.html", **values))
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _words() -> dict[str, object]:
    return {"words": alert_words, "colour": alert_templates.colour, "raisers": RAISERS}


def _must_raise(alert_id: str) -> None:
    """Refuse who may not raise an alert in all of its places."""
    with services().database.read() as session:
        must_at(_alert(session, alert_id).targets, *RAISERS)


def _alert(session: Session, alert_id: str) -> Alert:
    alert = alerting.get(session, alert_id)
    if alert is None:
        abort(404)
    return alert


def _in_order(session: Session, inside: Mapping[int, Collection[Hearing]]) -> list[int]:
    """The places of an alert by id, those that somebody has to call first."""
    places = session.scalars(select(Place.id).where(Place.id.in_(inside)).order_by(Place.position, Place.id))
    return sorted(places, key=lambda place: not _is_unheard(inside[place]))


def _villages(session: Session, alert: Alert, inside: Mapping[int, Counter[Hearing]]) -> list[Village]:
    """Some places of an alert, in the order they are given."""
    lines: dict[int, list[Line]] = {place: [] for place in inside}
    for line in alert_reports.lines(session, alert, now(), inside):
        lines[line.speaker.place_id].append(line)
    people: dict[int, list[Contact]] = {}
    for contact in session.scalars(select(Contact).where(Contact.place_id.in_(inside)).order_by(Contact.id)):
        people.setdefault(contact.place_id, []).append(contact)
    query = select(ToldByPerson).where(ToldByPerson.alert_id == alert.id).options(joinedload(ToldByPerson.account))
    told = {one.place_id: one for one in session.scalars(query)}
    places = {place.id: place for place in session.scalars(select(Place).where(Place.id.in_(inside)))}
    return [
        Village(places[one], counted, tuple(lines[one]), tuple(people.get(one, ())), told.get(one))
        for one, counted in inside.items()
    ]


def _said(alert: Alert, place: Place) -> list[str]:
    """What one of its places hears, without the siren."""
    said = [sound.text for sound in alert.sounds if sound.place_id == place.id and sound.position]
    return [_("Bản ghi âm") if standing.is_recording(text) else text for text in said]


@pages.post("/alerts/<alert_id>/end")
@requires(*RAISERS)
def end(alert_id: str) -> ResponseReturnValue:
    """Silence it; the words wait for the morning unless they are wanted now."""
    _must_raise(alert_id)
    try:
        words, at_once = bool(request.form.get("words")), bool(request.form.get("now"))
        done = services().orders.end_alert(alert_id, By(account_id=me().id), words=words, at_once=at_once)
        flash(_("Đã kết thúc cảnh báo.") if alerting.is_warning(done.alert) else _("Đã dừng đọc."), "success")
    except NotOursError:
        abort(403)
    except NotInForceError:
        flash(_("Cảnh báo này đã kết thúc từ trước."), "warning")
    return redirect(url_for("board.show", alert_id=alert_id), 303)


@pages.post("/alerts/<alert_id>/correct")
@requires(*RAISERS)
def correct(alert_id: str) -> ResponseReturnValue:
    """A false alarm."""
    _must_raise(alert_id)
    try:
        services().orders.correct_alert(alert_id, By(account_id=me().id))
        flash(_("Đã dừng và đang phát lời đính chính."), "success")
    except (NotOursError, NotAWarningError):
        abort(403)
    except NotInForceError:
        flash(_("Cảnh báo này đã kết thúc từ trước."), "warning")
    return redirect(url_for("board.show", alert_id=alert_id), 303)


@pages.post("/alerts/<alert_id>/lock-out")
@requires(*RAISERS)
def lock_out(alert_id: str) -> ResponseReturnValue:
    """Somebody thinks that a guest's key is in the wrong hands."""
    must_everywhere(*RAISERS)
    with services().database.read() as session:
        alert = _alert(session, alert_id)
    if alert.source is not AlertSource.PROVINCE:
        abort(404)
    try:
        services().orders.lock_out(alert.id[:_KID], me().id)
    except GuestKeyError:
        abort(404)
    flash(_("Đã khóa phát; loa đang im."), "success")
    return redirect(url_for("board.show", alert_id=alert_id), 303)


@pages.post("/alerts/<alert_id>/told/<int:place_id>")
@requires(*RAISERS)
def told(alert_id: str, place_id: int) -> ResponseReturnValue:
    """Somebody has told a place; it is written down as that, and never as heard."""
    with services().database.write() as session:
        alert, place = _alert(session, alert_id), session.get(Place, place_id)
        if place is None:
            abort(404)
        must_at([place], *RAISERS)
        if place.id not in alert_reports.by_place(session, alert, now()):  # nobody there was meant
            abort(404)
        if session.get(ToldByPerson, (alert.id, place.id)) is None:
            session.add(ToldByPerson(alert_id=alert.id, place_id=place.id, account_id=me().id, at=now()))
            subject = f"{alert.id} {place.code}"
            chain.audit(session, at=now(), account_id=me().id, action="alert.told", subject=subject)
    return redirect(url_for("board.show", alert_id=alert_id, page=page_asked()) + f"#village-{place_id}", 303)


@pages.post("/alerts/<alert_id>/confirm")
@requires(*APPROVERS)
def confirm(alert_id: str) -> ResponseReturnValue:
    """An approver stands by what somebody else raised: afterwards, since an emergency waits for nobody."""
    with services().database.write() as session:
        alert = _alert(session, alert_id)
        must_at(alert.targets, *APPROVERS)
        if alert.account_id == me().id:
            abort(403)
        if session.get(AlertConfirmation, alert.id) is None:
            session.add(AlertConfirmation(alert_id=alert.id, account_id=me().id, at=now()))
            chain.audit(session, at=now(), account_id=me().id, action="alert.confirm", subject=alert.id)
    flash(_("Đã xác nhận cảnh báo này."), "success")
    return redirect(url_for("board.show", alert_id=alert_id), 303)


@pages.get("/bang-tin/<code>")
@open_to_all
def bulletin_board(code: str) -> ResponseReturnValue:
    """For an electronic board (bảng tin điện tử): what is in force in a place, in the colour of its risk. Open to everyone."""
    with services().database.read() as session:
        place = session.scalar(select(Place).where(Place.code == code))
        if place is None:
            abort(404)
        zones = set(Geography.of_places(session).zones_at(place.id))
        alerts = [
            (alert, _said(alert, target))
            for alert in alerting.in_force(session, now())
            if not alert.hold_until or alert.hold_until <= now()
            for target in [one for one in alert.targets if one.code in zones][:1]
        ]
        return render_template("bulletin_board.html", place=place, alerts=alerts, **_words())
