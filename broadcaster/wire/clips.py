"""A clip on the wire: its manifest, and putting it together again from segments in any order."""

import hashlib
from collections.abc import Iterable, Mapping

from broadcaster.wire import ogg, strict_json
from broadcaster.wire.documents import Manifest
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.units import Sha256


def sha256(data: bytes) -> Sha256:
    """The SHA-256 of ``data`` in lower-case hexadecimal."""
    return Sha256(hashlib.sha256(data).hexdigest())


def describe(clip: bytes) -> tuple[Manifest, tuple[bytes, ...]]:
    """The manifest of a clip and its segments.

    Errors: ogg.NotOggError.
    """
    segments = ogg.cut(clip)
    manifest = Manifest(clip=sha256(clip), bytes=len(clip), segments=tuple(sha256(segment) for segment in segments))
    return manifest, segments


def read_manifest(data: bytes, clip: str, expected: str) -> Manifest:
    """Read a manifest that must have the hash the plan names.

    Errors: RejectedError (wrong-hash, malformed).
    """
    if sha256(data) != expected:
        raise RejectedError(Reason.WRONG_HASH, f"manifest of {clip}")
    manifest = strict_json.decode(data, Manifest)
    if manifest.clip != clip:
        raise RejectedError(Reason.WRONG_HASH, f"manifest of {manifest.clip} sent as {clip}")
    return manifest


def check_segment(manifest: Manifest, number: int, data: bytes) -> None:
    """Check one segment against its manifest.

    Errors: RejectedError (wrong-hash).
    """
    if not 0 <= number < len(manifest.segments) or sha256(data) != manifest.segments[number]:
        raise RejectedError(Reason.WRONG_HASH, f"segment {number} of {manifest.clip}")


def join(manifest: Manifest, segments: Mapping[int, bytes]) -> bytes:
    """The clip, when every segment is there.

    Errors: RejectedError (wrong-hash).
    """
    clip = b"".join(segments[number] for number in range(len(manifest.segments)))
    if sha256(clip) != manifest.clip:
        raise RejectedError(Reason.WRONG_HASH, f"clip {manifest.clip}")
    return clip


def ranges(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Segment numbers as inclusive ranges: {0, 1, 2, 7} is ((0, 2), (7, 7))."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
