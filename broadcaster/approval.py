"""Approval: where every schedule stands, and the verdicts of approvers. State decides, never a page.

Nothing is "submitted" or "voided" by an event: a schedule without a verdict waits, and a verdict holds only for what it
was given about. Whatever changes afterwards, the sound above all, makes it wait again.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.errors import LoaError
from broadcaster.people import person_of
from broadcaster.permissions import ACTIONS, Action
from broadcaster.rows import Broadcast, Bulletin, Decision, Grant, Schedule, Station, Verdict, VillageAiring
from broadcaster.wire.documents import Class

NOT_APPROVED: Final = "not-approved"
"""Why a broadcast ended that nobody approved in time."""
_ASIDE: Final = frozenset(
    {
        "id",
        "submission",
        "account_id",
        "created_at",
        "cancelled_at",
        "speech_error",
        "replaces_id",
        "bulletin_id",
        "voice_used",
        "voice_reason",
    }
)
"""Columns that say nothing of what will be heard, where or when."""
_MANY: Final = 500


class ApprovalState(StrEnum):
    """Where a schedule stands."""

    EXEMPT = "exempt"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"


class ApprovalError(LoaError):
    """A verdict that can't be taken; ``code`` is changed, no-sound, over, own, or no-comment."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Standing:
    """Where one schedule stands.

    Attributes:
        decision: the latest verdict, whether or not it still holds.
        changed: what is not as it was when it was approved, as names of facts; why the verdict holds no longer.
    """

    state: ApprovalState
    decision: Decision | None = None
    changed: tuple[str, ...] = ()

    @property
    def may_air(self) -> bool:
        """Whether it may be put on the air."""
        return self.state in {ApprovalState.EXEMPT, ApprovalState.APPROVED}


def facts(schedule: Schedule, clip_sha256: str | None = None) -> dict[str, Any]:
    """Everything an approver answers for: text, reading, sound, chime, repeats, places, times.

    Taken from the rows' own columns, so that one that is added later counts too; what is empty is left out, so that
    adding it changes nothing that was approved before. Of a programme the rundown is approved; each occurrence sounds
    different, and each bulletin in it is approved by itself.
    """
    programme = schedule.bulletin.rundown is not None
    found: dict[str, Any] = {"clip": None if programme else clip_sha256 or schedule.bulletin.clip_sha256}
    for row in (schedule.bulletin, schedule):
        names = (name for name in row.__mapper__.columns.keys() if name not in _ASIDE | {"clip_sha256"})  # noqa: SIM118
        found |= {name: _plain(value) for name in names if (value := getattr(row, name)) not in (None, "", False)}
    found["targets"] = sorted(place.code for place in schedule.targets)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if isinstance(value, bool | int) else str(value)


