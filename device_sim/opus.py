"""Clips to samples; the only module that knows `soundfile`."""

import io
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


def _ogg_crc(page: bytes | bytearray) -> int:
    """The checksum of an Ogg page: polynomial 0x04c11db7, not reflected, start 0 (RFC 3533, section 6)."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if crc & 0x80000000 else crc << 1
    return crc
