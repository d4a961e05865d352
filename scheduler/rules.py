"""The rules of the commune, as one function: may this sound, here, from then until then? Pure but for `Commune.load`.

Form and planner ask it; the speaker goes by its own part of the same hours. Only an emergency is never asked for.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from broadcaster.geography import Geography
from broadcaster.hours import OperatingHours, Stretch, weekdays_of
from broadcaster.rows import Station
from scheduler.switching import NEVER_SWITCHED, Switches

SLOT_GAP: Final = timedelta(minutes=10)
"""Broadcasts that are nearer to each other belong to one slot of the day (buổi phát)."""
_SECOND: Final = timedelta(seconds=1)
_SEARCH_STEP: Final = timedelta(minutes=15)
_SEARCHED: Final = timedelta(days=7)

Listener = tuple[str, ...]
"""The zones that one listens to who lives somewhere."""


class Rule(StrEnum):
    """The rules there are.

    Where several are broken the first of them is told, as by speakers: what a person switched off, then a day on which no
    other hour helps, then the hour.
    """

    OFF = "off"
    WEEKDAY = "weekday"
    QUIET_HOURS = "quiet-hours"
    SLOT_TOO_LONG = "slot-too-long"
    TOO_MANY_SLOTS = "too-many-slots"


_ORDER: Final = tuple(Rule)


@dataclass(frozen=True)
class Breach:
    """Which rule a broadcast would break; ``values`` fill the sentence about it."""

    rule: Rule
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commune:
    """The rules in force: hours, on and off, permitted weekdays (0 is Monday), slots a day and minutes a slot (None: no limit)."""

    hours: OperatingHours
    switches: Switches = NEVER_SWITCHED
    weekdays: frozenset[int] = frozenset(range(7))
    slots_a_day: int | None = None
    slot_minutes: int | None = None

    @classmethod
    def load(cls, session: Session, station: Station, now: datetime) -> "Commune":
        """The rules as they are in the database now."""
        hours, switches = OperatingHours.load(session, station), Switches.load(session, station, now)
        return cls(hours, switches, weekdays_of(station), station.slots_a_day, station.slot_minutes)

    @property
    def counts_slots(self) -> bool:
        """Whether other broadcasts of the day matter."""
        return self.slots_a_day is not None or self.slot_minutes is not None


def listeners(geography: Geography, speakers: Iterable[str]) -> frozenset[Listener]:
    """Where the speakers stand, as far as rules tell places apart."""
    return frozenset(geography.zones_of(speaker) for speaker in speakers)


def breach(
    commune: Commune, heard: Collection[Listener], start: datetime, end: datetime, others: Iterable[Stretch] = ()
) -> Breach | None:
    """The rule that a sound below EMERGENCY from ``start`` until ``end`` would break; None when it may air.

    Args:
        commune: the rules.
        heard: who listens. What keeps some of them silent does not keep the others from hearing it.
        start: when it begins, aware.
        end: when it is over; all of the sound must fit.
        others: what else sounds for them on that day and was there before.
    """
    broken = []
    for listener in heard or ((),):
        found = silence(commune, listener, start, end)
        if found is None:
            return _slot_breach(commune, (start, end), others) if commune.counts_slots else None
        broken.append(found)
    return min(broken, key=lambda each: (_ORDER.index(each.rule), each.values))


def silent(commune: Commune, heard: Collection[Listener], start: datetime, end: datetime) -> frozenset[Listener]:
    """Those who will not hear it because of the day, quiet hours, or off, where they live."""
    return frozenset(each for each in heard if silence(commune, each, start, end))


def silence(commune: Commune, listener: Listener, start: datetime, end: datetime) -> Breach | None:
    """Why one who lives somewhere would not hear it: the speakers there are off, the day is not permitted, or it is quiet there.

    None if they would.
    """
    if off := switched_off(commune, (listener,), start, end):
        return off
    if start.astimezone(commune.hours.timezone).weekday() not in commune.weekdays:
        return Breach(Rule.WEEKDAY)
    quiet = commune.hours.breaks_quiet(listener, start, end)
    return Breach(Rule.QUIET_HOURS, (f"{quiet.start:%H:%M}", f"{quiet.until:%H:%M}")) if quiet else None


def switched_off(commune: Commune, heard: Collection[Listener], start: datetime, end: datetime) -> Breach | None:
    """That the speakers of everybody who listens are off at some moment of it; None where some are on all the time."""
    met = None
    for listener in heard if commune.switches.switched else ():
        met = commune.switches.off_during(listener, start, end)
        if met is None:
            return None
    if met is None:
        return None
    return Breach(Rule.OFF, tuple(f"{each.astimezone(commune.hours.timezone):%H:%M %d/%m/%Y}" for each in met))


def longest(
    commune: Commune, heard: Collection[Listener], start: datetime, planned: timedelta, wanted: timedelta
) -> timedelta:
    """How long a sound that was planned for some time may be, up to ``wanted``, so that it is heard by all who would hear it then."""
    seconds = range(planned // _SECOND, -(-wanted // _SECOND) + 1)
    most = wanted
    for listener in heard:

        def is_too_long(length: int, one: Listener = listener) -> bool:
            return breach(commune, (one,), start, start + length * _SECOND) is not None

        fitting = bisect_left(seconds, True, key=is_too_long)  # noqa: FBT003  the value that is looked for
        if 0 < fitting < len(seconds):
            most = min(most, seconds[fitting - 1] * _SECOND)
    return most


def _slot_breach(commune: Commune, wanted: Stretch, others: Iterable[Stretch]) -> Breach | None:
    zone = commune.hours.timezone
    today = wanted[0].astimezone(zone).date()
    day = slots([wanted, *(other for other in others if other[0].astimezone(zone).date() == today)])
    if commune.slots_a_day is not None and len(day) > commune.slots_a_day:
        return Breach(Rule.TOO_MANY_SLOTS, (str(commune.slots_a_day),))
    own = next(slot for slot in day if slot[0] <= wanted[0] < slot[1] or slot[0] == wanted[0])
    if commune.slot_minutes is not None and own[1] - own[0] > timedelta(minutes=commune.slot_minutes):
        return Breach(Rule.SLOT_TOO_LONG, (str(commune.slot_minutes),))
    return None


def slots(stretches: Iterable[Stretch]) -> list[Stretch]:
    """What sounds on a day as slots: stretches that are less than ``SLOT_GAP`` apart count as one."""
    made: list[Stretch] = []
    for start, end in sorted(stretches):
        if made and start < made[-1][1] + SLOT_GAP:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((start, end))
    return made


def free_from(
    commune: Commune, heard: Collection[Listener], start: datetime, length: timedelta, others: Collection[Stretch]
) -> datetime | None:
    """The first moment from ``start`` on, in steps of a quarter of an hour, when the rules allow it and nothing sounds."""
    zone = commune.hours.timezone
    local = start.astimezone(zone)
    candidate = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
    while candidate < local + _SEARCHED:
        end = candidate + length
        taken = any(low < end and candidate < high for low, high in others)
        if candidate >= local and not taken and breach(commune, heard, candidate, end, others) is None:
            return candidate
        candidate += _SEARCH_STEP
    return None
