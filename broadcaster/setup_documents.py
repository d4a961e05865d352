"""The documents that set speakers up: who may speak (trust), and how each speaker is configured (config)."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.core import Core
from broadcaster.geography import Geography
from broadcaster.hours import WEEKDAYS, OperatingHours, weekdays_of
from broadcaster.publishing import Publisher
from broadcaster.rows import Place, PlaceKind, Published, Speaker, Station
from broadcaster.wire import keys
from broadcaster.wire.documents import Class, Config, OffHours, Trust, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs


def put_trust(session: Session, core: Core, root: SigningKey) -> None:
    """Sign who may speak, for the top of every tree; the only act that needs the root key."""
    keyring = core.keyring
    ordinary = (Class.ROUTINE, Class.PRIORITY)
    trust = Trust(
        keys=(
            TrustedKey(kid=keyring.station.kid, key=keys.public_text(keyring.station.public), scopes=ordinary),
            TrustedKey(
                kid=keyring.emergency.kid, key=keys.public_text(keyring.emergency.public), scopes=(Class.EMERGENCY,)
            ),
        )
    )
    for code in _tops(session):
        Publisher(session, core.clock).put(root, Kind.TRUST, core.topics.trust(code), trust)


def without_trust(session: Session, core: Core) -> list[str]:
    """The tops for which the root key has not signed who may speak: their speakers believe nobody."""
    return [code for code in _tops(session) if session.get(Published, core.topics.trust(code)) is None]


def _tops(session: Session) -> list[str]:
    tops = select(Place.code).where(Place.parent_id.is_(None), Place.kind != PlaceKind.GROUP).order_by(Place.id)
    return list(session.scalars(tops))


def put_configs(
    session: Session,
    core: Core,
    report_ms: int,
    off_hours: Callable[[tuple[str, ...]], tuple[OffHours, ...]] = lambda _: (),
) -> None:
    """Sign the config of every speaker in service whose set-up has changed; ``off_hours`` by the zones it listens to."""
    station = session.scalars(select(Station)).one()
    geography = Geography.load(session)
    publisher = Publisher(session, core.clock)
    offset = utc_offset_min(station, core.clock.now())
    hours = OperatingHours.load(session, station)
    permitted = weekdays_of(station)
    weekdays = tuple(day + 1 for day in sorted(permitted)) if len(permitted) < len(WEEKDAYS) else ()
    publisher.recall(Kind.CONFIG)
    served = select(Speaker).where(Speaker.retired_at.is_(None), Speaker.pending_since.is_(None))
    now = core.clock.now()
    for speaker in session.scalars(served):
        zones = geography.zones_of(speaker.id)
        config = Config(
            speaker=speaker.id,
            zones=zones,
            volume=speaker.volume,
            utc_offset_min=offset,
            quiet=hours.quiet_documents(zones),
            amp_lead_ms=speaker.amp_lead_ms,
            delay_ms=speaker.delay_ms,
            report_ms=report_ms,
            hourly=hours.hourly_documents(zones),
            exceptions=hours.exception_documents(zones, now),
            weekdays=weekdays,
            off=off_hours(zones),
        )
        publisher.put(core.keyring.station, Kind.CONFIG, core.topics.down(speaker.id, "config"), config)


def withdraw_config(session: Session, topic: str, now_ms: UnixMs) -> None:
    """Let the config on ``topic`` expire now: housekeeping clears its retained copy."""
    row = session.get(Published, topic)
    if row is not None:
        row.exp = now_ms


def utc_offset_min(station: Station, now: datetime) -> int:
    """The station's time zone as minutes east of UTC; speakers need no zone database."""
    offset = now.astimezone(ZoneInfo(station.timezone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0
