"""``loa token``: what programs may do here."""

import argparse
import sys

from sqlalchemy import select

from broadcaster import tokens
from broadcaster.clock import SystemClock
from broadcaster.database import Database
from broadcaster.rows import ApiToken, Place
from broadcaster.settings import Settings
from web.say import Say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``loa token make|list|revoke``."""
    parser.add_argument("verb", choices=["make", "list", "revoke"])
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--scope", action="append", choices=tokens.SCOPES, default=[])
    parser.add_argument("--place", default="", help="code of the place it is for, with all that lies in it")


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Make a token and show it once; list them; revoke one."""
    database = Database(settings.database)
    try:
        database.migrate()
        if arguments.verb == "list":
            return _list(database, say)
        if not arguments.name:
            print(say("Thiếu tên của mã truy cập."), file=sys.stderr)
            return 2
        if arguments.verb == "revoke":
            return _revoke(database, arguments.name, say)
        if not arguments.scope:
            print(say("Thiếu quyền: --scope %(scopes)s", scopes=", ".join(tokens.SCOPES)), file=sys.stderr)
            return 2
        return _make(database, arguments, say)
    finally:
        database.dispose()


def _make(database: Database, arguments: argparse.Namespace, say: Say) -> int:
    with database.write() as session:
        if session.scalar(select(ApiToken).where(ApiToken.name == arguments.name)):
            print(say("Đã có mã truy cập tên %(name)s.", name=arguments.name), file=sys.stderr)
            return 1
        place = session.scalar(select(Place).where(Place.code == arguments.place)) if arguments.place else None
        if arguments.place and place is None:
            print(say("Không có địa bàn “%(place)s”.", place=arguments.place), file=sys.stderr)
            return 1
        scopes = tuple(dict.fromkeys(arguments.scope))
        token = tokens.make(session, SystemClock().now(), arguments.name, scopes, place=place)
    print(say("Mã truy cập của %(name)s (chỉ hiện một lần): %(token)s", name=arguments.name, token=token))
    return 0


def _list(database: Database, say: Say) -> int:
    with database.read() as session:
        for token in session.scalars(select(ApiToken).order_by(ApiToken.id)):
            if token.revoked_at:
                state = say("đã thu hồi")
            elif not token.opens(SystemClock().now()):
                state = say("đã hết hạn")
            else:
                state = f"{token.scopes} · {token.place.code if token.place else say('Toàn đài')}"
            print(f"{token.name}: {state}")
    return 0


def _revoke(database: Database, name: str, say: Say) -> int:
    with database.write() as session:
        token = session.scalar(select(ApiToken).where(ApiToken.name == name, ApiToken.revoked_at.is_(None)))
        if token is None:
            print(say("Không có mã truy cập tên %(name)s.", name=name), file=sys.stderr)
            return 1
        tokens.revoke(session, token, SystemClock().now())
    return 0
