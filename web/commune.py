"""A commune as a file: places, groups and speakers, loaded into rows; every bad entry is reported by its name."""

import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.errors import LoaError
from broadcaster.rows import GroupMember, Place, PlaceKind, Speaker, Station
from broadcaster.wire.documents import Name
from broadcaster.wire.fields import Volume

WORDS: Final = (
    "tổ dân phố", "khu phố", "thị trấn", "đặc khu", "phường", "thôn", "xóm", "bản", "ấp", "khóm", "buôn", "làng",
    "sóc", "phum", "xã", "tổ", "tỉnh", "thành phố",
)  # fmt: skip
"""The local words for places; the longer ones first, since "tổ" begins "tổ dân phố"."""

_E = TypeVar("_E", bound=msgspec.Struct)
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CommuneFileError(LoaError):
    """The file can't be read as a commune at all."""


class PlaceEntry(msgspec.Struct, frozen=True):
    """A place of the file; a group has ``members`` instead of a ``parent``."""

    code: Name
    name: _Label
    kind: PlaceKind
    parent: str | None = None
    word: Annotated[str, msgspec.Meta(max_length=40)] = ""
    members: tuple[str, ...] = ()


class SpeakerEntry(msgspec.Struct, frozen=True):
    """A speaker of the file."""

    id: Name
    zone: str
    name: _Label
    horn_count: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    horn_watts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 25
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    link: Annotated[str, msgspec.Meta(max_length=20)] = ""
    amp_lead_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 800
    volume: Volume = 70


class CommuneFile(msgspec.Struct, frozen=True):
    """The file as a whole; its entries are read one by one."""

    station: Name
    name: _Label
    timezone: str = "Asia/Ho_Chi_Minh"
    zones: list[Any] = []
    groups: list[Any] = []
    speakers: list[Any] = []


@dataclass
class Loaded:
    """What loading a file did.

    Attributes:
        problems: (name of the entry, what is wrong with it), both in the file's words.
    """

    places: int = 0
    speakers: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def read(path: Path) -> CommuneFile:
    """Read a commune's file. Errors: CommuneFileError."""
    try:
        commune = msgspec.json.decode(path.read_bytes(), type=CommuneFile)
        ZoneInfo(commune.timezone)
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        raise CommuneFileError(f"{path}: {error}") from error
    return commune


def load(session: Session, commune: CommuneFile) -> Loaded:
    """Bring the rows in line with a file; what is there already is changed, nothing is doubled, nothing removed."""
    loaded = Loaded()
    _load_station(session, commune)
    rows = {place.code: place for place in session.scalars(select(Place))}
    entries = _of_kind(_entries(commune.zones, PlaceEntry, "code", loaded), rows, loaded, groups=False)
    for position, entry in enumerate(entries):
        _load_place(session, rows, entry, position, loaded)
        rows[entry.code].parent = None  # joined anew below: what hung the other way round before is no circle
    session.flush()
    for entry in entries:
        _join(rows, entry, loaded)
    groups = _of_kind(_entries(commune.groups, PlaceEntry, "code", loaded), rows, loaded, groups=True)
    for position, entry in enumerate(groups, len(entries)):
        _load_place(session, rows, entry, position, loaded)
        session.flush()
        _fill_group(session, rows, entry, loaded)
    known = {row.id: row for row in session.scalars(select(Speaker))}
    for speaker in _entries(commune.speakers, SpeakerEntry, "id", loaded):
        _load_speaker(session, rows, known, speaker, loaded)
    session.flush()
    return loaded


def _entries(raw: Sequence[Any], kind: type[_E], key: str, loaded: Loaded) -> list[_E]:
    """The entries that can be read; the others are reported."""
    read_entries: list[_E] = []
    seen: set[str] = set()
    for number, entry in enumerate(raw, 1):
        name = str(entry.get(key, "")) if isinstance(entry, dict) else ""
        label = name or f"{kind.__name__} {number}"
        try:
            read_entry = msgspec.convert(entry, kind)
        except msgspec.ValidationError as error:
            loaded.problems.append((label, str(error)))
            continue
        if name in seen:
            loaded.problems.append((label, "stands in the file twice"))
            continue
        seen.add(name)
        read_entries.append(read_entry)
    return read_entries


