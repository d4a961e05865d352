"""Clips on the speaker: what the plans need, what is there, and what to ask for. Pure; the bytes lie in the store."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from broadcaster.wire import clips, ogg
from broadcaster.wire.documents import Manifest, PlanItem, Request
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.units import MINUTE
from device_sim.actions import Action, AssembleClip, ForgetClip, KeepManifest, KeepSegment

_JITTER_MS: Final = 3_000
_AGAIN_MS: Final = 10_000
_MOST_DOUBLINGS: Final = 5
"""Without an answer the pause between requests doubles up to 320 s."""
_LONGEST_MS: Final = (_AGAIN_MS << _MOST_DOUBLINGS) + _JITTER_MS
_STORE_AGAIN_MS: Final = MINUTE
_NO_ROOM_AGAIN_MS: Final = 5 * MINUTE
_TRICKLE_MS: Final = 2_000
"""While segments still come in, nothing is asked for."""


@dataclass(frozen=True)
class Wanted:
    """A clip that something is planned with: ``at`` is when it is first needed, ``sent_by`` when it was all sent."""

    clip: str
    manifest: str
    bytes: int
    at: int
    sent_by: int

    @classmethod
    def by(cls, item: PlanItem) -> "Wanted":
        """What an item of a plan needs."""
        return cls(item.clip, item.manifest, item.bytes, item.start_at, item.sent_by)


@dataclass
class Arriving:
    """A clip that is not whole yet."""

    item: Wanted
    ask_at: int
    manifest: Manifest | None = None
    have: set[int] = field(default_factory=set)
    assembling: bool = False
    asked: int = 0
    """Requests since anything came in."""
    unchecked: dict[int, bytes] = field(default_factory=dict)
    """Segments that overtook their manifest."""


@dataclass
class Library:
    """The clips of one speaker.

    Attributes:
        name: the speaker's, for a jitter of its own.
        cached: whole clips, checked.
        arriving: clips that a plan needs and that are not whole.
        room_bytes: for all clips; those that nothing needs are kept for a repeat while there is room, newest first.
        full: clips there was no room for.
    """

    name: str
    cached: dict[str, int] = field(default_factory=dict)
    arriving: dict[str, Arriving] = field(default_factory=dict)
    room_bytes: int = 1 << 30
    full: set[str] = field(default_factory=set)
    _needed: frozenset[str] = frozenset()
    _roomless: set[str] = field(default_factory=set)
    """Of the ``full`` ones those that are not even asked for; the disk refused the others."""

    def want(self, items: Iterable[Wanted]) -> list[Action]:
        """Adjust to what the plans need now; what is first needed comes first when there is not room for all."""
        needed: dict[str, Wanted] = {}
        for item in sorted(items, key=lambda item: item.at):
            known = needed.setdefault(item.clip, item)
            if item.sent_by < known.sent_by:
                needed[item.clip] = item
        self.full.intersection_update(needed)
        self._roomless.intersection_update(needed)
        self._needed = frozenset(needed)
        room = self.room_bytes
        for clip, item in needed.items():
            room -= self.cached.get(clip, item.bytes)
            if clip not in self.cached and room < 0:
                self.full.add(clip)
                self._roomless.add(clip)
            elif clip not in self.cached:
                if clip in self._roomless:
                    self._roomless.discard(clip)
                    self.full.discard(clip)
                self._expect_for(clip, item)
        unwanted = [clip for clip in self.arriving if clip not in needed or clip in self._roomless]
        for clip in unwanted:
            del self.arriving[clip]
        return [ForgetClip(clip) for clip in unwanted] + self._evict(needed, max(room, 0))

    def _evict(self, needed: Collection[str], room: int) -> list[Action]:
        """Forget the oldest of the clips that nothing needs, until the others have room."""
        spare = [clip for clip in self.cached if clip not in needed]
        taken = sum(self.cached[clip] for clip in spare)
        actions: list[Action] = []
        for clip in spare:
            if taken <= room:
                break
            taken -= self.cached.pop(clip)
            actions.append(ForgetClip(clip))
        return actions

    def make_room(self) -> list[Action]:
        """The disk is full: everything that nothing needs goes."""
        return self._evict(self._needed, 0)

    def _expect_for(self, clip: str, item: Wanted) -> None:
        arriving = self.arriving.get(clip)
        if arriving is None or arriving.item.manifest != item.manifest:
            self.arriving[clip] = Arriving(item, self._first_request(item))
        elif arriving.item.sent_by != item.sent_by:
            arriving.ask_at = self._first_request(item)
            arriving.item = item

    def _first_request(self, item: Wanted) -> int:
        """After everything was sent, spread, and with half of the time that is left for the answer."""
        left_ms = max(item.at - item.sent_by, 0)
        return item.sent_by + min(self._jitter(item.clip), left_ms // 2)

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
        arriving.ask_at, arriving.asked = self._first_request(arriving.item), 0
        actions: list[Action] = [KeepManifest(clip, data)]
        for number, segment in arriving.unchecked.items():
            with suppress(RejectedError):
                actions += self._take_checked(clip, arriving, number, segment)
        arriving.unchecked.clear()
        return actions

    def take_segment(self, clip: str, number: int, data: bytes, now: int) -> list[Action]:
        """A segment came in at station time ``now``. Errors: RejectedError (unknown-clip, wrong-hash)."""
        arriving = self._expect(clip)
        if arriving is None or number in arriving.have:
            return []
        if arriving.manifest is None:
            self._hold(arriving, number, data)
            return []
        actions = self._take_checked(clip, arriving, number, data)
        arriving.ask_at, arriving.asked = max(arriving.ask_at, now + _TRICKLE_MS + self._jitter(clip)), 0
        return actions

    @staticmethod
    def _hold(arriving: Arriving, number: int, data: bytes) -> None:
        """Keep a segment that overtook its manifest, within what the whole clip can be."""
        most = 2 * arriving.item.bytes // ogg.MAX_SEGMENT_BYTES + 1  # any two neighbours are more than one can hold
        held = sum(len(segment) for other, segment in arriving.unchecked.items() if other != number)
        if number < most and held + len(data) <= arriving.item.bytes:
            arriving.unchecked[number] = data

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
        """Go on with a clip whose parts were kept over a reboot, if it is still wanted and the manifest still right."""
        arriving = self.arriving.get(clip)
        if arriving is None:
            return [ForgetClip(clip)]
        try:
            arriving.manifest = clips.read_manifest(manifest, clip, arriving.item.manifest)
        except RejectedError:
            return [ForgetClip(clip)]
        arriving.have = set(have)
        return self._assemble_if_whole(clip, arriving)

    def stored(self, clip: str, size: int) -> None:
        """The clip is whole and checked."""
        self.arriving.pop(clip, None)
        self.full.discard(clip)
        self.cached[clip] = size

    def refused(self, clip: str, now: int, *, lost: bool) -> None:
        """What was joined is not the clip or can't be stored: try again later, from the beginning if parts are lost."""
        if arriving := self.arriving.get(clip):
            arriving.assembling = False
            arriving.ask_at = now + _STORE_AGAIN_MS
            if lost:
                arriving.have.clear()
            else:
                self.full.add(clip)

    def unkept(self, clip: str, number: int, now: int) -> None:
        """The disk did not take a segment: what can't be kept is not asked for every few seconds."""
        if arriving := self.arriving.get(clip):
            arriving.have.discard(number)
            arriving.assembling = False
            arriving.ask_at = now + _NO_ROOM_AGAIN_MS + self._jitter(clip)
            self.full.add(clip)

    def spoiled(self, clip: str) -> list[Action]:
        """A whole clip has turned out to be none."""
        return [ForgetClip(clip)] if self.cached.pop(clip, None) is not None else []

    def requests(self, now: int) -> list[Request | AssembleClip]:
        """What to ask the station for at station time ``now``, and what to try to store once more."""
        due: list[Request | AssembleClip] = []
        for clip, arriving in self.arriving.items():
            latest = max(now, arriving.item.sent_by) + _LONGEST_MS  # later was set by a clock that was wrong
            if now < arriving.ask_at <= latest or arriving.assembling:
                continue
            pause = _AGAIN_MS << min(arriving.asked, _MOST_DOUBLINGS)
            arriving.ask_at, arriving.asked = now + pause + self._jitter(clip), arriving.asked + 1
            if arriving.manifest is None:
                due.append(Request(clip=clip, manifest=True))
            elif lacking := set(range(len(arriving.manifest.segments))) - arriving.have:
                due.append(Request(clip=clip, missing=clips.ranges(lacking)[:200]))
            else:
                arriving.assembling = True
                due.append(AssembleClip(clip, len(arriving.manifest.segments)))
        return due

    def next_request(self) -> int | None:
        """When there will be something to ask for."""
        return min((arriving.ask_at for arriving in self.arriving.values() if not arriving.assembling), default=None)
