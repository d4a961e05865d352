"""A real sound card behind a stream that calls back for samples: the interface of the simulated one, honest about time.

The stream says when the first sample of each block will leave the device; that moment, by the speaker's own clock,
decides which samples stand there. A card's crystal runs a little fast or slow: the block is then one sample shorter or
longer (42 microseconds), so that a long sound ends where it should. A jump happens only when the device itself jumped.
"""

import logging
import math
import threading
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import SECOND
from device_sim.card_events import CardEvent, Handle, Level, Measured
from device_sim.errors import CardError
from device_sim.mixer import Meter, Mixer

log = logging.getLogger(__name__)

Samples = NDArray[np.int16]

SLIP_MS: Final = 1.0
"""Beyond this from its place a block is shifted by a sample."""
JUMP_MS: Final = 60.0
"""Beyond this from its place the device has lost time, or the clock was set."""
SILENT_MS: Final = 2 * SECOND
"""A stream that asks for nothing so long is dead: a card was pulled out."""
_REOPEN_MS: Final = 5 * SECOND
_SMOOTH: Final = 0.05
_BLINK_S: Final = 0.25
_BLINKS: Final = 60


class StreamTimes(Protocol):
    """What PortAudio says of a block, in seconds by the stream's clock."""

    @property
    def outputBufferDacTime(self) -> float:  # noqa: N802  PortAudio's name
        """When its first sample leaves the device; 0 where the host does not know."""
        ...

    @property
    def currentTime(self) -> float:  # noqa: N802  PortAudio's name
        """When it was asked for; 0 where the host does not know."""
        ...


class Stream(Protocol):
    """An open output stream."""

    @property
    def time(self) -> float:
        """The stream's clock, in seconds."""
        ...

    @property
    def latency(self) -> float:
        """From the call to the device, in seconds."""
        ...

    def start(self) -> None:
        """Begin to call back."""
        ...

    def close(self) -> None:
        """End at once."""
        ...


Fill = Callable[[NDArray[np.int16], int, StreamTimes, object], None]
OpenStream = Callable[[Fill], Stream]


class Relay(Protocol):
    """The amplifier's relay."""

    def on(self) -> None:
        """Close it."""
        ...

    def off(self) -> None:
        """Open it."""
        ...


class Lamp(Protocol):
    """A lamp on the box."""

    def blink(self, on_time: float, off_time: float, n: int) -> None:
        """Blink n times, on a thread of its own."""
        ...


class Sense(Protocol):
    """A sensor behind the amplifier."""

    def level(self) -> Level:
        """What it heard since the last call."""
        ...


