"""Live streams on a card: segments become samples without a seam, gaps are concealed, and a stream that dies fades out."""

import logging
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import SECOND
from device_sim.actions import PlayUnit
from device_sim.card_events import CardEvent, Finished, Handle, Started, Stopped
from device_sim.errors import ClipError
from device_sim.microphone import Player
from device_sim.opus import PacketDecoder

log = logging.getLogger(__name__)

Samples = NDArray[np.int16]

_SEAM_MS: Final = 40
"""A segment that is due so near to the end of the one before goes on there: the clock was corrected a little."""
_TAIL_AT_MS: Final = 220
"""So long before the sound ends its end is made, in case nothing follows: a card's buffer and a beat."""
_TAIL_MS: Final = 100
_CONCEAL_MS: Final = 400
"""A decoder has nothing to say about a longer gap."""
_FADE_MS: Final = 10
_VOLUME_MS: Final = 100


@dataclass(frozen=True, slots=True)
class LiveSounded:
    """A segment has begun (``played_ms`` None), or is over and so much of it left the card."""

    stream: str
    at_ms: float
    played_ms: int | None = None


@dataclass
class _Playing:
    """One stream on the card. Moments are by the own clock.

    Attributes:
        next: the number of the segment that goes on from the last one.
        until: when what is queued is over.
        gain: of the last sample, 0 when it faded.
        tail: the end that was made in case nothing follows.
    """

    decoder: PacketDecoder
    next: int
    until: float
    gain: float = 0.0
    tail: Handle | None = None
    handles: dict[Handle, float] = field(default_factory=dict)


class LivePlayer:
    """The live streams of one card."""

    def __init__(self, card: Player, rate: int) -> None:
        self._card, self._rate = card, rate
        self._streams: dict[str, _Playing] = {}
        self._segments: dict[Handle, str] = {}
        self._told: list[LiveSounded] = []

    @property
    def busy(self) -> bool:
        """Whether something is queued or on."""
        return bool(self._segments or self._told)

    def play(self, unit: PlayUnit, now: int) -> None:
        """Queue a segment after the ones before it."""
        playing = self._streams.get(unit.stream)
        if playing is None:
            playing = self._streams[unit.stream] = _Playing(PacketDecoder(self._rate), unit.number, unit.start_at)
        start = self._place(playing, unit, now)
        try:
            samples = playing.decoder.decode(unit.packets)
        except ClipError as error:
            log.warning("live segment can't be played stream=%s number=%d reason=%s", unit.stream, unit.number, error)
            self._told.append(LiveSounded(unit.stream, now, 0))
            return
        playing.next = unit.number + 1
        self._segments[self._queue(playing, samples, start, unit.volume / 100)] = unit.stream

    def _place(self, playing: _Playing, unit: PlayUnit, now: int) -> float:
        """When a segment begins: where the last one ends, or, past a gap, at its own moment."""
        if playing.tail is not None:
            self._card.stop(playing.tail, now, unit.start_at + _FADE_MS)
            playing.tail = None
            return unit.start_at
        gap_ms = unit.start_at - playing.until
        if abs(gap_ms) <= _SEAM_MS and unit.number == playing.next:
            return playing.until
        if gap_ms > 0 and playing.gain:
            self._conceal(playing, gap_ms)
        if unit.start_at - playing.until > 0:
            playing.gain = 0.0
        return max(unit.start_at, playing.until)

    def _conceal(self, playing: _Playing, gap_ms: float) -> None:
        length_ms = min(gap_ms, _CONCEAL_MS)
        count = round(length_ms * self._rate / SECOND)
        concealed = playing.decoder.conceal(length_ms)[:count]
        self._queue(playing, concealed, playing.until, playing.gain if gap_ms <= _CONCEAL_MS else 0.0)

    def _queue(self, playing: _Playing, samples: Samples, start: float, gain: float) -> Handle:
        """Queue samples whose loudness goes on from the last ones' without a step."""
        ramp = (_VOLUME_MS if playing.gain and gain else _FADE_MS) * self._rate // SECOND
        if not gain:  # the end: over all of it
            ramp = len(samples)
        gains = np.full(len(samples), gain)
        gains[:ramp] = np.linspace(playing.gain, gain, ramp, endpoint=False)[: len(samples)]
        handle = self._card.play(np.rint(samples * gains).astype(np.int16), start)
        playing.gain, playing.until = gain, start + len(samples) * SECOND / self._rate
        playing.handles[handle] = playing.until
        return handle

    def feed(self, now: int) -> None:
        """Make an end to what nothing follows."""
        for playing in self._streams.values():
            playing.handles = {handle: until for handle, until in playing.handles.items() if until > now - SECOND}
            if playing.gain and playing.until - now <= _TAIL_AT_MS:
                until, decoder = playing.until, playing.decoder.copy()
                tail = decoder.conceal(_TAIL_MS)
                playing.tail = self._queue(playing, tail, until, 0.0)
                playing.until = until

    def end(self, stream: str, now: int) -> None:
        """Fade out what is left of a stream, and forget its decoder."""
        if playing := self._streams.pop(stream, None):
            for handle in playing.handles:
                self._card.stop(handle, now)

    def take(self, event: CardEvent) -> None:
        """The card reports."""
        stream = self._segments.get(event.handle)
        if stream is None or not isinstance(event, Started | Finished | Stopped):
            return
        if isinstance(event, Started):
            self._told.append(LiveSounded(stream, event.at_ms))
            return
        del self._segments[event.handle]
        self._told.append(LiveSounded(stream, event.at_ms, event.played * SECOND // self._rate))

    def told(self) -> list[LiveSounded]:
        """What was heard since the last call."""
        told, self._told = self._told, []
        return told
