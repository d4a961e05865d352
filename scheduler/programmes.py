"""Taking in a programme: its rundown is checked item by item, and each of its times of the day becomes a schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster import airing
from broadcaster.rows import Bulletin, Schedule, ScheduleKind, Sound, Station
from broadcaster.wire.units import MINUTE
from scheduler import announcing, checks, submissions
from scheduler.checks import Problem, Submission
from scheduler.composing import sounds_of
from scheduler.rundown import (
    BULLETIN_DAYS,
    MAX_ITEMS,
    PLANNED_MINUTES,
    RELAY_MINUTES,
    Bulletins,
    Fixed,
    Item,
    Music,
    Relay,
    Rundown,
    Words,
)
from scheduler.submissions import SubmissionError

MAX_WORDS = 2_000
MAX_ADDRESS = 500
MAX_TIMES = 12


def submit(session: Session, wanted: Submission, times: Sequence[time], *, account_id: int, now: datetime) -> Schedule:
    """Store a programme, once, with a schedule for its first time and one for each of ``times``.

    What it replaces is called off with all of its times. Occurrences that were left out stay so as far as they are still
    there, and those that were moved elsewhere then stay where they are. Errors: SubmissionError.
    """
    if stored := submissions.find(session, wanted.submission):
        return stored
    station = session.scalars(select(Station)).one()
    zone = ZoneInfo(station.timezone)
    others = [_at(wanted, each, zone) for each in dict.fromkeys(times)]
    problems = [
        *check(session, wanted),
        *(problem for each in (wanted, *others) for problem in checks.check(session, each, now)[1]),
    ]
    if problems:
        raise SubmissionError(list(dict.fromkeys(problems)))
    replaced = session.get(Schedule, wanted.replaces) if wanted.replaces else None
    siblings = _in_force(session, replaced.bulletin_id, but=replaced.id) if replaced else []
    first = submissions.submit(session, wanted, account_id=account_id, now=now)
    every = [first, *(_again(first, each.start_at, first.kind, wanted.rule) for each in others)]
    skipped = {moment for old in (replaced, *siblings) if old for moment in submissions.left_out(old, zone)}
    some = [submissions.leave_out(each, skipped, zone) for each in every]
    if any(some):
        moved = [each for each in siblings if each.kind is ScheduleKind.ONCE and each.start_at and each.start_at > now]
        every += [_again(first, each.start_at, each.kind, "") for each in moved]
    session.add_all(every)
    for sibling in siblings:
        airing.cancel_schedule(session, sibling.id, account_id=account_id, now=now)
    session.flush()
    return first


def _again(first: Schedule, start_at: datetime | None, kind: ScheduleKind, rule: str) -> Schedule:
    """The same programme at another time."""
    return Schedule(
        bulletin=first.bulletin,
        kind=kind,
        start_at=start_at,
        rrule=rule if kind is ScheduleKind.REPEATED else "",
        account_id=first.account_id,
        created_at=first.created_at,
        targets=list(first.targets),
    )


def _in_force(session: Session, bulletin: int, *, but: int) -> Sequence[Schedule]:
    rows = select(Schedule).where(Schedule.bulletin_id == bulletin, Schedule.cancelled_at.is_(None), Schedule.id != but)
    return session.scalars(rows).all()


def _at(wanted: Submission, at: time, zone: ZoneInfo) -> Submission:
    """The same at another time of its first day."""
    if wanted.start_at is None:
        return wanted
    day = wanted.start_at.astimezone(zone).date()
    return replace(wanted, start_at=datetime.combine(day, at, zone).astimezone(UTC))


def check(session: Session, wanted: Submission) -> list[Problem]:
    """Everything that is wrong with a programme but its time and places; a problem of an item is of field "item-3"."""
    rundown = wanted.rundown
    if rundown is None:
        return [Problem("rundown", "none")]
    problems = [] if wanted.title.strip() else [Problem("title", "empty")]
    if rundown.planned_ms // MINUTE not in PLANNED_MINUTES:
        problems.append(Problem("planned", "out-of-range", (str(PLANNED_MINUTES[0]), str(PLANNED_MINUTES[-1]))))
    if len(rundown.items) > MAX_ITEMS:
        problems.append(Problem("rundown", "too-many", (str(MAX_ITEMS),)))
    if not any(isinstance(item, Relay | Fixed | Bulletins | Music) for item in rundown.items):
        problems.append(Problem("rundown", "none"))
    for number, item in enumerate(rundown.items[:MAX_ITEMS]):
        problems += [Problem(f"item-{number}", code, values) for code, values in _of_item(session, rundown, item)]
    return problems


def _of_item(session: Session, rundown: Rundown, item: Item) -> Iterator[tuple[str, tuple[str, ...]]]:
    if any(session.get(Sound, sound) is None for sound in sounds_of(item)):
        yield "sound-gone", ()
    match item:
        case Words():
            yield from _of_words(item)
        case Relay():
            yield from _of_relay(rundown, item)
        case Fixed():
            bulletin = session.get(Bulletin, item.bulletin)
            if bulletin is None or bulletin.rundown is not None:
                yield "bulletin-gone", ()
        case Bulletins() if item.days not in BULLETIN_DAYS:
            yield "out-of-range", (str(BULLETIN_DAYS[0]), str(BULLETIN_DAYS[-1]))
        case Bulletins():
            pass
        case _ if not item.sound:
            yield "no-sound", ()


def _of_relay(rundown: Rundown, item: Relay) -> Iterator[tuple[str, tuple[str, ...]]]:
    address = urlsplit(item.address)
    if address.scheme not in {"http", "https"} or not address.hostname or len(item.address) > MAX_ADDRESS:
        yield "not-an-address", ()
    if item.minutes not in RELAY_MINUTES or item.minutes * MINUTE > rundown.planned_ms:
        most = min(RELAY_MINUTES[-1], rundown.planned_ms // MINUTE)
        yield "out-of-range", (str(RELAY_MINUTES[0]), str(most))
    if not item.fallback:
        yield "no-fallback", ()


def _of_words(item: Words) -> Iterator[tuple[str, tuple[str, ...]]]:
    text = item.text.strip()
    if not text:
        yield "no-words", ()
    if len(text) > MAX_WORDS:
        yield "too-long", (str(len(text)), str(MAX_WORDS))
    if unknown := announcing.unknown_blanks(text):
        yield "unknown-blanks", unknown
    if tts.reading.unspeakable(text):
        yield "unspeakable", tuple(piece.source for piece in tts.reading.unspeakable(text))[:10]
