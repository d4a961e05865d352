"""Tokens (mã truy cập): what other programs may do here. Made, listed and taken back by an administrator."""

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broadcaster import tokens
from broadcaster.rows import ApiToken, Place
from broadcaster.tokens import FORWARD, PUSH_CAP, RAISE, READ, SCOPES
from web import typed
from web.access import MANAGERS, me, must_everywhere, requires
from web.context import now, services, zone
from web.words import gettext as _

pages = Blueprint("tokens", __name__)

_MAX_NAME: Final = 120
SCOPE_WORDS: Final[dict[str, LazyString]] = {
    RAISE: _l("phát và kết thúc cảnh báo"),
    READ: _l("xem cảnh báo"),
    PUSH_CAP: _l("gửi bản tin CAP"),
    FORWARD: _l("chuyển cảnh báo có chữ ký của tỉnh"),
}


@pages.get("/tokens")
@requires(*MANAGERS)
def listing() -> ResponseReturnValue:
    """Every token that was ever made, without its secret, which nobody keeps."""
    must_everywhere(*MANAGERS)
    return _show()


def _show(shown: tuple[str, str] | None = None) -> ResponseReturnValue:
    """The page; ``shown`` is a name with the token that is shown this once."""
    with services().database.read() as session:
        known = select(ApiToken).options(joinedload(ApiToken.place))
        page = render_template(
            "tokens.html",
            tokens=session.scalars(known.order_by(ApiToken.revoked_at.is_not(None), ApiToken.name)).all(),
            places=session.scalars(select(Place).order_by(Place.position, Place.id)).all(),
            scopes=SCOPES,
            words=SCOPE_WORDS,
            shown=shown,
        )
    return page, {"Cache-Control": "no-store"}


@pages.post("/tokens")
@requires(*MANAGERS)
def make() -> ResponseReturnValue:
    """Make one."""
    must_everywhere(*MANAGERS)
    name = " ".join(request.form.get("name", "").split())[:_MAX_NAME]
    asked = request.form.getlist("scope")
    scopes = tuple(scope for scope in SCOPES if scope in asked)
    if not name or not scopes:
        flash(_("Cần tên và ít nhất một quyền."), "warning")
        return redirect(url_for("tokens.listing"), 303)
    try:
        token = _made(name, scopes)
    except typed.WrongError as error:
        flash(str(error), "warning")
        return redirect(url_for("tokens.listing"), 303)
    return _show((name, token))


def _made(name: str, scopes: Collection[str]) -> str:
    """A new token for the place and until the day of the form. Errors: WrongError."""
    code, until = request.form.get("place", ""), _end_of(request.form.get("until", ""))
    with services().database.write() as session:
        if session.scalar(select(ApiToken).where(ApiToken.name == name)):
            raise typed.WrongError(_("Đã có mã truy cập tên %(name)s.", name=name))
        place = typed.place(session, code) if code else None
        return tokens.make(session, now(), name, scopes, place=place, expires_at=until, account_id=me().id)


def _end_of(day: str) -> datetime | None:
    """The end of a day; None for an empty field. Errors: WrongError."""
    if not day.strip():
        return None
    end = datetime.combine(typed.day(day) + timedelta(days=1), time.min, zone()).astimezone(UTC)
    if end <= now():
        raise typed.WrongError(_("Ngày hết hạn đã qua."))
    return end


@pages.post("/tokens/<int:number>/revoke")
@requires(*MANAGERS)
def revoke(number: int) -> ResponseReturnValue:
    """It opens nothing any more, from this moment on."""
    must_everywhere(*MANAGERS)
    with services().database.write() as session:
        token = session.get(ApiToken, number)
        if token and token.revoked_at is None:
            tokens.revoke(session, token, now(), me().id)
            flash(_("Đã thu hồi mã truy cập %(name)s.", name=token.name), "success")
    return redirect(url_for("tokens.listing"), 303)
