"""The microphone at the speaker: blocks of what is said are queued a moment ahead, until it is switched off."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import SECOND
from device_sim.card_events import Handle

Samples = NDArray[np.int16]

BLOCK_MS: Final = 50
AHEAD_MS: Final = 250
"""From the mouth to the horn: the card's buffer and a beat of the speaker."""


class Source(Protocol):
    """Where the voice comes from."""

    def read(self, count: int) -> Samples:
        """The next `count` samples, silence where there are none yet."""
        ...


class Player(Protocol):
    """The part of a card that is needed here."""

    def play(self, samples: Samples, start_ms: float, gain: float = 1.0) -> Handle:
        """Queue samples."""
        ...

    def stop(self, handle: Handle | None, now_ms: float, at_ms: float | None = None) -> None:
        """Fade a sound out."""
        ...


class Simulated:
    """Somebody who hums at 300 Hz without drawing breath."""

    def __init__(self, rate: int, amplitude: int = 6_000) -> None:
        self._rate, self._amplitude, self._at = rate, amplitude, 0

    def read(self, count: int) -> Samples:
        """The next samples of the hum."""
        turns = np.arange(self._at, self._at + count) * (2 * np.pi * 300 / self._rate)
        self._at += count
        hum: Samples = np.rint(self._amplitude * np.sin(turns)).astype(np.int16)
        return hum


class Microphone:
    """What a source says, on a card."""

    def __init__(self, source: Source, card: Player, rate: int) -> None:
        self._source, self._card, self._rate = source, card, rate
        self._until: int | None = None
        self._queued: list[tuple[int, Handle]] = []

    @property
    def on(self) -> bool:
        """Whether it is let through."""
        return self._until is not None

    def switch(self, now: int, *, on: bool) -> None:
        """Let it through, or silence it at once."""
        if on and not self.on:
            self._until = now + AHEAD_MS
        elif not on:
            for end, handle in self._queued:
                if end > now:
                    self._card.stop(handle, now)
            self._until, self._queued = None, []

    def feed(self, now: int) -> None:
        """Queue what was said meanwhile."""
        if self._until is None:
            return
        if not 0 <= self._until - now <= 2 * AHEAD_MS:
            self._until = now + AHEAD_MS  # fed too late, or the clock was set
        while self._until < now + AHEAD_MS + BLOCK_MS:
            block = self._source.read(BLOCK_MS * self._rate // SECOND)
            handle = self._card.play(block, self._until)
            self._until += BLOCK_MS
            self._queued.append((self._until, handle))
        self._queued = [(end, handle) for end, handle in self._queued if end > now]
