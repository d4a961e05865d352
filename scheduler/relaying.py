"""Relays (tiếp âm): a radio station's stream, read, watched, and sent to speakers as signed live segments while it is fit to be heard.

What the speakers do without it is planned before: the fallback of a relay is an ordinary item of their plans, over which
the live stream has precedence. So a stream that fails, and a station that dies, both end in the fallback, in position.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broadcaster.core import Core
from broadcaster.live import LivePlan, LiveStream
from broadcaster.transport import Transport
from broadcaster.wire.documents import Class
from broadcaster.wire.units import SECOND, DurationMs, UnixMs
from tts.live_encoding import MUSIC_BPS, RATE_HZ, LiveEncoder
from tts.relay_source import RelaySource
from tts.relay_watch import RelayWatch

log = logging.getLogger(__name__)

UNIT_MS: Final = DurationMs(1_000)
_LEAD_MS: Final = 15 * SECOND
"""So long before its time a stream is opened, to know whether it is one."""
_ON_THE_WAY_MS: Final = 1_500
"""From the moment a segment is sent to the moment it sounds; the speakers decode 300 ms ahead."""
_TRIED_AGAIN_MS: Final = 10 * SECOND
_ENOUGH_S: Final = 3.0
"""Of sound that lies ready before a stream goes on the air."""
_PATIENCE_MS: Final = 10 * SECOND
"""How long a stream may take to have that ready."""


@dataclass(frozen=True)
class RelayOrder:
    """What to relay, where to and until when.

    Attributes:
        zones: codes of places, none of them inside another.
        broadcast: whose piece it is.
    """

    address: str
    klass: Class
    zones: tuple[str, ...]
    start_at: UnixMs
    until: UnixMs
    title: str = ""
    excluded: tuple[str, ...] = ()
    broadcast: str | None = None


class RelayEvent(StrEnum):
    """What is written down of a relay."""

    ON_AIR = "on-air"
    FALLBACK = "fallback"
    OVER = "over"


Note = Callable[[RelayEvent, str, UnixMs], None]
"""Called with the event, why (a word of `relay_watch.Fault` or `relay_worker.WHY`, or nothing), and when."""


class Relay:
    """One relay, from its lead to its end, on a thread of its own.

    Args:
        transport: the connection that never waits behind a clip.
        note: called on the relay's thread.
        window_s: how long a fault is listened to before it is one.
    """

    def __init__(
        self, core: Core, transport: Transport, order: RelayOrder, note: Note, *, window_s: float = 8.0
    ) -> None:
        self._core, self._transport, self._order, self._note = core, transport, order, note
        self._window_s = window_s
        self._said = ""
        """Why it was not on the air when that was last told: nobody is told twice of one failure."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay-run", daemon=True)

    def start(self) -> None:
        """Begin; nothing is sent before its time."""
        self._thread.start()

    def stop(self) -> None:
        """End now: what is on its way is still played."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def exclude(self, places: tuple[str, ...]) -> None:
        """These places hear no more of it, within a second; in the others it goes on."""
        self._order = replace(self._order, excluded=places)

    @property
    def over(self) -> bool:
        """Whether it has ended, or was stopped."""
        return not self._thread.is_alive()

    def _now(self) -> UnixMs:
        return self._core.clock.now_ms()

    def _rest(self, until: int) -> bool:
        """Wait until a moment; returns whether to go on."""
        return not self._stopping.wait(max(0, until - self._now()) / 1000)

    def _run(self) -> None:
        with self._core.counters.edge("relay"):
            self._rest(self._order.start_at - _LEAD_MS)
            while not self._stopping.is_set() and self._now() < self._order.until:
                why = self._relay_once()
                if why and why != self._said:
                    self._note(RelayEvent.FALLBACK, why, self._now())
                self._said = why
                if why:
                    self._rest(min(self._now() + _TRIED_AGAIN_MS, self._order.until))
            self._note(RelayEvent.OVER, "", self._now())

    def _relay_once(self) -> str:
        """Read the stream until it fails or its time is over; returns what was wrong with it."""
        with RelaySource(self._order.address) as source:
            watch = RelayWatch(self._window_s)
            if why := self._wait_for_sound(source):
                return why
            stream = self._open()
            log.info("relay on air stream=%s address=%s", stream.name, self._order.address)
            self._said = ""
            self._note(RelayEvent.ON_AIR, "", stream.plan.start_at)
            try:
                return self._send(source, watch, stream)
            finally:
                stream.end()

    def _wait_for_sound(self, source: RelaySource) -> str:
        """Wait until enough lies ready and the time has come; returns what is wrong when it does not."""
        patience = self._now() + _PATIENCE_MS
        while source.waiting_s < _ENOUGH_S:
            if source.ended:
                return source.ended
            if self._now() >= patience:
                return "not-there"
            if not self._rest(self._now() + 100):
                return ""
        while self._now() < self._order.start_at - _ON_THE_WAY_MS:
            source.take(max(0, round((source.waiting_s - _ENOUGH_S) * RATE_HZ)))  # the present is relayed, not the past
            if not self._rest(min(self._now() + 200, self._order.start_at - _ON_THE_WAY_MS)):
                return ""
        return ""

    def _open(self) -> LiveStream:
        start = max(self._order.start_at, UnixMs(self._now() + _ON_THE_WAY_MS))
        plan = LivePlan(
            klass=self._order.klass,
            zones=self._order.zones,
            start_at=UnixMs(start),
            limit_at=self._order.until,
            unit_ms=UNIT_MS,
            title=self._order.title,
            excluded=self._order.excluded,
            broadcast=self._order.broadcast,
        )
        return LiveStream(self._core, self._transport, plan)

    def _send(self, source: RelaySource, watch: RelayWatch, stream: LiveStream) -> str:
        encoder, size = LiveEncoder(MUSIC_BPS), RATE_HZ * UNIT_MS // 1000
        while stream.due_at(stream.sent + 1) <= self._order.until:
            if not self._rest(stream.due_at(stream.sent) - _ON_THE_WAY_MS):
                return ""
            if stream.outlived_its_key:
                return ""
            stream.exclude(self._order.excluded)
            samples = source.take(size)
            watch.take(samples, self._now() / 1000)
            if source.ended and len(samples) < size:
                return source.ended
            if fault := watch.fault(self._now() / 1000):
                return fault.value
            if packets := encoder.encode(samples):
                stream.send(packets)
            else:
                stream.skip()
        self._rest(self._order.until)
        return ""
