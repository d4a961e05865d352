import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broadcaster.broker import BrokerError, EmbeddedBroker, find_nats_server
from broadcaster.counters import Counters

BASE = "loa/1/an-binh"
SPEAKERS = {"loa-1": "token-1", "loa-2": "token-2"}


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


class Client:
    """An MQTT client that keeps what it is told."""

    def __init__(self, broker: EmbeddedBroker, user: str, token: str) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.granted: list[int] = []
        self.refused = self.disconnected = 0
        self.confirmed: set[int] = set()
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{user}-{id(self)}")
        self.paho.username_pw_set(user, token)
        self.paho.on_message = lambda _c, _d, message: self.received.append((message.topic, bytes(message.payload)))
        self.paho.on_subscribe = self._subscribed
        self.paho.on_connect = self._connected
        self.paho.on_disconnect = self._gone
        self.paho.on_publish = lambda _c, _d, mid, *_: self.confirmed.add(mid)
        self.paho.connect_async("127.0.0.1", broker.port)
        self.paho.loop_start()

    def _connected(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.refused += code.is_failure

    def _subscribed(self, _client: Any, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        self.granted += [code.value for code in codes]

    def _gone(self, *_: Any) -> None:
        self.disconnected += 1

    def subscribe(self, topic: str) -> int:
        """Returns what the broker answered: 0 granted, 128 refused."""
        self.granted.clear()
        wait_until(self.paho.is_connected)
        self.paho.subscribe(topic, 0)
        wait_until(lambda: self.granted)
        return self.granted[0]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        wait_until(self.paho.is_connected)
        mid = self.paho.publish(topic, payload, qos=1, retain=retain).mid
        wait_until(lambda: mid in self.confirmed)

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


def make(folder: Path, counters: Counters | None = None) -> EmbeddedBroker:
    return EmbeddedBroker(folder / "broker", "an-binh", find_nats_server(""), counters or Counters())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    broker = make(tmp_path_factory.mktemp("home"))
    broker.set_users(SPEAKERS)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def clients(shared: EmbeddedBroker) -> Iterator[Callable[[str], Client]]:
    made: list[Client] = []

    def client(user: str) -> Client:
        token = shared.token if user == "station" else SPEAKERS[user]
        made.append(Client(shared, user, token))
        return made[-1]

    yield client
    for one in made:
        one.close()


def test_a_speaker_reads_every_zone_and_its_own_down_and_not_that_of_another(clients: Callable[[str], Client]) -> None:
    speaker = clients("loa-1")
    assert speaker.subscribe(f"{BASE}/zone/thon-dong/#") == 0
    assert speaker.subscribe(f"{BASE}/speaker/loa-1/down/#") == 0
    for forbidden in ("speaker/loa-2/down/#", "speaker/+/down/#", "speaker/loa-1/up/#", "speaker/loa-2/up/#", "#"):
        assert speaker.subscribe(f"{BASE}/{forbidden}") == 128, forbidden
    assert speaker.subscribe("#") == 128


def test_a_speaker_speaks_below_its_own_up_and_nowhere_else(clients: Callable[[str], Client]) -> None:
    station, speaker, other = clients("station"), clients("loa-1"), clients("loa-2")
    assert station.subscribe(f"{BASE}/speaker/+/up/#") == 0
    assert station.subscribe(f"{BASE}/zone/+/plan/+") == 0
    assert station.subscribe(f"{BASE}/zone/+/command") == 0
    assert other.subscribe(f"{BASE}/speaker/loa-2/down/#") == 0
    for forbidden in ("zone/xa/plan/2026-11-21", "zone/xa/command", "speaker/loa-2/up/state", "speaker/loa-2/down/ack"):
        speaker.publish(f"{BASE}/{forbidden}", b"forged", retain=True)
    speaker.publish(f"{BASE}/speaker/loa-1/up/state", b"mine")
    wait_until(lambda: station.received)
    station.publish(f"{BASE}/speaker/loa-2/down/ack", b"genuine")
    wait_until(lambda: other.received)
    assert station.received == [(f"{BASE}/speaker/loa-1/up/state", b"mine")]
    assert other.received == [(f"{BASE}/speaker/loa-2/down/ack", b"genuine")]


def test_who_has_not_the_token_is_not_let_in(shared: EmbeddedBroker) -> None:
    strangers = [("loa-1", "wrong"), ("loa-1", ""), ("loa-1", "token-2"), ("stranger", "token-1"), ("", "")]
    clients = [Client(shared, user, token) for user, token in strangers]
    for client in clients:
        wait_until(lambda told=client: told.refused or told.disconnected)  # type: ignore[misc]
        assert not client.paho.is_connected()
        client.close()


def test_another_speaker_is_let_in_without_dropping_anyone(
    shared: EmbeddedBroker, clients: Callable[[str], Client]
) -> None:
    speaker = clients("loa-1")
    wait_until(speaker.paho.is_connected)
    shared.set_users(SPEAKERS | {"loa-9": "token-9"})
    newcomer = Client(shared, "loa-9", "token-9")
    wait_until(newcomer.paho.is_connected)
    shared.set_users(SPEAKERS)
    wait_until(lambda: newcomer.disconnected)
    newcomer.close()
    assert speaker.paho.is_connected()
    assert speaker.disconnected == 0


def test_tokens_are_for_the_owner_alone(shared: EmbeddedBroker) -> None:
    for name in ("station.token", "users.conf"):
        assert (shared.folder / name).stat().st_mode & 0o777 == 0o600
    assert len(shared.token) == 48


def test_it_listens_on_loopback_only(shared: EmbeddedBroker) -> None:
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].partition(":")[2], 16) == shared.port
    ]
    assert listening == [f"0100007F:{shared.port:04X}"]


