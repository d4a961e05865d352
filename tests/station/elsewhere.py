"""Brokers on "another computer": real ones, started from the files that ``loa broker config`` writes."""

import os
import shutil
import signal
import ssl
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadcaster import enrolment
from broadcaster.clock import SystemClock
from broadcaster.database import Database
from broadcaster.settings import Settings
from device_sim.mqtt import Connect, Message, MqttClient
from tests.brokers import HOST, Broker, free_port
from web import brokers
from web.brokers import Elsewhere, Kind

STATION = "an-binh"
BASE = f"loa/1/{STATION}"


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


@dataclass
class Relay:
    """A running broker elsewhere, and the station's settings to use it."""

    kind: Kind
    out: Path
    settings: Settings
    broker: Broker

    @property
    def port(self) -> int:
        return self.broker.port

    @property
    def station_token(self) -> str:
        return brokers.station_token(self.settings)

    def tokens(self) -> dict[str, str]:
        database = Database(self.settings.database)
        try:
            with database.read() as session:
                return enrolment.broker_users(session)
        finally:
            database.dispose()

    def refresh(self) -> None:
        """What ``loa broker users`` does."""
        brokers.write_users(self.kind, self.out, self.settings, STATION, self.tokens())
        os.kill(self.broker.process.pid, signal.SIGHUP)


@contextmanager
def relay(kind: Kind, out: Path, settings: Settings, station: str = STATION) -> Iterator[Relay]:
    """A broker of a station that is initialised; its files are the command's own."""
    home = Path(sysconfig.get_path("scripts")) / "nats-server"
    binary = str(home) if kind == "nats" else shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if binary is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    elsewhere = Elsewhere([HOST], port, HOST, str(out), "root" if os.getuid() == 0 else "")
    brokers.write_config(kind, out, elsewhere, settings, station, SystemClock())
    if kind == "nats":  # its own protocol port is fixed in the file; tests run side by side
        config = out / "nats.conf"
        config.write_text(config.read_text().replace("port: 4222", f"port: {free_port()}"))
    made = Relay(kind, out, settings, Broker([binary, "-c", str(out / f"{kind}.conf")], out / "log", port))
    brokers.write_users(kind, out, settings, station, made.tokens())
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.kill()


class Caller:
    """Somebody who connects as somebody."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.gone: list[str] = []
        self.client = MqttClient(self._take, lambda reason: self.gone.append(reason.value))

    def _take(self, message: Message) -> None:
        self.heard.append((message.topic, message.payload))

    async def call(self, of: Relay, user: str, token: str, client_id: str = "", *, tls: bool = True) -> "Caller":
        context = ssl.create_default_context(cafile=str(of.out / "ca.pem")) if tls else None
        connect = Connect(client_id=client_id or f"{user}-{id(self)}", username=user, password=token)
        await self.client.connect(HOST, of.port, connect, ssl=context, timeout_s=5)
        return self
