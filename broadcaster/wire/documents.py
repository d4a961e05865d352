"""The payloads of version 1, one type each; the JSON Schemas are made from these.

Every moment is Unix milliseconds, every length milliseconds, every volume 0-100. Unknown members are ignored, meanings
never change, names are never reused.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from broadcaster.wire.envelope import Moment
from broadcaster.wire.fields import Class as Class  # noqa: PLC0414  whoever reads documents needs these
from broadcaster.wire.fields import (
    Digest,
    Duration,
    Hash,
    Id,
    KeyId,
    SegmentNumber,
    Text,
    TimeOfDay,
    Volume,
)
from broadcaster.wire.fields import Name as Name  # noqa: PLC0414
from broadcaster.wire.fields import PublicKey as PublicKey  # noqa: PLC0414

PROTOCOL_VERSION: Final = 1


class Document(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Any payload."""


class TrustedKey(Document, frozen=True, kw_only=True):
    """One key and what it may do: ``scopes`` are classes; ``zones`` empty means every zone.

    With ``max_level`` it is a guest's: it signs alerts up to that level, under names of its own, and nothing else.
    """

    kid: KeyId
    key: PublicKey
    scopes: tuple[Class, ...]
    zones: tuple[Name, ...] = ()
    max_level: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None


class Trust(Document, frozen=True, kw_only=True):
    """Signed by the root key: who may speak. A key id in ``revoked`` stays revoked for good."""

    keys: tuple[TrustedKey, ...]
    revoked: tuple[KeyId, ...] = ()


class PlanItem(Document, frozen=True, kw_only=True):
    """One broadcast in one zone.

    ``manifest`` is the SHA-256 of the manifest's bytes. ``late_ms`` is how late a speaker may still join, in position.
    ``sent_by`` is when the last segment will have been sent: missing ones are asked for after it. Speakers that are in a
    zone of ``excluded`` do not play it. With ``resume`` it joins in position after something higher displaced it.
    """

    id: Id
    start_at: Moment
    klass: Class = msgspec.field(name="class")
    clip: Hash
    manifest: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    duration_ms: Duration
    late_ms: Duration
    sent_by: Moment
    volume: Volume | None = None
    excluded: tuple[Name, ...] = ()
    resume: bool = False
    title: Text = ""


class Plan(Document, frozen=True, kw_only=True):
    """Everything one zone airs on one local day, in order of ``start_at``."""

    zone: Name
    date: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)")]
    items: tuple[PlanItem, ...]


class Manifest(Document, frozen=True, kw_only=True):
    """The segments of a clip in order; concatenated they are the clip, bit for bit."""

    clip: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    segments: tuple[Hash, ...]


class QuietHours(Document, frozen=True, kw_only=True):
    """Local hours in which nothing below EMERGENCY sounds; ``start`` after ``until`` spans midnight."""

    start: TimeOfDay
    until: TimeOfDay


class HourlyVolume(Document, frozen=True, kw_only=True):
    """Between two local times: the volume when an item names none, and the loudest below EMERGENCY."""

    start: TimeOfDay
    until: TimeOfDay
    volume: Volume | None = None
    cap: Volume = 100


class QuietException(Document, frozen=True, kw_only=True):
    """A named stretch of time in which the quiet hours do not count, never louder than ``cap``."""

    name: Text
    start: Moment
    until: Moment
    cap: Volume = 100


class OffHours(Document, frozen=True, kw_only=True):
    """A stretch of time in which the speaker is off: nothing below EMERGENCY sounds, whatever is excepted from quiet."""

    start: Moment
    until: Moment


class Config(Document, frozen=True, kw_only=True):
    """How one speaker is set up. ``zones`` are its own zone, every ancestor and its groups.

    ``weekdays`` are those (1 is Monday) on which something below EMERGENCY may begin; empty: on every day.
    """

    speaker: Name
    zones: tuple[Name, ...]
    volume: Volume
    utc_offset_min: Annotated[int, msgspec.Meta(ge=-840, le=840)]
    quiet: tuple[QuietHours, ...] = ()
    amp_lead_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 800
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 0
    report_ms: Annotated[int, msgspec.Meta(ge=1_000, le=3_600_000)] = 60_000
    hourly: tuple[HourlyVolume, ...] = ()
    exceptions: tuple[QuietException, ...] = ()
    weekdays: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = ()
    off: tuple[OffHours, ...] = ()
    brokers: tuple[Text, ...] = ()


class Action(StrEnum):
    """What a command orders."""

    AIR = "air"
    STOP = "stop"
    STOP_ALL = "stop-all"
    LOCK_OUT = "lock-out"
    SELF_TEST = "self-test"
    IDENTIFY = "identify"


class Command(Document, frozen=True, kw_only=True):
    """Do this now; ``exp`` at most 30 s ahead.

    AIR brings its ``item``; STOP names a ``broadcast``; STOP_ALL silences all below EMERGENCY; LOCK_OUT names ``keys``
    that are not believed before ``until``.
    """

    action: Action
    broadcast: Id | None = None
    item: PlanItem | None = None
    keys: Annotated[tuple[KeyId, ...], msgspec.Meta(max_length=100)] = ()
    until: Moment = 0


