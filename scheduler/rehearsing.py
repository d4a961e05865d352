"""When the weekly rehearsal is due. Computed from the plan and the rehearsals there were; a late or repeated look changes nothing."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import alerting, rehearsals
from broadcaster.alert_orders import Order
from broadcaster.alerting import By, Done
from broadcaster.core import Core
from broadcaster.geography import Geography, tops
from broadcaster.hours import OperatingHours
from broadcaster.rows import Alert, AlertSource, RehearsalPlan, Station
from scheduler import rules

_LATE: Final = timedelta(hours=1)
"""A station that was off at the hour makes up for it this long; then it waits for the next week."""
_AUDIBLE: Final = "dien-tap"


def last_slot(plan: RehearsalPlan, now: datetime, zone: ZoneInfo) -> datetime:
    """The last moment up to ``now`` at which the plan wanted a rehearsal."""
    local = now.astimezone(zone)
    day = local.date() - timedelta(days=(local.weekday() - plan.weekday) % 7)
    slot = datetime.combine(day, time.fromisoformat(plan.at), zone)
    return slot if slot <= local else slot - timedelta(days=7)


def next_slot(plan: RehearsalPlan, now: datetime, zone: ZoneInfo) -> datetime:
    """The next moment at which the plan wants a rehearsal."""
    return last_slot(plan, now, zone) + timedelta(days=7)


def due(session: Session, now: datetime) -> RehearsalPlan | None:
    """The plan, when its rehearsal is due and nothing real is in force."""
    plan, station = rehearsals.plan(session), session.scalars(select(Station)).one()
    if plan is None or not plan.active:
        return None
    slot = last_slot(plan, now, ZoneInfo(station.timezone))
    if now - slot > _LATE or slot < plan.changed_at or alerting.in_force(session, now):
        return None
    request = f"{AlertSource.REHEARSAL.value}::{_name(slot)}"
    return None if session.scalar(select(Alert.id).where(Alert.request == request)) else plan


def is_quiet_somewhere(session: Session, moment: datetime) -> bool:
    """Whether somebody who would hear a drill then has quiet hours."""
    geography = Geography.load(session)
    everybody = geography.heard_by(place.code for place in session.scalars(tops()))
    hours = OperatingHours.load(session, session.scalars(select(Station)).one())
    return hours.end_of_quiet(rules.listeners(geography, everybody), moment) > moment


def begin(session: Session, core: Core, plan: RehearsalPlan) -> Done:
    """Rehearse: spoken as a drill outside the quiet hours if so planned, else without a sound."""
    station, now = session.scalars(select(Station)).one(), core.clock.now()
    by = By(AlertSource.REHEARSAL, account_id=plan.account_id)
    name = _name(last_slot(plan, now, ZoneInfo(station.timezone)))
    if not plan.audible or is_quiet_somewhere(session, now):
        return alerting.rehearse(session, core, name, by)
    places = tuple(place.code for place in session.scalars(tops()))
    return alerting.raise_alert(session, core, Order(name, _AUDIBLE, places), by)


def _name(slot: datetime) -> str:
    return f"{slot:%Y-%m-%d %H:%M}"
