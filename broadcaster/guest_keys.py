"""Keys of guests, such as a province's: asked for on a page, signed into trust by the root key on the command line only."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broadcaster import chain, lock_outs, setup_documents, signed_alerts
from broadcaster.core import Core
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AlertSource, GuestKey, OwnKey, Place
from broadcaster.wire import keys
from broadcaster.wire.clips import sha256
from broadcaster.wire.documents import Class, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import RejectedError


class KeyState(StrEnum):
    """Where a guest's key stands. The page asks; only the root key does."""

    ASKED = "asked"
    TRUSTED = "trusted"
    LEAVING = "leaving"
    REVOKED = "revoked"


class GuestKeyError(LoaError):
    """A key can't be asked for, signed or locked out; ``code`` tells why."""

    def __init__(self, code: str, kid: str = "") -> None:
        super().__init__(f"{code} {kid}".strip())
        self.code = code


def fingerprint(public: str) -> str:
    """The first half of a public key's SHA-256 in groups of four, to be compared by telephone; it begins with its kid."""
    digest = sha256(keys.public_key(public).public_bytes_raw())[:32]
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def all_keys(session: Session) -> Sequence[GuestKey]:
    """Every key that was ever asked for, the newest first."""
    rows = select(GuestKey).options(selectinload(GuestKey.places), selectinload(GuestKey.account))
    return session.scalars(rows.order_by(GuestKey.asked_at.desc())).all()


def ask(
    session: Session, now: datetime, *, name: str, public: str, max_level: int, places: Sequence[Place], account_id: int
) -> GuestKey:
    """Write down that somebody wants a key to be trusted; nothing follows from it until the root key has signed.

    Errors: GuestKeyError (not-a-key, known, no-level, no-name).
    """
    try:
        key = keys.public_key(public)
    except RejectedError as error:
        raise GuestKeyError("not-a-key") from error
    if keys.public_text(key) != public:
        raise GuestKeyError("not-a-key")
    kid = keys.key_id(key)
    if session.get(GuestKey, kid) or session.get(OwnKey, kid):
        raise GuestKeyError("known", kid)
    if not name:
        raise GuestKeyError("no-name")
    if not 1 <= max_level <= 5:  # noqa: PLR2004  the Decision's levels
        raise GuestKeyError("no-level")
    asked = GuestKey(
        kid=kid,
        name=name,
        public_key=public,
        max_level=max_level,
        account_id=account_id,
        asked_at=now,
        places=[*places],
    )
    session.add(asked)
    detail = {"name": name, "key": public, "max_level": max_level, "places": [place.code for place in places]}
    chain.audit(session, at=now, account_id=account_id, action="key.ask", subject=kid, detail=detail)
    return asked


def ask_revocation(session: Session, now: datetime, kid: str, account_id: int) -> None:
    """Write down that a key is to be trusted no longer; one that was never signed is simply withdrawn.

    Errors: GuestKeyError (unknown).
    """
    key = _get(session, kid)
    if key.signed_at is None:
        session.delete(key)
    elif key.revoke_asked_at:
        return
    else:
        key.revoke_asked_at = now
    chain.audit(session, at=now, account_id=account_id, action="key.ask-revocation", subject=kid)


def state_of(key: GuestKey) -> KeyState:
    """Where a key stands."""
    if key.revoked_at:
        return KeyState.REVOKED
    if key.revoke_asked_at:
        return KeyState.LEAVING
    return KeyState.TRUSTED if key.signed_at else KeyState.ASKED


def sign(session: Session, core: Core, root: SigningKey, kid: str) -> GuestKey:
    """Do with the root key what was asked for a key: trust it, or never again. Speakers learn of it by retained trust.

    Errors: GuestKeyError (unknown, own).
    """
    key, now = _get(session, kid), core.clock.now()
    if kid in {core.keyring.station.kid, core.keyring.emergency.kid}:
        raise GuestKeyError("own", kid)
    if key.revoke_asked_at:
        setup_documents.put_trust(session, core, root, revoked=[kid])
        _withdraw(session, core, kid)
        key.revoked_at = now
        chain.audit(session, at=now, account_id=None, action="key.revoke", subject=kid)
        return key
    trusted = TrustedKey(
        kid=kid,
        key=key.public_key,
        scopes=(Class.EMERGENCY,),
        zones=_zones(session, key),
        max_level=key.max_level,
    )
    setup_documents.put_trust(session, core, root, guests=[trusted])
    key.signed_at = now
    detail = {"max_level": key.max_level, "zones": list(trusted.zones)}
    chain.audit(session, at=now, account_id=None, action="key.sign", subject=kid, detail=detail)
    return key


def _zones(session: Session, key: GuestKey) -> tuple[str, ...]:
    """The codes of a key's places and of everything in them: a zone on the wire is that one and no other."""
    geography, chosen = Geography.load(session), {place.id for place in key.places}
    inside = [spot.id for spot in geography.spots.values() if chosen & set(geography.ancestry(spot.id))]
    return tuple(session.scalars(select(Place.code).where(Place.id.in_(inside)).order_by(Place.id)))


def lock_out(session: Session, core: Core, kid: str, account_id: int) -> datetime:
    """Believe a key no longer for a day, and withdraw its alerts; returns until when. The caller tells the speakers.

    Errors: GuestKeyError (unknown).
    """
    key, now = _get(session, kid), core.clock.now()
    key.locked_until = now + lock_outs.LONGEST
    _withdraw(session, core, kid)
    chain.audit(session, at=now, account_id=account_id, action="key.lock-out", subject=kid)
    return key.locked_until


def _withdraw(session: Session, core: Core, kid: str) -> None:
    """End a key's alerts."""
    over = select(Alert).where(
        Alert.source == AlertSource.PROVINCE, Alert.id.startswith(f"{kid}-"), Alert.expires_at > core.clock.now()
    )
    for alert in session.scalars(over):
        signed_alerts.withdraw(session, core, alert)


def _get(session: Session, kid: str) -> GuestKey:
    key = session.get(GuestKey, kid)
    if key is None:
        raise GuestKeyError("unknown", kid)
    return key
