"""The rows: the truth of the station, SQLAlchemy 2 typed."""

from broadcaster.rows.accounts import Account, AuditEntry, Grant, Role
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
from broadcaster.rows.approvals import Decision, Verdict, VillageAiring
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
from broadcaster.rows.hours import HourException, HourExceptionPlace, HourRule
from broadcaster.rows.lexicon import LexiconEntry
from broadcaster.rows.library import ItemKind, LibraryItem, LibraryWord
from broadcaster.rows.notices import Address, Notice, NoticeKind, Push
from broadcaster.rows.places import GroupMember, Place, PlaceKind, Station
from broadcaster.rows.published import Distribution, Published
from broadcaster.rows.sounds import Sound
from broadcaster.rows.speakers import Speaker
from broadcaster.rows.talks import Talk, TalkEnd, TalkTarget

__all__ = [
    "Account",
    "Address",
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
    "Decision",
    "Delivery",
    "DeliveryState",
    "Distribution",
    "Draft",
    "Grant",
    "GroupMember",
    "HourException",
    "HourExceptionPlace",
    "HourRule",
    "ItemKind",
    "LedgerEntry",
    "LexiconEntry",
    "LibraryItem",
    "LibraryWord",
    "Notice",
    "NoticeKind",
    "Place",
    "PlaceKind",
    "Published",
    "Push",
    "Role",
    "Schedule",
    "ScheduleKind",
    "ScheduleTarget",
    "Sound",
    "Speaker",
    "StandingSound",
    "Station",
    "Talk",
    "TalkEnd",
    "TalkTarget",
    "ToldByPerson",
    "Verdict",
    "VillageAiring",
]
