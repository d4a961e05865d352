"""One open microphone: samples from a phone become level speech, signed segments on their way, and a recording.

Everything happens on the thread that brings the samples. A segment has its place by when it was spoken: what comes too late
for its place is recorded and not sent, so that a bad line never makes the voice lag behind.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

import numpy as np

from broadcaster.core import Core
from broadcaster.errors import LoaError
from broadcaster.live import LivePlan, LiveStream
from broadcaster.transport import Transport
from broadcaster.wire.units import SECOND, DurationMs, UnixMs
from tts.live_encoding import FRAME_MS, RATE_HZ, LiveEncoder, LiveResampler, Samples
from tts.live_guard import LiveGuard

log = logging.getLogger(__name__)

UNIT_MS: Final = DurationMs(200)
DELAY_MS: Final = 900
"""From the press of the button to the first sound: a segment is full after 200 ms, a speaker wants it 300 ms ahead, and 400 ms
are for the ways from the phone and to the speaker."""
_SHORTEST_MS: Final = 750
"""From the answer to the phone, which has kept what was said since the press: a busy station must not eat up the jitter buffer."""
RATES_HZ: Final = range(8_000, 96_001)
MOST_AT_ONCE_MS: Final = 3 * SECOND
"""Of sound in one request: what a phone may have kept while it was cut off, and more."""
_EARLY_MS: Final = 2 * SECOND
"""Nobody speaks faster than time goes by; clocks and lines are given so much."""


class OutOfOrderError(LoaError):
    """These samples don't follow what came before; `expected` do."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"expected sample {expected}")
        self.expected = expected


class TooMuchError(LoaError):
    """More sound than time has gone by, or no sound at all."""


class Recording:
    """Samples on the disk as they are spoken: 16 bits, mono, ``RATE_HZ``. What was written outlives the process."""

    def __init__(self, path: Path) -> None:
        self._file: FileIO | None = None
        with self._or_without():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "ab")  # without a buffer

    @contextmanager
    def _or_without(self) -> Iterator[None]:
        """A full disk ends the recording, never the voice."""
        try:
            yield
        except OSError:
            log.exception("recording ended")
            self.close()

    def append(self, samples: Samples) -> None:
        """Add samples."""
        with self._or_without():
            if self._file:
                self._file.write(samples.astype("<i2").tobytes())

    def close(self) -> None:
        """No more will come."""
        if self._file:
            self._file.close()
        self._file = None


def read_recording(path: Path) -> Samples:
    """What a recording holds; of a process that was killed while it wrote, up to its last whole sample. Errors: OSError."""
    data = path.read_bytes()
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


class Microphone:
    """One talk while it lasts.

    Args:
        rate_hz: of the samples that will come, one of ``RATES_HZ``.
        recording: where its sound is kept until it is archived.
    """

    def __init__(
        self, core: Core, transport: Transport, plan: LivePlan, *, name: str, rate_hz: int, recording: Path
    ) -> None:
        self._clock, self._rate_hz = core.clock, rate_hz
        self._resampler, self._guard, self._encoder = LiveResampler(rate_hz), LiveGuard(), LiveEncoder()
        self._stream = LiveStream(core, transport, plan, name)
        self._recording = Recording(recording)  # after all that may fail, so that no file stays open
        self._packets: list[bytes] = []
        self._lock = threading.Lock()
        self._begun_at = self.heard_at = core.clock.now_ms()
        self.position = 0
        """How many samples have come."""
        self.lost = False
        """Whether the last segment could not leave."""

    @property
    def name(self) -> str:
        """Of its stream."""
        return self._stream.name

    @property
    def plan(self) -> LivePlan:
        """What it is and whom it is for."""
        return self._stream.plan

    @property
    def duration_ms(self) -> int:
        """How much has come."""
        return self.position * SECOND // self._rate_hz

    @property
    def silent_ms(self) -> float:
        """For how long nobody has spoken."""
        return self._guard.silent_ms

    def take(self, position: int, samples: Samples) -> None:
        """The next samples; ``position`` of them came before. Errors: OutOfOrderError, TooMuchError, ValueError (it is over)."""
        with self._lock:
            if self._stream.ended:
                raise ValueError("the talk is over")
            if position != self.position:
                raise OutOfOrderError(self.position)
            now, end_ms = self._clock.now_ms(), (position + len(samples)) * SECOND // self._rate_hz
            if (
                not 0 < len(samples) * SECOND <= MOST_AT_ONCE_MS * self._rate_hz
                or end_ms > now - self._begun_at + _EARLY_MS
            ):
                raise TooMuchError(f"{len(samples)} samples, {end_ms} ms in all")
            self.position += len(samples)
            self.heard_at = now
            sound = self._guard.take(self._resampler.take(samples))
            self._recording.append(sound)
            self._pass_on(self._encoder.encode(sound))

    def beat(self) -> None:
        """Say again that it is on, when it is time to."""
        with self._lock:
            self._stream.beat()

    def end(self) -> None:
        """It is over: the last samples fade out."""
        with self._lock:
            if self._stream.ended:
                return
            if self.position:
                sound = self._guard.finish()
                self._recording.append(sound)
                self._pass_on([*self._encoder.encode(sound), *self._encoder.finish()])
            if self._packets:
                self._send(self._packets)
            self._recording.close()
            self._stream.end()

    def _pass_on(self, packets: list[bytes]) -> None:
        self._packets += packets
        size = UNIT_MS // FRAME_MS
        while len(self._packets) >= size:
            self._send(self._packets[:size])
            del self._packets[:size]

    def _send(self, packets: list[bytes]) -> None:
        due = self._stream.due_at(self._stream.sent)
        if due + UNIT_MS <= self._clock.now_ms():
            self._stream.skip()
            return
        lost = self._stream.lost
        self._stream.send(packets)
        self.lost = self._stream.lost > lost


def start_at(asked: UnixMs, now: UnixMs) -> UnixMs:
    """When the first sample of a talk sounds that was asked for, and has now been written down."""
    return UnixMs(max(asked + DELAY_MS, now + _SHORTEST_MS))


def recorded_ms(samples: Samples) -> int:
    """The length of a recording."""
    return len(samples) * SECOND // RATE_HZ
