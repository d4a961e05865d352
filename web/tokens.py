"""Tokens (mã truy cập): what other programs may do here. Made, listed and taken back by an administrator."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import select

from broadcaster import chain
from broadcaster.rows import ApiToken
from web.access import MANAGERS, me, must_everywhere, requires
from web.api_alerts import PUSH_CAP, RAISE, READ, SCOPES, make_token
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("tokens", __name__)

_MAX_NAME: Final = 120
SCOPE_WORDS: Final[dict[str, LazyString]] = {
    RAISE: _l("phát và kết thúc cảnh báo"),
    READ: _l("xem cảnh báo"),
    PUSH_CAP: _l("gửi bản tin CAP"),
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
        tokens = session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.name)).all()
        page = render_template("tokens.html", tokens=tokens, scopes=SCOPES, words=SCOPE_WORDS, shown=shown)
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
    with services().database.write() as session:
        if session.scalar(select(ApiToken).where(ApiToken.name == name)):
            flash(_("Đã có mã truy cập tên %(name)s.", name=name), "warning")
            return redirect(url_for("tokens.listing"), 303)
        token = make_token(session, services().clock, name, scopes, me().id)
    return _show((name, token))


@pages.post("/tokens/<int:number>/revoke")
@requires(*MANAGERS)
def revoke(number: int) -> ResponseReturnValue:
    """It opens nothing any more, from this moment on."""
    must_everywhere(*MANAGERS)
    with services().database.write() as session:
        token = session.get(ApiToken, number)
        if token and token.revoked_at is None:
            token.revoked_at = now()
            chain.audit(session, at=now(), account_id=me().id, action="token.revoke", subject=token.name)
            flash(_("Đã thu hồi mã truy cập %(name)s.", name=token.name), "success")
    return redirect(url_for("tokens.listing"), 303)