@pytest.mark.whole
def test_a_killed_broker_comes_back_on_the_same_port_with_what_it_kept(tmp_path: Path) -> None:
    broker = make(tmp_path)
    broker.set_users(SPEAKERS)
    broker.start()
    try:
        station = Client(broker, "station", broker.token)
        station.publish(f"{BASE}/zone/xa/plan/2026-11-21", b"plan", retain=True)
        killed, port = broker.pid, broker.port
        assert killed
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: broker.pid not in {None, killed})
        speaker = Client(broker, "loa-1", "token-1")
        assert speaker.subscribe(f"{BASE}/zone/xa/#") == 0
        wait_until(lambda: speaker.received)
        assert speaker.received == [(f"{BASE}/zone/xa/plan/2026-11-21", b"plan")]
        assert broker.port == port
        station.close()
        speaker.close()
    finally:
        last = broker.pid
        broker.stop()
    assert last
    assert not Path(f"/proc/{last}").exists()
    assert make(tmp_path).port == port


def test_a_second_station_in_the_same_folder_is_refused_and_the_first_keeps_its_broker(
    shared: EmbeddedBroker,
) -> None:
    pid = shared.pid
    with pytest.raises(BrokerError, match="already running"):
        EmbeddedBroker(shared.folder, "an-binh", find_nats_server(""), Counters()).start()
    assert shared.pid == pid


ORPHAN = """
import os, sys
from pathlib import Path
from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.counters import Counters
broker = EmbeddedBroker(Path(sys.argv[1]), "an-binh", find_nats_server(""), Counters())
broker.start()
print(broker.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_broker_of_a_station_that_was_killed_is_ended_by_the_next(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "broker")], capture_output=True, text=True, check=False
    )
    orphan = int(killed.stdout)
    assert killed.returncode == -signal.SIGKILL
    broker = make(tmp_path)
    try:
        broker.start()
        assert broker.pid != orphan
        with contextlib.suppress(FileNotFoundError):  # gone, or waiting for whoever reaps orphans here
            assert Path(f"/proc/{orphan}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    finally:
        broker.stop()


def test_a_port_that_someone_else_has_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        port = thief.getsockname()[1]
        (tmp_path / "broker").mkdir()
        (tmp_path / "broker" / "ports.json").write_text(json.dumps({"mqtt": port, "nats": 1}))
        broker = make(tmp_path)
        with pytest.raises(BrokerError, match=str(port)):
            broker.start()
        broker.stop()


def test_a_broker_that_can_not_run_says_why(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", "an-binh", "/bin/false", Counters())
    with pytest.raises(BrokerError, match=r"nats\.log"):
        broker.start()
    broker.stop()
    with pytest.raises(BrokerError, match="nowhere"):
        find_nats_server("/nowhere/nats-server")


def test_what_the_broker_finds_wrong_in_its_configuration_is_told(tmp_path: Path) -> None:
    broker = make(tmp_path)
    broker.set_users({})
    (tmp_path / "broker" / "users.conf").write_text("users = nobody\n")
    with pytest.raises(BrokerError, match=r"[Ee]xpected users"):
        broker.start()
    broker.stop()


def test_no_broker_is_left_when_stop_comes_while_it_is_being_started_again(tmp_path: Path) -> None:
    broker = make(tmp_path)
    broker.start()
    pid = broker.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: broker.pid is None)
    time.sleep(0.5)  # the watch waits this long before it starts the broker again
    broker.stop()
    assert broker.pid is None
    assert not broker._watch.is_alive()
