"""Where CAP messages come from: feeds and tokens, what each may do, and the codes by which others name our places."""

import re
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broadcaster import chain
from broadcaster.cap.area import fold
from broadcaster.rows import ApiToken, CapSource, Place, PlaceGeocode
from web import cap_words
from web.access import MANAGERS, me, must_everywhere, requires
from web.api_alerts import PUSH_CAP
from web.api_cap import source_of
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("cap_sources", __name__)

EVERY_S: Final = (30, 60, 120, 300, 600)
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?")
_MAX_NAME: Final = 120
_MAX_URL: Final = 1_000
_MAX_CODE: Final = 100


@pages.get("/cap/sources")
@requires(*MANAGERS)
def listing() -> ResponseReturnValue:
    """Feeds with their state, tokens, and codes of places."""
    must_everywhere(*MANAGERS)
    with services().database.read() as session:
        sources = select(CapSource).where(CapSource.removed_at.is_(None)).order_by(CapSource.id)
        pushing = select(ApiToken).where(ApiToken.revoked_at.is_(None)).order_by(ApiToken.id)
        return render_template(
            "cap_sources.html",
            feeds=session.scalars(sources.where(CapSource.url != "")).all(),
            by_token={one.token_id: one for one in session.scalars(sources.where(CapSource.token_id.is_not(None)))},
            tokens=[one for one in session.scalars(pushing) if PUSH_CAP in one.scopes.split()],
            geocodes=session.scalars(
                select(PlaceGeocode)
                .options(joinedload(PlaceGeocode.place))
                .order_by(PlaceGeocode.scheme, PlaceGeocode.value)
            ).all(),
            places=session.scalars(select(Place).order_by(Place.position, Place.id)).all(),
            every=EVERY_S,
            words=cap_words,
        )


@pages.post("/cap/sources")
@requires(*MANAGERS)
def add() -> ResponseReturnValue:
    """A new feed; its messages wait for a person until somebody says otherwise."""
    must_everywhere(*MANAGERS)
    name, url = _line("name", _MAX_NAME), _line("url", _MAX_URL)
    if not name or not _is_address(url):
        flash(_("Cần tên và địa chỉ bắt đầu bằng https:// hoặc http://."), "warning")
        return _back()
    with services().database.write() as session:
        source = CapSource(name=name, url=url, direct=False, drills=True, created_at=now())
        session.add(source)
        detail = {"url": url}
        chain.audit(session, at=now(), account_id=me().id, action="cap.source.add", subject=name, detail=detail)
    services().wake_cap()
    return _back()


@pages.post("/cap/tokens/<int:number>")
@requires(*MANAGERS)
def adopt(number: int) -> ResponseReturnValue:
    """Settings for a token that has not sent anything yet."""
    must_everywhere(*MANAGERS)
    with services().database.read() as session:
        token = session.get(ApiToken, number)
    if token is None or token.revoked_at or PUSH_CAP not in token.scopes.split():
        abort(404)
    return _changed(source_of(token))


@pages.post("/cap/sources/<int:number>")
@requires(*MANAGERS)
def change(number: int) -> ResponseReturnValue:
    """How messages of a source are treated."""
    must_everywhere(*MANAGERS)
    return _changed(number)


def _changed(number: int) -> ResponseReturnValue:
    hosts = request.form.get("hosts", "").lower().replace(",", " ").split()
    if len(" ".join(hosts)) > _MAX_URL or not all(_HOST.fullmatch(host) for host in hosts):
        flash(_("Tên máy chủ chỉ gồm chữ, số, dấu chấm và gạch ngang, ví dụ cap.example.vn."), "warning")
        return _back()
    with services().database.write() as session:
        source = session.get(CapSource, number)
        if source is None or source.removed_at:
            abort(404)
        source.direct, source.drills = request.form.get("direct") == "1", request.form.get("drills") == "1"
        source.hosts = " ".join(hosts)
        every = request.form.get("every_s", "")
        source.every_s = int(every) if every in map(str, EVERY_S) else source.every_s
        source.next_at, source.failures = None, 0
        detail = {"direct": source.direct, "drills": source.drills, "hosts": source.hosts, "every_s": source.every_s}
        subject = source.name
        chain.audit(session, at=now(), account_id=me().id, action="cap.source.change", subject=subject, detail=detail)
    flash(_("Đã lưu."), "success")
    services().wake_cap()
    return _back()


@pages.post("/cap/sources/<int:number>/remove")
@requires(*MANAGERS)
def remove(number: int) -> ResponseReturnValue:
    """Poll a feed no more; what came from it stays."""
    must_everywhere(*MANAGERS)
    with services().database.write() as session:
        source = session.get(CapSource, number)
        if source is None or source.removed_at or not source.url:
            abort(404)
        source.removed_at = now()
        chain.audit(session, at=now(), account_id=me().id, action="cap.source.remove", subject=source.name)
    return _back()


@pages.post("/cap/geocodes")
@requires(*MANAGERS)
def name_place() -> ResponseReturnValue:
    """Write down by which code others name a place; ``delete`` strikes it out."""
    must_everywhere(*MANAGERS)
    scheme, value = fold(_line("scheme", _MAX_CODE)), fold(_line("value", _MAX_CODE))
    with services().database.write() as session:
        place = session.scalar(select(Place).where(Place.code == request.form.get("place", "")))
        if place is None or not scheme or not value:
            flash(_("Cần tên bộ mã, mã và địa bàn."), "warning")
            return _back()
        known = session.get(PlaceGeocode, (scheme, value, place.id))
        wanted = "delete" not in request.form
        if wanted == bool(known):
            return _back()
        if known:
            session.delete(known)
        else:
            session.add(PlaceGeocode(scheme=scheme, value=value, place_id=place.id))
        action = "cap.geocode.add" if wanted else "cap.geocode.delete"
        detail = {"scheme": scheme, "value": value}
        chain.audit(session, at=now(), account_id=me().id, action=action, subject=place.code, detail=detail)
    return _back()


def _line(name: str, most: int) -> str:
    return request.form.get(name, "").strip()[:most]


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    return fit and url.isascii() and not any(letter.isspace() for letter in url)


def _back() -> ResponseReturnValue:
    return redirect(url_for("cap_sources.listing"), 303)
