"""A planner over real rows whose broker confirms when it is told to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from broadcaster import airing, publishing
from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.distribution import Distributor
from broadcaster.rows import Broadcast, Delivery, DeliveryState, Published, Schedule
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Plan, PlanItem
from broadcaster.wire.topics import Kind
from scheduler.planning import Planner
from tests.broadcaster import town
from tests.broadcaster.town import TOPICS, FakeTransport
from tests.clocks import FixedClock

LEAD_MS = 2_000


@dataclass
class Bench:
    core: Core
    clock: FixedClock
    distributor: Distributor
    planner: Planner

    @classmethod
    def make(cls, database: Database, clock: FixedClock, folder: Path) -> "Bench":
        core = town.core(database, clock)
        distributor = Distributor(FakeTransport(), ClipStore(folder), TOPICS, 128_000, core.counters)
        return cls(core, clock, distributor, Planner(core, distributor, LEAD_MS))

    def restart(self) -> None:
        """The station's process begins anew."""
        self.planner = Planner(self.core, self.distributor, LEAD_MS)

    def schedule(self, *places: int, sound: bool = True, seconds: int = 60, **facts: Any) -> int:
        with self.core.database.write() as session:
            made = town.schedule(session, self.clock, *(places or (town.COMMUNE,)), **facts)
            if sound:
                town.sound(session, made.bulletin, seconds=seconds)
            return made.id

    def give_sound(self, schedule: int, **facts: Any) -> None:
        with self.core.database.write() as session:
            town.sound(session, session.get_one(Schedule, schedule).bulletin, **facts)

    def plan(self, *, confirm: bool = False) -> None:
        """One pass; with ``confirm`` the broker takes everything over, and another pass notes it."""
        self.planner.plan()
        assert self.core.counters.errors == {}
        if confirm:
            with self.core.database.write() as session:
                for row in publishing.unconfirmed(session):
                    publishing.confirm(session, row.topic, row.seq)
            self.plan()

    def broadcasts(self, schedule: int) -> list[Broadcast]:
        with self.core.database.read() as session:
            query = select(Broadcast).where(Broadcast.schedule_id == schedule).order_by(Broadcast.occurrence)
            found = list(session.scalars(query))
            for one in found:
                assert one.clip is None or one.clip.sha256
            return found

    def broadcast(self, schedule: int) -> Broadcast:
        (one,) = self.broadcasts(schedule)
        return one

    def state(self, schedule: int) -> airing.BroadcastState:
        with self.core.database.read() as session:
            one = session.scalars(select(Broadcast).where(Broadcast.schedule_id == schedule)).one()
            return airing.state_of(one, self.clock.now())

    def items(self, zone: str, day: str) -> tuple[PlanItem, ...]:
        """What the plan in force of a zone names."""
        with self.core.database.read() as session:
            read = envelope.parse(session.get_one(Published, TOPICS.plan(zone, day)).envelope)
        envelope.verify(read, self.core.keyring.station.public)
        return strict_json.decode(read.payload, Plan).items

    def seqs(self) -> dict[str, int]:
        with self.core.database.read() as session:
            rows = session.scalars(select(Published).where(Published.typ == Kind.PLAN.value))
            return {row.topic.removeprefix(TOPICS.base + "/zone/"): row.seq for row in rows}

    def deliveries(self, schedule: int) -> dict[str, tuple[DeliveryState, str | None]]:
        with self.core.database.read() as session:
            rows = session.scalars(select(Delivery).join(Delivery.broadcast).where(Broadcast.schedule_id == schedule))
            return {row.speaker_id: (row.state, row.why) for row in rows}

    def at(self, hours: float) -> datetime:
        return self.clock.now() + timedelta(hours=hours)
