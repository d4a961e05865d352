"""Enrolling speakers on pages: new boxes and their kits, confirming, moving, replacing, retiring, lists in and out."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, cast, get_args

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.counters import Counters
from broadcaster.enrolment import EnrolmentError, Registrar
from broadcaster.rows import Place, PlaceKind, Speaker
from broadcaster.wire.fields import SpeakerRole
from broadcaster.wire.topics import Topics
from web import brokers, enrolment_words, labels, qr, speaker_lists
from web.access import ENROLLERS, me, must_at, must_everywhere, requires
from web.context import services, station
from web.kits import KitMaker, Wifi
from web.speaker_lists import Imported, ListFileError
from web.words import gettext as _

pages = Blueprint("enrolment", __name__)

_MAX_FIELD: Final = 200


def pending(session: Session) -> list[Speaker]:
    """The speakers that wait to be confirmed, the longest waiting first."""
    waiting = select(Speaker).where(Speaker.pending_since.is_not(None), Speaker.retired_at.is_(None))
    return list(session.scalars(waiting.order_by(Speaker.pending_since, Speaker.id)))


@contextmanager
def _registrar() -> Iterator[Registrar]:
    """One transaction in the name of who is signed in; the station learns of it at once."""
    with services().database.write() as session:
        yield Registrar(session, Topics(station().code), services().clock, me().id)
    services().orders.wake()


def _field(name: str) -> str:
    return request.form.get(name, "").strip()[:_MAX_FIELD]


def _places(session: Session) -> list[Place]:
    placed = select(Place).where(Place.kind != PlaceKind.GROUP).order_by(Place.position, Place.id)
    return list(session.scalars(placed))


def _show(status: int = 200, *, problem: str = "", imported: Imported | None = None) -> ResponseReturnValue:
    with services().database.read() as session:
        page = render_template(
            "enrolment.html",
            places=_places(session),
            waiting=pending(session),
            typed=request.form,
            problem=problem,
            imported=imported,
            refusals=[
                (row, enrolment_words.refusal(_, code, subject))
                for row, _name, code, subject in (imported.problems if imported else [])
            ],
        )
    return page, status


@pages.get("/enrolment")
@requires(*ENROLLERS)
def listing() -> ResponseReturnValue:
    """New speakers, waiting ones, and lists."""
    return _show()


@pages.post("/enrolment")
@requires(*ENROLLERS)
def enrol() -> ResponseReturnValue:
    """A new box."""
    _must_enrol_at(_field("place"))
    try:
        with _registrar() as registrar:
            role = SpeakerRole.GATEWAY if _field("gateway") else SpeakerRole.SPEAKER
            speaker = registrar.enrol(_field("id").lower(), _field("place"), _field("name"), role).id
    except EnrolmentError as error:
        return _show(422, problem=enrolment_words.refusal(_, error.code, error.subject))
    flash(_("Đã ghi danh %(speaker)s. Tải tệp USB và in nhãn cho cụm loa này.", speaker=speaker), "success")
    return redirect(url_for("enrolment.speaker", name=speaker), 303)


@pages.get("/enrolment/speaker/<name>")
@requires(*ENROLLERS)
def speaker(name: str) -> ResponseReturnValue:
    """One speaker: its label while it waits, what can be done with it afterwards."""
    with services().database.read() as session:
        found = _find(session, name)
        said = labels.content(station().code, found.id, found.claim_code)
        return render_template(
            "enrolment_speaker.html",
            speaker=found,
            places=_places(session),
            code=Markup(qr.svg(said)) if found.pending_since else "",  # noqa: S704  drawn by us
            claim=labels.grouped(found.claim_code) if found.pending_since else "",
        )


def _find(session: Session, name: str) -> Speaker:
    found = session.get(Speaker, name)
    if found is None:
        abort(404)
    must_at([found.place_id], *ENROLLERS)
    return found


def _must_enrol_at(code: str) -> None:
    """Refuse the request where ``code`` names a place in which one may not enrol."""
    with services().database.read() as session:
        if place := session.scalar(select(Place).where(Place.code == code)):
            must_at([place], *ENROLLERS)


def _do(name: str, act: Callable[[Registrar], object], done: str) -> ResponseReturnValue:
    with services().database.read() as session:
        if session.get(Speaker, name):
            _find(session, name)
    try:
        with _registrar() as registrar:
            act(registrar)
        flash(done, "success")
    except EnrolmentError as error:
        flash(enrolment_words.refusal(_, error.code, error.subject), "warning")
    return redirect(url_for("enrolment.speaker", name=name), 303)


@pages.post("/enrolment/speaker/<name>/confirm")
@requires(*ENROLLERS)
def confirm(name: str) -> ResponseReturnValue:
    """Let a speaker play that has proved its claim code."""
    done = _("Đã xác nhận. Cụm loa nhận cấu hình và bắt đầu phát theo lịch.")
    key = _field("key")
    return _do(name, lambda registrar: registrar.confirm(name, key), done)


@pages.post("/enrolment/speaker/<name>/move")
@requires(*ENROLLERS)
def move(name: str) -> ResponseReturnValue:
    """To another place."""
    place = _field("place")
    _must_enrol_at(place)
    return _do(name, lambda registrar: registrar.move(name, place), _("Đã chuyển cụm loa sang địa bàn mới."))


@pages.post("/enrolment/speaker/<name>/replace")
@requires(*ENROLLERS)
def replace(name: str) -> ResponseReturnValue:
    """A new board in the same place."""
    done = _("Mã cũ đã bị từ chối. Tải tệp USB và in nhãn mới cho bo mạch mới.")
    return _do(name, lambda registrar: registrar.replace(name), done)


@pages.post("/enrolment/speaker/<name>/retire")
@requires(*ENROLLERS)
def retire(name: str) -> ResponseReturnValue:
    """Out of service for ever."""
    done = _("Cụm loa đã thôi dùng; máy chủ truyền tin từ chối nó từ bây giờ.")
    return _do(name, lambda registrar: registrar.retire(name), done)


@pages.post("/enrolment/speaker/<name>/kit")
@requires(*ENROLLERS)
def kit(name: str) -> ResponseReturnValue:
    """The file for the USB stick; networks are asked for here and kept nowhere."""
    ssid, password = _field("ssid"), request.form.get("wifi-password", "")[:_MAX_FIELD]
    with services().database.read() as session:
        found = _waiting(session, name)
        settings, code = services().settings, station().code
        broker = brokers.embedded(settings, code, services().clock, Counters())
        made = KitMaker.of(settings, code, broker)
        content = made.encoded(found, Wifi(ssid, password) if ssid else None, _field("apn"))
    return _attached(content, "application/json", f"{name}.json")


@pages.post("/enrolment/speaker/<name>/label")
@requires(*ENROLLERS)
def label(name: str) -> ResponseReturnValue:
    """The label as a page to print."""
    with services().database.read() as session:
        found, here = _waiting(session, name), station()
        page = labels.page(
            _,
            station=here.code,
            station_name=here.name,
            speaker=found.id,
            name=found.name,
            claim_code=found.claim_code,
        )
    return _attached(page.encode(), "text/html; charset=utf-8", f"{name}.label.html")


def _waiting(session: Session, name: str) -> Speaker:
    """Secrets are shown for a speaker that waits to be confirmed, and never again."""
    found = _find(session, name)
    if found.pending_since is None or found.retired_at:
        abort(404)
    return found


def _attached(content: bytes, mimetype: str, name: str) -> Response:
    return send_file(io.BytesIO(content), mimetype=mimetype, as_attachment=True, download_name=name)


@pages.get("/enrolment/list.<kind>")
@requires(*ENROLLERS)
def list_out(kind: str) -> ResponseReturnValue:
    """Every speaker as a file, without secrets."""
    if kind not in get_args(speaker_lists.Format):
        abort(404)
    must_everywhere(*ENROLLERS)
    try:
        with services().database.read() as session:
            content = speaker_lists.write(session, cast("speaker_lists.Format", kind))
    except ListFileError as error:
        return _show(422, problem=enrolment_words.list_refusal(_, error.code, error.detail))
    types = {"csv": "text/csv; charset=utf-8"}
    xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _attached(content, types.get(kind, xlsx), f"cum-loa.{kind}")


@pages.post("/enrolment/list")
@requires(*ENROLLERS)
def list_in() -> ResponseReturnValue:
    """Take a list in; what could not be taken is told row by row."""
    must_everywhere(*ENROLLERS)
    sent = request.files.get("file")
    try:
        with _registrar() as registrar:
            imported = speaker_lists.read_in(registrar, sent.read() if sent else b"")
    except ListFileError as error:
        return _show(422, problem=enrolment_words.list_refusal(_, error.code, error.detail))
    return _show(imported=imported)
