"""What should be playing now? One pure function over the plans, the time and what was done already.

All moments are station time in Unix milliseconds.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Final

from broadcaster.wire.documents import Class, Config, PlanItem, QuietHours, Why

_RANK: Final[Mapping[Class, int]] = {Class.ROUTINE: 0, Class.PRIORITY: 1, Class.EMERGENCY: 2}


def end_of(item: PlanItem) -> int:
    """When the item's sound is over."""
    return item.start_at + item.duration_ms


def outranks(one: PlanItem, other: PlanItem) -> bool:
    """Whether ``one`` takes the air from ``other``; among equals below EMERGENCY the first keeps it."""
    return _RANK[one.klass] > _RANK[other.klass]


def winner(items: Iterable[PlanItem], at: int) -> PlanItem | None:
    """The item that has the air at ``at``: the highest class, then the one that began first."""
    candidates = [item for item in items if item.start_at <= at < end_of(item)]
    return min(candidates, key=lambda item: (-_RANK[item.klass], item.start_at, item.id), default=None)


def in_quiet_hours(quiet: Collection[QuietHours], utc_offset_min: int, at: int) -> bool:
    """Whether a moment lies in one of the quiet hours, by local time."""
    local = datetime.fromtimestamp(at / 1000 + utc_offset_min * 60, UTC).time()
    return any(_within(local, time.fromisoformat(hours.start), time.fromisoformat(hours.until)) for hours in quiet)


def _within(local: time, start: time, until: time) -> bool:
    return start <= local < until if start <= until else local >= start or local < until


def obstacle(
    item: PlanItem, config: Config, at: int, *, cached: bool, begun: bool, excluded_zones: Callable[[PlanItem], bool]
) -> Why | None:
    """Why an item whose time has come must not begin at ``at``; None when it may.

    NOT_CACHED is an obstacle that may still go away; every other one is final.
    """
    if excluded_zones(item):
        return Why.EXCLUDED
    if item.klass is not Class.EMERGENCY and in_quiet_hours(config.quiet, config.utc_offset_min, at):
        return Why.QUIET_HOURS
    if not begun and at - item.start_at > item.late_ms:
        return Why.LATE
    if not cached:
        return Why.NOT_CACHED
    return None
