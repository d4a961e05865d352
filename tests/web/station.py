"""A small station for tests of the pages: one commune, four villages, six speakers, three accounts, fake orders."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster import airing, alerting, guest_keys, own_keys
from broadcaster.alert_orders import Order
from broadcaster.alerting import By, Done
from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.disk import ENOUGH_BYTES
from broadcaster.guests import Guests, Taken
from broadcaster.keyring import Keyring
from broadcaster.rows import (
    Account,
    Broadcast,
    Bulletin,
    Clip,
    Delivery,
    DeliveryState,
    Grant,
    GroupMember,
    OwnKey,
    Place,
    PlaceKind,
    Role,
    Schedule,
    ScheduleKind,
    Speaker,
    Station,
)
from broadcaster.settings import Settings
from broadcaster.sounds import SoundStore
from broadcaster.wire.documents import Class, SpeakerState
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Topics
from scheduler.cap_desk import Desk
from scheduler.talking import Talks
from tests.broadcaster import town
from tests.broadcaster.town import FakeTransport
from tests.clocks import FixedClock
from tts.speech import Speech
from web.services import Health, Services

PASSWORD = "đúng-mật-khẩu"
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""As weak as can be: tests sign in often."""
KEYS = Keyring(SigningKey.generate(), SigningKey.generate())
ROOT = SigningKey.generate()
VILLAGES = ("Thôn Đông", "Thôn Đoài", "Bản Nà Lốc", "Thôn Vắng")


@dataclass
class FakeOrders:
    """Does to the rows what the station does, at once; has levers for what can go wrong."""

    database: Database
    clock: FixedClock
    connected: bool = True
    free_bytes: int = ENOUGH_BYTES
    woken: int = 0
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)

    def wake(self) -> None:
        self.woken += 1

    def stop_broadcast(self, broadcast_id: str, account_id: int) -> None:
        with self.database.write() as session:
            airing.stop_broadcast(session, broadcast_id, account_id=account_id, now=self.clock.now())

    def stop_in_place(self, broadcast_id: str, place_id: int, account_id: int) -> None:
        with self.database.write() as session:
            airing.stop_in_place(session, broadcast_id, place_id, account_id=account_id, now=self.clock.now())

    def stop_all(self, account_id: int) -> int:
        with self.database.write() as session:
            return len(airing.stop_all(session, account_id=account_id, now=self.clock.now()))

    def raise_alert(self, order: Order, by: By) -> Done:
        try:
            return self._raised(order, by)
        except IntegrityError:  # as the station does
            return self._raised(order, by)

    def _raised(self, order: Order, by: By) -> Done:
        with self.database.write() as session:
            return alerting.raise_alert(session, self.core, order, by)

    def end_alert(self, alert_id: str, by: By, *, words: bool, at_once: bool) -> Done:
        with self.database.write() as session:
            return alerting.end_alert(session, self.core, alert_id, by, words=words)

    def correct_alert(self, alert_id: str, by: By) -> Done:
        with self.database.write() as session:
            return alerting.correct_alert(session, self.core, alert_id, by)

    def forward(self, topic: str, message: bytes, token_id: int) -> Taken:
        with self.database.write() as session:
            return Guests(self.core, ROOT.public).take(session, topic, message, clips_first=True, token_id=token_id)

    def lock_out(self, kid: str, account_id: int) -> None:
        with self.database.write() as session:
            owner = own_keys if session.get(OwnKey, kid) else guest_keys
            owner.lock_out(session, self.core, kid, account_id)

    def rehearse(self, name: str, by: By) -> Done:
        with self.database.write() as session:
            return alerting.rehearse(session, self.core, name, by)

    @property
    def core(self) -> Core:
        return Core(self.database, KEYS, Topics("an-binh"), self.clock, Counters())

    def progress(self, bulletin_id: int) -> tuple[int, int] | None:
        return self.steps.get(bulletin_id)

    def health(self) -> Health:
        return Health(self.connected, {"bad-signature": 3}, {"runner": 1}, self.free_bytes)


