"""``loa``: the station from the command line."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from broadcaster import chain
from broadcaster.alert_tables import AlertTableError
from broadcaster.clock import SystemClock
from broadcaster.errors import LoaError
from broadcaster.rows import Account, AuditEntry, LedgerEntry
from broadcaster.settings import Settings, load
from web import (
    alert_table_words,
    cli_broker,
    cli_conform,
    cli_keys,
    cli_read,
    cli_sirens,
    cli_speakers,
    cli_tail,
    cli_token,
    cli_voices,
    commune,
    doctor,
)
from web.initialise import FIRST_ACCOUNT, initialise
from web.opened import opened
from web.passwords import hash_password, new_password
from web.say import Say, speaker_of
from web.serve import serve
from web.station import NotInitialisedError

Command = Callable[[argparse.Namespace, Settings, Say], int]


def _init(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Make a station from a commune's file."""
    file = commune.read(arguments.commune)
    done = initialise(
        settings, file, SystemClock(), quiet_hours=not arguments.no_quiet_hours, approval=not arguments.no_approval
    )
    loaded = done.loaded
    print(say("%(name)s: %(places)s địa bàn, %(speakers)s cụm loa.",
              name=file.name, places=loaded.places, speakers=loaded.speakers))  # fmt: skip
    for name, problem in loaded.problems:
        print(say("  Bỏ qua %(name)s: %(problem)s", name=name, problem=problem))
    if done.password:
        print(say("Tài khoản đầu tiên: %(user)s   Mật khẩu (chỉ hiện một lần): %(password)s",
                  user=FIRST_ACCOUNT, password=done.password))  # fmt: skip
        if not arguments.no_approval:
            print(say("Duyệt đang bật: thêm người duyệt ở trang “Người và quyền”, hoặc tắt ở trang “Duyệt”."))
    print(say("Bộ tệp cho từng cụm loa nằm ở %(folder)s (giữ kín).", folder=done.kits))
    return 1 if loaded.problems else 0


def _serve(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Run the station."""
    changes = {key: getattr(arguments, key) for key in ("host", "port") if getattr(arguments, key) is not None}
    serve(msgspec.structs.replace(settings, **changes), say, lan=arguments.lan)
    return 0


def _doctor(_arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Examine the station."""
    return 0 if doctor.report(settings, say, print) else 1


def _ledger(_arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Prove that neither ledger nor audit log was changed."""
    whole = True
    with opened(settings) as (database, _), database.read() as session:
        for name, log in ((say("Sổ nhật ký phát"), LedgerEntry), (say("Nhật ký thao tác"), AuditEntry)):
            broken = chain.first_break(session, log)
            whole = whole and broken is None
            print(f"{name}: " + (say("nguyên vẹn") if broken is None else say("sai từ dòng %(n)s", n=broken)))
    return 0 if whole else 1


def _password(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Give an account a new password."""
    password = new_password()
    hashed = hash_password(password)
    with opened(settings) as (database, _), database.write() as session:
        account = session.scalar(select(Account).where(Account.username == arguments.user))
        if account is None:
            print(say("Không có tài khoản %(user)s.", user=arguments.user), file=sys.stderr)
            return 1
        account.password_hash = hashed
        chain.audit(session, at=SystemClock().now(), account_id=None, action="password.reset", subject=arguments.user)
    print(say("Mật khẩu mới của %(user)s (chỉ hiện một lần): %(password)s", user=arguments.user, password=password))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loa", description="Loa Phường: bộ điều khiển truyền thanh cơ sở thông minh")
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        return command

    init = add("init", _init, "tạo đài từ tệp của xã (make a station from a commune's file)")
    init.add_argument("--commune", type=Path, required=True, metavar="FILE.json")
    init.add_argument("--no-approval", action="store_true", help="bản tin phát không cần người duyệt (xã một người)")
    init.add_argument("--no-quiet-hours", action="store_true", help="không đặt khung giờ không phát 21:00-05:30")
    run = add("serve", _serve, "chạy đài (run the station)")
    run.add_argument("--lan", action="store_true", help="mở cho máy khác và điện thoại, qua HTTPS")
    run.add_argument("--host")
    run.add_argument("--port", type=int, choices=range(65_536), metavar="PORT")
    add("doctor", _doctor, "kiểm tra từng bộ phận (examine every part)")
    ledger = add("ledger", _ledger, "kiểm chứng sổ nhật ký phát (prove the ledger)")
    ledger.add_argument("verb", choices=["verify"])
    cli_speakers.add(commands)
    cli_broker.add(commands)
    cli_voices.add(commands)
    cli_keys.add(commands)
    cli_sirens.add(commands)
    cli_conform.add_arguments(add("conform", cli_conform.run, "kiểm tra một cụm loa theo giao thức (prove a speaker)"))
    cli_tail.add_arguments(add("tail", cli_tail.run, "xem trực tiếp tin trên đường truyền (show live traffic)"))
    cli_token.add_arguments(add("token", cli_token.run, "mã truy cập cho phần mềm khác (rights of other programs)"))
    cli_read.add_arguments(
        add("read", lambda given, *_: cli_read.run(given), "đọc từng dòng thành lời (lines into spoken words)")
    )
    password = add("password", _password, "đặt lại mật khẩu (reset a password)")
    password.add_argument("user")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit code."""
    arguments = _parser().parse_args(given)
    try:
        settings = load()
        say = speaker_of(settings.language)
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s"
        )
        run: Command = arguments.run
        return run(arguments, settings, say)
    except NotInitialisedError as error:
        print(f"loa: chưa có đài ở {error}; chạy: loa init --commune TỆP.json (no station yet)", file=sys.stderr)
    except AlertTableError as error:
        print(*(f"loa: {line}" for line in alert_table_words.problems(error, say)), sep="\n", file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"loa: {str(error).splitlines()[0]} (kiểm tra LOA_DATABASE_URL; loa doctor)", file=sys.stderr)
    except (LoaError, OSError) as error:
        print(f"loa: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
