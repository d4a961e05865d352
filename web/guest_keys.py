"""The page of keys (khóa ký): those the station signs with, and a province's, which may raise alerts here with one of its own.

It writes down what is wanted of a province's key and shows the command that does it. It has no root key and could not trust anybody.
"""

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import guest_keys, own_keys
from broadcaster.alert_orders import without_inner
from broadcaster.guest_keys import GuestKeyError, KeyState
from broadcaster.rows import GuestKey, Place
from web import alert_words, choosing
from web.access import ENROLLERS, RAISERS, me, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("guest_keys", __name__)

_MAX_NAME: Final = 120
_MAX_KEY: Final = 60
_LEVELS: Final = (1, 2, 3, 4, 5)
STATES: Final[dict[KeyState, LazyString]] = {
    KeyState.ASKED: _l("Chờ khóa gốc ký"),
    KeyState.TRUSTED: _l("Đang được tin"),
    KeyState.LEAVING: _l("Chờ khóa gốc ký thu hồi"),
    KeyState.REVOKED: _l("Đã thu hồi"),
}
_FAULTS: Final[dict[str, LazyString]] = {
    "not-a-key": _l("Đây không phải khóa công khai: cần đúng 43 ký tự tỉnh đã gửi."),
    "known": _l("Khóa này đã có trong danh sách. Khóa đã thu hồi không dùng lại được; tỉnh phải tạo khóa mới."),
    "no-name": _l("Hãy ghi tên nơi giữ khóa."),
    "no-level": _l("Cấp độ rủi ro từ 1 đến 5."),
    "no-place": _l("Hãy chọn nơi khóa này được phát, hoặc đánh dấu “Cả đài”."),
}


@pages.get("/keys")
@requires(*ENROLLERS, *RAISERS)
def listing() -> ResponseReturnValue:
    """Every key, and the form for another one of a province."""
    must_everywhere(*ENROLLERS, *RAISERS)
    return _show()


def _show(status: int = 200, problem: str = "") -> ResponseReturnValue:
    with services().database.read() as session:
        page = render_template(
            "keys.html",
            own=own_keys.all_keys(session),
            keys=guest_keys.all_keys(session),
            places=choosing.choices(session, ENROLLERS, request.form.getlist("places")),
            typed=request.form,
            problem=problem,
            levels=_LEVELS,
            states=STATES,
            state_of=guest_keys.state_of,
            fingerprint=guest_keys.fingerprint,
            words=alert_words,
        )
    return page, status


@pages.post("/keys")
@requires(*ENROLLERS)
def ask() -> ResponseReturnValue:
    """Write down that a key is to be trusted."""
    must_everywhere(*ENROLLERS)
    if choosing.only_looks():
        return _show()
    form = request.form
    level = form.get("level", "")
    try:
        with services().database.write() as session:
            key = guest_keys.ask(
                session,
                now(),
                name=" ".join(form.get("name", "").split())[:_MAX_NAME],
                public=form.get("key", "").strip()[:_MAX_KEY],
                max_level=int(level) if level.isdecimal() and len(level) == 1 else 0,
                places=_places(session),
                account_id=me().id,
            )
            kid = key.kid
    except GuestKeyError as error:
        return _show(422, str(_FAULTS[error.code]))
    flash(_("Đã ghi lại. Hãy so vân tay với tỉnh qua điện thoại, rồi ký bằng khóa gốc."), "success")
    return redirect(url_for("guest_keys.listing") + f"#key-{kid}", 303)


def _places(session: Session) -> Sequence[Place]:
    """Where the key may raise alerts; none is everywhere, which has to be said. Errors: GuestKeyError."""
    if request.form.get("everywhere"):
        return []
    places = session.scalars(select(Place).where(Place.code.in_(request.form.getlist("places")))).all()
    if not places:
        raise GuestKeyError("no-place")
    return without_inner(session, places)


@pages.post("/keys/<kid>/revoke")
@requires(*ENROLLERS)
def revoke(kid: str) -> ResponseReturnValue:
    """Write down that a key is to be trusted no longer."""
    must_everywhere(*ENROLLERS)
    with services().database.write() as session:
        if session.get(GuestKey, kid):
            guest_keys.ask_revocation(session, now(), kid, me().id)
    return redirect(url_for("guest_keys.listing") + f"#key-{kid}", 303)
