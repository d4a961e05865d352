"""``loa key``: what the page "Khóa của tỉnh" has asked for, done with the root key, which the running station never sees."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import guest_keys, keyring, setup_documents
from broadcaster.clock import SystemClock
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.guest_keys import GuestKeyError
from broadcaster.keyring import KeyFileError
from broadcaster.rows import GuestKey, Station
from broadcaster.settings import Settings
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Topics
from web.say import Say
from web.station import NotInitialisedError

_FOLDER: Final = "keys"


def add(commands: Any) -> None:
    """Add ``key`` to the commands of ``loa``."""
    parser: argparse.ArgumentParser = commands.add_parser("key", help="khóa của tỉnh (keys of a province)")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="khóa đã xin và trạng thái (what was asked for)")
    sign = verbs.add_parser("sign", help="ký bằng khóa gốc việc đã xin (do it with the root key)")
    sign.add_argument("kid", metavar="MÃ_KHÓA")
    sign.add_argument("--root", type=Path, metavar="TỆP", help="khóa gốc, mặc định keys/root.pem trong thư mục của đài")


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Carry out ``loa key …``. Errors: NotInitialisedError, KeyFileError."""
    database = Database(settings.database)
    try:
        database.migrate()
        with database.write() as session:
            station = session.scalar(select(Station.code))
            if station is None:
                raise NotInitialisedError(str(settings.home_path))
            folder = settings.home_path / _FOLDER
            core = Core(database, keyring.load_keyring(folder), Topics(station), SystemClock(), Counters())
            if arguments.verb == "list":
                return _list(session, say)
            return _sign(session, core, _root(folder, arguments.root), arguments.kid, say)
    finally:
        database.dispose()


def _root(folder: Path, file: Path | None) -> SigningKey:
    """The root key from its file, if it is this station's. Errors: KeyFileError."""
    path = file or folder / f"{keyring.ROOT}.pem"
    root = keyring.load(path.parent, path.stem)
    if keys.public_text(root.public) != keys.public_text(keyring.load_root(folder)):
        raise KeyFileError(f"{path} is not the root key of this station")
    return root


def _list(session: Session, say: Say) -> int:
    for key in guest_keys.all_keys(session):
        print(f"{key.kid}  {key.name}: {_state(key, say)}")
        _describe(key, say)
    return 0


def _state(key: GuestKey, say: Say) -> str:
    match guest_keys.state_of(key):
        case guest_keys.KeyState.ASKED:
            return say("chờ khóa gốc ký")
        case guest_keys.KeyState.TRUSTED:
            return say("đang được tin")
        case guest_keys.KeyState.LEAVING:
            return say("chờ khóa gốc ký thu hồi")
        case _:
            return say("đã thu hồi")


def _describe(key: GuestKey, say: Say) -> None:
    places = ", ".join(place.name for place in key.places) or say("cả đài")
    print(say("  vân tay %(fingerprint)s", fingerprint=guest_keys.fingerprint(key.public_key)))
    print(say("  cảnh báo đến cấp %(level)s, tại: %(places)s", level=key.max_level, places=places))


def _sign(session: Session, core: Core, root: SigningKey, kid: str, say: Say) -> int:
    try:
        key = guest_keys.sign(session, core, root, kid)
    except GuestKeyError as error:
        print(say("Không ký được: %(why)s. Xem: loa key list", why=error), file=sys.stderr)
        return 1
    print(f"{key.kid}  {key.name}: {_state(key, say)}")
    _describe(key, say)
    zones = ", ".join(setup_documents.top_zones(session))
    print(say("Đã ký danh sách khóa mới cho %(zones)s; đài gửi xuống loa trong vài giây.", zones=zones))
    return 0
