"""Clips on their way to speakers: once per target zone, paced, nearest air time first; and the repair of gaps.

A pace is kept for every speaker: what goes to a zone occupies all who hear it, so a speaker's link never carries more
than the rate, whatever zones it listens to. A connection of its own keeps alerts and commands out of the queue.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from broadcaster.clips import ClipGoneError, ClipStore
from broadcaster.counters import Counters
from broadcaster.transport import Transport
from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Request
from broadcaster.wire.ogg import NotOggError
from broadcaster.wire.topics import Topics
from broadcaster.wire.units import DurationMs, UnixMs

log = logging.getLogger(__name__)

_IDLE_S: Final = 0.5
_OVERHEAD_BYTES: Final = 200
"""Topic and packet header of one segment, for the pace."""
_OVERHEAD: Final = 1.05
"""The same and the manifest, as a share of the clip."""
_MAX_REPAIRS: Final = 5_000
_REPAIRS_PER_SPEAKER: Final = 100
"""A speaker that has lost its store asks for some fifty clips together."""
_USELESS_S: Final = 1.0
"""What a repair that asks for nothing there is costs the speaker's pace: the clip had to be read for it."""


@dataclass
class Transfer:
    """One clip on its way to one zone, or to one speaker that asked for parts of it."""

    clip: str
    audience: frozenset[str]
    topic: Callable[[str], str]
    start_at: UnixMs
    left: int = 0
    """Bytes still to send."""
    wanted: tuple[tuple[int, int], ...] | None = None
    """Ranges of segments that were asked for; None for the whole clip."""
    manifest: bool = True
    sent: bool = False
    """Whether anything of it has left."""
    done: Callable[[], None] | None = None
    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    """Empty until the clip has been read."""
    manifest_bytes: bytes = field(default=b"", repr=False)
    numbers: deque[int] = field(default_factory=deque)
    """Segments still to send."""

    def open(self, clip: bytes) -> None:
        """Cut the clip, and note what of it shall go."""
        manifest, self.pieces = clips.describe(clip)
        self.manifest_bytes = strict_json.encode(manifest)
        ranges = ((0, len(self.pieces)),) if self.wanted is None else self.wanted
        self.numbers = deque(_segments_in(ranges, len(self.pieces)))
        self.left = sum(len(self.pieces[number]) for number in self.numbers)

    @property
    def told(self) -> bool:
        """Whether it was to bring the manifest and nothing else, and has."""
        return self.wanted == () and not self.manifest

    def begin_again(self) -> None:
        """The connection was lost, and with it nobody knows which of the segments: the whole clip goes anew."""
        if self.pieces and self.wanted is None:
            self.pieces, self.manifest = (), True


def _segments_in(ranges: Iterable[tuple[int, int]], count: int) -> Iterator[int]:
    """The numbers below ``count`` that ranges name, each once, with no more work than there are: a speaker chose them."""
    following = 0
    for first, last in sorted(ranges):
        yield from range(max(first, following), min(last + 1, count))
        following = max(following, last + 1)


