"""How the station is, for the technician."""

from collections import Counter

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from broadcaster.rows import Speaker
from web import faults
from web.access import TECHNICIANS, requires
from web.context import health, services
from web.speakers import count_by_state

pages = Blueprint("status", __name__)


@pages.get("/status")
@requires(*TECHNICIANS)
def show() -> ResponseReturnValue:
    """Broker, refused messages, errors, speakers by state."""
    with services().database.read() as session:
        speakers = count_by_state(session)
        refused_by_speakers = session.scalar(select(func.sum(Speaker.rejected))) or 0
    errors = Counter({f"web {place}": count for place, count in faults.counted().items()}) + Counter(health().errors)
    return render_template(
        "status.html", health=health(), errors=errors, speakers=speakers, refused_by_speakers=refused_by_speakers
    )
