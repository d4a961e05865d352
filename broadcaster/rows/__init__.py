"""The rows: the truth of the station, SQLAlchemy 2 typed."""

from broadcaster.rows.accounts import Account, AuditEntry, Role
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
from broadcaster.rows.lexicon import LexiconEntry
from broadcaster.rows.places import GroupMember, Place, PlaceKind, Station
from broadcaster.rows.published import Distribution, Published
from broadcaster.rows.speakers import Speaker

__all__ = [
    "Account",
    "AuditEntry",
    "Base",
    "Broadcast",
    "BroadcastExclusion",
    "Bulletin",
    "Chained",
    "Clip",
    "Delivery",
    "DeliveryState",
    "Distribution",
    "Draft",
    "GroupMember",
    "LedgerEntry",
    "LexiconEntry",
    "Place",
    "PlaceKind",
    "Published",
    "Role",
    "Schedule",
    "ScheduleKind",
    "ScheduleTarget",
    "Speaker",
    "Station",
]
