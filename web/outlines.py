"""Outlines of places: the administrator brings a GeoJSON file of the commune's villages, or pastes its text."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain, geography, outlines
from broadcaster.outlines import Feature, OutlineError
from broadcaster.rows import Place, PlaceKind
from web.access import MANAGERS, me, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("outlines", __name__)

_ERRORS: Final[dict[str, LazyString]] = {
    "not-json": _l("Đây không phải GeoJSON: máy không đọc được."),
    "no-features": _l("Không có vùng nào trong tệp. Cần GeoJSON dạng FeatureCollection."),
    "too-many": _l("Quá nhiều vùng. Hãy chỉ lấy các thôn của xã."),
    "too-large": _l("Tệp quá lớn."),
}
PROBLEMS: Final[dict[str, LazyString]] = {
    "": _l("không có địa bàn nào tên này, hoặc địa bàn đã có vùng"),
    "no-area": _l("không phải vùng (Polygon)"),
    "broken": _l("hình bị hỏng"),
    "swapped": _l("kinh độ và vĩ độ bị đảo"),
    "elsewhere": _l("nằm ngoài Việt Nam; hãy xuất tệp theo hệ tọa độ WGS84 (EPSG:4326)"),
}


def _places(session: Session) -> dict[int, str]:
    rows = select(Place).where(Place.kind != PlaceKind.GROUP).order_by(Place.position, Place.id)
    return {place.id: place.name for place in session.scalars(rows)}


@pages.get("/outlines")
@requires(*MANAGERS)
def show() -> ResponseReturnValue:
    """Which places have an outline."""
    must_everywhere(*MANAGERS)
    return _show([])


def _show(left: list[Feature]) -> str:
    with services().database.read() as session:
        return render_template(
            "outlines.html", places=_places(session), known=geography.outlines(session), left=left, problems=PROBLEMS
        )


@pages.post("/outlines")
@requires(*MANAGERS)
def bring() -> ResponseReturnValue:
    """Take over every area that is one and bears the name of a place."""
    must_everywhere(*MANAGERS)
    sent = request.files.get("file")
    try:
        text = sent.read().decode("utf-8-sig") if sent and sent.filename else request.form.get("text", "")
        features = outlines.read(text)
    except UnicodeDecodeError:
        features = []
        flash(str(_ERRORS["not-json"]), "warning")
    except OutlineError as error:
        features = []
        flash(str(_ERRORS[error.code]), "warning")
    with services().database.write() as session:
        found, left = outlines.match(features, _places(session))
        for place_id, feature in found.items():
            session.get_one(Place, place_id).outline = feature.geojson
        if found:
            detail = {"places": sorted(found)}
            chain.audit(session, at=now(), account_id=me().id, action="outline.bring", subject="GeoJSON", detail=detail)
    if found:
        flash(_("Đã nhận ranh giới của %(number)s địa bàn.", number=len(found)), "success")
    return _show(left) if left else redirect(url_for("outlines.show"), 303)


@pages.post("/outlines/<int:place_id>/remove")
@requires(*MANAGERS)
def remove(place_id: int) -> ResponseReturnValue:
    """A place without an outline again."""
    must_everywhere(*MANAGERS)
    with services().database.write() as session:
        place = session.get(Place, place_id)
        if place and place.outline:
            place.outline = None
            chain.audit(session, at=now(), account_id=me().id, action="outline.remove", subject=place.code)
    return redirect(url_for("outlines.show"), 303)
