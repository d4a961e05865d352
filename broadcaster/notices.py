"""Notices: what people are told, each of it once, and the queue of what is pushed to their addresses.

Notices follow from rows (what waits, what was returned, what a village aired), so that a pass that is missed, late or
repeated tells nobody twice and forgets nobody. Knows no sentence and no carrier: both are handed in.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from broadcaster import airing, approval
from broadcaster.clock import Clock, to_ms
from broadcaster.database import Database
from broadcaster.people import Everybody
from broadcaster.permissions import Action
from broadcaster.rows import (
    Address,
    Broadcast,
    Decision,
    Notice,
    NoticeKind,
    Push,
    Schedule,
    ScheduleKind,
    VillageAiring,
)

log = logging.getLogger(__name__)

DEADLINES: Final = (timedelta(minutes=30), timedelta(hours=2))
"""How long before air an approver is reminded, the nearest first."""
ATTEMPTS: Final = 12
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)
_RECENT: Final = timedelta(days=2)
_BATCH: Final = 20
_MAX_PROBLEM: Final = 200

Words = Callable[[NoticeKind, dict[str, Any]], tuple[str, str]]
"""Title and body of a notice, in the station's language."""
Look = Callable[[Session, datetime], int]
"""Tells people what they should know by now and were not told; returns how many notices that were."""


class Carrier(Protocol):
    """Takes a notice to an address."""

    def knows(self, url: str) -> bool:
        """Whether ``url`` is an address it can reach."""
        ...

    def send(self, url: str, title: str, body: str) -> str:
        """Deliver; returns "" or why it failed. Never raises, never takes longer than a few seconds."""
        ...


def tell(
    session: Session,
    accounts: Collection[int],
    kind: NoticeKind,
    key: str,
    now: datetime,
    *,
    schedule: Schedule | None = None,
    detail: dict[str, Any] | None = None,
) -> int:
    """Tell people something once; what ``key`` names is never told to the same person again. Returns how many."""
    told = select(Notice.account_id).where(Notice.kind == kind, Notice.key == key)
    known, made = set(session.scalars(told)), 0
    for account in sorted(set(accounts) - known):
        notice = Notice(
            account_id=account,
            kind=kind,
            key=key,
            schedule_id=schedule.id if schedule else None,
            detail=_detail(schedule) | (detail or {}),
            created_at=now,
        )
        session.add(notice)
        session.flush()
        kept = select(Address.id).where(Address.account_id == account, Address.removed_at.is_(None))
        session.add_all(Push(notice_id=notice.id, address_id=address, next_at=now) for address in session.scalars(kept))
        made += 1
    session.flush()
    return made


