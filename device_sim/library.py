"""Clips on the speaker: what the plans need, what is there, and what to ask for. Pure; the bytes lie in the store."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from broadcaster.wire import clips
from broadcaster.wire.documents import Manifest, PlanItem, Request
from broadcaster.wire.rejection import Reason, RejectedError
from device_sim.actions import Action, AssembleClip, ForgetClip, KeepManifest, KeepSegment

_JITTER_MS: Final = 3_000
_AGAIN_MS: Final = 10_000


@dataclass
class Arriving:
    """A clip that is not whole yet."""

    item: PlanItem
    ask_at: int
    manifest: Manifest | None = None
    have: set[int] = field(default_factory=set)
    assembling: bool = False
    unchecked: dict[int, bytes] = field(default_factory=dict)
    """Segments that overtook their manifest."""


@dataclass
class Library:
    """The clips of one speaker.

    Attributes:
        name: the speaker's, for a jitter of its own.
        cached: whole clips, checked.
        arriving: clips that a plan needs and that are not whole.
        keep: how many clips that no plan needs are kept for a repeat.
    """

    name: str
    cached: dict[str, int] = field(default_factory=dict)
    arriving: dict[str, Arriving] = field(default_factory=dict)
    keep: int = 200

    def want(self, items: Iterable[PlanItem]) -> list[Action]:
        """Adjust to what the plans need now."""
        needed = {item.clip: item for item in items}
        for clip, item in needed.items():
            if clip not in self.cached and clip not in self.arriving:
                self.arriving[clip] = Arriving(item, item.sent_by + self._jitter(clip))
        actions: list[Action] = [ForgetClip(clip) for clip in self.arriving if clip not in needed]
        self.arriving = {clip: state for clip, state in self.arriving.items() if clip in needed}
        spare = [clip for clip in self.cached if clip not in needed]
        for clip in spare[: max(0, len(spare) - self.keep)]:
            del self.cached[clip]
            actions.append(ForgetClip(clip))
        return actions

    def _jitter(self, clip: str) -> int:
        """Spread speakers that miss the same segment, the same way every time."""
        return int.from_bytes(sha256(f"{self.name} {clip}".encode()).digest()[:4]) % _JITTER_MS

    def _expect(self, clip: str) -> Arriving | None:
        if clip in self.cached:
            return None
        if clip not in self.arriving:
            raise RejectedError(Reason.UNKNOWN_CLIP, clip)
        return self.arriving[clip]

    def take_manifest(self, clip: str, data: bytes) -> list[Action]:
        """A manifest came in. Errors: RejectedError (unknown-clip, wrong-hash, malformed)."""
        arriving = self._expect(clip)
        if arriving is None or arriving.manifest is not None:
            return []
        arriving.manifest = clips.read_manifest(data, clip, arriving.item.manifest)
        arriving.ask_at = arriving.item.sent_by + self._jitter(clip)
        actions: list[Action] = [KeepManifest(clip, data)]
        for number, segment in arriving.unchecked.items():
            with suppress(RejectedError):
                actions += self._take_checked(clip, arriving, number, segment)
        arriving.unchecked.clear()
        return actions

    def take_segment(self, clip: str, number: int, data: bytes) -> list[Action]:
        """A segment came in. Errors: RejectedError (unknown-clip, wrong-hash)."""
        arriving = self._expect(clip)
        if arriving is None or number in arriving.have:
            return []
        if arriving.manifest is None:
            held = sum(len(segment) for other, segment in arriving.unchecked.items() if other != number)
            if held + len(data) <= arriving.item.bytes:
                arriving.unchecked[number] = data
            return []
        return self._take_checked(clip, arriving, number, data)

    def _take_checked(self, clip: str, arriving: Arriving, number: int, data: bytes) -> list[Action]:
        if arriving.manifest is None:
            return []
        clips.check_segment(arriving.manifest, number, data)
        arriving.have.add(number)
        return [KeepSegment(clip, number, data), *self._assemble_if_whole(clip, arriving)]

    @staticmethod
    def _assemble_if_whole(clip: str, arriving: Arriving) -> list[Action]:
        manifest = arriving.manifest
        if manifest is None or arriving.assembling or len(arriving.have) < len(manifest.segments):
            return []
        arriving.assembling = True
        return [AssembleClip(clip, len(manifest.segments))]

    def recall(self, clip: str, manifest: bytes, have: Iterable[int]) -> list[Action]:
        """Go on with a clip whose parts were kept over a reboot. Errors: RejectedError."""
        arriving = self.arriving.get(clip)
        if arriving is None:
            return []
        arriving.manifest = clips.read_manifest(manifest, clip, arriving.item.manifest)
        arriving.have = set(have)
        return self._assemble_if_whole(clip, arriving)

    def stored(self, clip: str, size: int) -> None:
        """The clip is whole and checked."""
        self.arriving.pop(clip, None)
        self.cached[clip] = size

    def refused(self, clip: str) -> None:
        """What was joined is not the clip: begin again."""
        if clip in self.arriving:
            self.arriving[clip].have.clear()
            self.arriving[clip].assembling = False

    def requests(self, now: int) -> list[Request]:
        """What to ask the station for at station time ``now``."""
        asked: list[Request] = []
        for clip, arriving in self.arriving.items():
            if now < arriving.ask_at or arriving.assembling:
                continue
            arriving.ask_at = now + _AGAIN_MS + self._jitter(clip)
            if arriving.manifest is None:
                asked.append(Request(clip=clip, manifest=True))
            else:
                lacking = set(range(len(arriving.manifest.segments))) - arriving.have
                asked.append(Request(clip=clip, missing=clips.ranges(lacking)[:200]))
        return asked

    def next_request(self) -> int | None:
        """When there will be something to ask for."""
        return min((arriving.ask_at for arriving in self.arriving.values() if not arriving.assembling), default=None)