class DeviceCard(Mixer):
    """One sound card.

    Args:
        open_stream: opens the device with a function that fills blocks (frames × 1); raises OSError when it can't.
        now_ms: the speaker's own clock.

    Attributes:
        slips: samples by which blocks were shortened or lengthened.
        jumps: how often the device or the clock jumped.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now_ms: Callable[[], float],
        rate: int,
        *,
        relay: Relay | None = None,
        sense: Sense | None = None,
        lamp: Lamp | None = None,
    ) -> None:
        """Open the card.

        Raises:
            CardError: it can't be opened now.
        """
        now = now_ms()
        super().__init__(math.floor(now), rate)
        self._open_stream, self._now_ms, self._relay, self._sense = open_stream, now_ms, relay, sense
        self._lamp = lamp
        self.slips = self.jumps = 0
        self._lock = threading.Lock()
        self._ahead_ms: float | None = None  # own clock minus stream's
        self._filled_at = now
        self._stream: Stream | None = None
        self._sounding_until = 0
        self._heard, self._idle = Meter(), Meter()
        self._open(now)
        if self._stream is None:
            raise CardError("the sound card can't be opened")

    def _open(self, now: float) -> None:
        self._filled_at, self._ahead_ms, self._placed = now, None, False
        try:
            self._stream = self._open_stream(self._fill)
            self._stream.start()
        except OSError as error:  # PortAudioError is none: `hardware` makes it one
            log.warning("sound card can't be opened reason=%s", error)
            self._stream = None

    def play(self, samples: Samples, start_ms: float, gain: float = 1.0) -> Handle:
        """Queue mono samples; see `Mixer.play`."""
        with self._lock:
            return super().play(samples, start_ms, gain)

    def stop(self, handle: Handle | None, now_ms: float, at_ms: float | None = None) -> None:
        """Fade out; see `Mixer.stop`."""
        with self._lock:
            super().stop(handle, now_ms, at_ms)

    def advance(self, now_ms: float) -> list[CardEvent]:
        """What has left the device by `now_ms`. A stream that is dead is opened again, and what it lost is told."""
        dead = now_ms - self._filled_at > (SILENT_MS if self._stream else _REOPEN_MS)
        if dead:
            log.error("sound card does not answer, opened again")
            if self._stream is not None:
                self._stream.close()
            self._open(now_ms)
        with self._lock:
            if self._stream is None or dead:
                self._starve(self._at(now_ms))
            self._report(min(self._at(now_ms), self._written))
            return self._told()

    def switch(self, now_ms: float, *, on: bool) -> None:  # noqa: ARG002  a real relay knows only now
        """The amplifier's relay."""
        if self._relay is not None:
            (self._relay.on if on else self._relay.off)()

    def blink(self) -> None:
        """Let the lamp blink for half a minute."""
        if self._lamp is not None:
            self._lamp.blink(_BLINK_S, _BLINK_S, _BLINKS)

    def measured(self) -> Measured:
        """What was sent, and what the sensor heard, since the last call."""
        with self._lock:
            sent = self.level_dbfs()
            sounding = self._sounding_until > self._at(self._now_ms())
        if self._sense is None:
            return Measured(sent, None, None)
        level, nothing = self._sense.level(), Meter().level()
        return Measured(sent, level, nothing) if sounding else Measured(sent, nothing, level)

    def close(self) -> None:
        """Play nothing more; the relay opens."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._relay is not None:
            self._relay.off()

    # The device's own thread.

    def _fill(self, block: NDArray[np.int16], frames: int, times: StreamTimes, status: object) -> None:
        """Called by the device for the next block."""
        with self._lock:
            self._filled_at = now = self._now_ms()
            if status:
                log.info("sound card status=%s", status)
            begin = self._written
            samples = self._next(frames, self._leaves_at(times, now))
            block[:, 0] = 0 if samples is None else samples
            if samples is not None:
                self._sounding_until = begin + frames

    def _leaves_at(self, times: StreamTimes, now: float) -> float:
        """When the block's first sample leaves the device, by the own clock."""
        stream = self._stream
        latency = stream.latency if stream else 0.0
        current = times.currentTime or (stream.time if stream else 0.0)
        ahead = now - current * SECOND
        if self._ahead_ms is None or abs(ahead - self._ahead_ms) > JUMP_MS:
            self._ahead_ms = ahead
        self._ahead_ms += _SMOOTH * (ahead - self._ahead_ms)
        leaves = times.outputBufferDacTime or current + latency
        return leaves * SECOND + self._ahead_ms

    def _next(self, frames: int, leaves_ms: float) -> Samples | None:
        """The samples of the next block, the first of which leaves at `leaves_ms`."""
        due = round(leaves_ms * self._per_ms)
        off = due - self._written
        slip = 0
        if not self._placed or abs(off) > JUMP_MS * self._per_ms:
            self._placed = True
            self._jump(due)
        elif abs(off) > SLIP_MS * self._per_ms:
            slip = 1 if off > 0 else -1
        self.slips += abs(slip)
        mixed = self._mix(self._written + frames + slip)
        if mixed is None or not slip:
            return mixed
        return mixed[1:] if slip > 0 else np.append(mixed, mixed[-1])

    def _jump(self, due: int) -> None:
        self.jumps += 1
        if due > self._written:
            self._starve(due)
            return
        for sound in self._sounds:  # the clock was set back: what sounds is cut, what is still to come stays
            if sound.first is not None and sound.end > self._written:
                sound.fade_out_at = sound.end = self._written
        self._report(self._written)
        self._written = due
