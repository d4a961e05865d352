"""Stopping what is on the air and calling off what is planned."""

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from broadcaster import airing
from broadcaster.airing import NotOnAirError
from broadcaster.rows import Broadcast, Schedule
from web.access import STOPPERS, WRITERS, me, must_at, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("stopping", __name__)


def _must_stop(number: str) -> None:
    """Refuse the request unless a broadcast may be stopped wherever it airs."""
    with services().database.read() as session:
        if found := session.get(Broadcast, number):
            must_at(found.schedule.targets, *STOPPERS)


def _too_late() -> None:
    flash(_("Lượt phát này đã kết thúc hoặc đã dừng từ trước."), "warning")


@pages.post("/broadcasts/<number>/stop")
@requires(*STOPPERS)
def everywhere(number: str) -> ResponseReturnValue:
    """Stop a broadcast, or call it off before it begins."""
    _must_stop(number)
    try:
        services().orders.stop_broadcast(number, me().id)
        flash(_("Đã dừng lượt phát."), "success")
    except NotOnAirError:
        _too_late()
    return redirect(url_for("broadcasts.broadcast", number=number), 303)


@pages.post("/broadcasts/<number>/stop/<int:place>")
@requires(*STOPPERS)
def in_place(number: str, place: int) -> ResponseReturnValue:
    """Stop a broadcast in one place."""
    must_at([place], *STOPPERS)
    try:
        services().orders.stop_in_place(number, place, me().id)
        flash(_("Đã dừng ở địa bàn này; các nơi khác vẫn phát."), "success")
    except NotOnAirError:
        _too_late()
    return redirect(url_for("broadcasts.broadcast", number=number), 303)


@pages.post("/schedules/<int:number>/cancel")
@requires(*WRITERS)
def schedule(number: int) -> ResponseReturnValue:
    """Call off everything a schedule has not begun to air."""
    try:
        with services().database.write() as session:
            if found := session.get(Schedule, number):
                must_at(found.targets, *WRITERS)
            airing.cancel_schedule(session, number, account_id=me().id, now=now())
        services().orders.wake()
        flash(_("Đã hủy lịch phát."), "success")
    except NotOnAirError:
        _too_late()
    return redirect(url_for("broadcasts.home"), 303)


@pages.post("/stop-all")
@requires(*STOPPERS)
def everything() -> ResponseReturnValue:
    """Stop everything on the air below EMERGENCY."""
    must_everywhere(*STOPPERS)
    count = services().orders.stop_all(me().id)
    if count:
        flash(ngettext("Đã dừng %(num)d lượt phát.", "Đã dừng %(num)d lượt phát.", count), "success")
    else:
        flash(_("Không có gì đang phát. Lệnh dừng vẫn đã gửi đến mọi cụm loa."), "success")
    return redirect(url_for("broadcasts.home"), 303)
