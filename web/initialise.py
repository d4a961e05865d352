"""``loa init``: a commune's file becomes a station with keys, a first account and a kit for every speaker. Idempotent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import chain, keyring, own_keys, setup_documents
from broadcaster.clips import write_aside
from broadcaster.clock import Clock
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.keyring import KeyFileError
from broadcaster.rows import Account, Grant, Role, Speaker, Station
from broadcaster.settings import Settings
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Topics
from web import brokers, commune
from web.commune import CommuneFile, Loaded
from web.kits import KitMaker
from web.passwords import hash_password, new_password

FIRST_ACCOUNT: Final = "quantri"


@dataclass(frozen=True)
class Initialised:
    """What ``loa init`` did.

    Attributes:
        password: of the first account, shown this once; None when there were accounts already.
        kits: folder with one file per speaker.
    """

    loaded: Loaded
    password: str | None
    kits: Path


def initialise(
    settings: Settings, file: CommuneFile, clock: Clock, *, quiet_hours: bool = True, approval: bool = False
) -> Initialised:
    """Load a commune and make what a station needs; a new station asks for ``approval`` or does not. Errors: CommuneFileError, KeyFileError, BrokerError."""
    home = settings.home_path
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = home / "keys"
    root = _keys(folder)
    database = Database(settings.database)
    try:
        database.migrate()
        with database.write() as session:
            keys_now = own_keys.open_keyring(session, folder)
            core = Core(database, keys_now, Topics(file.station), clock, Counters())
            loaded = commune.load(session, file)
            if not quiet_hours:
                station = session.scalars(select(Station)).one()
                station.quiet_start = station.quiet_until = None
            if root:
                setup_documents.put_trust(session, core, root)
            else:
                loaded.problems += [
                    (code, f"needs {folder / 'root.pem'}: bring it back, run this again, take it away")
                    for code in setup_documents.without_trust(session, core)
                ]
            password = _first_account(session, clock)
            if password and approval:
                session.scalars(select(Station)).one().approval = True
            kits = _kits(session, settings, file.station, clock)
            detail = {"places": loaded.places, "speakers": loaded.speakers, "problems": len(loaded.problems)}
            chain.audit(session, at=clock.now(), account_id=None, action="init", subject=file.station, detail=detail)
    finally:
        database.dispose()
    for name, kit in kits.items():  # secrets: made with mode 0600
        write_aside(home / "kits" / f"{name}.json", kit)
    return Initialised(loaded, password, home / "kits")


def _keys(folder: Path) -> SigningKey | None:
    """The root key, if it has not been put away; all keys are made the first time.

    Speakers believe one root key for ever: when its file has been put away, no second one may be made.
    """
    public = folder / "root.pub"
    if not public.exists():
        root = keyring.load_or_create(folder, keyring.ROOT)
        keyring.load_or_create(folder, keyring.STATION)
        keyring.load_or_create(folder, keyring.EMERGENCY)
        write_aside(public, keys.public_text(root.public).encode())
    text = public.read_text("ascii")
    if not keyring.exists(folder, keyring.ROOT):
        return None
    root = keyring.load(folder, keyring.ROOT)
    if keys.public_text(root.public) != text:
        raise KeyFileError(f"{folder / 'root.pem'} is not the root key of this station")
    return root


def _first_account(session: Session, clock: Clock) -> str | None:
    if session.scalar(select(Account.id).limit(1)) is not None:
        return None
    password = new_password()
    session.add(
        Account(
            username=FIRST_ACCOUNT,
            full_name="Quản trị",
            password_hash=hash_password(password),
            created_at=clock.now(),
            grants=[Grant(role=Role.ADMINISTRATOR, granted_at=clock.now())],
        )
    )
    return password


def _kits(session: Session, settings: Settings, station: str, clock: Clock) -> dict[str, bytes]:
    """All that each speaker is given, by its name."""
    maker = KitMaker.of(settings, station, brokers.embedded(settings, station, clock, Counters()))
    served = session.scalars(select(Speaker).where(Speaker.retired_at.is_(None)))
    return {speaker.id: maker.encoded(speaker) for speaker in served}
