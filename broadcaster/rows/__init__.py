"""The rows: the truth of the station, SQLAlchemy 2 typed."""

from broadcaster.rows.accounts import Account, AuditEntry, Grant, Role
from broadcaster.rows.alerts import (
    Alert,
    AlertConfirmation,
    AlertEnd,
    AlertReport,
    AlertSound,
    AlertSource,
    AlertTarget,
    ApiToken,
    Contact,
    RehearsalPlan,
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
from broadcaster.rows.bulletins import Bulletin, CategoryDefault, Clip, Draft
from broadcaster.rows.cap import CapMessage, CapOutcome, CapReference, CapSource, PlaceGeocode
from broadcaster.rows.guests import GuestKey, GuestKeyPlace
from broadcaster.rows.hours import HourException, HourExceptionPlace, HourRule, Power, Switching, SwitchingPlace
from broadcaster.rows.lexicon import LexiconEntry
from broadcaster.rows.library import ItemKind, LibraryItem, LibraryWord
from broadcaster.rows.notices import Address, Notice, NoticeKind, Push
from broadcaster.rows.own_keys import OwnKey
from broadcaster.rows.places import GroupMember, Place, PlaceKind, Station
from broadcaster.rows.programmes import Composition, ProgrammeSound
from broadcaster.rows.published import Distribution, Published
from broadcaster.rows.sounds import Sound
from broadcaster.rows.speakers import Speaker
from broadcaster.rows.talks import Talk, TalkEnd, TalkTarget

__all__ = [
    "Account",
    "Address",
    "Alert",
    "AlertConfirmation",
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
    "CapMessage",
    "CapOutcome",
    "CapReference",
    "CapSource",
    "CategoryDefault",
    "Chained",
    "Clip",
    "Composition",
    "Contact",
    "Decision",
    "Delivery",
    "DeliveryState",
    "Distribution",
    "Draft",
    "Grant",
    "GroupMember",
    "GuestKey",
    "GuestKeyPlace",
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
    "OwnKey",
    "Place",
    "PlaceGeocode",
    "PlaceKind",
    "Power",
    "ProgrammeSound",
    "Published",
    "Push",
    "RehearsalPlan",
    "Role",
    "Schedule",
    "ScheduleKind",
    "ScheduleTarget",
    "Sound",
    "Speaker",
    "StandingSound",
    "Station",
    "Switching",
    "SwitchingPlace",
    "Talk",
    "TalkEnd",
    "TalkTarget",
    "ToldByPerson",
    "Verdict",
    "VillageAiring",
]
