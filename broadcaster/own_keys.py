"""The station key and the emergency key when somebody has stolen one: locked out for a day, replaced for ever.

A lock-out of the station key takes the emergency key; only the root key, on the command line, does away with either.
"""

import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from dataclasses import replace as changed
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster import alert_documents, alerting, chain, keyring, lock_outs, setup_documents, signed_alerts
from broadcaster.core import Core
from broadcaster.guest_keys import GuestKeyError
from broadcaster.keyring import KeyFileError, Keyring
from broadcaster.publishing import Publisher
from broadcaster.rows import AlertSource, AuditEntry, OwnKey, Published
from broadcaster.wire import acceptance, envelope, keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Renewed:
    """What became of the documents that a replaced key had signed.

    Attributes:
        signed: how many were signed anew.
        withdrawn: titles of alerts that had been taken back from the broker: a thief's look the same.
    """

    signed: int
    withdrawn: tuple[str, ...]


def all_keys(session: Session) -> Sequence[OwnKey]:
    """Those in use first, the station key before the emergency key; then those that were replaced, the latest first."""
    found = session.scalars(select(OwnKey).order_by(OwnKey.replaced_at.desc(), OwnKey.name.desc()))
    return sorted(found, key=lambda key: key.replaced_at is not None)


def in_use(session: Session, name: str) -> OwnKey | None:
    """The key of that name that the root key has signed for last, if it is known."""
    return session.scalar(select(OwnKey).where(OwnKey.name == name, OwnKey.replaced_at.is_(None)))


def open_keyring(session: Session, folder: Path) -> Keyring:
    """The keys of a running station; what an interrupted `replace` has left undone is done. Errors: KeyFileError."""
    for name in keyring.OWN:
        if row := in_use(session, name):
            keyring.settle(folder, name, row.kid)
    return keyring.load_keyring(folder)


def note(session: Session, core: Core) -> None:
    """Write down the keys that the station signs with, where they are not known yet."""
    for name in keyring.OWN:
        key: SigningKey = getattr(core.keyring, name)
        if session.get(OwnKey, key.kid) is None:
            _add(session, name, key, core.clock.now())


def _add(session: Session, name: str, key: SigningKey, now: datetime) -> OwnKey:
    before = session.scalars(select(OwnKey).where(OwnKey.name == name)).all()
    begun = None if before else session.scalar(select(func.min(AuditEntry.at)).where(AuditEntry.action == "init"))
    for old in before:
        old.replaced_at = old.replaced_at or now
    row = OwnKey(kid=key.kid, name=name, public_key=keys.public_text(key.public), since=begun or now)
    session.add(row)
    return row


def lock_out(session: Session, core: Core, kid: str, account_id: int) -> datetime:
    """Believe the station key no longer for a day from now; returns until when. The caller tells the speakers.

    Errors: GuestKeyError (unknown; own: only the root key does away with the emergency key).
    """
    key, now = session.get(OwnKey, kid), core.clock.now()
    if key is None or key.replaced_at:
        raise GuestKeyError("unknown", kid)
    if key.name != keyring.STATION:
        raise GuestKeyError("own", kid)
    key.locked_until = now + lock_outs.LONGEST
    detail = {"key": key.name}
    chain.audit(session, at=now, account_id=account_id, action="key.lock-out", subject=kid, detail=detail)
    return key.locked_until


def locked_until(session: Session, now: datetime) -> datetime | None:
    """Until when the station key is locked out; None when it is not."""
    key = in_use(session, keyring.STATION)
    return key.locked_until if key and key.locked_until and key.locked_until > now else None


