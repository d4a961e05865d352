"""From programmes to their occurrences: what each of the next ones is made of, from rows, until shortly before it airs.

Decides and writes nothing; `scheduler.composition_pass` writes it down.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

import tts.reading
from broadcaster.approval import NOT_APPROVED, Approvals
from broadcaster.geography import Geography
from broadcaster.rows import (
    Broadcast,
    Bulletin,
    Composition,
    Schedule,
    ScheduleKind,
    Sound,
    Station,
)
from broadcaster.wire.documents import Class
from scheduler import announcing, choosing, lexicon, rules, rundown
from scheduler.rules import Commune
from scheduler.rundown import BULLETIN_DAYS, Candidate, Composed, Fixed, Kind, Piece, Rundown, Shelf
from scheduler.timeline import estimate

FREEZE: Final = timedelta(minutes=20)
"""So long before its time an occurrence changes no more: its sound has to be made and sent."""

_SLACK: Final = timedelta(seconds=15)
"""By so much the words of a programme may be longer than they were thought to be."""
_NOT_PREPARED: Final = "not-prepared"
_ELSEWHERE: Final = "elsewhere"
_BETWEEN_MS: Final = 500
"""The silence around a sound in a clip."""


@dataclass(frozen=True)
class Settled:
    """What was decided about one occurrence.

    Attributes:
        before: the key of the composition it had; None for none. With another key by now it is not written.
        made: what it is made of from now on; None when that stays as it is.
        audience: who would have heard one that is missed.
        late_ms: how late a speaker may join.
        withdrawn: whether the sound that it has must not air any more.
        missed: why it does not air; empty when it may.
    """

    broadcast: str
    before: str | None
    made: Composed | None
    audience: frozenset[str]
    late_ms: int
    withdrawn: bool = False
    missed: str = ""


class Composer:
    """Composes within one planning pass and writes nothing. Everything is read when it is first needed: most stations pass without."""

    def __init__(self, session: Session, station: Station, geography: Geography, now: datetime) -> None:
        self._session, self._station, self._geography, self._now = session, station, geography, now
        self._zone = ZoneInfo(station.timezone)
        self._sounds: dict[str, tuple[int, str]] = {}
        self._slot: list[tuple[Candidate, frozenset[str]]] | None = None
        self._commune: Commune | None = None

    def of_rundown(self, wanted: Rundown, title: str, audience: frozenset[str], at: datetime) -> Composed:
        """What an occurrence of a rundown that may not be stored yet would be.

        What would run over into quiet hours, off, or more minutes than a slot may have is shortened, whatever was
        chosen for an overrun: all of it would be silent otherwise.
        """
        shelf, planned = self._shelf(wanted, title, audience, at), timedelta(milliseconds=wanted.planned_ms)
        made = choosing.compose(wanted, shelf, at)
        length = timedelta(milliseconds=made.length_ms) + _SLACK
        if length <= planned:
            return made
        most = rules.longest(self._rules(), rules.listeners(self._geography, audience), at, planned, length)
        if most >= length:
            return made
        shorter = choosing.compose(wanted, shelf, at, (most - _SLACK) // timedelta(milliseconds=1))
        return made if shorter.why else shorter  # with nothing left to hear, the rule is the reason that is told

    def _rules(self) -> Commune:
        self._commune = self._commune or Commune.load(self._session, self._station, self._now)
        return self._commune

    def settle(self, broadcast: Broadcast) -> Iterator[Settled]:
        """What has to be written to bring an occurrence in line; one that is empty shortly before its time is missed."""
        kept, audience = broadcast.composition, self._audience(broadcast)
        frozen, holds = broadcast.occurrence - FREEZE <= self._now, kept is None or self._holds(kept)
        if kept and frozen and holds:
            if kept.why:
                yield Settled(broadcast.id, kept.key, None, audience, broadcast.late_ms, missed=kept.why)
            return
        assert broadcast.bulletin.rundown is not None  # noqa: S101  asked for
        wanted = rundown.read(broadcast.bulletin.rundown)
        made = self.of_rundown(wanted, broadcast.bulletin.title, audience, broadcast.occurrence)
        late_ms = broadcast.late_ms
        if any(piece.kind is Kind.RELAY for piece in made.pieces):
            late_ms = max(late_ms, made.length_ms)  # whoever heard the relay joins what follows
        missed = made.why if frozen else ""
        if missed or kept is None or not _is(kept, made) or late_ms != broadcast.late_ms:
            before = kept.key if kept else None
            yield Settled(broadcast.id, before, made, audience, late_ms, withdrawn=not holds, missed=missed)

    def _audience(self, broadcast: Broadcast) -> frozenset[str]:
        return self._geography.heard_by(place.code for place in broadcast.schedule.targets)

    def _holds(self, kept: Composition) -> bool:
        """Whether every bulletin in it may still air, with this very sound."""
        pieces = [piece for piece in pieces_of(kept) if piece.bulletin]
        candidates = self._candidates([piece.bulletin for piece in pieces])
        return all(candidates[piece.bulletin].clip == piece.clip for piece in pieces)

    def _shelf(self, wanted: Rundown, title: str, audience: frozenset[str], at: datetime) -> Shelf:
        day, words = at.astimezone(self._zone).date(), lexicon.in_force(self._session)

        def announce(text: str, titles: Collection[str]) -> tuple[str, int]:
            filled = announcing.filled(text, station=self._station.name, programme=title, day=day, titles=list(titles))
            spoken = tts.reading.read(filled, words).spoken
            return spoken, round(estimate(spoken, 1) / timedelta(milliseconds=1)) + _BETWEEN_MS

        named = [item.bulletin for item in wanted.items if isinstance(item, Fixed)]
        return Shelf(
            announce,
            [each for each, heard in self._waiting() if audience <= heard],
            self._candidates(named, audience),
            self._lengths(wanted),
        )

    def _lengths(self, wanted: Rundown) -> Mapping[str, tuple[int, str]]:
        """The length and the title of every sound of the library that the rundown names."""
        names = {sound for item in wanted.items for sound in sounds_of(item)} - self._sounds.keys()
        if names:
            rows = select(Sound.sha256, Sound.duration_ms, Sound.name).where(Sound.sha256.in_(names))
            for sha256, length_ms, name in self._session.execute(rows):
                self._sounds[sha256] = length_ms + _BETWEEN_MS, name
        return self._sounds

    def _waiting(self) -> list[tuple[Candidate, frozenset[str]]]:
        """The bulletins for programmes that are not too old, with who may hear each."""
        if self._slot is None:
            rows = (
                select(Schedule)
                .join(Schedule.bulletin)
                .where(
                    Schedule.kind == ScheduleKind.PROGRAMME,
                    Schedule.cancelled_at.is_(None),
                    Schedule.created_at > self._now - timedelta(days=BULLETIN_DAYS.stop),
                )
                .options(joinedload(Schedule.bulletin).joinedload(Bulletin.clip), selectinload(Schedule.targets))
                .order_by(Schedule.id)
            )
            schedules = self._session.scalars(rows).all()
            approvals = Approvals.load(self._session, [each.id for each in schedules], self._now)
            aired = _aired(self._session, self._now)
            self._slot = [
                (
                    _candidate(each, approvals, aired=each.bulletin_id in aired),
                    self._geography.heard_by(place.code for place in each.targets),
                )
                for each in schedules
            ]
        return self._slot

    def _candidates(self, bulletins: Collection[int], audience: frozenset[str] = frozenset()) -> dict[int, Candidate]:
        """Bulletins by their ids; the latest schedule of each says whether it may air, and whether all of ``audience`` hear it."""
        if not bulletins:
            return {}
        planned = select(Schedule).where(Schedule.bulletin_id.in_(bulletins), Schedule.cancelled_at.is_(None))
        joined = joinedload(Schedule.bulletin).joinedload(Bulletin.clip), selectinload(Schedule.targets)
        rows = self._session.scalars(planned.order_by(Schedule.id).options(*joined))
        latest = {each.bulletin_id: each for each in rows}
        approvals = Approvals.load(self._session, [each.id for each in latest.values()], self._now)
        found = {number: self._gone(number) for number in bulletins if number not in latest}
        for number, schedule in latest.items():
            found[number] = _candidate(schedule, approvals, aired=False)
            if audience and not audience <= self._geography.heard_by(place.code for place in schedule.targets):
                found[number] = replace(found[number], why_not=found[number].why_not or _ELSEWHERE)
        return found

    def _gone(self, bulletin: int) -> Candidate:
        row = self._session.get(Bulletin, bulletin)
        return Candidate(bulletin, row.title if row else "", "", Class.ROUTINE, self._now, 0, why_not="gone")


def _is(kept: Composition, made: Composed) -> bool:
    """Whether it is composed so already."""
    return (kept.key, kept.why, kept.left_out) == (made.key, made.why, msgspec.to_builtins(list(made.left_out)))


def sounds_of(item: rundown.Item) -> Iterator[str]:
    """The sounds of the library that an item names."""
    for name in ("sound", "fallback", "sting"):
        if sound := getattr(item, name, ""):
            yield sound


def pieces_of(composition: Composition) -> tuple[Piece, ...]:
    """The pieces of a stored composition."""
    return msgspec.convert(composition.pieces, tuple[Piece, ...])


def _candidate(schedule: Schedule, approvals: Approvals, *, aired: bool) -> Candidate:
    bulletin = schedule.bulletin
    why_not = "" if approvals.of(schedule).may_air else NOT_APPROVED
    if bulletin.clip is None:
        why_not = why_not or _NOT_PREPARED
    return Candidate(
        bulletin.id,
        bulletin.title,
        bulletin.category,
        bulletin.klass,
        bulletin.created_at,
        bulletin.clip.duration_ms if bulletin.clip else 0,
        clip=bulletin.clip.sha256 if bulletin.clip and not why_not else "",
        aired=aired,
        why_not=why_not,
    )


def _aired(session: Session, now: datetime) -> set[int]:
    """Bulletins that a programme has had on the air lately."""
    rows = (
        select(Composition.pieces)
        .join(Broadcast, Broadcast.id == Composition.broadcast_id)
        .where(
            Broadcast.occurrence <= now,
            Broadcast.occurrence > now - timedelta(days=BULLETIN_DAYS.stop),
            Broadcast.sent_at.is_not(None),
            Broadcast.missed_at.is_(None),
            Broadcast.cancelled_at.is_(None),
        )
    )
    return {piece["bulletin"] for pieces in session.scalars(rows) for piece in pieces if piece.get("bulletin")}
