"""Quiet hours, volume by hour and named exceptions, as they count in each place: one snapshot without the database.

What planner and speakers go by; a speaker is told its own part of it in its config.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster.clock import to_ms
from broadcaster.rows import HourException, HourRule, Station
from broadcaster.wire.documents import HourlyVolume, QuietException, QuietHours

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY: Final = timedelta(days=1)
_AHEAD: Final = timedelta(days=9)
"""How far ahead a speaker is told of exceptions: two days more than it is told of plans."""

Stretch = tuple[datetime, datetime]
"""From one aware moment until before another."""


def weekdays_of(station: Station) -> frozenset[int]:
    """The weekdays on which the commune permits broadcasts; 0 is Monday."""
    return frozenset(WEEKDAYS.index(day) for day in station.weekdays.split(",") if day in WEEKDAYS)


@dataclass(frozen=True)
class Hours:
    """Local hours of every day in one zone of the wire, or everywhere (``zone`` ""); after midnight when they span it."""

    zone: str
    start: time
    until: time
    quiet: bool = True
    volume: int | None = None
    cap: int = 100

    def on(self, day: date, timezone: ZoneInfo) -> Stretch:
        """The stretch that begins on a local day."""
        begin = datetime.combine(day, self.start, timezone)
        end = datetime.combine(day + _DAY * (self.until <= self.start), self.until, timezone)
        return begin.astimezone(UTC), end.astimezone(UTC)


@dataclass(frozen=True)
class Exempt:
    """A named exception in force: on these days, between these local times, in these zones."""

    name: str
    zones: frozenset[str]
    first_day: date
    last_day: date
    hours: Hours
    cap: int

    def stretches(self, timezone: ZoneInfo, low: date, high: date) -> Iterator[Stretch]:
        """Its stretches that begin from ``low`` to ``high``."""
        day, last = max(low, self.first_day), min(high, self.last_day)
        while day <= last:
            yield self.hours.on(day, timezone)
            day += _DAY


@dataclass(frozen=True)
class OperatingHours:
    """All hours of a station."""

    timezone: ZoneInfo
    hours: tuple[Hours, ...] = ()
    exempt: tuple[Exempt, ...] = ()

    @classmethod
    def load(cls, session: Session, station: Station) -> "OperatingHours":
        """The hours as they are in the database now."""
        hours = []
        if station.quiet_start and station.quiet_until:
            hours.append(_hours("", station.quiet_start, station.quiet_until))
        for rule in session.scalars(select(HourRule).options(joinedload(HourRule.place)).order_by(HourRule.id)):
            zone = rule.place.code if rule.place else ""
            each = _hours(zone, rule.start, rule.until)
            hours.append(replace(each, quiet=rule.quiet, volume=rule.volume, cap=rule.cap))
        named = select(HourException).where(HourException.ended_at.is_(None)).order_by(HourException.id)
        exempt = tuple(
            Exempt(
                row.name,
                frozenset(place.code for place in row.places),
                row.first_day,
                row.last_day,
                _hours("", row.start, row.until),
                row.cap,
            )
            for row in session.scalars(named.options(selectinload(HourException.places)))
        )
        return cls(ZoneInfo(station.timezone), tuple(hours), exempt)

    def quiet_in(self, zones: Collection[str]) -> tuple[Hours, ...]:
        """The quiet hours that count for one who listens to ``zones``."""
        return tuple(hours for hours in self.hours if hours.quiet and (not hours.zone or hours.zone in zones))

    def breaks_quiet(self, zones: Collection[str], start: datetime, end: datetime) -> Hours | None:
        """The quiet hours that a sound from ``start`` until ``end`` would break for one who listens to ``zones``.

        The whole of it must fit: what no named exception covers must lie outside all quiet hours.
        """
        days = _days(start.astimezone(self.timezone).date() - _DAY, end.astimezone(self.timezone).date())
        for hours in self.quiet_in(zones):
            for low, high in (hours.on(day, self.timezone) for day in days):
                begin, finish = max(low, start), min(high, max(end, start + timedelta(milliseconds=1)))
                if begin < finish and not self._covered(zones, begin, finish):
                    return hours
        return None

    def end_of_quiet(self, heard: Collection[Collection[str]], moment: datetime) -> datetime:
        """The first moment from ``moment`` on, within a day, at which none of those who hear it has quiet hours.

        Where they take turns all day long it is the end of the day: then nobody can be spared.
        """
        today = moment.astimezone(self.timezone).date()
        ends = [hours.on(day, self.timezone)[1] for hours in self.hours for day in _days(today - _DAY, today + _DAY)]
        starts = [
            start for exempt in self.exempt for start, _ in exempt.stretches(self.timezone, today - _DAY, today + _DAY)
        ]
        last = moment + _DAY
        candidates = [moment, *sorted(each for each in (*ends, *starts) if moment < each < last), last]
        return next(
            (each for each in candidates if not any(self.breaks_quiet(zones, each, each) for zones in heard)), last
        )

    def _covered(self, zones: Collection[str], begin: datetime, end: datetime) -> bool:
        """Whether named exceptions cover the whole stretch."""
        low, high = begin.astimezone(self.timezone).date() - _DAY, end.astimezone(self.timezone).date()
        found = [
            stretch
            for exempt in self.exempt
            if not exempt.zones.isdisjoint(zones)
            for stretch in exempt.stretches(self.timezone, low, high)
        ]
        for start, until in sorted(found):
            if start <= begin < until:
                begin = until
        return begin >= end

    # What a speaker's config says.

    def quiet_documents(self, zones: Collection[str]) -> tuple[QuietHours, ...]:
        """The quiet hours of one speaker."""
        return tuple(
            QuietHours(start=f"{hours.start:%H:%M}", until=f"{hours.until:%H:%M}") for hours in self.quiet_in(zones)
        )

    def hourly_documents(self, zones: Collection[str]) -> tuple[HourlyVolume, ...]:
        """Volume and caps by hour of one speaker; what is said of its own place comes before what is said of all."""
        mine = [hours for hours in self.hours if not hours.quiet and (not hours.zone or hours.zone in zones)]
        return tuple(
            HourlyVolume(start=f"{hours.start:%H:%M}", until=f"{hours.until:%H:%M}", volume=hours.volume, cap=hours.cap)
            for hours in sorted(mine, key=lambda hours: not hours.zone)
        )

    def exception_documents(self, zones: Collection[str], now: datetime) -> tuple[QuietException, ...]:
        """The named exceptions of one speaker that are in force or begin soon, each stretch by itself."""
        today = now.astimezone(self.timezone).date()
        return tuple(
            QuietException(name=exempt.name[:300], start=to_ms(start), until=to_ms(until), cap=exempt.cap)
            for exempt in self.exempt
            if not exempt.zones.isdisjoint(zones)
            for start, until in exempt.stretches(self.timezone, today - _DAY, today + _AHEAD)
        )


def _hours(zone: str, start: str, until: str) -> Hours:
    return Hours(zone, time.fromisoformat(start), time.fromisoformat(until))


def _days(first: date, last: date) -> list[date]:
    return [first + _DAY * number for number in range((last - first).days + 1)]