def fingerprint(of: Mapping[str, Any]) -> str:
    """SHA-256 of facts, as hexadecimal."""
    text = json.dumps(of, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the facts that differ."""
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


class Approvals:
    """Where schedules stand, read once for many."""

    def __init__(self, *, required: bool, decisions: Mapping[int, Decision], free: Mapping[int, int | None]) -> None:
        self.required = required
        self._decisions, self._free = decisions, free
        self._marks: dict[tuple[int, str | None], str] = {}

    @classmethod
    def load(cls, session: Session, schedules: Collection[int], now: datetime) -> "Approvals":
        """The standing of ``schedules`` (ids)."""
        required = session.scalars(select(Station.approval)).one()
        few = len(schedules) <= _MANY

        def these(query: Select[Any], column: Any) -> Select[Any]:
            return query.where(column.in_(schedules)) if few else query.where(Schedule.cancelled_at.is_(None))

        verdicts = these(select(Decision).join(Decision.schedule).order_by(Decision.id), Decision.schedule_id)
        latest = {decision.schedule_id: decision for decision in session.scalars(verdicts)} if schedules else {}
        free = _aired_freely(session, these(_AIRED_FREELY, VillageAiring.schedule_id), now) if required else {}
        return cls(required=required, decisions=latest, free=free)

    def of(self, schedule: Schedule, clip_sha256: str | None = None) -> Standing:
        """Where a schedule stands, with the sound of its bulletin or with the one that is really going to air."""
        decision = self._decisions.get(schedule.id)
        if not self.required or schedule.bulletin.klass is Class.EMERGENCY or self._is_free(schedule):
            return Standing(ApprovalState.EXEMPT, decision)
        if decision is None:
            return Standing(ApprovalState.SUBMITTED)
        if decision.verdict is Verdict.RETURNED:
            return Standing(ApprovalState.RETURNED, decision)
        key = schedule.id, clip_sha256
        if key not in self._marks:  # the same for every day of a daily schedule
            self._marks[key] = fingerprint(facts(schedule, clip_sha256))
        if self._marks[key] == decision.fingerprint:
            return Standing(ApprovalState.APPROVED, decision)
        return Standing(ApprovalState.SUBMITTED, decision, changes(decision.facts, facts(schedule, clip_sha256)))

    def _is_free(self, schedule: Schedule) -> bool:
        """Whether it stays in the one village whose head needs no approval."""
        place = self._free.get(schedule.id)
        return place is not None and all(target.id == place for target in schedule.targets)


def standing(session: Session, schedule: Schedule, now: datetime) -> Standing:
    """Where one schedule stands."""
    return Approvals.load(session, [schedule.id], now).of(schedule)


_AIRED_FREELY: Final = (
    select(VillageAiring)
    .join(VillageAiring.grant)
    .join(VillageAiring.schedule)
    .where(Grant.unapproved, Grant.revoked_at.is_(None), Schedule.cancelled_at.is_(None))
    .options(joinedload(VillageAiring.grant).joinedload(Grant.account))
)


def _aired_freely(session: Session, free: Select[VillageAiring], now: datetime) -> dict[int, int | None]:
    """Schedules of village heads whose grant lets them air without approval, as long as it holds, with its place."""
    return {
        airing.schedule_id: airing.grant.place_id
        for airing in session.scalars(free)
        if any(holding.grant_id == airing.grant_id for holding in person_of(airing.grant.account, now).holdings)
    }


def predecessor(session: Session, schedule: Schedule) -> Decision | None:
    """The verdict about the bulletin this one took the place of: an edit is a new bulletin that waits again."""
    replaced = schedule.bulletin.replaces_id
    if replaced is None:
        return None
    found = select(Decision).join(Decision.schedule).where(Schedule.bulletin_id == replaced)
    return session.scalar(found.order_by(Decision.id.desc()).limit(1))


def waiting(session: Session, now: datetime, bulletin: int | None = None) -> list[tuple[Schedule, Standing]]:
    """The schedules, of one bulletin or of all, that wait for a verdict and could still air, in the order they were sent in."""
    if not session.scalars(select(Station.approval)).one():
        return []
    mine = Broadcast.schedule_id == Schedule.id
    open_ones = (
        Broadcast.sent_at.is_(None),
        Broadcast.cancelled_at.is_(None),
        Broadcast.stopped_at.is_(None),
        Broadcast.missed_at.is_(None),
    )
    live = (
        select(Schedule)
        .where(Schedule.cancelled_at.is_(None), exists().where(mine, *open_ones) | ~exists().where(mine))
        .order_by(Schedule.id)
        .options(joinedload(Schedule.bulletin).joinedload(Bulletin.clip), selectinload(Schedule.targets))
    )
    schedules = session.scalars(live if bulletin is None else live.where(Schedule.bulletin_id == bulletin)).all()
    approvals = Approvals.load(session, [schedule.id for schedule in schedules], now)
    found = ((schedule, approvals.of(schedule)) for schedule in schedules)
    return [(schedule, stands) for schedule, stands in found if stands.state is ApprovalState.SUBMITTED]


@dataclass(frozen=True)
class Paper:
    """A signed document that approves: its number, and the stored file with the name it came with."""

    number: str
    file: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Approver:
    """Who gives a verdict, and for whom when the right was lent."""

    account_id: int
    on_behalf_of: int | None = None


def approve(
    session: Session, schedule: Schedule, by: Approver, *, seen: str, now: datetime, paper: Paper | None = None
) -> Decision:
    """Approve exactly what was shown: ``seen`` is the fingerprint of it.

    Nobody approves what they sent in themselves, unless a signed document says that somebody else did. Errors:
    ApprovalError.
    """
    own = schedule.bulletin.account_id in {by.account_id, by.on_behalf_of}
    if own and (paper is None or paper.file is None):
        raise ApprovalError("own")
    present = facts(schedule)
    if present["clip"] is None and schedule.bulletin.rundown is None:
        raise ApprovalError("no-sound")
    return _decide(session, schedule, Verdict.APPROVED, by, seen=seen, now=now, present=present, paper=paper)


def give_back(
    session: Session, schedule: Schedule, by: Approver, *, seen: str, comment: str, now: datetime
) -> Decision:
    """Return a bulletin to whoever wrote it, with what is wrong. Errors: ApprovalError."""
    if not comment:
        raise ApprovalError("no-comment")
    present = facts(schedule)
    return _decide(session, schedule, Verdict.RETURNED, by, seen=seen, now=now, present=present, comment=comment)


def _decide(  # noqa: PLR0913  the two verdicts above are its only callers
    session: Session,
    schedule: Schedule,
    verdict: Verdict,
    by: Approver,
    *,
    seen: str,
    now: datetime,
    present: dict[str, Any],
    comment: str = "",
    paper: Paper | None = None,
) -> Decision:
    if schedule.cancelled_at is not None:
        raise ApprovalError("over")
    mark = fingerprint(present)
    if mark != seen:
        raise ApprovalError("changed")
    decision = Decision(
        schedule_id=schedule.id,
        verdict=verdict,
        fingerprint=mark,
        facts=present,
        at=now,
        account_id=by.account_id,
        on_behalf_of_id=by.on_behalf_of,
        comment=comment,
        document_number=paper.number if paper else "",
        document_file=paper.file if paper else None,
        document_name=paper.name if paper else "",
    )
    session.add(decision)
    detail = {"fingerprint": mark, "clip": present["clip"]}
    if by.on_behalf_of:
        detail["for"] = by.on_behalf_of
    if paper:
        detail["document"] = paper.number
    action = "bulletin.approve" if verdict is Verdict.APPROVED else "bulletin.return"
    chain.audit(
        session, at=now, account_id=by.account_id, action=action, subject=str(schedule.bulletin_id), detail=detail
    )
    session.flush()
    return decision


def switch(session: Session, *, on: bool, by: int, now: datetime) -> None:
    """Ask for approval from now on, or no longer. What was not approved waits as soon as it is asked for."""
    station = session.scalars(select(Station)).one()
    if station.approval is not on:
        station.approval = on
        action = "approval.switch-on" if on else "approval.switch-off"
        chain.audit(session, at=now, account_id=by, action=action, subject="station")


def has_approver(session: Session, now: datetime) -> bool:
    """Whether there is anybody who may approve at all."""
    grants = select(Grant).where(Grant.revoked_at.is_(None)).options(joinedload(Grant.account))
    accounts = {grant.account for grant in session.scalars(grants)}
    return any(
        Action.APPROVE in ACTIONS[holding.role] for account in accounts for holding in person_of(account, now).holdings
    )
