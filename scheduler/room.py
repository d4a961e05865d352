"""Room on the air for a broadcast among the others: what it waits for, what makes it wait, what the rules leave. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from broadcaster import airing
from broadcaster.hours import Stretch
from broadcaster.rows import Broadcast, Clip, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler import rules
from scheduler.outlook import Outlook
from scheduler.rules import Breach
from scheduler.timeline import RANK

_BETWEEN: Final = timedelta(seconds=2)
"""Silence between a broadcast and one that waited for it."""
GAP_PATIENCE: Final = timedelta(minutes=10)
"""How long a priority bulletin for now waits for a routine one to end; after that it cuts it."""
MAX_SHIFT: Final = timedelta(hours=1)
"""How far a priority bulletin may push what was planned: later it would be another slot."""


def is_displaced(broadcast: Broadcast) -> bool:
    """Whether a broadcast begins later than its schedule meant, because something of a higher class took its time."""
    by_itself = broadcast.schedule.kind is not ScheduleKind.NOW
    return by_itself and broadcast.start_at is not None and broadcast.start_at > broadcast.occurrence


def pushes(broadcast: Broadcast) -> bool:
    """Whether others may have to wait for it."""
    return broadcast.klass is Class.PRIORITY or is_displaced(broadcast)


def after_what_sounds(this: Outlook, broadcast: Broadcast, start: datetime) -> datetime:
    """The first moment from ``start`` on at which a broadcast for now finds the air free.

    A priority bulletin waits for the gap after a routine one that has begun, unless that is far off; an emergency waits
    for nobody below it. What was planned later gives way (`after_what_displaces`).
    """
    for other, begin, end in _airing(this, this.agenda.around(broadcast, this.audience(broadcast))):
        lower = RANK[other.klass] < RANK[broadcast.klass]
        if lower and (broadcast.klass is Class.EMERGENCY or end - start > GAP_PATIENCE):
            continue
        if begin <= start < end + _BETWEEN:
            start = end + _BETWEEN
    return start


def after_what_displaces(this: Outlook, broadcast: Broadcast, clip: Clip) -> datetime:
    """When a broadcast that has its time may begin: then, or after what a higher class has put there.

    What it pushes back pushes back what follows. Further than ``MAX_SHIFT`` nothing is pushed: the speakers decide.
    """
    start, length = broadcast.occurrence, timedelta(milliseconds=clip.duration_ms)
    for other, begin, end in _airing(this, this.pushing.around(broadcast, this.audience(broadcast))):
        higher = RANK[other.klass] > RANK[broadcast.klass] and other.klass is not Class.EMERGENCY
        pushed = other.klass is broadcast.klass and is_displaced(other) and other.occurrence <= broadcast.occurrence
        if (higher or pushed) and begin < start + length and start < end + _BETWEEN:
            start = end + _BETWEEN
    return start if start - broadcast.occurrence <= MAX_SHIFT else broadcast.occurrence


def breach(this: Outlook, broadcast: Broadcast) -> Breach | None:
    """The rule of the commune that a broadcast would break; what was scheduled before it goes first."""
    start, end = broadcast.start_at, airing.end_of(broadcast)
    if start is None or end is None:
        return None
    audience, others = this.audience(broadcast), list[Stretch]()
    if this.commune.counts_slots:
        mine = broadcast.schedule_id, broadcast.occurrence
        others = [
            (other_start, other_end)
            for other, other_start, other_end in _airing(this, this.agenda.around(broadcast, audience))
            if other.klass is not Class.EMERGENCY and (other.schedule_id, other.occurrence) < mine
        ]
    return rules.breach(this.commune, this.listeners(audience), start, end, others)


def _airing(this: Outlook, broadcasts: Iterable[Broadcast]) -> Iterable[tuple[Broadcast, datetime, datetime]]:
    """Those that may still air, with beginning and end, as far as they are known."""
    for each in broadcasts:
        end = airing.end_of(each)
        if each.start_at is not None and end is not None and each.missed_at is None and not this.is_held(each):
            yield each, each.start_at, end
