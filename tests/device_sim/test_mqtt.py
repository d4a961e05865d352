import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broadcaster.clock import SystemClock
from device_sim.errors import CloseReason, ConnectRefusedError, TransportError
from device_sim.mqtt import Connect, Message, MqttClient, Will
from tests.brokers import HOST, Broker, mosquitto_broker
from tests.device_sim.conftest import PASSWORD

DEADLINE_S = 20.0


class Listener:
    """A client that keeps what it was called with."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.reasons: asyncio.Queue[CloseReason] = asyncio.Queue()
        self.client = MqttClient(self.messages.put_nowait, self.reasons.put_nowait)

    async def connect(self, broker: Broker, name: str, will: Will | None = None) -> MqttClient:
        await self.client.connect(broker.host, broker.port, Connect(name, "s1", PASSWORD, will=will))
        return self.client

    async def message(self) -> Message:
        async with asyncio.timeout(DEADLINE_S):
            return await self.messages.get()

    async def reason(self) -> CloseReason:
        async with asyncio.timeout(DEADLINE_S):
            return await self.reasons.get()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    name: str = request.node.originalname
    return f"loa/1/st/zone/{name.removeprefix('test_').replace('_', '-')}"


# Both real brokers.


def with_listeners(scenario: Callable[[Listener, Listener], Awaitable[None]]) -> None:
    async def run() -> None:
        a, b = Listener(), Listener()
        try:
            await scenario(a, b)
        finally:
            await a.client.disconnect()
            await b.client.disconnect()

    asyncio.run(run())


def test_a_bad_password_is_refused_and_a_good_one_is_not(broker: Broker) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        with pytest.raises(ConnectRefusedError) as refused:
            await a.client.connect(broker.host, broker.port, Connect("pw", "s1", "wrong"))
        assert refused.value.code in {4, 5}
        assert not a.client.connected
        assert (await a.connect(broker, "pw")).connected
        with pytest.raises(RuntimeError):
            await a.connect(broker, "pw")
        assert a.reasons.empty()

    with_listeners(scenario)


@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_arrives_at_its_qos(broker: Broker, topic: str, qos: int) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        topic_now = f"{topic}-{qos}"
        assert await (await a.connect(broker, f"in{qos}")).subscribe([(f"{topic_now}/#", qos)]) == [qos]
        sender = await b.connect(broker, f"out{qos}")
        for n in range(50):
            puback = sender.publish(f"{topic_now}/{n}", bytes(n * 100), qos)
            if puback is not None:
                await puback
        got = [await a.message() for _ in range(50)]
        assert got == [Message(f"{topic_now}/{n}", bytes(n * 100), qos, retain=False) for n in range(50)]
        assert sender.outstanding == 0

    with_listeners(scenario)


def test_acknowledged_messages_are_not_sent_again(mosquitto: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        stays = Connect("kept-session", "s1", PASSWORD, clean_session=False)
        await a.client.connect(mosquitto.host, mosquitto.port, stays)
        await a.client.subscribe([(topic, 1)])
        await (await b.connect(mosquitto, "sends")).publish(topic, b"once", 1)
        assert (await a.message()).payload == b"once"
        await a.client.disconnect()
        await a.client.connect(mosquitto.host, mosquitto.port, stays)
        await b.client.publish(topic, b"after", 1)
        assert (await a.message()).payload == b"after"
        await a.client.disconnect()
        await a.connect(mosquitto, "kept-session")  # a clean session, so that the broker forgets this one

    with_listeners(scenario)


def test_a_retained_message_awaits_the_subscriber(broker: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        await (await b.connect(broker, "retains")).publish(topic, b"plan", 1, retain=True)
        await a.connect(broker, "late")
        await a.client.subscribe([(topic, 0)])
        while a.messages.empty():  # nats-server may answer PUBACK a moment before it finds what it retained
            await asyncio.sleep(0.5)
            await a.client.subscribe([(topic, 0)])
        assert await a.message() == Message(topic, b"plan", 0, retain=True)
        await b.client.publish(topic, b"", 1, retain=True)

    with_listeners(scenario)


def test_abort_publishes_the_will(broker: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        await (await a.connect(broker, "watch")).subscribe([(topic, 1)])
        await b.connect(broker, "dies", Will(topic, b"lost", qos=1, retain=False))
        b.client.abort()
        assert (await a.message()).payload == b"lost"
        assert await b.reason() == CloseReason.ABORTED
        assert b.reasons.empty()

    with_listeners(scenario)


def test_disconnect_publishes_no_will(broker: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        await (await a.connect(broker, "watch")).subscribe([(topic, 1)])
        await b.connect(broker, "leaves", Will(topic, b"lost", qos=1, retain=False))
        b.client.publish(topic, b"goodbye")
        await b.client.disconnect()
        assert await b.reason() == CloseReason.DISCONNECTED
        await b.connect(broker, "leaves")  # its old connection is over for the broker too
        await b.client.publish(topic, b"back", 1)
        assert [(await a.message()).payload for _ in range(2)] == [b"goodbye", b"back"]
        assert a.messages.empty()

    with_listeners(scenario)


def test_a_refused_subscription_is_0x80(nats: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        client = await a.connect(nats, "refused")
        assert await client.subscribe([("loa/1/other/zone/#", 0), (f"{topic}/#", 0)]) == [0x80, 0]

    with_listeners(scenario)


def test_an_error_in_on_message_is_counted_and_the_connection_lives(
    broker: Broker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        client = await a.connect(broker, "fails")
        keep = client.on_message

        def fail(message: Message) -> None:
            client.on_message = keep
            raise KeyError(message.topic)

        client.on_message = fail
        await client.subscribe([(topic, 0)])
        await client.publish(topic, b"1", 1)
        await client.publish(topic, b"2", 1)
        assert (await a.message()).payload == b"2"
        assert client.callback_errors == 1

    with caplog.at_level(logging.CRITICAL):
        with_listeners(scenario)


def test_a_killed_broker_is_noticed_and_a_restarted_one_taken_again(own_broker: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        await a.connect(own_broker, "stays")
        own_broker.kill()
        assert await a.reason() in {CloseReason.CLOSED_BY_BROKER, CloseReason.CONNECTION_LOST}
        assert not a.client.connected
        own_broker.restart()
        await a.connect(own_broker, "stays")
        await a.client.publish(topic, b"back", 1)
        assert a.reasons.empty()

    with_listeners(scenario)


def test_the_keepalive_holds_an_idle_connection(mosquitto: Broker) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        await a.client.connect(mosquitto.host, mosquitto.port, Connect("idle", "s1", PASSWORD, keepalive_s=1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):  # Mosquitto drops a silent client after 1.5 keepalives
                await a.reasons.get()
        assert a.client.connected

    with_listeners(scenario)


def test_tls_is_spoken_with_a_broker_of_the_pinned_authority_only(tmp_path: Path, topic: str) -> None:
    certificate = own_certificate(tmp_path)
    files = f"certfile {certificate}\nkeyfile {certificate}\nrequire_certificate false"
    pinned, public = ssl.create_default_context(cafile=str(certificate)), ssl.create_default_context()

    async def scenario(a: Listener, b: Listener) -> None:
        with pytest.raises(TransportError) as refused:
            await b.client.connect(broker.host, broker.port, Connect("public"), ssl=public)
        assert refused.value.reason == CloseReason.UNREACHABLE
        await a.client.connect(broker.host, broker.port, Connect("pinned"), ssl=pinned)
        assert await a.client.subscribe([(topic, 0)]) == [0]
        await a.client.publish(topic, bytes(200_000), 1)
        assert (await a.message()).payload == bytes(200_000)
        a.client.abort()
        assert await a.reason() == CloseReason.ABORTED
        await a.client.connect(broker.host, broker.port, Connect("pinned"), ssl=pinned)

    with mosquitto_broker(tmp_path, files) as broker:
        with_listeners(scenario)


def own_certificate(folder: Path) -> Path:
    """A key and a certificate for the loopback address that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    begin = SystemClock().now() - timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=2))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "broker.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))
    return file


def test_300_clients_in_one_process_receive_one_publish(broker: Broker, topic: str) -> None:
    async def scenario(a: Listener, b: Listener) -> None:
        fleet = [Listener() for _ in range(300)]
        try:
            for n, one in enumerate(fleet):
                await one.connect(broker, f"fleet-{n}")
            for granted in await asyncio.gather(*(one.client.subscribe([(topic, 0)]) for one in fleet)):
                assert granted == [0]
            (await a.connect(broker, "station")).publish(topic, bytes(900))
            for got in await asyncio.gather(*(one.message() for one in fleet)):
                assert got == Message(topic, bytes(900), 0, retain=False)
        finally:
            await asyncio.gather(*(one.client.disconnect() for one in fleet))

    with_listeners(scenario)