@dataclass(frozen=True)
class Stage:
    """Everything a test of a page holds in its hands."""

    services: Services
    clock: FixedClock
    orders: FakeOrders
    line: FakeTransport

    @contextmanager
    def rows(self) -> Iterator[Session]:
        with self.services.database.write() as session:
            yield session

    def broadcast(
        self, *, starts_in: timedelta, states: tuple[DeliveryState, ...] = (), title: str = "Họp thôn", why: str = ""
    ) -> str:
        """A broadcast to the whole commune with a clip of 60 s; its first speakers are in ``states``."""
        now = self.clock.now()
        with self.rows() as session:
            sha256 = "a" * 64
            if session.get(Clip, sha256) is None:
                session.add(Clip(sha256=sha256, manifest_sha256="b" * 64, bytes=9, duration_ms=60_000, created_at=now))
            count = session.query(Broadcast).count()
            bulletin = Bulletin(
                submission=f"s{count}",
                title=title,
                text="Mời bà con đi họp.",
                spoken="Mời bà con đi họp.",
                klass=Class.ROUTINE,
                category="họp dân",
                voice="north",
                repeats=1,
                chime=True,
                account_id=1,
                created_at=now,
                clip_sha256=sha256,
            )
            schedule = Schedule(
                bulletin=bulletin, kind=ScheduleKind.ONCE, start_at=now + starts_in, account_id=1, created_at=now
            )
            schedule.targets = [session.get_one(Place, 1)]
            broadcast = Broadcast(
                id=f"b{count}",
                schedule=schedule,
                bulletin=bulletin,
                occurrence=now + starts_in,
                start_at=now + starts_in,
                klass=Class.ROUTINE,
                late_ms=60_000,
                clip_sha256=sha256,
                created_at=now,
                sent_at=now if starts_in <= timedelta(0) else None,
            )
            session.add(broadcast)
            session.flush()
            town.ensure_deliveries(session, broadcast)
            session.flush()
            deliveries = session.query(Delivery).filter_by(broadcast_id=broadcast.id).order_by(Delivery.speaker_id)
            for delivery, state in zip(deliveries, states, strict=False):
                delivery.state = state
                delivery.started_at = now + starts_in + timedelta(milliseconds=7)
                delivery.why = why or None if state is not DeliveryState.FINISHED else None
            return broadcast.id


def account(name: str, role: Role, now: datetime, *, place: int | None = None, **facts: Any) -> Account:
    """Somebody with one role, everywhere or in a place; the password is `PASSWORD`."""
    held = Grant(role=role, place_id=place, granted_at=now, **facts)
    return Account(username=name, full_name=name.title(), password_hash=_HASH, created_at=now, grants=[held])


def fill(database: Database, clock: FixedClock) -> None:
    """Write the commune and its people."""
    now = clock.now()
    with database.write() as session:
        session.add(
            Station(
                code="an-binh",
                name="Đài truyền thanh xã An Bình",
                timezone="Asia/Ho_Chi_Minh",
                quiet_start="21:00",
                quiet_until="05:00",
            )
        )
        for name, role in (("lan", Role.EDITOR), ("xem", Role.VIEWER), ("truc", Role.DUTY_OFFICER)):
            session.add(account(name, role, now))
        session.add(Place(id=1, code="an-binh", name="Xã An Bình", kind=PlaceKind.COMMUNE))
        session.flush()
        for number, name in enumerate(VILLAGES, 2):
            code = f"thon-{number}"
            session.add(Place(id=number, code=code, name=name, kind=PlaceKind.VILLAGE, parent_id=1, position=number))
        session.add(Place(id=9, code="ven-suoi", name="Vùng ven suối", kind=PlaceKind.GROUP, position=9))
        session.flush()
        session.add_all([GroupMember(group_id=9, place_id=3), GroupMember(group_id=9, place_id=4)])
        for number in range(6):
            place = 2 + number // 2
            session.add(
                Speaker(
                    id=f"loa-{number + 1:03}",
                    place_id=place,
                    name=f"{VILLAGES[place - 2]} - cụm {number % 2 + 1}",
                    latitude=20.85 + number / 500,
                    longitude=106.03 + (number % 3) / 400,
                    claim_code="",
                    broker_token="",
                    state=SpeakerState.READY if number else SpeakerState.LOST,
                    state_since=now - timedelta(hours=2),
                    seen_at=now - timedelta(minutes=3),
                    clock_error_ms=4,
                    rejected=number,
                )
            )


def make_database(folder: Path) -> Path:
    """The file of a migrated database with the commune in it."""
    path = folder / "loa.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    fill(database, FixedClock())
    database.dispose()
    return path


def build(folder: Path, speech: Speech) -> Stage:
    """The services over the database in ``folder``."""
    clock = FixedClock()
    database = Database(f"sqlite:///{folder / 'loa.db'}")
    orders = FakeOrders(database, clock)
    settings = Settings(home=str(folder))
    line = FakeTransport()
    desk = Desk(orders.core, orders)
    talks = Talks(orders.core, line, folder / "talks", SoundStore(folder / "sounds"))
    services = Services(settings, database, clock, speech, ClipStore(folder / "clips"), orders, desk, talks)
    return Stage(services, clock, orders, line)