def _of_kind(
    entries: Sequence[PlaceEntry], rows: Mapping[str, Place], loaded: Loaded, *, groups: bool
) -> list[PlaceEntry]:
    """The entries that are groups, or those that are not; the others are reported."""
    fitting = []
    for entry in entries:
        known = rows.get(entry.code)
        if (entry.kind is PlaceKind.GROUP) is not groups:
            loaded.problems.append((entry.code, f"a {entry.kind} does not belong here"))
        elif known is not None and (known.kind is PlaceKind.GROUP) is not groups:
            loaded.problems.append((entry.code, "is a place and a group at once"))
        else:
            fitting.append(entry)
    return fitting


def _load_station(session: Session, commune: CommuneFile) -> None:
    station = session.get(Station, 1)
    if station is None:
        station = Station(id=1, code=commune.station, quiet_start="21:00", quiet_until="05:30")
        session.add(station)
    if station.code != commune.station:
        raise CommuneFileError(f"this database belongs to station {station.code}, the file to {commune.station}")
    station.name, station.timezone = commune.name, commune.timezone


def local_word(name: str) -> str:
    """The local word a place's name begins with: "Tổ dân phố 4" is a "tổ dân phố"."""
    lowered = unicodedata.normalize("NFC", name).lower() + " "
    return next((word for word in WORDS if lowered.startswith(word + " ")), "")


def _load_place(session: Session, rows: dict[str, Place], entry: PlaceEntry, position: int, loaded: Loaded) -> None:
    place = rows.get(entry.code)
    if place is None:
        place = rows[entry.code] = Place(code=entry.code)
        session.add(place)
    place.name, place.kind, place.position = entry.name, entry.kind, position
    place.word = entry.word or local_word(entry.name)
    loaded.places += 1


def _join(rows: dict[str, Place], entry: PlaceEntry, loaded: Loaded) -> None:
    """Hang a place below its parent, unless that would make a circle."""
    place, parent = rows[entry.code], rows.get(entry.parent or "")
    if entry.parent and (parent is None or parent.kind is PlaceKind.GROUP):
        loaded.problems.append((entry.code, f"its parent {entry.parent} is not a place of the file"))
        return
    above = parent
    while above is not None:
        if above is place:
            loaded.problems.append((entry.code, f"its parent {entry.parent} lies below it"))
            return
        above = above.parent
    place.parent = parent


def _fill_group(session: Session, rows: dict[str, Place], entry: PlaceEntry, loaded: Loaded) -> None:
    group = rows[entry.code]
    known = set(session.scalars(select(GroupMember.place_id).where(GroupMember.group_id == group.id)))
    for code in entry.members:
        member = rows.get(code)
        if member is None:
            loaded.problems.append((entry.code, f"its member {code} is not in the file"))
        elif member.kind is PlaceKind.GROUP:
            loaded.problems.append((entry.code, f"its member {code} is a group itself"))
        elif member.id not in known:
            known.add(member.id)
            session.add(GroupMember(group_id=group.id, place_id=member.id))


def _load_speaker(
    session: Session, rows: dict[str, Place], known: Mapping[str, Speaker], entry: SpeakerEntry, loaded: Loaded
) -> None:
    place = rows.get(entry.zone)
    if place is None or place.kind is PlaceKind.GROUP:
        loaded.problems.append((entry.id, f"its zone {entry.zone} is not a place of the file"))
        return
    speaker = known.get(entry.id)
    if speaker is None:
        speaker = Speaker(id=entry.id, claim_code=secrets.token_hex(16), broker_token=secrets.token_hex(24))
        session.add(speaker)
    speaker.place, speaker.name, speaker.link = place, entry.name, entry.link
    speaker.horn_count, speaker.horn_watts = entry.horn_count, entry.horn_watts
    speaker.latitude, speaker.longitude = entry.lat, entry.lon
    speaker.amp_lead_ms, speaker.volume = entry.amp_lead_ms, entry.volume
    loaded.speakers += 1
