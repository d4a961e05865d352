"""Cutting an Ogg file into segments at page boundaries, or into its packets (RFC 3533 section 6)."""

from collections.abc import Iterator
from typing import Final

from broadcaster.errors import LoaError

MAX_SEGMENT_BYTES: Final = 16 * 1024
_PAGE_HEADER_BYTES: Final = 27
_SEGMENT_COUNT_AT: Final = 26
_LACE: Final = 255
"""A part of a packet that does not end it."""


class NotOggError(LoaError):
    """The bytes are not a whole sequence of Ogg pages, or a page is larger than a segment may be."""


def pages(clip: bytes) -> Iterator[bytes]:
    """The Ogg pages of ``clip`` in order; joined they are ``clip``.

    Errors: NotOggError.
    """
    start = 0
    while start < len(clip):
        table_at = start + _PAGE_HEADER_BYTES
        if clip[start : start + 4] != b"OggS" or table_at > len(clip):
            raise NotOggError(f"no Ogg page at byte {start}")
        body_at = table_at + clip[start + _SEGMENT_COUNT_AT]
        end = body_at + sum(clip[table_at:body_at])
        if end > len(clip):
            raise NotOggError(f"the Ogg page at byte {start} is cut off")
        yield clip[start:end]
        start = end


def cut(clip: bytes) -> tuple[bytes, ...]:
    """The segments of ``clip``: whole pages, as many as fit into 16 KiB each.

    Errors: NotOggError.
    """
    segments: list[bytes] = []
    filling = b""
    for page in pages(clip):
        if len(page) > MAX_SEGMENT_BYTES:
            raise NotOggError(f"an Ogg page of {len(page)} bytes is larger than a segment")
        if filling and len(filling) + len(page) > MAX_SEGMENT_BYTES:
            segments.append(filling)
            filling = b""
        filling += page
    if not filling:
        raise NotOggError("the clip is empty")
    return (*segments, filling)


def packets(clip: bytes) -> tuple[bytes, ...]:
    """What the pages of ``clip`` carry, in order; of Opus the first two are headers.

    Errors: NotOggError.
    """
    found: list[bytes] = []
    filling = b""
    for page in pages(clip):
        at = _PAGE_HEADER_BYTES + page[_SEGMENT_COUNT_AT]
        for length in page[_PAGE_HEADER_BYTES:at]:
            filling += page[at : at + length]
            at += length
            if length < _LACE:
                found.append(filling)
                filling = b""
    return tuple(found)
