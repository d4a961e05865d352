"""MQTT without a real broker: its packets, and what real ones never do."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.errors import CloseReason, PacketError, TransportError
from device_sim.mqtt import Connect, Message, Will
from device_sim.mqtt_packets import (
    MAX_PACKET_BYTES,
    PacketReader,
    connect_packet,
    parse_publish,
    publish_packet,
    subscribe_packet,
)
from tests.brokers import HOST
from tests.device_sim.test_mqtt import Listener

CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"

# The packets.


@st.composite
def publishes(draw: st.DrawFn) -> bytes:
    topic = draw(st.text(st.characters(exclude_characters="#+\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
    payload = draw(st.one_of(st.binary(max_size=40), st.integers(100, 300).map(bytes), st.just(bytes(20_000))))
    return publish_packet(Message(topic, payload, draw(st.sampled_from([0, 1])), draw(st.booleans())), 7)


packets = st.one_of(publishes(), st.sampled_from([PINGRESP, b"\x40\x02\x00\x01", b"\x90\x03\x00\x01\x80"]))


@given(st.lists(packets, max_size=8), st.data())
def test_any_split_of_a_stream_gives_the_same_packets(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader = PacketReader()
    whole = [found for found in PacketReader().feed(stream)]  # noqa: C416  reads as the claim
    pieces = [
        found for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) for found in reader.feed(stream[a:b])
    ]
    assert pieces == whole
    assert len(whole) == len(sent)


@given(publishes())
def test_a_publish_read_back_is_the_publish_written(packet: bytes) -> None:
    [(first, body)] = PacketReader().feed(packet)
    message, packet_id = parse_publish(first, body)
    assert publish_packet(message, packet_id) == packet


def test_a_stream_of_single_bytes_gives_the_packets() -> None:
    reader = PacketReader()
    stream = publish_packet(Message("a", bytes(300), 1, retain=True), 9) + PINGRESP
    found = [packet for byte in stream for packet in reader.feed(bytes([byte]))]
    assert [first for first, _ in found] == [0x33, 0xD0]


def test_golden_bytes_of_the_specification() -> None:
    will = Will("w", b"x", qos=1, retain=True)
    assert connect_packet(Connect("c", "u", "p", keepalive_s=10, will=will)) == (
        b"\x10\x19\x00\x04MQTT\x04\xee\x00\x0a\x00\x01c\x00\x01w\x00\x01x\x00\x01u\x00\x01p"
    )
    assert subscribe_packet(10, [("a/b", 1), ("c/d", 0)]) == b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x00"  # [3.8]
    assert publish_packet(Message("a/b", b"", 1, retain=False), 10) == b"\x32\x07\x00\x03a/b\x00\x0a"  # [3.3]
    assert publish_packet(Message("a", bytes(321), 0, retain=False))[:3] == b"\x30\xc4\x02"  # 324 bytes


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"\x00\x00", CloseReason.UNEXPECTED_PACKET),
        (b"\xf0\x00", CloseReason.UNEXPECTED_PACKET),
        (b"\x10\x00", CloseReason.UNEXPECTED_PACKET),
        (b"\xb0\x02\x00\x01", CloseReason.UNEXPECTED_PACKET),
        (b"\x34\x05\x00\x01a\x00\x01", CloseReason.UNEXPECTED_PACKET),
        (CONNACK, CloseReason.UNEXPECTED_PACKET),
        (b"\x36\x05\x00\x01a\x00\x01", CloseReason.MALFORMED_PACKET),
        (b"\x38\x03\x00\x01a", CloseReason.MALFORMED_PACKET),
        (b"\x30\x00", CloseReason.MALFORMED_PACKET),
        (b"\x30\x01\x00", CloseReason.MALFORMED_PACKET),
        (b"\x30\x02\x00\x00", CloseReason.MALFORMED_PACKET),
        (b"\x30\x03\x00\x09a", CloseReason.MALFORMED_PACKET),
        (b"\x30\x03\x00\x01\xff", CloseReason.MALFORMED_PACKET),
        (b"\x30\x03\x00\x01#", CloseReason.MALFORMED_PACKET),
        (b"\x32\x03\x00\x01a", CloseReason.MALFORMED_PACKET),
        (b"\x32\x05\x00\x01a\x00\x00", CloseReason.MALFORMED_PACKET),
        (b"\x41\x02\x00\x01", CloseReason.MALFORMED_PACKET),
        (b"\x40\x01\x00", CloseReason.MALFORMED_PACKET),
        (b"\x90\x02\x00\x01", CloseReason.MALFORMED_PACKET),
        (b"\x90\x03\x00\x01\x03", CloseReason.MALFORMED_PACKET),
        (b"\xd0\x01\x00", CloseReason.MALFORMED_PACKET),
        (b"\x30\x80\x80\x80\x80\x00", CloseReason.MALFORMED_PACKET),
        (b"\x30\x81\x80\x10", CloseReason.OVERSIZED_PACKET),
        (b"\x30\xff\xff\xff\x7f", CloseReason.OVERSIZED_PACKET),
    ],
)
def test_bytes_that_must_not_come_close_the_connection_by_name(stream: bytes, reason: CloseReason) -> None:
    async def scenario() -> None:
        async with broker_of(CONNACK + publish_packet(Message("good", b"", 0, retain=False)) + stream) as port:
            listener = Listener()
            await listener.client.connect(HOST, port, Connect("c"))
            assert await listener.reason() == reason
            assert (await listener.message()).topic == "good"
            assert not listener.client.connected

    asyncio.run(scenario())


def test_a_packet_at_the_limit_passes() -> None:
    packet = publish_packet(Message("a", bytes(MAX_PACKET_BYTES - 3), 0, retain=False))
    assert len(list(PacketReader().feed(packet))) == 1
    with pytest.raises(PacketError):
        list(PacketReader().feed(publish_packet(Message("a", bytes(MAX_PACKET_BYTES - 2), 0, retain=False))))


@pytest.mark.parametrize(
    "call",
    [
        lambda: publish_packet(Message("a/#", b"", 0, retain=False)),
        lambda: publish_packet(Message("", b"", 0, retain=False)),
        lambda: publish_packet(Message("a\0", b"", 0, retain=False)),
        lambda: publish_packet(Message("a", b"", 2, retain=False)),
        lambda: publish_packet(Message("a" * 65_536, b"", 0, retain=False)),
        lambda: subscribe_packet(1, []),
        lambda: connect_packet(Connect("c", password="p")),
    ],
)
def test_what_mqtt_cannot_carry_is_never_sent(call: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError):
        call()


# A broker of a few lines, for what real ones never do.


class broker_of:  # noqa: N801  reads as a function
    """Answers the first bytes of each connection with `answer`, then only listens; keeps what came in."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.heard = bytearray()
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> int:
        self.server = await asyncio.start_server(self.serve, HOST, 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self.server.wait_closed()
        await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(65_536):
                if not self.heard and self.answer:
                    writer.write(self.answer)
                self.heard += data
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


def test_a_silent_broker_is_pinged_and_then_dropped() -> None:
    async def scenario() -> None:
        broker = broker_of(CONNACK)
        async with broker as port:
            listener = Listener()
            await listener.client.connect(HOST, port, Connect("c", keepalive_s=1))
            assert await listener.reason() == CloseReason.NO_PINGRESP
            assert broker.heard.endswith(b"\xc0\x00")

    asyncio.run(scenario())


def test_a_port_without_broker_is_unreachable_and_a_mute_one_times_out() -> None:
    async def scenario() -> None:
        listener = Listener()
        async with broker_of(b"") as port:
            with pytest.raises(TransportError) as mute:
                await listener.client.connect(HOST, port, Connect("c"), timeout_s=0.05)
        with pytest.raises(TransportError) as gone:
            await listener.client.connect(HOST, port, Connect("c"))
        assert (mute.value.reason, gone.value.reason) == (CloseReason.TIMEOUT, CloseReason.UNREACHABLE)
        assert listener.reasons.empty()

    asyncio.run(scenario())


def test_an_answer_that_is_not_mqtt_is_named() -> None:
    async def scenario() -> None:
        async with broker_of(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
            with pytest.raises(TransportError) as told:
                await Listener().client.connect(HOST, port, Connect("c"))
        assert told.value.reason in {CloseReason.MALFORMED_PACKET, CloseReason.UNEXPECTED_PACKET}

    asyncio.run(scenario())


def test_what_waits_for_an_answer_fails_when_the_connection_ends() -> None:
    async def scenario() -> None:
        async with broker_of(CONNACK) as port:
            listener = Listener()
            client = listener.client
            await client.connect(HOST, port, Connect("c"))
            subscribing = asyncio.ensure_future(client.subscribe([("a", 0)]))
            await asyncio.sleep(0)
            puback = client.publish("a", b"", 1)
            assert client.outstanding == 1
            client.abort()
            for waiting in (subscribing, puback):
                with pytest.raises(TransportError, match="aborted"):
                    await waiting
            assert client.outstanding == 0
            assert await listener.reason() == CloseReason.ABORTED

    asyncio.run(scenario())


def test_while_not_connected_nothing_is_sent_and_nothing_blocks() -> None:
    async def scenario() -> None:
        client = Listener().client
        assert client.publish("a", b"") is None
        with pytest.raises(TransportError, match="not connected"):
            await client.publish("a", b"", 1)
        with pytest.raises(TransportError, match="not connected"):
            await client.subscribe([("a", 0)])
        with pytest.raises(ValueError, match="topic"):
            client.publish("a/#", b"", 1)
        await client.disconnect()
        client.abort()
        assert client.dropped == 1

    asyncio.run(scenario())


def test_tcp_nodelay_is_set() -> None:
    async def scenario() -> None:
        async with broker_of(CONNACK) as port:
            client = Listener().client
            await client.connect(HOST, port, Connect("c"))
            assert client._connection is not None
            assert client._connection._transport is not None
            raw = client._connection._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            await client.disconnect()

    asyncio.run(scenario())
