"""A commune's year in simulated time: its schedules, its power cuts, and speakers that report what they did."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import event, select

from broadcaster import airing, deliveries, publishing
from broadcaster.clock import to_ms
from broadcaster.database import Database
from broadcaster.deliveries import Told
from broadcaster.rows import Broadcast, Delivery, DeliveryState, Schedule, ScheduleKind
from broadcaster.wire.documents import Event, Receipt, Why
from broadcaster.wire.fields import SpeakerRole
from scheduler import recurrence
from scheduler.materialisation import rule_of
from tests.broadcaster import town
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
OVER = frozenset(
    {
        airing.BroadcastState.AIRED,
        airing.BroadcastState.STOPPED,
        airing.BroadcastState.CANCELLED,
        airing.BroadcastState.MISSED,
    }
)
Key = tuple[int, datetime]


class KilledError(BaseException):
    """The process died here."""


@dataclass
class Year:
    """A station that runs, dies and comes back; ``cuts`` are stretches without power anywhere."""

    bench: Bench
    random: random.Random
    cuts: list[tuple[datetime, datetime]] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    preempted: float = 0.0
    """How often an alert takes the air."""
    points: int = 0

    @classmethod
    def begin(cls, folder: Path, start: datetime, seed: int) -> "Year":
        clock = FixedClock(start)
        database = Database(f"sqlite:///{folder / 'year.db'}")
        database.migrate()
        with database.write() as session:
            town.fill(session, clock)
        # simulated time has no power to lose: nothing waits for the disk
        event.listen(database.engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA synchronous=OFF"))
        database.engine.dispose()
        return cls(Bench.make(database, clock, folder), random.Random(seed))

    @property
    def now(self) -> datetime:
        return self.bench.clock.now()

    def repeat(self, rule: str, clock: str, *, places: tuple[int, ...] = (), **facts: object) -> int:
        """A repeated schedule from today on, at a local time."""
        hour, minute = map(int, clock.split(":"))
        first = self.now.astimezone(HANOI).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return self.bench.schedule(*places, kind=ScheduleKind.REPEATED, rrule=rule, start_at=first, **facts)  # type: ignore[arg-type]

    def go(self, step: timedelta) -> None:
        self.bench.clock.advance(step)

    def cut(self, length: timedelta) -> None:
        """No power for so long; then the station starts anew."""
        self.cuts.append((self.now, self.now + length))
        self.go(length)
        self.bench.restart()

    def works(self, *, broker: bool = True) -> None:
        """One pass; the broker, when it is there, has taken over what the last one made, and speakers have reported."""
        if broker:
            with self.bench.core.database.write() as session:
                for row in publishing.unconfirmed(session):
                    publishing.confirm(session, row.topic, row.seq)
            self.report()
        self.bench.plan()

    @contextmanager
    def killed_at(self, statement: int) -> Iterator[None]:
        """The process dies at its so-manieth statement: the transaction is gone, and with it all that was in memory."""
        left = statement

        def count(*_facts: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KilledError

        engine = self.bench.core.database.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            yield
        except KilledError:
            self.points += 1
        finally:
            event.remove(engine, "before_cursor_execute", count)
        self.bench.restart()

    @contextmanager
    def disturbed_at(self, transaction: int, act: Callable[[], None]) -> Iterator[None]:
        """Somebody does something just before the so-manieth transaction that writes."""
        left = transaction

        def look(_connection: object, _cursor: object, statement: str, *_facts: object) -> None:
            nonlocal left
            left -= statement == "BEGIN IMMEDIATE"
            if left == 0:
                left = -1
                act()

        engine = self.bench.core.database.engine
        event.listen(engine, "before_cursor_execute", look)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", look)

    def stop_something(self) -> None:
        """A person stops what is on the air, or calls off what comes next."""
        with self.bench.core.database.write() as session:
            near = Broadcast.start_at.between(self.now - timedelta(minutes=15), self.now + timedelta(hours=9))
            rows = session.scalars(select(Broadcast).where(near, *airing.OPEN).order_by(Broadcast.start_at))
            live = [each.id for each in rows if airing.state_of(each, self.now) not in OVER]
            if live:
                airing.stop_broadcast(session, live[0], account_id=1, now=self.now)

    def report(self) -> None:
        """Speakers that had power say what they did; the others say so when they had time to notice, or nothing."""
        with self.bench.core.database.write() as session:
            rows = (
                select(Delivery, Broadcast)
                .join(Delivery.broadcast)
                .where(
                    Delivery.state == DeliveryState.PLANNED,
                    Broadcast.sent_at.is_not(None),
                    Broadcast.start_at < self.now,
                )
            )
            told: dict[str, list[Receipt]] = {}
            for delivery, broadcast in session.execute(rows).all():
                if receipt := self._receipt(delivery, broadcast):
                    told.setdefault(delivery.speaker_id, []).append(receipt)
            came = [Told(speaker, tuple(receipts), to_ms(self.now)) for speaker, receipts in told.items()]
            deliveries.take(session, came)
        self.reported |= {receipt.id for each in came for receipt in each.receipts}

    def _receipt(self, delivery: Delivery, broadcast: Broadcast) -> Receipt | None:
        end = broadcast.stopped_at or airing.end_of(broadcast)
        name = f"{delivery.speaker_id}-{broadcast.id}"
        if end is None or end > self.now or name in self.reported or not broadcast.start_at or broadcast.cancelled_at:
            return None
        dark = any(begin < end and broadcast.start_at < finish for begin, finish in self.cuts)
        if dark and self.random.random() < 0.5:
            self.reported.add(name)
            return None  # it never says anything
        happened, why = (Event.SKIPPED, Why.POWER) if dark else (Event.FINISHED, None)
        if not dark and broadcast.stopped_at:
            happened, why = Event.STOPPED, Why.COMMAND
        elif not dark and self.random.random() < self.preempted:
            happened, why = Event.PREEMPTED, Why.HIGHER_CLASS
        return Receipt(id=name, broadcast=broadcast.id, event=happened, at=to_ms(end), why=why)

    def expected(self, until: datetime) -> set[Key]:
        """Every occurrence there should have been, counted from the rules alone."""
        with self.bench.core.database.read() as session:
            found: set[Key] = set()
            for schedule in session.scalars(select(Schedule)):
                rule = rule_of(schedule, HANOI)
                start = schedule.created_at
                moments = recurrence.occurrences(rule, start, until) if rule else [start]
                found |= {(schedule.id, moment) for moment in moments}
            return found

    def ended(self, until: datetime) -> dict[Key, tuple[str, str | None]]:
        """How every broadcast before ``until`` ended: its state and reason. One that is written twice is an error."""
        with self.bench.core.database.read() as session:
            found: dict[Key, tuple[str, str | None]] = {}
            for broadcast in session.scalars(select(Broadcast).where(Broadcast.occurrence < until)):
                key = broadcast.schedule_id, broadcast.occurrence
                state = airing.state_of(broadcast, self.now)
                assert key not in found
                assert state in OVER, (key, state)
                assert (state is airing.BroadcastState.MISSED) == (broadcast.missed_why is not None)
                found[key] = state.value, broadcast.missed_why
            return found

    def outcomes(self, until: datetime) -> dict[str, int]:
        """How the deliveries ended, by state and reason; unreported ones only where the power was off."""
        counted: dict[str, int] = {}
        with self.bench.core.database.read() as session:
            rows = select(Delivery, Broadcast).join(Delivery.broadcast).where(Broadcast.occurrence < until)
            for delivery, broadcast in session.execute(rows):
                if broadcast.cancelled_at:
                    counted["called off"] = counted.get("called off", 0) + 1
                    continue
                end = airing.end_of(broadcast)
                unknown = delivery.state is DeliveryState.PLANNED
                if unknown:
                    assert end
                    assert airing.heard_of(delivery.state, SpeakerRole.SPEAKER, end, self.now) is airing.Heard.UNKNOWN
                    assert any(
                        begin < end and broadcast.start_at < finish for begin, finish in self.cuts if broadcast.start_at
                    )
                name = "unknown no-report" if unknown else f"{delivery.state.value} {delivery.why or ''}".strip()
                counted[name] = counted.get(name, 0) + 1
                assert delivery.state in {DeliveryState.FINISHED, DeliveryState.PLANNED} or delivery.why
        return counted
