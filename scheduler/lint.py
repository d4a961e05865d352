"""What may go wrong with a schedule, told before it is sent: notes with their reasons and the fields that would mend them. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from broadcaster.hours import WEEKDAYS
from scheduler import recurrence, rules
from scheduler.recurrence import Rule
from scheduler.rules import Commune, Listener

_NIGHT: Final = (time(21), time(5))
_HALF_DAY: Final = timedelta(hours=12)
_OVERLONG: Final = timedelta(minutes=15)
"""Longer than people in the street listen; the usual length of a slot in a ward."""
_LOOKED_AT: Final = 60
_MONTH: Final = timedelta(days=30)
_OFTEN: Final = 12
"""Times a day."""

Fields = tuple[tuple[str, str], ...]
"""Fields of the form and what to write in them."""


@dataclass(frozen=True)
class Note:
    """One thing to look at. ``refused`` is one that the rules don't allow; ``fixes`` each mend it with one click."""

    code: str
    values: tuple[str, ...] = ()
    fixes: tuple[Fields, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class Subject:
    """What is looked at: when, how long, who hears it of how many, and whether it has any words."""

    rule: Rule
    length: timedelta
    heard: frozenset[Listener]
    everywhere: bool
    empty: bool = False


def lint(subject: Subject, commune: Commune, now: datetime) -> list[Note]:
    """All notes, what is refused first."""
    moments = recurrence.following(subject.rule, now, _LOOKED_AT)
    refused = _refused(subject, commune, moments)
    return [*([refused] if refused else _night(subject)), *_others(subject, commune, moments, now)]


def _refused(subject: Subject, commune: Commune, moments: Collection[datetime]) -> Note | None:
    for moment in moments:
        broken = rules.breach(commune, subject.heard, moment, moment + subject.length)
        if broken:
            fixes = tuple(_fixes(subject, commune, broken.rule, moment))
            return Note(broken.rule.value, broken.values, fixes, refused=True)
    return None


def _fixes(subject: Subject, commune: Commune, rule: rules.Rule, moment: datetime) -> Iterator[Fields]:
    zone, length = commune.hours.timezone, subject.length
    if rule is rules.Rule.WEEKDAY and subject.rule.repeats:
        days = [WEEKDAYS[day] for day in sorted(commune.weekdays)]
        yield (("kind", "weekly"), *(("weekdays", day) for day in days))
        return
    if rule is rules.Rule.QUIET_HOURS:
        other = moment + _HALF_DAY  # 03:15 was meant to be 15:15
        if rules.breach(commune, subject.heard, other, other + length) is None:
            yield (("time", f"{other.astimezone(zone):%H:%M}"),)
    free = rules.free_from(commune, subject.heard, moment, length, ())
    if free:
        local = free.astimezone(zone)
        moved = local.date() != moment.astimezone(zone).date() and not subject.rule.repeats
        yield ((("date", f"{local:%Y-%m-%d}"),) if moved else ()) + (("time", f"{local:%H:%M}"),)


def _night(subject: Subject) -> list[Note]:
    at = subject.rule.first.time()
    if _NIGHT[1] <= at < _NIGHT[0]:
        return []
    day = f"{subject.rule.first + _HALF_DAY:%H:%M}"
    return [Note("night", (f"{at:%H:%M}",), ((("time", day),),))]


def _others(subject: Subject, commune: Commune, moments: Collection[datetime], now: datetime) -> Iterator[Note]:
    zone = commune.hours.timezone
    if subject.empty:
        yield Note("empty")
    if subject.length > _OVERLONG:
        yield Note("overlong", (str(round(subject.length / timedelta(minutes=1))),))
    if subject.rule.endless:
        yield Note("never-ending", (), ((("until", f"{now.astimezone(zone) + _MONTH:%Y-%m-%d}"),),))
    if subject.everywhere:
        yield Note("everywhere")
    first = next(iter(moments), None)
    if first is None:
        return
    today = [moment for moment in moments if moment.astimezone(zone).date() == first.astimezone(zone).date()]
    if len(today) > _OFTEN:
        yield Note("often", (str(len(today)),))
    unheard = rules.silent(commune, subject.heard, first, first + subject.length)
    if unheard and len(unheard) < len(subject.heard):
        yield Note("some-silent", (str(len(unheard)),))
