"""``loa tail``: what is being said on the wire now, decoded and verified, in words."""

import argparse
import queue
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import inspect, select

from broadcaster import keyring
from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.clock import SystemClock, from_ms
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.rows import Speaker, Station
from broadcaster.settings import Settings
from broadcaster.tail import Line, Proof, Reader
from broadcaster.transport import Message, MqttTransport
from broadcaster.wire.broker_address import BrokerAddress
from broadcaster.wire.keys import public_key
from broadcaster.wire.topics import Topics
from web.say import Say
from web.station import NotInitialisedError
from web.tail_words import proof_words, summary, what_words

_RED: Final = "\x1b[31m"
_GREEN: Final = "\x1b[32m"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"
_COLOURS: Final = {
    Proof.SIGNED: _GREEN,
    Proof.HASHED: _GREEN,
    Proof.FORGED: _RED,
    Proof.UNKNOWN_KEY: _RED,
    Proof.UNREADABLE: _RED,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command can be told."""
    parser.add_argument("--broker", metavar="URL", help="máy chủ MQTT khác (another broker)")
    parser.add_argument("--zone", help="chỉ tin gửi địa bàn này (this zone only)")
    parser.add_argument("--speaker", help="chỉ tin của cụm loa này (this speaker only)")


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Print messages as they come, until Ctrl-C."""
    with _database(settings) as database:
        station = _station(database, settings)
        topics = Topics(station.code)
        reader = Reader(topics, _known_keys(settings), lambda speaker: _pinned(database, speaker))
        inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

        def take(batch: list[Message]) -> None:
            for message in batch:
                inbox.put(message)

        counters = Counters()
        transport = MqttTransport(
            BrokerAddress.parse(arguments.broker or _broker_url(settings, station.code)),
            f"tail-{secrets.token_hex(8)}",
            SystemClock(),
            counters,
            subscriptions=filters(topics, arguments.zone, arguments.speaker),
            on_batch=take,
        )
        transport.start()
        try:
            show(iter(inbox.get, None), reader, Printer(say, ZoneInfo(station.timezone), colours=sys.stdout.isatty()))
        except KeyboardInterrupt:
            return 0
        finally:
            transport.stop()
    return 0


def filters(topics: Topics, zone: str | None, speaker: str | None) -> list[str]:
    """What to subscribe to: everything, or one zone and one speaker."""
    zones = [f"{topics.base}/zone/{zone or '+'}/#"] if zone or not speaker else []
    ways = [f"{topics.base}/speaker/{speaker or '+'}/{way}/#" for way in ("up", "down")]
    return [*zones, *(ways if speaker or not zone else [])]


def show(messages: Iterator[Message], reader: Reader, printer: "Printer") -> None:
    """Print a line for each message."""
    for message in messages:
        print(printer.line(reader.read(message)), flush=True)


class Printer:
    """Lines as text."""

    def __init__(self, say: Say, zone: ZoneInfo, *, colours: bool) -> None:
        self._say, self._zone, self._colours = say, zone, colours

    def line(self, line: Line) -> str:
        """Time, who to whom, what, what stands behind it, and what it says."""
        local = from_ms(line.at).astimezone(self._zone)
        say = self._say
        station = say("đài")
        way = f"{line.sender or station} → {line.receiver or station}"
        proof = proof_words(line, say)
        if self._colours:
            proof = f"{_COLOURS.get(line.proof, _DIM)}{proof}{_PLAIN}"
        text = f"{local:%H:%M:%S}.{line.at % 1000:03} {way:24} {what_words(line, say)} [{proof}]"
        return _printable(f"{text} {summary(line, say, self._zone)}".rstrip(), keep="\x1b" if self._colours else "")


def _printable(text: str, keep: str) -> str:
    """No message may steer the terminal."""
    return "".join(letter if letter.isprintable() or letter in keep else "�" for letter in text)


def _known_keys(settings: Settings) -> dict[str, Ed25519PublicKey]:
    folder = settings.home_path / "keys"
    own = keyring.load_keyring(folder)
    known = {"station": own.station.public, "emergency": own.emergency.public}
    root = folder / "root.pub"
    if root.exists():
        known["root"] = public_key(root.read_text("ascii"))
    return known


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database)
    try:
        yield database
    finally:
        database.dispose()


def _station(database: Database, settings: Settings) -> Station:
    if not settings.home_path.exists():
        raise NotInitialisedError(str(settings.home_path))
    with database.read() as session:
        there = inspect(session.connection()).has_table(Station.__tablename__)
        station: Station | None = session.scalar(select(Station)) if there else None
    if station is None:
        raise NotInitialisedError(str(settings.home_path))
    return station


def _pinned(database: Database, speaker: str) -> str | None:
    with database.read() as session:
        return session.scalar(select(Speaker.public_key).where(Speaker.id == speaker))


def _broker_url(settings: Settings, station: str) -> str:
    if settings.broker_url:
        return settings.broker_url
    binary = find_nats_server(settings.nats_server)
    return EmbeddedBroker(settings.home_path / "broker", station, binary, Counters()).url
