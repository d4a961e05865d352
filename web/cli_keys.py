"""``loa key``: what takes the root key, which the running station never sees: to trust a province's key, to replace one's own."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from broadcaster import alert_tables, guest_keys, keyring, own_keys, setup_documents
from broadcaster.clock import SystemClock
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.guest_keys import GuestKeyError, KeyState
from broadcaster.keyring import KeyFileError
from broadcaster.rows import GuestKey, OwnKey
from broadcaster.settings import Settings
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Topics
from web.opened import opened
from web.say import Say

_FOLDER: Final = "keys"
_YES: Final = frozenset({"y", "yes", "c", "có"})


def add(commands: Any) -> None:
    """Add ``key`` to the commands of ``loa``."""
    parser: argparse.ArgumentParser = commands.add_parser("key", help="khóa của đài và của tỉnh (signing keys)")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="mọi khóa và trạng thái (every key)")
    sign = verbs.add_parser("sign", help="ký bằng khóa gốc việc đã xin (do what a page asked for)")
    sign.add_argument("kid", metavar="MÃ_KHÓA")
    replace = verbs.add_parser("replace", help="thay khóa của đài đã bị lộ (replace a stolen key of the station)")
    replace.add_argument("name", choices=keyring.OWN)
    for verb in (sign, replace):
        verb.add_argument(
            "--root", type=Path, metavar="TỆP", help="khóa gốc, mặc định keys/root.pem trong thư mục của đài"
        )
        verb.add_argument("--yes", action="store_true", help="không hỏi lại (don't ask)")


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Carry out ``loa key …``. Errors: NotInitialisedError, KeyFileError."""
    folder = settings.home_path / _FOLDER
    with opened(settings) as (database, station):
        if arguments.verb == "list":
            return _list(database, say)
        root = _root(folder, arguments.root)
        with database.read() as session:
            kept = own_keys.open_keyring(session, folder)
        table = alert_tables.load(settings.sirens)
        core = Core(database, kept, Topics(station), SystemClock(), Counters(), table)
        if arguments.verb == "sign":
            return _sign(core, root, arguments.kid, say, sure=arguments.yes)
        return _replace(core, root, folder, arguments.name, say, sure=arguments.yes)


def _root(folder: Path, file: Path | None) -> SigningKey:
    """The root key from its file, if it is this station's. Errors: KeyFileError."""
    path = file or folder / f"{keyring.ROOT}.pem"
    root = keyring.load(path.parent, path.stem)
    if keys.public_text(root.public) != keys.public_text(keyring.load_root(folder)):
        raise KeyFileError(f"{path} is not the root key of this station")
    return root


def _is_sure(question: str) -> bool:
    """Ask; who can't answer has not agreed."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in _YES
    except EOFError:
        return False


def _list(database: Database, say: Say) -> int:
    with database.read() as session:
        for own in own_keys.all_keys(session):
            print(f"{own.kid}  {_name(own.name, say)}: {_own_state(own, say)}")
            print(say("  vân tay %(fingerprint)s", fingerprint=guest_keys.fingerprint(own.public_key)))
        for key in guest_keys.all_keys(session):
            print(f"{key.kid}  {key.name}: {_state(key, say)}")
            _describe(key, say)
    return 0


def _name(name: str, say: Say) -> str:
    return say("khóa đài") if name == keyring.STATION else say("khóa khẩn cấp")


def _own_state(key: OwnKey, say: Say) -> str:
    if key.replaced_at:
        return say("đã thu hồi")
    if key.locked_until and key.locked_until > SystemClock().now():
        return say("đang bị khóa phát")
    return say("đang dùng")


def _state(key: GuestKey, say: Say) -> str:
    match guest_keys.state_of(key):
        case KeyState.ASKED:
            return say("chờ khóa gốc ký")
        case KeyState.TRUSTED:
            return say("đang được tin")
        case KeyState.LEAVING:
            return say("chờ khóa gốc ký thu hồi")
        case _:
            return say("đã thu hồi")


def _describe(key: GuestKey, say: Say) -> None:
    places = ", ".join(place.name for place in key.places) or say("cả đài")
    print(say("  vân tay %(fingerprint)s", fingerprint=guest_keys.fingerprint(key.public_key)))
    print(say("  cảnh báo đến cấp %(level)s, tại: %(places)s", level=key.max_level, places=places))


def _sign(core: Core, root: SigningKey, kid: str, say: Say, *, sure: bool) -> int:
    """Show the key first: whoever signs compares the fingerprint. Nothing is locked while they do."""
    with core.database.read() as session:
        if found := session.get(GuestKey, kid):
            print(f"{found.kid}  {found.name}: {_state(found, say)}")
            _describe(found, say)
    if found and not (sure or _is_sure(say("Vân tay đã khớp, và ký bằng khóa gốc?"))):
        print(say("Chưa ký gì."))
        return 1
    try:
        with core.database.write() as session:
            key = guest_keys.sign(session, core, root, kid)
    except GuestKeyError as error:
        print(say("Không ký được: %(why)s. Xem: loa key list", why=error), file=sys.stderr)
        return 1
    print(f"{key.kid}  {key.name}: {_state(key, say)}")
    _tell_signed(core, say)
    return 0


def _replace(core: Core, root: SigningKey, folder: Path, name: str, say: Say, *, sure: bool) -> int:
    """A new key in the place of a stolen one. Killed between any two steps, either key works, and this may be run again."""
    old: SigningKey = getattr(core.keyring, name)
    fingerprint = guest_keys.fingerprint(keys.public_text(old.public))
    print(say("Thay %(key)s, vân tay %(fingerprint)s.", key=_name(name, say), fingerprint=fingerprint))
    print(say("Khóa cũ bị thu hồi vĩnh viễn: không cụm loa nào còn tin những gì nó đã ký hay sẽ ký."))
    if not (sure or _is_sure(say("Thay ngay?"))):
        print(say("Chưa thay gì."))
        return 1
    new = keyring.create_next(folder, name)
    with core.database.write() as session:
        done = own_keys.replace(session, core, root, name, new)
    keyring.settle(folder, name, new.kid)
    fingerprint = guest_keys.fingerprint(keys.public_text(new.public))
    print(say("Khóa mới, vân tay %(fingerprint)s; đã ký lại %(n)s văn bản.", fingerprint=fingerprint, n=done.signed))
    _tell_signed(core, say)
    for title in done.withdrawn:
        print(say("Đã rút cảnh báo “%(title)s”: khóa cũ ký, có thể là giả. Nếu là thật, hãy phát lại.", title=title))
    print(say("Đài đang chạy tự chuyển sang khóa mới trong vài giây, không cần khởi động lại."))
    print(say("Cất khóa gốc đi, và sao lưu lại thư mục %(folder)s.", folder=folder))
    return 0


def _tell_signed(core: Core, say: Say) -> None:
    with core.database.read() as session:
        zones = ", ".join(setup_documents.top_zones(session))
    print(say("Đã ký danh sách khóa mới cho %(zones)s; đài gửi xuống loa trong vài giây.", zones=zones))
