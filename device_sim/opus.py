"""Opus to samples, whole clips and live packets; the only module that knows `soundfile`."""

import functools
import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from device_sim.errors import ClipError

Samples = NDArray[np.int16]

RATES_HZ: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""The rates an Opus stream of any origin can be decoded at (RFC 6716, section 2)."""

_HEAD: Final = 28  # of the identification header, behind a page header with one lacing value (RFC 3533, section 6)
_CHANNELS: Final = slice(_HEAD + 9, _HEAD + 10)  # RFC 7845, section 5.1
_INPUT_RATE: Final = slice(_HEAD + 12, _HEAD + 16)
_PAGE_END: Final = _HEAD + 19
_CRC: Final = slice(22, 26)

_CLOCK_PER_MS: Final = 48  # what granule positions count (RFC 7845, section 4)
_PRE_ROLL_MS: Final = 200
"""Sound before a piece that is decoded again with it; a decoder needs 80 ms to be where it would have been."""
_FRAME_MS: Final = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)  # SILK, hybrid, CELT (RFC 6716, table 2)
_SILK, _HYBRID, _MOST_MS = 12, 16, 120
_FIRST_PAGE, _LAST_PAGE = 2, 4
_LACE: Final = 255


def decode_clip(ogg_opus: bytes, rate: int = 24_000) -> Samples:
    """Decode a mono clip at `rate` Hz, whatever rate it was made from; whole pages of its beginning will do.

    Raises:
        ClipError: it is not mono Ogg Opus, or it is damaged.
        ValueError: Opus has no such rate.
    """
    if rate not in RATES_HZ:
        raise ValueError(f"{rate} Hz is none of {RATES_HZ}")
    if ogg_opus[:4] != b"OggS" or ogg_opus[_HEAD : _HEAD + 8] != b"OpusHead" or len(ogg_opus) < _PAGE_END:
        raise ClipError("not Ogg Opus")
    if ogg_opus[_CHANNELS] != b"\x01":
        raise ClipError("not mono")
    try:
        samples, decoded_rate = soundfile.read(io.BytesIO(_at_rate(ogg_opus, rate)), dtype="int16")
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise ClipError("damaged Ogg Opus") from error
    if decoded_rate != rate or samples.ndim != 1:
        raise ClipError("not decoded as asked")
    return np.asarray(samples, dtype=np.int16)


def _at_rate(ogg_opus: bytes, rate: int) -> bytes:
    """The stream with `rate` as the rate it came from, which is the one that libsndfile decodes at."""
    page = bytearray(ogg_opus[:_PAGE_END])
    page[_INPUT_RATE] = rate.to_bytes(4, "little")
    page[_CRC] = bytes(4)
    page[_CRC] = _ogg_crc(page).to_bytes(4, "little")
    return bytes(page) + ogg_opus[_PAGE_END:]


def _crc_of_byte(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if crc & 0x80000000 else crc << 1
    return crc


_CRC_TABLE: Final = tuple(_crc_of_byte(byte) for byte in range(256))


def _ogg_crc(page: bytes | bytearray) -> int:
    """The checksum of an Ogg page: polynomial 0x04c11db7, not reflected, start 0 (RFC 3533, section 6)."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[crc >> 24 ^ byte]
    return crc


