"""Accounts and grants: what somebody holds now, and the changes an administrator or a lender makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broadcaster import chain
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.permissions import Action, Holding, Person, may_all, may_somewhere
from broadcaster.rows import Account, Grant, Role

MAX_MINUTES: Final = 240


class LastAdministratorError(LoaError):
    """Nobody would be left who may manage the whole station."""


class NotLendableError(LoaError):
    """The grant is not the lender's own, or the dates or the other person are not right."""


@dataclass(frozen=True)
class Given:
    """What a grant says besides whom it is for."""

    role: Role
    place_id: int | None = None
    unapproved: bool = False
    daily_minutes: int = 15


def _in_force(grant: Grant, now: datetime) -> bool:
    """Whether a grant holds; a lent one only as long as the one it was lent from."""
    begun = grant.valid_from is None or grant.valid_from <= now
    lasting = grant.valid_until is None or now < grant.valid_until
    if grant.revoked_at is not None or not begun or not lasting or grant.account.disabled_at is not None:
        return False
    return grant.delegated_from is None or _in_force(grant.delegated_from, now)


def person_of(account: Account, now: datetime) -> Person:
    """What an account holds at ``now``; nothing when it is switched off."""
    held = (grant for grant in account.grants if _in_force(grant, now))
    return Person(
        account.id,
        tuple(
            Holding(
                grant.role,
                grant.place_id,
                grant.id,
                grant.delegated_from.account_id if grant.delegated_from else None,
            )
            for grant in held
        ),
    )


def everyone(session: Session) -> Sequence[Account]:
    """Every account with its grants."""
    lent = selectinload(Account.grants).joinedload(Grant.delegated_from).joinedload(Grant.account)
    placed = selectinload(Account.grants).joinedload(Grant.place)
    return session.scalars(select(Account).options(lent, placed).order_by(Account.id)).all()


class Everybody:
    """Who may do what where, read once and only when it is asked for."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session, self._now = session, now

    @cached_property
    def _people(self) -> list[Person]:
        return [person_of(account, self._now) for account in everyone(self._session)]

    @cached_property
    def _tree(self) -> Geography:
        return Geography.load(self._session)

    def allowed(self, action: Action, places: Iterable[int]) -> list[int]:
        """The accounts that may do ``action`` in all of ``places``."""
        wanted = tuple(places)
        return [
            person.account_id
            for person in self._people
            if may_somewhere(person, action) and may_all(person, action, wanted, self._tree)
        ]


def grant(session: Session, account: Account, given: Given, *, by: int, now: datetime) -> Grant:
    """Give a role in a place."""
    made = Grant(
        account_id=account.id,
        role=given.role,
        place_id=given.place_id,
        granted_at=now,
        unapproved=given.unapproved and given.role is Role.VILLAGE_HEAD,
        daily_minutes=max(1, min(given.daily_minutes, MAX_MINUTES)),
    )
    session.add(made)
    session.flush()
    detail = {"grant": made.id, "role": given.role.value, "place": given.place_id}
    if given.role is Role.VILLAGE_HEAD:
        detail |= {"unapproved": made.unapproved, "minutes": made.daily_minutes}
    chain.audit(session, at=now, account_id=by, action="account.grant", subject=account.username, detail=detail)
    return made


def revoke(session: Session, revoked: Grant, *, by: int, now: datetime) -> None:
    """End a grant. Errors: LastAdministratorError."""
    if revoked.revoked_at is not None:
        return
    revoked.revoked_at = now
    if revoked.role is Role.ADMINISTRATOR:
        _keep_an_administrator(session, now)
    chain.audit(
        session,
        at=now,
        account_id=by,
        action="account.revoke",
        subject=revoked.account.username,
        detail={"grant": revoked.id, "role": revoked.role.value},
    )


def switch(session: Session, account: Account, *, on: bool, by: int, now: datetime) -> None:
    """Switch an account off, or on again. Errors: LastAdministratorError."""
    account.disabled_at = None if on else now
    if any(each.role is Role.ADMINISTRATOR and each.revoked_at is None for each in account.grants):
        _keep_an_administrator(session, now)
    action = "account.switch-on" if on else "account.switch-off"
    chain.audit(session, at=now, account_id=by, action=action, subject=account.username)


def lend(
    session: Session, own: Grant, to: Account, *, valid_from: datetime, valid_until: datetime, now: datetime
) -> Grant:
    """Lend one's own right to approve to another person for a time (ủy quyền). Errors: NotLendableError."""
    if own.role is not Role.APPROVER or own.delegated_from_id is not None or not _in_force(own, now):
        raise NotLendableError("grant")
    if to.id == own.account_id or to.disabled_at is not None:
        raise NotLendableError("person")
    if valid_until <= max(valid_from, now):
        raise NotLendableError("dates")
    lent = Grant(
        account_id=to.id,
        role=own.role,
        place_id=own.place_id,
        granted_at=now,
        valid_from=valid_from,
        valid_until=valid_until,
        delegated_from_id=own.id,
    )
    session.add(lent)
    session.flush()
    detail = {"grant": lent.id, "from": valid_from.isoformat(), "until": valid_until.isoformat()}
    chain.audit(session, at=now, account_id=own.account_id, action="account.lend", subject=to.username, detail=detail)
    return lent


def _keep_an_administrator(session: Session, now: datetime) -> None:
    session.flush()
    full = (
        select(Grant)
        .where(Grant.role == Role.ADMINISTRATOR, Grant.place_id.is_(None), Grant.revoked_at.is_(None))
        .options(joinedload(Grant.account))
    )
    if not any(_in_force(each, now) for each in session.scalars(full)):
        raise LastAdministratorError