class Distributor:
    """Sends clips on a thread of its own.

    Args:
        rate_bps: pace for each speaker in bits per second.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        transport: Transport,
        store: ClipStore,
        topics: Topics,
        rate_bps: int,
        counters: Counters,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport, self._store, self._topics, self._counters = transport, store, topics, counters
        self._monotonic = monotonic
        self._byte_s = 8 / rate_bps
        self._lock = threading.Lock()
        self._transfers: dict[tuple[str, str], Transfer] = {}
        self._free_at: dict[str, float] = {}
        self._more = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="distribution", daemon=True)
        self.sent_bytes = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End after the segment under way."""
        self._stopping.set()
        self._more.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def send(
        self, clip: str, size: int, zone: str, audience: Iterable[str], *, start_at: UnixMs, done: Callable[[], None]
    ) -> None:
        """Send a whole clip of ``size`` bytes to a zone; ``done`` is called on this thread when the last segment left.

        A transfer that is on its way already is not begun again.
        """

        def topic(what: str) -> str:
            return self._topics.manifest(zone, clip).removesuffix("m") + what

        with self._lock:
            new = Transfer(clip, frozenset(audience), topic, start_at, size, done=done)
            transfer = self._transfers.setdefault((clip, zone), new)
            transfer.start_at = min(transfer.start_at, start_at)
        self._more.set()

    def repair(self, speaker: str, request: Request) -> None:
        """Send one speaker what it lacks, unless that is on its way already, or it asks for too much at once.

        What it asks for as soon as it has the manifest takes the place of the manifest's transfer, which has done its work.
        """
        if not (request.missing or request.manifest):
            return

        def topic(what: str) -> str:
            return self._topics.down(speaker, f"clip/{request.clip}/{what}")

        key = (request.clip, f"speaker/{speaker}")
        # A repair is for something about to air: it goes ahead of what is merely planned.
        repair = Transfer(
            request.clip, frozenset({speaker}), topic, UnixMs(0), wanted=request.missing, manifest=request.manifest
        )
        with self._lock:
            under_way = any(
                transfer.clip == request.clip and speaker in transfer.audience and not transfer.told
                for transfer in self._transfers.values()
            )
            same_speaker = sum(to == key[1] for _, to in self._transfers)
            if under_way or same_speaker >= _REPAIRS_PER_SPEAKER or len(self._transfers) >= _MAX_REPAIRS:
                return
            self._transfers[key] = repair
        self._more.set()

    def estimate_ms(self, clip_bytes: int, audience: Iterable[str]) -> DurationMs:
        """How long until ``clip_bytes`` more would have reached an audience, behind what it is already being sent."""
        listeners = frozenset(audience)
        ahead: Counter[str] = Counter()
        with self._lock:
            for transfer in self._transfers.values():
                if both := transfer.audience & listeners:
                    ahead.update(dict.fromkeys(both, transfer.left))
        most = max(ahead.values(), default=0)
        return DurationMs(int((most + clip_bytes) * _OVERHEAD * self._byte_s * 1000))

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait_s = _IDLE_S
            with self._counters.edge("distribution"):
                wait_s = self._step()
            if wait_s > 0:
                self._more.wait(wait_s)
                self._more.clear()

    def _step(self) -> float:
        """Send one segment if one may go now; returns the seconds until the next may."""
        if not self._transport.connected:
            with self._lock:
                for transfer in self._transfers.values():
                    transfer.begin_again()
            return _IDLE_S
        now = self._monotonic()
        with self._lock:
            waiting = sorted(self._transfers.items(), key=lambda item: item[1].start_at)
        soonest = _IDLE_S
        taken: set[str] = set()  # a later broadcast does not push ahead of a nearer one to the same speaker
        for key, transfer in waiting:
            free_at = max((self._free_at.get(speaker, 0.0) for speaker in transfer.audience), default=0.0)
            if free_at <= now and not transfer.audience & taken:
                self._send_next(key, transfer, now)
                return 0.0
            taken |= transfer.audience
            soonest = min(soonest, max(free_at - now, 0.001))
        return soonest

    def _send_next(self, key: tuple[str, str], transfer: Transfer, now: float) -> None:
        if not transfer.pieces and not self._open(transfer):
            self._drop(key, transfer)
            return
        if transfer.manifest:
            transfer.manifest = False  # before it leaves: who has it asks for more at once
            transfer.manifest = not self._put(transfer, "m", transfer.manifest_bytes, now)
            return
        if transfer.numbers:
            number = transfer.numbers[0]
            if self._put(transfer, str(number), transfer.pieces[number], now):
                transfer.left -= len(transfer.pieces[transfer.numbers.popleft()])
        if not transfer.numbers:
            self._drop(key, transfer)
            if transfer.wanted is not None and not transfer.sent:
                self._occupy(transfer, now + _USELESS_S)
            if transfer.done:
                transfer.done()

    def _open(self, transfer: Transfer) -> bool:
        """Read the clip. One that is gone is made again by the preparation, not here."""
        try:
            transfer.open(self._store.opus(transfer.clip))
        except (ClipGoneError, NotOggError) as error:
            log.warning("clip can't be sent clip=%s reason=%s", transfer.clip[:12], error)
            return False
        return True

    def _put(self, transfer: Transfer, what: str, data: bytes, now: float) -> bool:
        if not self._transport.publish(transfer.topic(what), data, qos=0):
            return False
        self.sent_bytes += len(data)
        transfer.sent = True
        self._occupy(transfer, now + (len(data) + _OVERHEAD_BYTES) * self._byte_s)
        return True

    def _occupy(self, transfer: Transfer, until: float) -> None:
        for speaker in transfer.audience:
            self._free_at[speaker] = until

    def _drop(self, key: tuple[str, str], transfer: Transfer) -> None:
        with self._lock:
            if self._transfers.get(key) is transfer:
                del self._transfers[key]
