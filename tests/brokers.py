"""Real brokers on free loopback ports, each in a folder of its own; ended by their process handle."""

import base64
import getpass
import hashlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOST = "127.0.0.1"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


@dataclass
class Broker:
    """A broker's process and where it listens for MQTT; the port stays the same over `restart`."""

    command: list[str]
    log: Path
    port: int
    host: str = HOST
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        self.kill()
        raise RuntimeError(f"{self.command[0]} did not start:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End it politely (SIGTERM), as an operator would."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it like a power cut (SIGKILL); harmless when it has ended."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def restart(self) -> None:
        """Start it again on the same port and the same store, after a kill if it still runs."""
        self.kill()
        self.start()


@contextmanager
def nats_broker(tmp_path: Path, config_text: str = "") -> Iterator[Broker]:
    """A `nats-server` with JetStream and the MQTT gateway; `config_text` is added, e.g. an `authorization` block."""
    binary = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if binary is None:
        pytest.skip("nats-server is not installed")
    folder = _new_folder(tmp_path, "nats")
    port = free_port()
    config = folder / "nats.conf"
    config.write_text(
        f"""
server_name: loa-test
host: {HOST}
port: {free_port()}
jetstream {{ store_dir: "{folder / "js"}", max_mem: 64M, max_file: 1G, limits: {{ default_max_consumers: 100000 }} }}
mqtt {{ host: {HOST}, port: {port}, ack_wait: "5s" }}
{config_text}
"""
    )
    with _running(Broker([binary, "-c", str(config)], folder / "log", port)) as broker:
        yield broker


@contextmanager
def mosquitto_broker(
    tmp_path: Path, config_text: str = "", *, users: Mapping[str, str] | None = None
) -> Iterator[Broker]:
    """A Mosquitto that keeps its store on SIGTERM; `users` (name to password) shuts everybody else out."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if binary is None:
        pytest.skip("mosquitto is not installed")
    folder = _new_folder(tmp_path, "mosquitto")
    port = free_port()
    access = "allow_anonymous true"
    if users is not None:
        passwords = folder / "passwords"
        passwords.touch(0o600)
        passwords.write_text("".join(f"{name}:{_mosquitto_hash(word)}\n" for name, word in users.items()))
        access = f"allow_anonymous false\npassword_file {passwords}"
    config = folder / "mosquitto.conf"
    config.write_text(
        f"""
user {getpass.getuser()}
listener {port} {HOST}
{access}
persistence true
persistence_location {folder}/
max_queued_messages 100000
{config_text}
"""
    )
    with _running(Broker([binary, "-c", str(config)], folder / "log", port)) as broker:
        yield broker


def free_port() -> int:
    """A loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _new_folder(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / f"{name}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


@contextmanager
def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _mosquitto_hash(password: str) -> str:
    """One entry of a Mosquitto 2 password file: type 7, PBKDF2 with SHA-512."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
