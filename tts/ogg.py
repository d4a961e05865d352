"""Ogg Opus as packets: takes files apart and writes one file of our own, always with the same bytes (RFC 3533, RFC 7845)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from broadcaster.errors import LoaError

GRANULES_PER_S: Final = 48_000
"""Ogg Opus counts time in samples of 48 kHz, whatever rate went in."""
PACKET_GRANULES: Final = 960
"""20 ms."""
PACKETS_PER_PAGE: Final = 50
"""One second: a listener waits for no more, and a page stays far below the 16 KiB of a segment."""

_PAGE = struct.Struct("<4sBBqIIIB")
_CAPTURE = b"OggS"
_FIRST, _LAST = 2, 4
_CRC_OFFSET = 22
_MAX_LACING = 255
_HEAD_PRE_SKIP = struct.Struct("<10xH")
_SERIAL = int.from_bytes(b"LOA1")
_VENDOR = b"loa-phuong"
_TAGS = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
_HEADERS = 2


class OggError(LoaError):
    """These bytes are not an Ogg Opus file as our encoder makes them."""


@dataclass(frozen=True)
class Stream:
    """The content of an Ogg Opus file.

    Attributes:
        head: the identification header.
        packets: of 20 ms each.
    """

    head: bytes
    packets: Sequence[bytes]

    @property
    def pre_skip(self) -> int:
        """Granules a player drops at the beginning: the encoder's delay."""
        (granules,) = _HEAD_PRE_SKIP.unpack_from(self.head)
        return int(granules)


def page_sizes(data: bytes) -> Iterator[int]:
    """The length in bytes of each page in turn.

    Raises:
        OggError: a page does not start where the last one ended.
    """
    offset = 0
    while offset < len(data):
        size = len(_page_header(data, offset)) + sum(_lacing(data, offset))
        yield size
        offset += size


def read(data: bytes) -> Stream:
    """Take an Ogg Opus file apart.

    Raises:
        OggError: it is not one.
    """
    packets: list[bytes] = []
    packet = b""
    offset = 0
    for size in page_sizes(data):
        position = offset + len(_page_header(data, offset))
        for lace in _lacing(data, offset):
            packet += data[position : position + lace]
            position += lace
            if lace < _MAX_LACING:
                packets.append(packet)
                packet = b""
        offset += size
    if len(packets) <= _HEADERS or not packets[0].startswith(b"OpusHead"):
        raise OggError("no Opus in it")
    return Stream(packets[0], packets[_HEADERS:])


def write(stream: Stream, granules: int) -> bytes:
    """The file of a stream that lasts `granules` after the encoder's delay: headers, then pages of one second."""
    end = stream.pre_skip + granules
    pages = [_page(0, _FIRST, 0, [stream.head]), _page(1, 0, 0, [_TAGS])]
    for start in range(0, len(stream.packets), PACKETS_PER_PAGE):
        packets = stream.packets[start : start + PACKETS_PER_PAGE]
        is_last = start + len(packets) == len(stream.packets)
        position = end if is_last else (start + len(packets)) * PACKET_GRANULES
        pages.append(_page(len(pages), _LAST if is_last else 0, position, packets))
    return b"".join(pages)


def _page(number: int, flags: int, position: int, packets: Sequence[bytes]) -> bytes:
    laces = b"".join(b"\xff" * (len(packet) // _MAX_LACING) + bytes([len(packet) % _MAX_LACING]) for packet in packets)
    header = _PAGE.pack(_CAPTURE, 0, flags, position, _SERIAL, number, 0, len(laces))
    page = bytearray(header + laces + b"".join(packets))
    struct.pack_into("<I", page, _CRC_OFFSET, _checksum(page))
    return bytes(page)


def _page_header(data: bytes, offset: int) -> bytes:
    if len(data) < offset + _PAGE.size or data[offset : offset + len(_CAPTURE)] != _CAPTURE:
        raise OggError(f"no page at byte {offset}")
    return data[offset : offset + _PAGE.size + data[offset + _PAGE.size - 1]]


def _lacing(data: bytes, offset: int) -> bytes:
    return _page_header(data, offset)[_PAGE.size :]


def _checksum(page: bytes | bytearray) -> int:
    """The CRC-32 of RFC 3533: polynomial 0x04c11db7, not reflected, no inversion."""
    remainder = 0
    for byte in page:
        remainder = (remainder << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[remainder >> 24 ^ byte]
    return remainder


def _crc_entry(index: int) -> int:
    remainder = index << 24
    for _ in range(8):
        remainder = remainder << 1 ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    return remainder


_CRC_TABLE: Final = tuple(map(_crc_entry, range(256)))
