"""One TCP connection of the MQTT client, from CONNECT to its end; decides nothing about the next one."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary

from device_sim.errors import CloseReason, ConnectRefusedError, PacketError, TransportError
from device_sim.mqtt_packets import (
    MAX_PACKET_ID,
    PINGREQ,
    Message,
    PacketReader,
    PacketType,
    parse_connack,
    parse_pingresp,
    parse_puback,
    parse_publish,
    parse_suback,
    puback_packet,
)

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_BUFFER_BYTES: Final = 64 * 1024
_KEEPALIVE_TICKS: Final = 2

_buffers: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview]] = WeakKeyDictionary()


@dataclass(slots=True)
class Traffic:
    """Bytes of MQTT in both directions; what TCP and TLS add is not counted."""

    bytes_in: int = 0
    bytes_out: int = 0


class Connection(asyncio.BufferedProtocol):
    """What one connection has outstanding, and the end of it."""

    __slots__ = (
        "_buffer",
        "_keepalive_s",
        "_last_packet_id",
        "_on_lost",
        "_on_message",
        "_ping_ticks",
        "_reader",
        "_reason",
        "_received",
        "_sent",
        "_tick",
        "_traffic",
        "_transport",
        "accepted",
        "connack",
        "loop",
        "lost",
        "pubacks",
        "subacks",
    )

    def __init__(
        self,
        keepalive_s: int,
        traffic: Traffic,
        on_message: Callable[[Message], None],
        on_lost: Callable[["Connection", CloseReason], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.accepted = False
        self.connack: asyncio.Future[None] = self.loop.create_future()
        self.pubacks: dict[int, asyncio.Future[None]] = {}
        self.subacks: dict[int, asyncio.Future[list[int]]] = {}
        self.lost = asyncio.Event()
        self._on_message = on_message
        self._on_lost = on_lost
        self._keepalive_s = keepalive_s
        self._traffic = traffic
        self._reader = PacketReader()
        self._buffer = _buffer_of(self.loop)
        self._transport: asyncio.Transport | None = None
        self._reason: CloseReason | None = None
        self._last_packet_id = 0
        self._sent = self._received = False  # since the last tick
        self._ping_ticks: int | None = None  # since a PINGREQ that has no answer yet
        self._tick: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether the broker has accepted it and nothing has ended it."""
        return self.accepted and self._reason is None

    @property
    def ending(self) -> bool:
        """Whether something has ended it; `lost` follows."""
        return self._reason is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio, which has set TCP_NODELAY."""
        self._transport = cast("asyncio.Transport", transport)
        if self.ending:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """Called by asyncio before it reads; over TLS it writes into slices, which of a bytearray would be copies."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio after it has read `nbytes` bytes."""
        self._received = True
        self._traffic.bytes_in += nbytes
        pubacks = bytearray()
        try:
            for first, body in self._reader.feed(bytes(self._buffer[:nbytes])):
                self._handle(first, body, pubacks)
                if self.ending:
                    return
        except PacketError as error:
            LOG.warning("connection closed: %s", error)
            self.end(error.reason)
        if pubacks:
            self.send(pubacks)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio, once, whoever closed."""
        self.end(CloseReason.CLOSED_BY_BROKER if exc is None else CloseReason.CONNECTION_LOST)
        self.lost.set()
        self._on_lost(self, cast("CloseReason", self._reason))

    def send(self, packet: bytes | bytearray) -> None:
        """Hand the packet to the transport, which never blocks; after the end it goes nowhere."""
        if self._transport is not None and not self.ending:
            self._sent = True
            self._traffic.bytes_out += len(packet)
            self._transport.write(packet)

    def next_packet_id(self) -> int | None:
        """A packet identifier that nothing outstanding uses [MQTT-2.3.1-2], or none when all are in use."""
        for _ in range(MAX_PACKET_ID):
            self._last_packet_id = self._last_packet_id % MAX_PACKET_ID + 1
            if self._last_packet_id not in self.pubacks and self._last_packet_id not in self.subacks:
                return self._last_packet_id
        return None

    def end(self, reason: CloseReason, *, flush: bool = False) -> None:
        """Close for `reason`, of which only the first counts, at once or after what is queued has left."""
        if self.ending:
            return
        self._reason = reason
        if self._tick is not None:
            self._tick.cancel()
        waiting: list[asyncio.Future[Any]] = [self.connack, *self.pubacks.values(), *self.subacks.values()]
        for future in waiting:
            fail(future, TransportError(reason))
        self.pubacks.clear()
        if self._transport is not None:
            (self._transport.close if flush else self._transport.abort)()

    def drop(self) -> None:
        """Give up the flush that `end` has begun."""
        if self._transport is not None:
            self._transport.abort()

    def _handle(self, first: int, body: bytes, pubacks: bytearray) -> None:
        kind = first >> 4
        if (kind == PacketType.CONNACK) is self.connack.done():
            raise PacketError(CloseReason.UNEXPECTED_PACKET, "CONNACK must come first and once")
        if kind == PacketType.PUBLISH:
            message, packet_id = parse_publish(first, body)
            self._on_message(message)
            if packet_id:
                pubacks += puback_packet(packet_id)
        elif kind == PacketType.PUBACK:
            _answer(self.pubacks.pop(parse_puback(body), None), None)
        elif kind == PacketType.SUBACK:
            subscribed, codes = parse_suback(body)
            _answer(self.subacks.get(subscribed), codes)
        elif kind == PacketType.PINGRESP:
            parse_pingresp(body)
            self._ping_ticks = None
        else:
            self._handle_connack(parse_connack(body))

    def _handle_connack(self, code: int) -> None:
        if code:
            fail(self.connack, ConnectRefusedError(code))
            return
        self.accepted = True
        self.connack.set_result(None)
        self._schedule_tick()

    def _schedule_tick(self) -> None:
        if self._keepalive_s and not self.ending:
            self._tick = self.loop.call_later(self._keepalive_s / _KEEPALIVE_TICKS, self._keep_alive)

    def _keep_alive(self) -> None:
        """Twice in a keepalive: PINGREQ when half of it was silent either way, so that a dead link is noticed too."""
        if self._ping_ticks is not None:
            self._ping_ticks += 1
            if self._ping_ticks == _KEEPALIVE_TICKS:
                self.end(CloseReason.NO_PINGRESP)
        elif not (self._sent and self._received):
            self._ping_ticks = 0
            self.send(PINGREQ)
        self._sent = self._received = False
        self._schedule_tick()


def fail(waiting: asyncio.Future[Any], error: Exception) -> None:
    """Fail a future that somebody may or may not await; one that nobody awaits is not worth a line in the log."""
    if not waiting.done():
        waiting.set_exception(error)
        waiting.exception()  # marks it as seen


def _answer(waiting: asyncio.Future[T] | None, answer: T) -> None:
    if waiting is not None and not waiting.done():  # done: the caller has cancelled it
        waiting.set_result(answer)


def _buffer_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    """The one receive buffer of a selector loop, which fills and empties it in one go; on any other loop a new one."""
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return memoryview(bytearray(_BUFFER_BYTES))
    if loop not in _buffers:
        _buffers[loop] = memoryview(bytearray(_BUFFER_BYTES))
    return _buffers[loop]
