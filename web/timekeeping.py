"""The station's clock, when it is not believed: what speaks against it, and a person's answer."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from broadcaster import chain
from broadcaster.clock import from_ms
from broadcaster.rows import Station
from scheduler import plausible
from web.access import TECHNICIANS, me, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("timekeeping", __name__)


@pages.get("/clock")
@requires(*TECHNICIANS)
def show() -> ResponseReturnValue:
    """What the clock says, and what others say."""
    with services().database.read() as session:
        station = session.scalars(select(Station)).one()
        found = plausible.evidence(session, station)
        return render_template(
            "clock.html",
            doubt=station.clock_doubt,
            last_row=from_ms(found.last_row) if found.last_row else None,
            offset_minutes=round(found.offset / 60_000) if found.offset is not None else None,
        )


@pages.post("/clock/trust")
@requires(*TECHNICIANS)
def trust() -> ResponseReturnValue:
    """Somebody has looked at a watch: the station's clock is right."""
    must_everywhere(*TECHNICIANS)
    with services().database.write() as session:
        station = session.scalars(select(Station)).one()
        doubt = station.clock_doubt
        plausible.trust(session, station)
        chain.audit(
            session, at=now(), account_id=me().id, action="clock.trust", subject="station", detail={"doubt": doubt}
        )
    services().orders.wake()
    flash(_("Đã ghi nhận: giờ của máy đúng. Đài lập lịch tiếp."), "success")
    return redirect(url_for("broadcasts.home"), 303)
