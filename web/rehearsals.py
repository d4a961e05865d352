"""Rehearsals: the weekly plan, one at once, and what each has shown."""

from datetime import time
from typing import Final
from uuid import uuid4

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from broadcaster import alerting, chain
from broadcaster import rehearsals as held
from broadcaster.alerting import By
from broadcaster.rows import AlertSource, RehearsalPlan
from scheduler import rehearsing
from web.access import RAISERS, TECHNICIANS, me, must_everywhere, requires
from web.context import now, services, zone
from web.words import gettext as _

pages = Blueprint("rehearsals", __name__)

_LISTED: Final = 30


@pages.get("/rehearsals")
@requires(*RAISERS, *TECHNICIANS)
def listing() -> ResponseReturnValue:
    """The plan and the last rehearsals."""
    with services().database.read() as session:
        plan, alerts = held.plan(session), held.latest(session, _LISTED)
        following = rehearsing.next_slot(plan, now(), zone()) if plan and plan.active else None
        return render_template(
            "rehearsals.html", plan=plan, following=following, alerts=alerts, tallies=held.tallies(session, alerts)
        )


@pages.post("/rehearsals")
@requires(*RAISERS)
def settle() -> ResponseReturnValue:
    """Change the weekly plan."""
    must_everywhere(*RAISERS)
    weekday, audible = request.form.get("weekday", -1, type=int), request.form.get("sound") == "drill"
    try:
        at = time.fromisoformat(request.form.get("at", ""))
    except ValueError:
        at = None
    if at is None or not 0 <= weekday <= 6:  # noqa: PLR2004  days of the week
        flash(_("Hãy chọn thứ và giờ."), "warning")
        return redirect(url_for("rehearsals.listing"), 303)
    with services().database.write() as session:
        plan = RehearsalPlan(
            active=bool(request.form.get("active")),
            weekday=weekday,
            at=f"{at:%H:%M}",
            audible=audible,
            account_id=me().id,
            changed_at=now(),
        )
        slot = rehearsing.next_slot(plan, now(), zone())
        if plan.active and audible and rehearsing.is_quiet_somewhere(session, slot):
            flash(_("Giờ này nằm trong khung giờ không phát; diễn tập có tiếng phải ở ngoài khung giờ đó."), "warning")
            return redirect(url_for("rehearsals.listing"), 303)
        session.add(plan)
        detail = {"active": plan.active, "weekday": weekday, "at": plan.at, "audible": audible}
        chain.audit(session, at=now(), account_id=me().id, action="rehearsal.plan", subject="weekly", detail=detail)
    flash(_("Đã lưu lịch thử hằng tuần."), "success")
    return redirect(url_for("rehearsals.listing"), 303)


@pages.post("/rehearsals/now")
@requires(*RAISERS)
def begin() -> ResponseReturnValue:
    """Rehearse at once, without a sound."""
    must_everywhere(*RAISERS)
    done = services().orders.rehearse(str(uuid4()), By(AlertSource.REHEARSAL, account_id=me().id))
    return redirect(url_for("rehearsals.show", alert_id=done.alert.id), 303)


@pages.get("/rehearsals/<alert_id>")
@requires(*RAISERS, *TECHNICIANS)
def show(alert_id: str) -> ResponseReturnValue:
    """What one rehearsal has shown."""
    with services().database.read() as session:
        alert = alerting.get(session, alert_id)
        if alert is None or alert.source is not AlertSource.REHEARSAL:
            abort(404)
        found = held.report(session, alert)
        part = "_rehearsal_live.html" if request.args.get("part") == "live" else "rehearsal.html"
        return render_template(part, alert=alert, report=found, settled=found.is_settled(now()))
