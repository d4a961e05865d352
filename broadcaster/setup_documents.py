"""The documents that set speakers up: who may speak (trust), and how each speaker is configured (config)."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.core import Core
from broadcaster.geography import Geography, tops
from broadcaster.hours import WEEKDAYS, OperatingHours, weekdays_of
from broadcaster.publishing import Publisher
from broadcaster.rows import Published, Speaker, Station
from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.documents import Class, Config, OffHours, Trust, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs


def put_trust(
    session: Session, core: Core, root: SigningKey, *, guests: Iterable[TrustedKey] = (), revoked: Iterable[str] = ()
) -> None:
    """Sign who may speak, for the top of every tree; the only act that needs the root key.

    Guests and revocations that it has signed before stay; these are added.
    """
    keyring, before = core.keyring, signed_trust(session, root)
    never = {*before.revoked, *revoked}
    known = {key.kid: key for key in (*before.keys, *guests) if key.max_level is not None and key.kid not in never}
    ordinary = (Class.ROUTINE, Class.PRIORITY)
    trust = Trust(
        keys=(
            TrustedKey(kid=keyring.station.kid, key=keys.public_text(keyring.station.public), scopes=ordinary),
            TrustedKey(
                kid=keyring.emergency.kid, key=keys.public_text(keyring.emergency.public), scopes=(Class.EMERGENCY,)
            ),
            *(known[kid] for kid in sorted(known)),
        ),
        revoked=tuple(sorted(never)),
    )
    for code in top_zones(session):
        Publisher(session, core.clock).put(root, Kind.TRUST, core.topics.trust(code), trust)


def signed_trust(session: Session, root: SigningKey) -> Trust:
    """What the root key has signed last, of all places; nobody's word but its own is taken for that."""
    rows = select(Published).where(Published.typ == Kind.TRUST.value).order_by(Published.seq)
    trust, revoked = Trust(keys=()), set[str]()
    for row in session.scalars(rows):
        read = envelope.parse(row.envelope)
        envelope.verify(read, root.public)
        trust = strict_json.decode(read.payload, Trust)
        revoked |= set(trust.revoked)
    return Trust(keys=trust.keys, revoked=tuple(sorted(revoked)))


def without_trust(session: Session, core: Core) -> list[str]:
    """The tops for which the root key has not signed who may speak: their speakers believe nobody."""
    return [code for code in top_zones(session) if session.get(Published, core.topics.trust(code)) is None]


def top_zones(session: Session) -> list[str]:
    """The zones of which every speaker hears one."""
    return [place.code for place in session.scalars(tops())]


OffTimes = Callable[[tuple[str, ...]], tuple[OffHours, ...]]
"""When speakers that listen to some zones are off."""


def _never_off(_: tuple[str, ...]) -> tuple[OffHours, ...]:
    return ()


def without_config(session: Session, core: Core, report_ms: int, off_times: OffTimes = _never_off) -> list[str]:
    """The speakers in service whose set-up is not what was last signed for them."""
    columns = Published.topic, Published.payload_sha256, Published.exp
    kept = session.execute(select(*columns).where(Published.typ == Kind.CONFIG.value))
    signed = {topic: digest for topic, digest, exp in kept if exp == envelope.NEVER}
    return [
        name
        for name, config in _configs(session, core, report_ms, off_times)
        if signed.get(core.topics.down(name, "config")) != clips.sha256(strict_json.encode(config))
    ]


def put_configs(
    session: Session,
    core: Core,
    report_ms: int,
    off_times: OffTimes = _never_off,
    speakers: Collection[str] | None = None,
) -> None:
    """Sign the config of these speakers, or of all, where they are in service and their set-up has changed."""
    publisher = Publisher(session, core.clock)
    configs = {
        core.topics.down(name, "config"): config
        for name, config in _configs(session, core, report_ms, off_times, speakers)
    }
    publisher.recall_topics(configs)
    for topic, config in configs.items():
        publisher.put(core.keyring.station, Kind.CONFIG, topic, config)


def _configs(
    session: Session, core: Core, report_ms: int, off_times: OffTimes, speakers: Collection[str] | None = None
) -> Iterator[tuple[str, Config]]:
    station = session.scalars(select(Station)).one()
    geography = Geography.load(session)
    now = core.clock.now()
    offset = utc_offset_min(station, now)
    hours = OperatingHours.load(session, station)
    permitted = weekdays_of(station)
    weekdays = tuple(day + 1 for day in sorted(permitted)) if len(permitted) < len(WEEKDAYS) else ()
    served = Speaker.retired_at.is_(None), Speaker.pending_since.is_(None)
    rows = select(Speaker.id, Speaker.place_id, Speaker.volume, Speaker.amp_lead_ms, Speaker.delay_ms).where(*served)
    if speakers is not None:
        rows = rows.where(Speaker.id.in_(speakers))
    for name, place_id, volume, amp_lead_ms, delay_ms in session.execute(rows):
        zones = geography.zones_at(place_id)
        yield (
            name,
            Config(
                speaker=name,
                zones=zones,
                volume=volume,
                utc_offset_min=offset,
                quiet=hours.quiet_documents(zones),
                amp_lead_ms=amp_lead_ms,
                delay_ms=delay_ms,
                report_ms=report_ms,
                hourly=hours.hourly_documents(zones),
                exceptions=hours.exception_documents(zones, now),
                weekdays=weekdays,
                off=off_times(zones),
            ),
        )


def withdraw_config(session: Session, topic: str, now_ms: UnixMs) -> None:
    """Let the config on ``topic`` expire now: housekeeping clears its retained copy."""
    row = session.get(Published, topic)
    if row is not None:
        row.exp = now_ms


def utc_offset_min(station: Station, now: datetime) -> int:
    """The station's time zone as minutes east of UTC; speakers need no zone database."""
    offset = now.astimezone(ZoneInfo(station.timezone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0
