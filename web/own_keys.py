"""Locking out the station key (khóa phát): somebody else seems to have it, and the speakers say what nobody here wrote."""

from flask import Blueprint, abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from broadcaster.guest_keys import GuestKeyError
from broadcaster.rows import OwnKey
from web.access import RAISERS, me, must_everywhere, requires
from web.context import services
from web.words import gettext as _

pages = Blueprint("own_keys", __name__)


@pages.post("/keys/<kid>/lock-out")
@requires(*RAISERS)
def lock_out(kid: str) -> ResponseReturnValue:
    """For a day from now, again with every press; a guest's key is locked out on the board of its alert."""
    must_everywhere(*RAISERS)
    with services().database.read() as session:
        if session.get(OwnKey, kid) is None:
            abort(404)
    try:
        services().orders.lock_out(kid, me().id)
    except GuestKeyError:
        abort(404)
    flash(_("Đã khóa phát: loa chỉ còn phát khẩn cấp cho đến khi thay khóa."), "success")
    return redirect(url_for("guest_keys.listing") + f"#key-{kid}", 303)
