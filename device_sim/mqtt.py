"""An MQTT 3.1.1 client for asyncio, light enough for a fleet of ten thousand in one process.

paho needs a thread and a `select()` (file descriptors below 1024) for each client. Here a client is a
`BufferedProtocol` on the caller's loop, and all connections of a loop share one receive buffer: reading 900 bytes
costs 9 µs where `Protocol.data_received`, which allocates 256 KiB for each read, costs 27 µs. It speaks QoS 0 and 1,
keeps no message over a reconnect and never reconnects by itself: both are the speaker's decisions.
"""

import asyncio
import logging
import ssl as tls
from collections.abc import Callable, Sequence
from typing import Final, Literal, overload

from device_sim.errors import CloseReason, TransportError
from device_sim.mqtt_connection import Connection, Traffic, fail
from device_sim.mqtt_packets import (
    DISCONNECT,
    Connect,
    Message,
    Will,
    connect_packet,
    publish_packet,
    subscribe_packet,
)

__all__ = ["CloseReason", "Connect", "Message", "MqttClient", "Traffic", "Will"]

LOG = logging.getLogger(__name__)

_DISCONNECT_TIMEOUT_S: Final = 5.0
"""Longest wait for a broker to take DISCONNECT before the connection is dropped all the same."""


class MqttClient:
    """One client of a broker, for one connection after another; use it on the loop that connected it.

    Attributes:
        on_message: called with each `Message`; what it raises is logged and counted in `callback_errors`.
        on_disconnect: called once for each connection that the broker had accepted, with the reason it ended.
        traffic: bytes in and out, over all connections.
        dropped: messages published at QoS 0 while not connected.
        callback_errors: exceptions raised by the two callbacks.
    """

    __slots__ = ("_connection", "callback_errors", "dropped", "on_disconnect", "on_message", "traffic")

    def __init__(self, on_message: Callable[[Message], None], on_disconnect: Callable[[CloseReason], None]) -> None:
        self.on_message = on_message
        self.on_disconnect = on_disconnect
        self.traffic = Traffic()
        self.dropped = 0
        self.callback_errors = 0
        self._connection: Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted this client and the connection is not known to have ended."""
        return self._connection is not None and self._connection.usable

    @property
    def outstanding(self) -> int:
        """How many messages published at QoS 1 wait for their PUBACK."""
        return len(self._connection.pubacks) if self._connection is not None else 0

    async def connect(
        self, host: str, port: int, connect: Connect, *, ssl: tls.SSLContext | None = None, timeout_s: float = 10.0
    ) -> None:
        """Connect and wait for CONNACK, at most `timeout_s` seconds in all.

        Raises:
            ConnectRefusedError: the broker said no; its `code` says why.
            TransportError: no broker there, no answer in time, or an answer that is not MQTT.
            ValueError: `connect` cannot be put into a packet.
            RuntimeError: this client is connected or connecting already.
        """
        packet = connect_packet(connect)
        if self._connection is not None and self._connection.ending:
            await self._connection.lost.wait()
        if self._connection is not None:
            raise RuntimeError("connected already")
        connection = self._connection = Connection(connect.keepalive_s, self.traffic, self._received, self._lost)
        try:
            async with asyncio.timeout(timeout_s):
                await connection.loop.create_connection(lambda: connection, host, port, ssl=ssl)
                connection.send(packet)
                await connection.connack
        except BaseException as error:
            if self._connection is connection:
                self._connection = None
            connection.end(CloseReason.ABORTED)
            if isinstance(error, TimeoutError):
                raise TransportError(CloseReason.TIMEOUT, f"{host}:{port} in {timeout_s} s") from error
            if isinstance(error, OSError):
                raise TransportError(CloseReason.UNREACHABLE, f"{host}:{port}: {error}") from error
            raise

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[int]:
        """Subscribe to `(topic filter, QoS 0 or 1)` pairs; one granted QoS each comes back, or 0x80 for refused.

        Raises:
            TransportError: not connected, or the connection ended before SUBACK.
            ValueError: no topic filter, or one that MQTT cannot carry.
        """
        connection = self._connection if self.connected else None
        packet_id = connection.next_packet_id() if connection is not None else None
        packet = subscribe_packet(packet_id or 1, filters)
        if connection is None or packet_id is None:
            raise TransportError(CloseReason.NOT_CONNECTED if connection is None else CloseReason.QUEUE_FULL)
        answer: asyncio.Future[list[int]] = connection.loop.create_future()
        connection.subacks[packet_id] = answer
        connection.send(packet)
        try:
            return await answer
        finally:
            del connection.subacks[packet_id]

    @overload
    def publish(self, topic: str, payload: bytes, qos: Literal[0] = 0, *, retain: bool = False) -> None: ...
    @overload
    def publish(self, topic: str, payload: bytes, qos: Literal[1], *, retain: bool = False) -> asyncio.Future[None]: ...
    @overload
    def publish(self, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> asyncio.Future[None] | None: ...
    def publish(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False) -> asyncio.Future[None] | None:
        """Send a message and return at once; at QoS 1 the future is done at PUBACK and may be left alone.

        While not connected a message at QoS 0 is dropped and counted, and the future of one at QoS 1 has failed
        with `TransportError`, as it does when the connection ends before PUBACK.

        Raises:
            ValueError: the topic, QoS or payload is none that MQTT carries.
        """
        message = Message(topic, payload, qos, retain)
        connection = self._connection if self.connected else None
        packet_id = connection.next_packet_id() if connection is not None and qos else None
        packet = publish_packet(message, packet_id or 1)
        if qos:
            puback: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if connection is None or packet_id is None:
                reason = CloseReason.NOT_CONNECTED if connection is None else CloseReason.QUEUE_FULL
                fail(puback, TransportError(reason))
            else:
                connection.pubacks[packet_id] = puback
                connection.send(packet)
            return puback
        if connection is None:
            self.dropped += 1
        else:
            connection.send(packet)
        return None

    async def disconnect(self) -> None:
        """Send what is queued, then DISCONNECT, so that no will is published; harmless when not connected."""
        connection = self._connection
        if connection is None or not connection.usable:
            self.abort()
            return
        connection.send(DISCONNECT)
        connection.end(CloseReason.DISCONNECTED, flush=True)
        try:
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await connection.lost.wait()
        except TimeoutError:
            connection.drop()
            await connection.lost.wait()

    def abort(self) -> None:
        """Drop the connection without DISCONNECT, as a power cut would: the will is published."""
        if self._connection is not None:
            self._connection.end(CloseReason.ABORTED)

    def _received(self, message: Message) -> None:
        try:
            self.on_message(message)
        except Exception:
            self.callback_errors += 1
            LOG.exception("on_message failed topic=%s", message.topic)

    def _lost(self, connection: Connection, reason: CloseReason) -> None:
        if self._connection is connection:
            self._connection = None
        if not connection.accepted:
            return  # `connect` raises instead
        try:
            self.on_disconnect(reason)
        except Exception:
            self.callback_errors += 1
            LOG.exception("on_disconnect failed reason=%s", reason)
