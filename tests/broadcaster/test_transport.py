import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.transport import Message, MqttTransport
from broadcaster.wire.broker_address import BrokerAddress, BrokerAddressError
from tests.brokers import Broker, mosquitto_broker, nats_broker


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


@pytest.fixture(scope="module", params=[nats_broker, mosquitto_broker], ids=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with request.param(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(params=[nats_broker, mosquitto_broker], ids=["nats", "mosquitto"])
def mortal_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with request.param(tmp_path) as running:
        yield running


@contextmanager
def line(broker: Broker, name: str, counters: Counters | None = None, **kwargs: Any) -> Iterator[MqttTransport]:
    address = BrokerAddress.parse(f"mqtt://station:x@127.0.0.1:{broker.port}")
    transport = MqttTransport(address, name, SystemClock(), counters or Counters(), **kwargs)
    transport.start()
    try:
        yield transport
    finally:
        transport.stop()
        assert not transport._thread.is_alive()


class Inbox:
    """Keeps what came in."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def take(self, batch: list[Message]) -> None:
        self.messages += batch

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


def test_messages_come_in_as_they_were_sent_and_in_order(broker: Broker) -> None:
    inbox = Inbox()
    with line(broker, "in-order", subscriptions=["loa/1/st/order/#"], on_batch=inbox.take) as transport:
        assert transport.wait_connected(10)
        before = SystemClock().now_ms()
        for number in range(300):
            transport.publish("loa/1/st/order/a", str(number).encode())
        wait_until(lambda: len(inbox.messages) == 300)
    assert inbox.payloads() == [str(number).encode() for number in range(300)]
    assert before <= inbox.messages[0].at <= SystemClock().now_ms()
    assert inbox.messages[0].topic == "loa/1/st/order/a"


def test_done_is_called_once_on_the_inbox_thread_after_the_broker_has_confirmed(broker: Broker) -> None:
    calls: list[str] = []
    with line(broker, "done-x") as transport:
        assert transport.wait_connected(10)
        for _ in range(200):
            transport.publish("loa/1/st/done", b"x", done=lambda: calls.append(threading.current_thread().name))
        wait_until(lambda: len(calls) >= 200)
        time.sleep(0.1)
    assert calls == ["mqtt-done"] * 200
    assert transport._waiting == {}


def test_a_failing_done_or_batch_keeps_the_thread_alive_and_is_counted(broker: Broker) -> None:
    counters, inbox = Counters(), Inbox()

    def fail(batch: list[Message]) -> None:
        inbox.take(batch)
        if any(message.payload == b"poison" for message in batch):
            raise RuntimeError

    def fail_done() -> None:
        raise RuntimeError

    with line(broker, "fails", counters, subscriptions=["loa/1/st/fail"], on_batch=fail) as transport:
        assert transport.wait_connected(10)
        transport.publish("loa/1/st/fail", b"poison", done=fail_done)
        wait_until(lambda: counters.errors.get("transport") == 2)
        transport.publish("loa/1/st/fail", b"fine")
        wait_until(lambda: b"fine" in inbox.payloads())


def test_an_oversized_message_is_counted_and_not_handed_on(broker: Broker) -> None:
    counters, inbox = Counters(), Inbox()
    with line(broker, "large", counters, subscriptions=["loa/1/st/large"], on_batch=inbox.take) as transport:
        assert transport.wait_connected(10)
        transport.publish("loa/1/st/large", b"x" * 120_001)
        transport.publish("loa/1/st/large", b"x" * 120_000)
        wait_until(lambda: inbox.messages)
    assert counters.rejected == {"oversized": 1}
    assert [len(payload) for payload in inbox.payloads()] == [120_000]


def test_qos_0_without_a_connection_is_refused(tmp_path: Path) -> None:
    address = BrokerAddress.parse("mqtt://x@127.0.0.1:1")
    transport = MqttTransport(address, "nowhere", SystemClock(), Counters())
    assert not transport.publish("loa/1/st/a", b"", qos=0)
    assert not transport.connected
    transport.stop()


@pytest.mark.whole
def test_what_is_published_while_the_broker_is_down_arrives_when_it_is_back_and_is_confirmed(
    mortal_broker: Broker,
) -> None:
    inbox, connections, done = Inbox(), [], []
    with line(
        mortal_broker,
        "patient",
        subscriptions=["loa/1/st/patient"],
        on_batch=inbox.take,
        on_connected=lambda: connections.append(1),
    ) as transport:
        assert transport.wait_connected(10)
        mortal_broker.kill()
        wait_until(lambda: not transport.connected)
        for number in range(20):
            assert transport.publish("loa/1/st/patient", str(number).encode(), done=lambda: done.append(1))
        mortal_broker.start()
        wait_until(lambda: len(done) == 20)
        wait_until(lambda: set(inbox.payloads()) == {str(number).encode() for number in range(20)})
        wait_until(lambda: len(connections) == 2)


def test_a_connection_without_subscriptions_stands_too(broker: Broker) -> None:
    with line(broker, "bulk") as transport:
        assert transport.wait_connected(10)
        assert transport.publish("loa/1/st/a", b"", qos=0)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://station:geheim@127.0.0.1:1999", "127.0.0.1", 1999, False),
        ("mqtt://broker.example", "broker.example", 1883, False),
        ("mqtts://broker.example", "broker.example", 8883, True),
    ],
)
def test_an_address_says_where_the_broker_is(url: str, host: str, port: int, tls: bool) -> None:
    read = BrokerAddress.parse(url)
    assert (read.host, read.port, read.tls) == (host, port, tls)


def test_a_password_may_hold_any_letter() -> None:
    read = BrokerAddress.parse("mqtt://st%40tion:a%2Fb%3Ac@h")
    assert (read.username, read.password) == ("st@tion", "a/b:c")


@pytest.mark.parametrize("url", ["", "http://h", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtt://[::"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BrokerAddressError):
        BrokerAddress.parse(url)