class Hello(Document, frozen=True, kw_only=True):
    """A speaker has joined. ``have`` maps topics to the highest ``seq`` accepted there; ``t1`` is its own clock.

    ``time_only`` asks for the times and nothing else; the station may answer in full all the same.
    """

    boot: Id
    nonce: Id
    t1: Moment
    have: dict[str, Moment] = {}
    time_only: bool = False


class Welcome(Document, frozen=True, kw_only=True):
    """The answer to a hello: ``t2`` received, ``t3`` answered, by the station's clock; ``current`` is all in force.

    With ``time_only`` it says nothing about documents: ``current`` is absent, and no floor follows from it.
    """

    nonce: Id
    t1: Moment
    t2: Moment
    t3: Moment
    current: dict[str, Moment] = {}
    time_only: bool = False


class Ack(Document, frozen=True, kw_only=True):
    """Receipts that the station has committed; the speaker forgets them."""

    receipts: tuple[Id, ...]


class SpeakerState(StrEnum):
    """The states of Homie 5; ``lost`` is the last will."""

    INIT = "init"
    READY = "ready"
    SLEEPING = "sleeping"
    DISCONNECTED = "disconnected"
    LOST = "lost"


class State(Document, frozen=True, kw_only=True):
    """A speaker's state. A lower ``connection`` of the same ``boot`` is an old message."""

    state: SpeakerState
    boot: Id
    connection: Annotated[int, msgspec.Meta(ge=0)]
    since: Moment


class About(Document, frozen=True, kw_only=True):
    """What a speaker is. ``proof`` shows that it knows its claim code (see `enrolment`)."""

    model: Text
    firmware: Text
    protocol: int
    key: PublicKey
    proof: Hash
    boot_count: Annotated[int, msgspec.Meta(ge=0)]
    horns: Annotated[int, msgspec.Meta(ge=0, le=64)] = 1
    role: Text = "speaker"


class Event(StrEnum):
    """What a speaker did with a broadcast."""

    CACHED = "cached"
    ARMED = "armed"
    STARTED = "started"
    FINISHED = "finished"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    FAILED = "failed"
    PREEMPTED = "preempted"


class Why(StrEnum):
    """The reason of a broadcast that was not, or not wholly, played."""

    LATE = "late"
    QUIET_HOURS = "quiet-hours"
    WEEKDAY = "weekday"
    OFF = "off"
    NOT_CACHED = "not-cached"
    NO_CLOCK = "no-clock"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"
    COMMAND = "command"
    BUSY = "busy"
    POWER = "power"
    UNDECODABLE = "undecodable"
    STORE_FULL = "store-full"
    SAFE_MODE = "safe-mode"
    BUTTON = "button"
    HIGHER_CLASS = "higher-class"
    LOCKED_OUT = "locked-out"
    NO_SIGNAL = "no-signal"
    NOT_BEGUN = "not-begun"


class Receipt(Document, frozen=True, kw_only=True):
    """One thing a speaker did. ``at`` is its own clock corrected to the station's.

    ``position_ms`` is how far into the clip it began (STARTED) or ended (the others); ``played_ms`` how much sounded.
    ``id`` is unique for this speaker for ever.
    """

    id: Id
    broadcast: Id
    event: Event
    at: Moment
    position_ms: Duration = 0
    played_ms: Duration = 0
    why: Why | None = None


class Receipts(Document, frozen=True, kw_only=True):
    """Signed by the speaker's own key; sent again until acknowledged."""

    receipts: Annotated[tuple[Receipt, ...], msgspec.Meta(max_length=100)]


class Request(Document, frozen=True, kw_only=True):
    """Segments that are missing, as inclusive ranges; ``manifest`` asks for the manifest as well."""

    clip: Hash
    manifest: bool = False
    missing: Annotated[tuple[tuple[SegmentNumber, SegmentNumber], ...], msgspec.Meta(max_length=200)] = ()


class Telemetry(Document, frozen=True, kw_only=True):
    """A heartbeat. ``offset_ms`` is station clock minus own clock, ``error_ms`` half of what the exchanges leave open.

    ``amplifier`` holds the last times it was on, as (on, off), off 0 while it is on. ``faults`` are words. Receipts that
    had to be dropped unsent are counted in ``dropped_receipts``, over reboots. ``self_test`` is ``ok`` or what was wrong.
    """

    at: Moment
    boot: Id
    offset_ms: int
    error_ms: Annotated[int, msgspec.Meta(ge=0)]
    clips: Annotated[int, msgspec.Meta(ge=0)]
    waiting_receipts: Annotated[int, msgspec.Meta(ge=0)]
    dropped_receipts: Annotated[int, msgspec.Meta(ge=0)] = 0
    faults: tuple[Text, ...] = ()
    amplifier: Annotated[tuple[tuple[Moment, Moment], ...], msgspec.Meta(max_length=16)] = ()
    self_test: Text = ""
    self_test_at: Moment = 0
    month_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    output_db: Annotated[int, msgspec.Meta(ge=-96, le=0)] | None = None
    underrun_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    rejected: dict[str, int] = {}
    have: Digest | None = None
    cache_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    signal_dbm: Annotated[int, msgspec.Meta(ge=-150, le=0)] | None = None
    mains: bool | None = None
    battery: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    temperature_c: Annotated[int, msgspec.Meta(ge=-60, le=150)] | None = None