class PacketDecoder:
    """Raw Opus packets of one encoder to samples, piece by piece, as if they were decoded in one go.

    libsndfile decodes files, not packets. So each piece is a file of its own: what came just before it, the piece, and,
    where something is lost, packets without a frame, which make the decoder conceal it (RFC 6716, section 3.2.1).
    """

    def __init__(self, rate: int = 24_000) -> None:
        self._rate = rate
        self._before: tuple[bytes, ...] = ()

    def decode(self, packets: Sequence[bytes]) -> Samples:
        """The samples of packets that go on from those before. Errors: ClipError, and nothing has happened."""
        known = (*self._before, *packets)
        samples = _decode_last(known, len(packets), self._rate)
        self._before = _last(known)
        return samples

    def copy(self) -> "PacketDecoder":
        """Another one that has heard the same."""
        copied = PacketDecoder(self._rate)
        copied._before = self._before
        return copied

    def conceal(self, length_ms: float) -> Samples:
        """What the decoder makes of a gap: the last sound, dying away. Nothing before the first packet."""
        if not self._before:
            return np.zeros(0, np.int16)
        lost = bytes([self._before[-1][0] & 0b1111_1100])  # one frame, as long as the last ones, that did not come
        return self.decode([lost] * max(1, round(length_ms / packet_ms(lost))))


@functools.lru_cache(maxsize=16)
def _decode_last(packets: tuple[bytes, ...], count: int, rate: int) -> Samples:
    """The samples of the last packets; the many speakers of one process that hear the same decode it once."""
    samples = decode_clip(_ogg(packets), rate)
    wanted = round(_length_ms(packets[-count:]) * rate / 1000)
    found = samples[len(samples) - wanted :]
    found.flags.writeable = False
    return found


def _last(packets: Sequence[bytes]) -> tuple[bytes, ...]:
    """What the next piece has to begin with."""
    count = 1
    while count < len(packets) and _length_ms(packets[-count:]) < _PRE_ROLL_MS:
        count += 1
    return tuple(packets[-count:])


def _length_ms(packets: Sequence[bytes]) -> float:
    return sum(packet_ms(packet) for packet in packets)


def packet_ms(packet: bytes) -> float:
    """How long a packet sounds (RFC 6716, section 3.1). Errors: ClipError."""
    if not packet:
        raise ClipError("an empty packet")
    config, code = packet[0] >> 3, packet[0] & 3
    if code == 3 and len(packet) < 2:  # noqa: PLR2004  the byte that counts frames
        raise ClipError("not an Opus packet")
    frames = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]  # noqa: PLR2004
    length: float
    if config < _SILK:
        length = _FRAME_MS[0][config & 3]
    else:
        length = _FRAME_MS[1][config & 1] if config < _HYBRID else _FRAME_MS[2][config & 3]
    if not 0 < frames * length <= _MOST_MS:
        raise ClipError("not an Opus packet")
    return frames * length


def _ogg(packets: Sequence[bytes]) -> bytes:
    """An Ogg Opus file of packets, all of whose sound counts."""
    head = b"OpusHead\x01\x01" + bytes(2) + (48_000).to_bytes(4, "little") + bytes(3)
    file, number = _page(0, 0, [head]) + _page(1, 0, [b"OpusTags" + bytes(8)]), 2
    page: list[bytes] = []
    at_ms: float = 0
    for packet in packets:
        if sum(len(one) // _LACE + 1 for one in [*page, packet]) > _LACE:
            file += _page(number, round(at_ms * _CLOCK_PER_MS), page)
            number, page = number + 1, []
        page.append(packet)
        at_ms += packet_ms(packet)
    return file + _page(number, round(at_ms * _CLOCK_PER_MS), page, last=True)


def _page(number: int, granules: int, packets: Sequence[bytes], *, last: bool = False) -> bytes:
    """One Ogg page of whole packets (RFC 3533, section 6)."""
    lacing = b"".join(bytes([_LACE]) * (len(packet) // _LACE) + bytes([len(packet) % _LACE]) for packet in packets)
    kind = _FIRST_PAGE if number == 0 else _LAST_PAGE if last else 0
    page = bytearray(
        b"OggS"
        + bytes([0, kind])
        + granules.to_bytes(8, "little")
        + (1).to_bytes(4, "little")
        + number.to_bytes(4, "little")
        + bytes(4)
        + bytes([len(lacing)])
        + lacing
        + b"".join(packets)
    )
    page[_CRC] = _ogg_crc(page).to_bytes(4, "little")
    return bytes(page)
