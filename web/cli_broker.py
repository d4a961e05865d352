"""``loa broker``: a complete configuration for a broker on another computer, and its users after an enrolment."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from broadcaster import broker_config, chain, enrolment
from broadcaster.clips import write_aside
from broadcaster.clock import SystemClock
from broadcaster.database import Database
from broadcaster.settings import Settings
from broadcaster.wire.topics import LEVEL
from web import brokers
from web.brokers import Elsewhere
from web.opened import opened
from web.say import Say

_PORT: Final = 8883


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Carry out ``loa broker …``. Errors: NotInitialisedError, OSError."""
    with opened(settings) as (database, station):
        with database.read() as session:
            users = enrolment.broker_users(session)
        if arguments.verb == "province" and brokers.kind_in(arguments.out.resolve()):
            _admit(arguments, settings, database)
    return (_config if arguments.verb == "config" else _users)(arguments, settings, say, station, users)


def _admit(arguments: argparse.Namespace, settings: Settings, database: Database) -> None:
    """Admit or dismiss a province; its password goes into every folder that is written from now on."""
    user = broker_config.PROVINCE + arguments.name
    with database.write() as session:
        action = "broker.dismiss-province" if arguments.remove else "broker.admit-province"
        chain.audit(session, at=SystemClock().now(), account_id=None, action=action, subject=user)
        (brokers.dismiss_province if arguments.remove else brokers.admit_province)(settings, user)


def _config(arguments: argparse.Namespace, settings: Settings, say: Say, station: str, users: dict[str, str]) -> int:
    out: Path = arguments.out.resolve()
    elsewhere = Elsewhere(
        arguments.host, arguments.port, arguments.listen, (arguments.at or str(out)).rstrip("/"), arguments.user
    )
    files = brokers.write_config(arguments.kind, out, elsewhere, settings, station, SystemClock())
    files += brokers.write_users(arguments.kind, out, settings, station, users)
    command = "nats-server" if arguments.kind == "nats" else "mosquitto"
    readme = say(
        "Thư mục này là toàn bộ cấu hình của một máy chủ truyền tin (%(kind)s) cho đài %(station)s.\n"
        "1. Chép cả thư mục sang máy đó, đặt đúng tại %(at)s, chỉ tài khoản chạy máy chủ truyền tin được đọc.\n"
        "2. Chạy: %(command)s -c %(at)s/%(kind)s.conf\n"
        "3. Mở cổng %(port)s trên tường lửa; không mở cổng nào khác.\n"
        "4. Trên máy của đài: LOA_SETTINGS=%(settings)s loa serve\n"
        "5. Thêm, thay hoặc thôi dùng cụm loa xong: chạy loa broker users, chép lại tệp, gửi SIGHUP cho máy chủ truyền tin.\n"
        "Trong đây không có khóa ký nào của đài: ai chiếm được máy này cũng không làm loa phát được.\n",
        kind=arguments.kind,
        station=station,
        at=elsewhere.folder,
        command=command,
        port=elsewhere.port,
        settings=settings.home_path / brokers.SETTINGS_FILE,
    )
    write_aside(out / "README.txt", readme.encode())
    for path in [*files, out / "README.txt"]:
        print(f"  {path}")
    print(
        say(
            "Đài dùng máy chủ truyền tin này khi chạy với LOA_SETTINGS=%(file)s",
            file=settings.home_path / brokers.SETTINGS_FILE,
        )
    )
    return 0


def _users(arguments: argparse.Namespace, settings: Settings, say: Say, station: str, users: dict[str, str]) -> int:
    out: Path = arguments.out.resolve()
    kind = brokers.kind_in(out)
    if kind is None:
        print(say("%(folder)s không phải thư mục do “loa broker config” tạo.", folder=out), file=sys.stderr)
        return 1
    for path in brokers.write_users(kind, out, settings, station, users):
        print(f"  {path}")
    if arguments.verb == "province" and not arguments.remove:
        user = broker_config.PROVINCE + arguments.name
        print(
            say(
                "Tài khoản của tỉnh: %(user)s   Mật khẩu: %(token)s",
                user=user,
                token=brokers.province_tokens(settings)[user],
            )
        )
        print(
            say(
                "Chỉ gửi được cảnh báo và âm thanh, không đọc được gì; loa chỉ nghe cảnh báo có chữ ký của khóa đã tin."
            )
        )
    pid = arguments.pid
    if arguments.pid_file:
        pid = int(arguments.pid_file.read_text("ascii"))
    if pid:
        os.kill(pid, signal.SIGHUP)
        print(say("Đã báo máy chủ truyền tin (pid %(pid)s) đọc lại.", pid=pid))
    return 0


def _name(text: str) -> str:
    if not LEVEL.fullmatch(text):
        raise argparse.ArgumentTypeError(text)
    return text


def add(commands: Any) -> None:
    """Add ``broker`` to the commands of ``loa``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "broker", help="máy chủ truyền tin đặt nơi khác (a broker elsewhere)"
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    config = verbs.add_parser("config", help="cấu hình đầy đủ, có TLS (a complete configuration)")
    config.add_argument("kind", choices=brokers.KINDS)
    config.add_argument("--host", required=True, action="append", help="tên hoặc địa chỉ của máy đó; lặp lại được")
    config.add_argument("--port", type=int, default=_PORT, choices=range(1, 65_536), metavar="PORT")
    config.add_argument("--listen", default="0.0.0.0", metavar="ADDRESS")  # noqa: S104  a relay is there to be reached
    config.add_argument("--at", metavar="FOLDER", help="nơi thư mục nằm trên máy đó, mặc định như --out")
    config.add_argument("--user", default="", help="tài khoản chạy mosquitto khi khởi động bằng root")
    users = verbs.add_parser("users", help="ghi lại người dùng sau khi ghi danh (refresh the users)")
    province = verbs.add_parser("province", help="cho tỉnh gửi cảnh báo thẳng vào đó (let a province publish there)")
    province.add_argument("name", type=_name, metavar="TÊN", help="chữ thường không dấu, chữ số và gạch nối")
    province.add_argument("--remove", action="store_true", help="không cho nữa")
    for command in (users, province):
        command.add_argument("--pid", type=int)
        command.add_argument("--pid-file", type=Path)
    for command in (config, users, province):
        command.add_argument("--out", type=Path, required=True, metavar="DIR")