def replace(session: Session, core: Core, root: SigningKey, name: str, new: SigningKey) -> Renewed:
    """Trust ``new`` in the place of the key ``name``, which is never believed again, and sign with it what is in force.

    The caller settles the file afterwards; a running station takes the key up by itself.
    """
    old: SigningKey = getattr(core.keyring, name)
    known = session.scalars(select(OwnKey.kid).where(OwnKey.name == name)).all()
    gone = sorted({old.kid, *known} - {new.kid})
    now = core.clock.now()
    note(session, core)
    session.flush()
    _add(session, name, new, now)
    session.flush()
    core = changed(core, keyring=changed(core.keyring, **{name: new}))
    setup_documents.put_trust(session, core, root, revoked=gone)
    renewed = sign_anew(session, core)
    detail = {"key": name, "revoked": gone, "signed": renewed.signed, "withdrawn": len(renewed.withdrawn)}
    chain.audit(session, at=now, account_id=None, action="key.replace", subject=new.kid, detail=detail)
    return renewed


def sign_anew(session: Session, core: Core) -> Renewed:
    """Sign everything in force that a replaced key had signed, but for what was taken back because of that signature."""
    gone = set(session.scalars(select(OwnKey.kid).where(OwnKey.replaced_at.is_not(None))))
    if not gone:
        return Renewed(0, ())
    kinds = (Kind.PLAN.value, Kind.CONFIG.value, Kind.ALERT.value)
    alive = (Published.exp == envelope.NEVER) | (Published.exp > core.clock.now_ms())
    rows = session.scalars(select(Published).where(Published.typ.in_(kinds), alive)).all()
    old = [row for row in rows if envelope.parse(row.envelope).header.kid in gone]
    publisher, names = Publisher(session, core.clock), set[str]()
    for row in old:
        if row.typ == Kind.ALERT.value:
            row.payload_sha256 = ""  # in force, but not said
            names.add(core.topics.parse(row.topic).alert)
        else:
            publisher.renew(core.keyring.station, row)
    withdrawn = []
    for alert in [found for name in sorted(names) if (found := alerting.get(session, name, to_change=True))]:
        if alert.source is AlertSource.RECOVERED:
            signed_alerts.withdraw(session, core, alert)
            withdrawn.append(alert.title)
        else:
            alert_documents.sign(session, core, alert)
    return Renewed(len(old), tuple(withdrawn))


def lacking(session: Session, kept: Keyring) -> dict[str, str]:
    """The keys that the root key has signed for last and that are not those of the keyring: their ids by name."""
    wanted = {name: row.kid for name in keyring.OWN if (row := in_use(session, name))}
    return {name: kid for name, kid in wanted.items() if kid != getattr(kept, name).kid}


def revoked(session: Session, kept: Keyring) -> list[str]:
    """The names of the keys of the keyring that no speaker believes any more: older rows were put back with older files."""
    trusts = session.scalars(select(Published.envelope).where(Published.typ == Kind.TRUST.value))
    gone = {kid for signed in trusts for kid in acceptance.read_trust(envelope.parse(signed)).revoked}
    return [name for name in keyring.OWN if getattr(kept, name).kid in gone]


def take_up(core: Core, folder: Path) -> bool:
    """Sign with the keys that the root key has signed for, should it have replaced one; returns whether it has.

    Errors: KeyFileError, when the file of the key is not there, or the root key has revoked it.
    """
    with core.database.read() as session:
        wanted, gone = lacking(session, core.keyring), revoked(session, core.keyring)
    if not wanted and gone:
        raise KeyFileError(f"{gone[0]}.pem is revoked, and no speaker believes it: loa key replace {gone[0]}")
    if not wanted:
        return False
    found = {name: _settled(folder, name, kid) for name, kid in wanted.items()}
    before = changed(core.keyring)
    try:
        with core.database.write() as session:
            core.keyring.put(changed(core.keyring, **found))
            renewed = sign_anew(session, core)
    except BaseException:
        core.keyring.put(before)  # and the next look tries again
        raise
    log.info("keys taken up kids=%s signed=%s withdrawn=%s", sorted(wanted.values()), *astuple(renewed))
    return True


def _settled(folder: Path, name: str, kid: str) -> SigningKey:
    keyring.settle(folder, name, kid)
    key = keyring.load(folder, name)
    if key.kid != kid:
        raise KeyFileError(f"{name}.pem is not the key {kid} that speakers believe: loa key replace {name}")
    return key