def _detail(schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {}
    places = ", ".join(place.name for place in schedule.targets)
    start = schedule.start_at.isoformat() if schedule.start_at else ""
    return {"title": schedule.bulletin.title, "places": places, "start_at": start}


def returned(session: Session, decision: Decision, now: datetime) -> None:
    """Tell the author that a bulletin came back, and why."""
    schedule = session.get_one(Schedule, decision.schedule_id)
    author = schedule.bulletin.account_id
    detail = {"comment": decision.comment}
    tell(session, [author], NoticeKind.RETURNED, str(decision.id), now, schedule=schedule, detail=detail)


def look(session: Session, now: datetime) -> int:
    """Tell everyone what they should know by now and were not told; returns how many notices that were."""
    everybody = Everybody(session, now)

    def concerned(action: Action, schedule: Schedule) -> list[int]:
        return everybody.allowed(action, [place.id for place in schedule.targets])

    made = 0
    for schedule, stands in approval.waiting(session, now):
        approvers = [each for each in concerned(Action.APPROVE, schedule) if each != schedule.bulletin.account_id]
        again = stands.decision.id if stands.decision else 0  # one that waits anew is told of anew
        made += tell(session, approvers, NoticeKind.SUBMITTED, f"{schedule.id}-{again}", now, schedule=schedule)
        made += _remind(session, schedule, approvers, now)
    made += _tell_missed(session, concerned, now)
    made += _tell_displaced(session, now)
    return made + _tell_villages(session, concerned, now)


def _remind(session: Session, schedule: Schedule, approvers: list[int], now: datetime) -> int:
    """Two hours and half an hour before air; of two that are due, only the nearer."""
    soon = (
        select(Broadcast)
        .where(
            Broadcast.schedule_id == schedule.id,
            Broadcast.start_at > now,
            Broadcast.start_at <= now + max(DEADLINES),
            Broadcast.cancelled_at.is_(None),
            Broadcast.missed_at.is_(None),
        )
        .order_by(Broadcast.start_at)
    )
    made = 0
    for broadcast in session.scalars(soon):
        assert broadcast.start_at  # noqa: S101  the query says so
        due = next(before for before in DEADLINES if broadcast.start_at - now <= before)
        minutes = int(due.total_seconds() // 60)
        detail = {"start_at": broadcast.start_at.isoformat(), "minutes": minutes}
        key = f"{broadcast.id}-{minutes}"
        made += tell(session, approvers, NoticeKind.DEADLINE, key, now, schedule=schedule, detail=detail)
    return made


def _tell_missed(session: Session, concerned: Callable[[Action, Schedule], list[int]], now: datetime) -> int:
    """Author and approvers learn that something did not air because nobody approved it."""
    missed = select(Broadcast).where(Broadcast.missed_why == approval.NOT_APPROVED, Broadcast.missed_at > now - _RECENT)
    made = 0
    for broadcast in session.scalars(missed.options(joinedload(Broadcast.schedule))):
        whom = [broadcast.bulletin.account_id, *concerned(Action.APPROVE, broadcast.schedule)]
        made += tell(session, whom, NoticeKind.NOT_APPROVED, broadcast.id, now, schedule=broadcast.schedule)
    return made


def _tell_displaced(session: Session, now: datetime) -> int:
    """The author learns that something of a higher class took a bulletin's time, and when it airs instead.

    Not before the speakers can know: while the broker is gone, what shall air now moves on, and all it pushes with it.
    """
    later = Broadcast.start_at > now, Broadcast.start_at > Broadcast.occurrence, Schedule.kind != ScheduleKind.NOW
    moved = select(Broadcast).join(Broadcast.schedule).where(*later, Broadcast.sent_at.is_not(None), *airing.OPEN)
    made = 0
    for broadcast in session.scalars(moved.options(joinedload(Broadcast.schedule))):
        assert broadcast.start_at  # noqa: S101  the query says so
        detail = {"from": broadcast.occurrence.isoformat(), "start_at": broadcast.start_at.isoformat()}
        key, author = f"{broadcast.id}-{to_ms(broadcast.start_at)}", broadcast.bulletin.account_id
        made += tell(session, [author], NoticeKind.DISPLACED, key, now, schedule=broadcast.schedule, detail=detail)
    return made


def _tell_villages(session: Session, concerned: Callable[[Action, Schedule], list[int]], now: datetime) -> int:
    """The commune's editors learn what a village head airs."""
    recent = select(VillageAiring).join(VillageAiring.schedule).where(Schedule.created_at > now - _RECENT)
    made = 0
    for each in session.scalars(recent.options(joinedload(VillageAiring.schedule))):
        schedule = each.schedule
        whom = [account for account in concerned(Action.WRITE, schedule) if account != schedule.account_id]
        name = schedule.bulletin.account.full_name or schedule.bulletin.account.username
        detail = {"name": name}
        made += tell(session, whom, NoticeKind.VILLAGE, str(schedule.id), now, schedule=schedule, detail=detail)
    return made


def unread(session: Session, account_id: int) -> int:
    """How many notices somebody has not seen."""
    mine = select(func.count()).select_from(Notice).where(Notice.account_id == account_id, Notice.read_at.is_(None))
    return session.scalar(mine) or 0


def mark_read(session: Session, account_id: int, now: datetime) -> None:
    """Somebody has looked at the list."""
    mine = update(Notice).where(Notice.account_id == account_id, Notice.read_at.is_(None))
    session.execute(mine.values(read_at=now))


@dataclass(frozen=True)
class _Errand:
    notice: int
    address: int
    url: str
    kind: NoticeKind
    detail: dict[str, Any]


class Postman:
    """Takes the queue to the carrier; holds no transaction while it waits for somebody else's server."""

    def __init__(
        self, database: Database, clock: Clock, carrier: Carrier, words: Words, looks: Collection[Look] = (look,)
    ) -> None:
        self._database, self._clock, self._carrier, self._words = database, clock, carrier, words
        self._looks = looks

    def round(self) -> int:
        """One pass: tell what is due, then push what waits; returns how many pushes were tried."""
        with self._database.write() as session:
            for each in self._looks:
                each(session, self._clock.now())
        tried = 0
        while errands := self._errands():
            for errand in errands:
                title, body = self._words(errand.kind, errand.detail)
                self._note(errand, self._carrier.send(errand.url, title, body))
            tried += len(errands)
        return tried

    def _errands(self) -> list[_Errand]:
        due = (
            select(Push)
            .where(Push.sent_at.is_(None), Push.given_up_at.is_(None), Push.next_at <= self._clock.now())
            .order_by(Push.next_at)
            .limit(_BATCH)
            .options(joinedload(Push.notice), joinedload(Push.address))
        )
        with self._database.read() as session:
            return [
                _Errand(push.notice_id, push.address_id, push.address.url, push.notice.kind, push.notice.detail)
                for push in session.scalars(due)
            ]

    def _note(self, errand: _Errand, problem: str) -> None:
        """Write down how it went; a failure waits twice as long as the one before it."""
        now = self._clock.now()
        with self._database.write() as session:
            push = session.get_one(Push, (errand.notice, errand.address))
            push.attempts += 1
            push.problem = problem[:_MAX_PROBLEM]
            if not problem:
                push.sent_at = now
            elif push.attempts >= ATTEMPTS or push.address.removed_at is not None:
                push.given_up_at = now
                log.error("notice given up notice=%s address=%s problem=%s", errand.notice, errand.address, problem)
            else:
                push.next_at = now + min(FIRST_PAUSE * 2 ** (push.attempts - 1), LONGEST_PAUSE)
