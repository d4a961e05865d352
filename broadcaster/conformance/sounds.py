"""The clips of the checks: short tones made once by ``data/make_tones.py`` and kept beside it."""

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Final

from broadcaster.wire import ogg, strict_json
from broadcaster.wire.clips import sha256
from broadcaster.wire.documents import Manifest


@dataclass(frozen=True)
class Sound:
    """A clip, cut at every Ogg page, so that even a short one has segments to lose.

    Attributes:
        length_ms: how long it sounds.
    """

    file: str
    length_ms: int

    @cached_property
    def data(self) -> bytes:
        """The clip."""
        return (resources.files("broadcaster.conformance") / "data" / self.file).read_bytes()

    @cached_property
    def clip(self) -> str:
        """Its address."""
        return sha256(self.data)

    @cached_property
    def segments(self) -> tuple[bytes, ...]:
        """Its segments, a page each."""
        return tuple(ogg.pages(self.data))

    @cached_property
    def manifest(self) -> bytes:
        """The bytes of its manifest."""
        hashes = tuple(sha256(segment) for segment in self.segments)
        return strict_json.encode(Manifest(clip=self.clip, bytes=len(self.data), segments=hashes))


SHORT: Final = Sound("tone-1s.opus", 1_000)
MIDDLE: Final = Sound("tone-3s.opus", 3_000)
LONG: Final = Sound("tone-12s.opus", 12_000)
LOSSY: Final = Sound("lossy-4s.opus", 4_000)
BARE: Final = Sound("bare-2s.opus", 2_000)
POISONED: Final = Sound("poisoned-4s.opus", 4_000)
UNANSWERED: Final = Sound("unanswered-2s.opus", 2_000)
"""Each clip that a check loses or spoils is used by that check alone."""
READY: Final = (SHORT, MIDDLE, LONG)
"""These are cached before the checks begin."""
