"""Tokens (mã truy cập): what a program may do, where and until when. Only the hash of a token is kept. Knows no HTTP."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain, permissions
from broadcaster.permissions import Action, Holding, Person, Tree
from broadcaster.rows import ApiToken, Place, Role

RAISE: Final = "alerts:raise"
READ: Final = "alerts:read"
PUSH_CAP: Final = "cap:push"
FORWARD: Final = "province:forward"
SCOPES: Final = (RAISE, READ, PUSH_CAP, FORWARD)
_PREFIX: Final = "loa_"


def digest(secret: str) -> str:
    """As a token is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(
    session: Session,
    now: datetime,
    name: str,
    scopes: Collection[str],
    *,
    place: Place | None = None,
    expires_at: datetime | None = None,
    account_id: int | None = None,
) -> str:
    """Make a token; it is shown this once.

    Args:
        session: where it is kept.
        now: the present moment.
        name: by which people know it.
        scopes: of `SCOPES`.
        place: with all that lies in it, where it may raise and end; None for the whole station.
        expires_at: from when on it opens nothing; None for never.
        account_id: who makes it; None for the command line.
    """
    secret = _PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(name=name, sha256=digest(secret), scopes=" ".join(scopes), created_at=now)
    made.place_id, made.expires_at = place.id if place else None, expires_at
    session.add(made)
    detail = {
        "scopes": list(scopes),
        "place": place.code if place else None,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    chain.audit(session, at=now, account_id=account_id, action="token.make", subject=name, detail=detail)
    return secret


def revoke(session: Session, token: ApiToken, now: datetime, account_id: int | None = None) -> None:
    """It opens nothing any more, from this moment on."""
    token.revoked_at = now
    chain.audit(session, at=now, account_id=account_id, action="token.revoke", subject=token.name)


def find(session: Session, secret: str, now: datetime) -> ApiToken | None:
    """The token that somebody shows, if it opens anything now."""
    found = session.scalar(select(ApiToken).where(ApiToken.sha256 == digest(secret)))
    return found if found and found.opens(now) and secret.startswith(_PREFIX) else None


def reaches(token: ApiToken, places: Collection[int], tree: Tree) -> bool:
    """Whether a token may raise and end in all of ``places``: where a duty officer of its place might."""
    officer = Person(0, (Holding(Role.DUTY_OFFICER, token.place_id, 0),))
    return permissions.may_all(officer, Action.RAISE, places, tree)
