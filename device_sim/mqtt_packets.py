"""MQTT 3.1.1 packets to bytes and back; knows no connection, no clock and no loop.

Section numbers in brackets are those of the OASIS standard MQTT Version 3.1.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from device_sim.errors import CloseReason, PacketError

MAX_PACKET_BYTES: Final = 256 * 1024
"""Largest remaining length accepted: sixteen times a segment (DESIGN 6)."""

MAX_PACKET_ID: Final = 65_535
REFUSED: Final = 0x80
"""SUBACK's return code for a refused topic filter [3.9.3]."""

PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"

_QOS_2: Final = 2
_MAX_STRING_BYTES: Final = 65_535  # [1.5.3]
_MAX_REMAINING_LENGTH: Final = 268_435_455  # [2.2.3]
_MAX_LENGTH_SHIFT: Final = 21  # a remaining length has at most four bytes of seven bits [2.2.3]
_FLAG_RETAIN: Final = 0x01
_FLAG_DUP: Final = 0x08


class PacketType(IntEnum):
    """The control packet types a client with QoS 0 and 1 receives [2.2.1]."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9
    PINGRESP = 13


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when the connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A PUBLISH as it came in; `qos` is 0 or 1."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """What CONNECT says [3.1]; `keepalive_s` in seconds, 0 switches the keepalive off."""

    client_id: str
    username: str | None = None
    password: str | None = None
    keepalive_s: int = 45
    will: Will | None = None
    clean_session: bool = True


def connect_packet(connect: Connect) -> bytes:
    """The CONNECT packet [3.1].

    Raises:
        ValueError: a password without user name [MQTT-3.1.2-22], or a field that MQTT cannot carry.
    """
    if connect.password is not None and connect.username is None:
        raise ValueError("MQTT 3.1.1 has no password without user name")
    flags = 0x02 if connect.clean_session else 0
    payload = _string(connect.client_id)
    if connect.will is not None:
        will = connect.will
        flags |= 0x04 | _checked_qos(will.qos) << 3 | (0x20 if will.retain else 0)
        payload += _topic_name(will.topic) + _binary(will.payload)
    if connect.username is not None:
        flags |= 0x80
        payload += _string(connect.username)
    if connect.password is not None:
        flags |= 0x40
        payload += _binary(connect.password.encode())
    header = _string("MQTT") + bytes((4, flags)) + connect.keepalive_s.to_bytes(2)
    return _packet(0x10, header + payload)


def publish_packet(message: Message, packet_id: int = 0) -> bytes:
    """The PUBLISH packet [3.3]; `packet_id` is 1-65535 at QoS 1 and unused at QoS 0.

    Raises:
        ValueError: a topic with wildcards, a QoS above 1, or a payload that MQTT cannot carry.
    """
    first = 0x30 | _checked_qos(message.qos) << 1 | (_FLAG_RETAIN if message.retain else 0)
    head = _topic_name(message.topic)
    if message.qos:
        head += packet_id.to_bytes(2)
    return _packet(first, head + message.payload)


def puback_packet(packet_id: int) -> bytes:
    """The PUBACK packet [3.4]."""
    return b"\x40\x02" + packet_id.to_bytes(2)


def subscribe_packet(packet_id: int, filters: Sequence[tuple[str, int]]) -> bytes:
    """The SUBSCRIBE packet [3.8] for `(topic filter, QoS 0 or 1)` pairs.

    Raises:
        ValueError: no topic filter at all, or one that MQTT cannot carry.
    """
    if not filters:
        raise ValueError("SUBSCRIBE needs a topic filter")
    wanted = b"".join(_string(topic_filter) + bytes((_checked_qos(qos),)) for topic_filter, qos in filters)
    return _packet(0x82, packet_id.to_bytes(2) + wanted)


class PacketReader:
    """Cuts a stream of bytes, in whatever pieces it comes, into packets."""

    __slots__ = ("_limit", "_need", "_rest")

    def __init__(self, limit_bytes: int = MAX_PACKET_BYTES) -> None:
        self._limit = limit_bytes
        self._need = 0  # bytes `_rest` must have before another look is worth it: long packets stay linear
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield `(first byte, all behind the remaining length)` of each packet that is now whole.

        Raises:
            PacketError: after the good packets before it, at one that is oversized or must not come.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data = bytes(self._rest)
            self._rest.clear()
        position = 0
        while position < len(data):
            start, end = self._bounds(data, position)
            if end > len(data):
                self._need = end - position
                self._rest += data[position:]
                return
            yield data[position], data[start:end]
            position = end

    def _bounds(self, data: bytes, position: int) -> tuple[int, int]:
        """Where the packet at `position` begins behind its fixed header and where it ends, both known or beyond."""
        _check_first_byte(data[position])
        length = shift = 0
        for at in range(position + 1, min(position + 5, len(data))):
            length |= (data[at] & 0x7F) << shift
            if length > self._limit:
                raise PacketError(CloseReason.OVERSIZED_PACKET, f"over {self._limit} bytes")
            if data[at] < 0x80:  # noqa: PLR2004  the continuation bit [2.2.3]
                return at + 1, at + 1 + length
            if shift == _MAX_LENGTH_SHIFT:
                raise PacketError(CloseReason.MALFORMED_PACKET, "remaining length of five bytes")
            shift += 7
        return len(data), len(data) + 1


def parse_connack(body: bytes) -> int:
    """The return code of a CONNACK [3.2]: 0 is accepted."""
    if len(body) != 2:  # noqa: PLR2004  flags and code
        raise _malformed("CONNACK")
    return body[1]


def parse_publish(first: int, body: bytes) -> tuple[Message, int]:
    """The message of a PUBLISH [3.3] and its packet identifier, 0 at QoS 0."""
    topic_end = 2 + int.from_bytes(body[:2])
    qos = first >> 1 & 0x03
    start = topic_end + 2 if qos else topic_end
    if len(body) < start or start < 2:  # noqa: PLR2004  the topic's length itself
        raise _malformed("PUBLISH")
    packet_id = int.from_bytes(body[topic_end:start])
    try:
        topic = body[2:topic_end].decode()
    except UnicodeDecodeError as error:
        raise _malformed("PUBLISH with a topic that is not UTF-8") from error
    if not topic or "\0" in topic or "#" in topic or "+" in topic:
        raise _malformed("PUBLISH with a forbidden topic")
    if qos and not packet_id:
        raise _malformed("PUBLISH with packet identifier 0")
    return Message(topic, body[start:], qos, bool(first & _FLAG_RETAIN)), packet_id


def parse_puback(body: bytes) -> int:
    """The packet identifier a PUBACK [3.4] answers."""
    if len(body) != 2:  # noqa: PLR2004  the packet identifier
        raise _malformed("PUBACK")
    return int.from_bytes(body)


def parse_suback(body: bytes) -> tuple[int, list[int]]:
    """The packet identifier a SUBACK [3.9] answers and one return code per topic filter."""
    codes = list(body[2:])
    if not codes or any(code not in {0, 1, 2, REFUSED} for code in codes):
        raise _malformed("SUBACK")
    return int.from_bytes(body[:2]), codes


def parse_pingresp(body: bytes) -> None:
    """Check a PINGRESP [3.13], which says nothing."""
    if body:
        raise _malformed("PINGRESP")


def _check_first_byte(first: int) -> None:
    """Let pass only the types that a broker may send to a client without QoS 2, with the flags they must have [2.2.2]."""
    flags = first & 0x0F
    if first >> 4 == PacketType.PUBLISH:
        qos = flags >> 1 & 0x03
        if qos == _QOS_2:
            raise PacketError(CloseReason.UNEXPECTED_PACKET, "PUBLISH at QoS 2, which is never asked for")
        if qos > _QOS_2 or (not qos and flags & _FLAG_DUP):
            raise _malformed("PUBLISH flags")
    elif first >> 4 not in _RECEIVED:
        raise PacketError(CloseReason.UNEXPECTED_PACKET, f"type {first >> 4}")
    elif flags:
        raise _malformed("reserved flags")


_RECEIVED: Final = frozenset(PacketType)


def _malformed(what: str) -> PacketError:
    return PacketError(CloseReason.MALFORMED_PACKET, what)


def _packet(first: int, body: bytes) -> bytes:
    if len(body) > _MAX_REMAINING_LENGTH:
        raise ValueError("longer than an MQTT packet can be")
    encoded = bytearray((first,))
    length = len(body)
    while True:
        length, low = length >> 7, length & 0x7F
        encoded.append(low | (0x80 if length else 0))
        if not length:
            return bytes(encoded) + body


def _checked_qos(qos: int) -> int:
    if qos not in {0, 1}:
        raise ValueError(f"QoS {qos}: this client speaks 0 and 1")
    return qos


def _binary(data: bytes) -> bytes:
    if len(data) > _MAX_STRING_BYTES:
        raise ValueError("longer than an MQTT field can be")
    return len(data).to_bytes(2) + data


def _string(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("an MQTT string has no NUL")
    return _binary(text.encode())


def _topic_name(topic: str) -> bytes:
    if not topic or "#" in topic or "+" in topic:
        raise ValueError(f"{topic!r} is not a topic to publish to")
    return _string(topic)
