"""Clips on their way to speakers: once per target zone, paced, nearest air time first; and the repair of gaps.

A pace is kept for every speaker: what goes to a zone occupies all who hear it, so a speaker's link never carries more
than the rate, whatever zones it listens to. A connection of its own keeps alerts and commands out of the queue.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from broadcaster.clips import ClipGoneError, ClipStore
from broadcaster.counters import Counters
from broadcaster.transport import Transport
from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Request
from broadcaster.wire.topics import Topics
from broadcaster.wire.units import DurationMs, UnixMs

log = logging.getLogger(__name__)

_IDLE_S: Final = 0.5
_OVERHEAD_BYTES: Final = 200
"""Topic and packet header of one segment, for the pace."""
_MAX_REPAIRS: Final = 5_000


@dataclass
class Transfer:
    """One clip on its way to one zone, or to one speaker that asked for parts of it."""

    clip: str
    audience: frozenset[str]
    topic: Callable[[str], str]
    start_at: UnixMs
    numbers: list[int] | None = None
    """Segments still to send; None until the clip has been read."""
    manifest: bool = True
    done: Callable[[], None] | None = None
    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    manifest_bytes: bytes = field(default=b"", repr=False)


class Distributor:
    """Sends clips on a thread of its own.

    Args:
        rate_bps: pace for each speaker in bits per second.
    """

    def __init__(
        self, transport: Transport, store: ClipStore, topics: Topics, rate_bps: int, counters: Counters
    ) -> None:
        self._transport, self._store, self._topics, self._counters = transport, store, topics, counters
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

    def send(self, clip: str, zone: str, audience: Iterable[str], start_at: UnixMs, done: Callable[[], None]) -> None:
        """Send a whole clip to a zone; ``done`` is called on this thread when the last segment has left.

        A transfer that is on its way already is not begun again.
        """

        def topic(what: str) -> str:
            return self._topics.manifest(zone, clip).removesuffix("m") + what

        with self._lock:
            self._transfers.setdefault((clip, zone), Transfer(clip, frozenset(audience), topic, start_at, done=done))
        self._more.set()

    def repair(self, speaker: str, request: Request) -> None:
        """Send one speaker what it lacks, unless that is on its way already."""
        wanted = {number for first, last in request.missing for number in range(first, min(last, first + 9_999) + 1)}

        def topic(what: str) -> str:
            return self._topics.down(speaker, f"clip/{request.clip}/{what}")

        key = (request.clip, f"speaker/{speaker}")
        with self._lock:
            if key in self._transfers or len(self._transfers) >= _MAX_REPAIRS:
                return
            # A repair is for something about to air: it goes ahead of what is merely planned.
            self._transfers[key] = Transfer(
                request.clip, frozenset({speaker}), topic, UnixMs(0), sorted(wanted), manifest=request.manifest
            )
        self._more.set()

    def estimate_ms(self, clip_bytes: int, audience: Iterable[str]) -> DurationMs:
        """How long until ``clip_bytes`` more would have reached an audience, behind what it is already being sent."""
        listeners = frozenset(audience)
        with self._lock:
            ahead = sum(
                sum(len(piece) for piece in transfer.pieces) or clip_bytes
                for transfer in self._transfers.values()
                if transfer.audience & listeners
            )
        return DurationMs(int((ahead + clip_bytes * 1.05) * self._byte_s * 1000))

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
            return _IDLE_S
        now = time.monotonic()
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
            self._drop(key)
            return
        if transfer.manifest:
            transfer.manifest = not self._put(transfer, "m", transfer.manifest_bytes, now)
            return
        if transfer.numbers:
            number = transfer.numbers[0]
            if number >= len(transfer.pieces) or self._put(transfer, str(number), transfer.pieces[number], now):
                transfer.numbers.pop(0)
        if not transfer.numbers:
            self._drop(key)
            if transfer.done:
                transfer.done()

    def _open(self, transfer: Transfer) -> bool:
        """Read the clip. One that is gone is made again by the preparation, not here."""
        try:
            manifest, transfer.pieces = clips.describe(self._store.opus(transfer.clip))
        except ClipGoneError:
            log.warning("clip to send is gone clip=%s", transfer.clip)
            return False
        transfer.manifest_bytes = strict_json.encode(manifest)
        if transfer.numbers is None:
            transfer.numbers = list(range(len(transfer.pieces)))
        return True

    def _put(self, transfer: Transfer, what: str, data: bytes, now: float) -> bool:
        if not self._transport.publish(transfer.topic(what), data, qos=0):
            return False
        self.sent_bytes += len(data)
        until = now + (len(data) + _OVERHEAD_BYTES) * self._byte_s
        for speaker in transfer.audience:
            self._free_at[speaker] = until
        return True

    def _drop(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._transfers.pop(key, None)
