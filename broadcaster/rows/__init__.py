"""The rows: the truth of the station, SQLAlchemy 2 typed."""

from broadcaster.rows.accounts import Account, AuditEntry, Role
from broadcaster.rows.alerts import (
    Alert,
    AlertEnd,
    AlertReport,
    AlertSound,
    AlertSource,
    AlertTarget,
    ApiToken,
    Contact,
    StandingSound,
    ToldByPerson,
)
from broadcaster.rows.base import Base, Chained
from broadcaster.rows.broadcasts import (
    Broadcast,
    BroadcastExclusion,
    Delivery,
    DeliveryState,
    LedgerEntry,
    Schedule,
    ScheduleKind,
    ScheduleTarget,
)
from broadcaster.rows.bulletins import Bulletin, Clip, Draft
from broadcaster.rows.places import GroupMember, Place, PlaceKind, Station
from broadcaster.rows.published import Distribution, Published
from broadcaster.rows.speakers import Speaker

__all__ = [
    "Account",
    "Alert",
    "AlertEnd",
    "AlertReport",
    "AlertSound",
    "AlertSource",
    "AlertTarget",
    "ApiToken",
    "AuditEntry",
    "Base",
    "Broadcast",
    "BroadcastExclusion",
    "Bulletin",
    "Chained",
    "Clip",
    "Contact",
    "Delivery",
    "DeliveryState",
    "Distribution",
    "Draft",
    "GroupMember",
    "LedgerEntry",
    "Place",
    "PlaceKind",
    "Published",
    "Role",
    "Schedule",
    "ScheduleKind",
    "ScheduleTarget",
    "Speaker",
    "StandingSound",
    "Station",
    "ToldByPerson",
]
