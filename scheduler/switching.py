"""When the speakers of a place are on and off: times of on, times of off, and "off until". Pure but for `Switches.load`.

An emergency is never asked. What is said here goes into the signed config of each speaker, as moments.
"""

import logging
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broadcaster.clock import to_ms
from broadcaster.hours import Stretch
from broadcaster.rows import Power, Station, Switching
from broadcaster.wire.documents import OffHours
from scheduler import power, recurrence, rule_text
from scheduler.recurrence import Rule, RuleError

log = logging.getLogger(__name__)

_DAY: Final = timedelta(days=1)
_AHEAD: Final = 9
"""Days that a speaker is told of, two more than it is told of plans."""


@dataclass(frozen=True)
class Switched:
    """One switching: what it does where, when it begins, and how long it lasts each time."""

    power: Power
    zones: frozenset[str]
    rule: Rule
    length: timedelta
    _known: dict[tuple[date, date], list[Stretch]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, row: Switching, zone: ZoneInfo) -> "Switched":
        """The switching in a row. Errors: RuleError."""
        rule = rule_text.read(row.rrule, row.start_at, zone)
        return cls(row.power, frozenset(place.code for place in row.places), rule, row.until - row.start_at)

    def stretches(self, first: date, last: date) -> list[Stretch]:
        """Its times that touch the local days from ``first`` to ``last``, each whole."""
        if (first, last) not in self._known:
            low, high = _midnight(first, self.rule.zone) - self.length, _midnight(last + _DAY, self.rule.zone)
            moments = recurrence.occurrences(self.rule, low, high)
            self._known[first, last] = [(moment, moment + self.length) for moment in moments]
        return self._known[first, last]

    def binds(self, day: date) -> bool:
        """Whether it has begun and is not over on a local day; one that is on then is off at all its other times."""
        if day < self.rule.first.date():
            return False
        return self.rule.endless or bool(recurrence.following(self.rule, _midnight(day, self.rule.zone)))


@dataclass(frozen=True)
class Switches:
    """All switchings in force."""

    timezone: ZoneInfo
    switched: tuple[Switched, ...] = ()
    _known: dict[tuple[tuple[str, ...], date, date], list[Stretch]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def load(cls, session: Session, station: Station, now: datetime) -> "Switches":
        """The switchings as they are in the database now, but for those that were over the day before yesterday.

        One whose rule can't be computed is logged and does not hold up the others.
        """
        zone = ZoneInfo(station.timezone)
        rows = (
            select(Switching)
            .where(Switching.ended_at.is_(None), (Switching.rrule != "") | (Switching.until > now - 2 * _DAY))
            .options(selectinload(Switching.places))
            .order_by(Switching.id)
        )
        switched = []
        for row in session.scalars(rows):
            try:
                switched.append(Switched.of(row, zone))
            except RuleError:
                log.exception("switching left out switching=%s", row.id)
        return cls(zone, tuple(switched))

    def off(self, zones: tuple[str, ...], first: date, last: date) -> list[Stretch]:
        """When one who listens to ``zones`` is off, as far as it touches the local days from ``first`` to ``last``."""
        key = zones, first, last
        if key not in self._known:
            mine = [each for each in self.switched if not each.zones.isdisjoint(zones)]
            self._known[key] = self._off(mine, first, last) if mine else []
        return self._known[key]

    def _off(self, mine: list[Switched], first: date, last: date) -> list[Stretch]:
        ons = [each for each in mine if each.power is Power.ON]
        days = [first + _DAY * number for number in range((last - first).days + 1)]
        bound = [
            (_midnight(day, self.timezone), _midnight(day + _DAY, self.timezone))
            for day in days
            if any(each.binds(day) for each in ons)
        ]
        on = [stretch for each in ons for stretch in each.stretches(first, last)]
        off = [stretch for each in mine if each.power is Power.OFF for stretch in each.stretches(first, last)]
        return power.merged([*power.without(bound, on), *off])

    def off_during(self, zones: tuple[str, ...], start: datetime, end: datetime) -> Stretch | None:
        """The stretch of off that a sound from ``start`` until ``end`` would meet for one who listens to ``zones``."""
        if not self.switched:
            return None
        first, last = self._day(start), self._day(end)
        if _meeting(self.off(zones, first, last), start, end) is None:
            return None
        return _meeting(self.off(zones, first - _DAY, last + _AHEAD * _DAY), start, end)

    def documents(self, zones: tuple[str, ...], now: datetime) -> tuple[OffHours, ...]:
        """What the config of one speaker says; it changes with the day, not with the minute."""
        today = self._day(now)
        return tuple(
            OffHours(start=to_ms(start), until=to_ms(until))
            for start, until in self.off(zones, today - _DAY, today + _AHEAD * _DAY)
        )

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.timezone).date()


NEVER_SWITCHED: Final = Switches(ZoneInfo("UTC"))
"""Where speakers are always on."""


def _meeting(stretches: list[Stretch], start: datetime, end: datetime) -> Stretch | None:
    last = max(end, start + timedelta(milliseconds=1))
    return next((each for each in stretches if each[0] < last and start < each[1]), None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
