"""A small town in rows, and neighbours that do as they are told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy.orm import Session

from broadcaster import airing
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.geography import Geography
from broadcaster.keyring import Keyring
from broadcaster.rows import (
    Account,
    Broadcast,
    Bulletin,
    Clip,
    Grant,
    GroupMember,
    Place,
    PlaceKind,
    Role,
    Schedule,
    ScheduleKind,
    Speaker,
    Station,
)
from broadcaster.wire import clips
from broadcaster.wire.documents import Class
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Topics
from tests.clocks import FixedClock

COMMUNE, DONG, DOAI, NA_LOC, EMPTY, GROUP = 1, 2, 3, 4, 5, 9
PLACES = {COMMUNE: "xa", DONG: "thon-dong", DOAI: "thon-doai", NA_LOC: "ban-na-loc", EMPTY: "thon-vang"}
SPEAKERS = {"loa-1": DONG, "loa-2": DONG, "loa-3": DOAI, "loa-4": NA_LOC}
TOPICS = Topics("an-binh")
MANIFEST = "b" * 64

_numbers = count(1)


def fill(session: Session, clock: FixedClock, *, timezone: str = "Asia/Ho_Chi_Minh") -> None:
    """One commune with four villages, one of them without speakers, and a group of two."""
    session.add(Station(id=1, code="an-binh", name="Đài xã An Bình", timezone=timezone))
    now = clock.now()
    session.add(
        Account(username="lan", password_hash="", created_at=now, grants=[Grant(role=Role.EDITOR, granted_at=now)])
    )
    for number, code in PLACES.items():
        kind, parent = (PlaceKind.COMMUNE, None) if number == COMMUNE else (PlaceKind.VILLAGE, COMMUNE)
        session.add(Place(id=number, code=code, name=code, kind=kind, parent_id=parent, position=number))
        session.flush()
    session.add(Place(id=GROUP, code="ven-suoi", name="Vùng ven suối", kind=PlaceKind.GROUP))
    session.flush()
    session.add_all([GroupMember(group_id=GROUP, place_id=place) for place in (DOAI, NA_LOC)])
    session.add_all(speaker(name, place) for name, place in SPEAKERS.items())
    session.flush()


def speaker(name: str, place: int) -> Speaker:
    return Speaker(id=name, place_id=place, name=name, claim_code="c" * 32, broker_token=f"token-{name}")


def opus(pages: int = 3, page_bytes: int = 16_000, seed: int = 0) -> bytes:
    """Bytes cut into Ogg pages; enough of a clip for all who don't play it."""
    made = b""
    for number in range(pages):
        size = page_bytes + 27 + 64 - 91
        table = [255] * (size // 255) + [size % 255]
        header = b"OggS" + bytes(22 - 4) + (number + 1000 * seed).to_bytes(4, "little") + bytes([len(table)])
        made += header + bytes(table) + bytes([number % 256]) * sum(table)
    return made


def schedule(
    session: Session,
    clock: FixedClock,
    *places: int,
    start_at: datetime | None = None,
    kind: ScheduleKind = ScheduleKind.ONCE,
    rrule: str = "",
    klass: Class = Class.ROUTINE,
) -> Schedule:
    """A bulletin without sound and when it airs."""
    now = clock.now()
    bulletin = Bulletin(
        submission=f"form-{next(_numbers)}",
        title="Họp thôn",
        text="Mời bà con đi họp.",
        spoken="Mời bà con đi họp.",
        klass=klass,
        voice="north",
        repeats=1,
        chime=False,
        account_id=1,
        created_at=now,
    )
    made = Schedule(bulletin=bulletin, kind=kind, start_at=start_at, rrule=rrule, account_id=1, created_at=now)
    made.targets = [session.get_one(Place, place) for place in places]
    session.add(made)
    session.flush()
    return made


def sound(session: Session, of: Bulletin, *, seconds: int = 60, content: bytes | None = None) -> Clip:
    """Give a bulletin its clip."""
    data = content or f"clip {next(_numbers)}".encode()
    clip = Clip(
        sha256=clips.sha256(data),
        manifest_sha256=MANIFEST,
        bytes=len(data),
        duration_ms=seconds * 1000,
        created_at=of.created_at,
    )
    session.add(clip)
    session.flush()
    of.clip = clip
    return clip


def broadcast(
    session: Session, clock: FixedClock, *places: int, starts_in: timedelta = timedelta(hours=1), seconds: int = 60
) -> Broadcast:
    """A broadcast with its sound and deliveries, as the planner leaves it."""
    planned = schedule(session, clock, *(places or (COMMUNE,)), start_at=clock.now() + starts_in)
    made = Broadcast(
        id=f"b{next(_numbers)}",
        schedule=planned,
        bulletin=planned.bulletin,
        occurrence=clock.now() + starts_in,
        start_at=clock.now() + starts_in,
        klass=planned.bulletin.klass,
        late_ms=300_000,
        clip=sound(session, planned.bulletin, seconds=seconds),
        created_at=clock.now(),
    )
    session.add(made)
    session.flush()
    ensure_deliveries(session, made)
    session.flush()
    return made


def ensure_deliveries(session: Session, of: Broadcast) -> None:
    """The deliveries of a broadcast, as the planner writes them."""
    heard = Geography.load(session).heard_by(place.code for place in of.schedule.targets)
    airing.ensure_deliveries(session, {of.id: heard})


def core(database: Database, clock: FixedClock) -> Core:
    return Core(database, Keyring(SigningKey.generate(), SigningKey.generate()), TOPICS, clock, Counters())


@dataclass(frozen=True)
class Sent:
    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass
class FakeTransport:
    """Keeps what is handed over; the broker confirms when told to."""

    connected: bool = True
    full: bool = False
    sent: list[Sent] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, done: Callable[[], None] | None = None
    ) -> bool:
        if self.full or (qos == 0 and not self.connected):
            return False
        self.sent.append(Sent(topic, payload, qos, retain))
        if done:
            self.waiting.append(done)
        return True

    def confirm(self) -> int:
        """The broker confirms everything; returns how much that was."""
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done()
        return len(waiting)

    def topics(self) -> list[str]:
        return [message.topic for message in self.sent]


def store_clip(folder: Path, content: bytes) -> Path:
    """Put a clip's bytes where the store looks for them."""
    path = folder / clips.sha256(content)[:2] / f"{clips.sha256(content)}.opus"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
