"""What should be playing now? One pure function over the plans, the time and what was done already.

All moments are station time in Unix milliseconds.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from typing import Final, Protocol

from broadcaster.wire.documents import Class, Config, PlanItem, QuietHours, Why

NOBODY: Final = -1
MICROPHONE: Final = 40
_RANK: Final[Mapping[Class, int]] = {Class.ROUTINE: 0, Class.PRIORITY: 20, Class.EMERGENCY: 50}
_LIVE_RANK: Final[Mapping[Class, int]] = {Class.ROUTINE: 10, Class.PRIORITY: 30, Class.EMERGENCY: 60}


class Airing(Protocol):
    """Whatever has a name and a time: an item of a plan, an alert, a live stream."""

    @property
    def id(self) -> str:
        """Its name in receipts."""

    @property
    def start_at(self) -> int:
        """When it begins."""

    @property
    def duration_ms(self) -> int:
        """How long it lasts."""


def rank(klass: Class) -> int:
    """The place of a planned item in the one table of who has the air."""
    return _RANK[klass]


def alert_rank(level: int) -> int:
    """The place of an alert: above the planned emergencies, by its risk level 1 to 5."""
    return _RANK[Class.EMERGENCY] + level


def live_rank(klass: Class) -> int:
    """The place of a live stream."""
    return _LIVE_RANK[klass]


def end_of(item: Airing) -> int:
    """When the item's sound is over."""
    return item.start_at + item.duration_ms


def outranks(one: PlanItem, other: PlanItem) -> bool:
    """Whether ``one`` takes the air from ``other``."""
    return _RANK[one.klass] > _RANK[other.klass]


def overlap(one: PlanItem, other: PlanItem) -> bool:
    """Whether both should sound at some moment."""
    return one.start_at < end_of(other) and other.start_at < end_of(one)


def precedence(item: PlanItem) -> tuple[int, int, str]:
    """The order in which items choose: the highest class, then the one that begins first."""
    return -_RANK[item.klass], item.start_at, item.id


def keeps_air(holder: PlanItem, other: PlanItem, at: int) -> bool:
    """Whether ``holder``, which has the air or was promised it, keeps ``other`` from beginning at ``at``.

    Among equals below EMERGENCY the first keeps the air.
    """
    return overlap(holder, other) and end_of(holder) > at and not outranks(other, holder)


def is_excluded(excluded: Collection[str], config: Config) -> bool:
    """Whether a speaker with this config is left out."""
    return not set(excluded).isdisjoint(config.zones)


def in_quiet_hours(quiet: Collection[QuietHours], utc_offset_min: int, at: int) -> bool:
    """Whether a moment lies in one of the quiet hours, by local time."""
    local = _local(utc_offset_min, at).time()
    return any(_within(local, time.fromisoformat(hours.start), time.fromisoformat(hours.until)) for hours in quiet)


def is_quiet(config: Config, at: int) -> bool:
    """Whether nothing below EMERGENCY may sound at ``at``: quiet hours, and no exception from them."""
    excepted = any(named.start <= at < named.until for named in config.exceptions)
    return not excepted and in_quiet_hours(config.quiet, config.utc_offset_min, at)


def is_off(config: Config, start: int, end: int | None = None) -> bool:
    """Whether the speaker is switched off at ``start``, or at some moment from there until before ``end``."""
    last = start + 1 if end is None else end
    return any(off.start < last and start < off.until for off in config.off)


def is_permitted_day(config: Config, start_at: int) -> bool:
    """Whether something below EMERGENCY may begin on the local weekday of ``start_at``."""
    return not config.weekdays or _local(config.utc_offset_min, start_at).isoweekday() in config.weekdays


def silence(config: Config, start_at: int, at: int, end: int | None = None) -> Why | None:
    """What keeps everything below EMERGENCY silent at ``at``, and until ``end`` where that is known; None for nothing.

    ``start_at`` is when it was meant to begin: its weekday counts.
    """
    if is_off(config, at, end):
        return Why.OFF
    if not is_permitted_day(config, start_at):
        return Why.WEEKDAY
    quiet = is_quiet(config, at) or (end is not None and is_quiet(config, end - 1))
    return Why.QUIET_HOURS if quiet else None


def volume_at(config: Config, own: int | None, klass: Class, at: int) -> int:
    """How loud: what the item says, else the hour, else the speaker; below EMERGENCY never above a cap."""
    local = _local(config.utc_offset_min, at).time()
    hours = [
        hour for hour in config.hourly if _within(local, time.fromisoformat(hour.start), time.fromisoformat(hour.until))
    ]
    usual = next((hour.volume for hour in hours if hour.volume is not None), config.volume)
    volume = usual if own is None else own
    if klass is Class.EMERGENCY:
        return volume
    named = [exception.cap for exception in config.exceptions if exception.start <= at < exception.until]
    return min([volume, *(hour.cap for hour in hours), *named])


def _local(utc_offset_min: int, at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000 + utc_offset_min * 60, UTC)


def _within(local: time, start: time, until: time) -> bool:
    return start <= local < until if start <= until else local >= start or local < until


def obstacle(item: PlanItem, config: Config, at: int, *, cached: bool, begun: bool) -> Why | None:
    """Why an item whose time has come must not begin at ``at``; None when it may.

    NOT_CACHED may still go away, until it is too late; every other obstacle is final.
    """
    if is_excluded(item.excluded, config):
        return Why.EXCLUDED
    if item.klass is not Class.EMERGENCY and (why := silence(config, item.start_at, at, end_of(item))):
        return why  # all of it must fit, its end too
    if not cached:
        return Why.NOT_CACHED
    return Why.LATE if is_too_late(item, at, begun=begun) else None


def is_too_late(item: PlanItem, at: int, *, begun: bool) -> bool:
    """Whether nothing of the item may sound from ``at`` on; one that has begun may be joined until its end."""
    return at >= end_of(item) or (not begun and at - item.start_at > item.late_ms)
