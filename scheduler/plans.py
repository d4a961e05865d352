"""The signed plans: what each zone airs on each day, compared with what is in force, and signed a few at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.publishing import STANDING_DAY, Publisher
from broadcaster.rows import Broadcast, Published
from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Plan, PlanItem
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from scheduler.outlook import Outlook

AT_ONCE: Final = 100
"""Plans that are signed in one transaction: while it lasts, nobody else writes."""
_VALID: Final = timedelta(hours=30)
"""Of a plan, from the beginning of its day."""


@dataclass(frozen=True)
class InForce:
    """What is known of a topic without its envelope."""

    seq: int
    exp: int
    payload_sha256: str
    confirmed: bool


@dataclass(frozen=True)
class DayPlan:
    """What a zone shall be told of a day."""

    topic: str
    plan: Plan
    exp: UnixMs

    def is_in_force(self, known: Mapping[str, InForce]) -> bool:
        """Whether the zone has been told already."""
        now = known.get(self.topic)
        return (
            now is not None
            and now.payload_sha256 == clips.sha256(strict_json.encode(self.plan))
            and self.exp <= now.exp
        )

    def names(self, broadcasts: Collection[str]) -> bool:
        """Whether it holds one of these broadcasts."""
        return any(item.id in broadcasts for item in self.plan.items)


def in_force(session: Session, now: datetime) -> dict[str, InForce]:
    """Every topic of a plan, with what is in force on it."""
    columns = Published.topic, Published.seq, Published.exp, Published.payload_sha256, Published.confirmed_seq
    found = session.execute(select(*columns).where(Published.typ == Kind.PLAN.value, Published.exp > to_ms(now)))
    return {row.topic: InForce(row.seq, row.exp, row.payload_sha256, row.confirmed_seq >= row.seq) for row in found}


def of(this: Outlook, planned: Iterable[Broadcast], topics: Topics, known: Iterable[str]) -> Iterator[DayPlan]:
    """The plan of every zone and day that has broadcasts, or had: what is no longer planned is taken back. The next day first."""
    found: dict[tuple[str, str], list[PlanItem]] = defaultdict(list)
    for broadcast in planned:
        item = item_of(broadcast)
        day = this.day(from_ms(item.start_at))
        for zone in this.zones[broadcast.schedule_id]:
            found[day, zone].append(item)
    for address in map(topics.parse, known):
        if address.date != STANDING_DAY:  # what speakers keep is no broadcast
            found.setdefault((address.date, address.zone), [])
    for day, zone in sorted(found):
        exp = to_ms(datetime.fromisoformat(day).replace(tzinfo=this.zone) + _VALID)
        if exp > to_ms(this.now):
            items = sorted(found[day, zone], key=lambda item: (item.start_at, item.id))
            yield DayPlan(topics.plan(zone, day), Plan(zone=zone, date=day, items=tuple(items)), exp)


def sign(core: Core, plans: Sequence[DayPlan], known: Mapping[str, InForce]) -> None:
    """Put plans in force, in their order and in short transactions.

    A topic that somebody has written to since it was compared is left to the next pass.
    """
    for first in range(0, len(plans), AT_ONCE):
        part = plans[first : first + AT_ONCE]
        with core.database.write() as session:
            publisher = Publisher(session, core.clock)
            publisher.recall_topics([each.topic for each in part])
            for each in part:
                row, then = publisher.kept(each.topic), known.get(each.topic)
                if (row and row.seq) == (then and then.seq):
                    publisher.put(core.keyring.station, Kind.PLAN, each.topic, each.plan, each.exp)


def item_of(broadcast: Broadcast) -> PlanItem:
    """One broadcast as the speakers are told of it."""
    if broadcast.clip is None or broadcast.start_at is None or broadcast.sent_by is None:
        raise ValueError(f"broadcast {broadcast.id} is not settled yet")
    return PlanItem(
        id=broadcast.id,
        start_at=to_ms(broadcast.start_at),
        klass=broadcast.klass,
        clip=broadcast.clip.sha256,
        manifest=broadcast.clip.manifest_sha256,
        bytes=broadcast.clip.bytes,
        duration_ms=broadcast.clip.duration_ms,
        late_ms=broadcast.late_ms,
        sent_by=to_ms(broadcast.sent_by),
        excluded=tuple(place.code for place in broadcast.excluded),
        title=broadcast.bulletin.title,
    )
