"""A simulated sound card: plays into a WAV timeline, sample-exact, with the buffer a real device has.

What `advance` has written is with the device: it can be neither taken back nor added to. A sound that comes later
than that loses what is already past and goes on in position, never shifted. All times are Unix milliseconds by the
speaker's clock, which is handed in; this module reads none. It decides nothing: what plays, when, is the machine's.
"""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import HOUR, SECOND
from device_sim.card_events import FLOOR_DBFS, CardEvent, Finished, Handle, Level, Measured, Started, Stopped, Underrun
from device_sim.horn import Horn
from device_sim.mixer import FADE_IN_MS, FADE_OUT_MS, Mixer
from device_sim.timeline import TimelineFile, timeline_path

__all__ = [
    "FADE_IN_MS",
    "FADE_OUT_MS",
    "FLOOR_DBFS",
    "CardEvent",
    "Finished",
    "Handle",
    "Level",
    "Started",
    "Stopped",
    "Underrun",
    "WavCard",
]

Samples = NDArray[np.int16]

_SETTLE_MS: Final = 2 * SECOND
"""Longest stretch of a timeline that its header does not know yet."""

_STEP_BACK_MS: Final = SECOND
"""A clock further back than this behind what is written has been set; less is waited for."""


class WavCard(Mixer):
    """The sound card of one speaker, and the horn behind it where there is one.

    Attributes:
        epoch_ms: when the first sample of the timeline is due.
    """

    def __init__(
        self,
        path_dir: Path,
        name: str,
        epoch_ms: int,
        rate: int = 24_000,
        buffer_ms: int = 150,
        *,
        roll_ms: int = HOUR,
        horn: Horn | None = None,
    ) -> None:
        """Open a timeline in `path_dir` that begins at `epoch_ms`; after `roll_ms` an idle moment begins the next.

        With a `horn` the timeline is what the horn makes of the samples, without one what leaves the card.

        Raises:
            TimelineError: the file is there already or cannot be made.
            ValueError: `rate` (Hz) is not a whole number of samples in a millisecond.
        """
        super().__init__(epoch_ms, rate)
        self.epoch_ms = epoch_ms
        self._folder, self._name, self._rate, self._buffer_ms, self._roll_ms = path_dir, name, rate, buffer_ms, roll_ms
        self._settled = self._written
        self._file = TimelineFile(path_dir, name, epoch_ms, rate)
        self._horn = horn

    @property
    def path(self) -> Path:
        """The timeline that is being written."""
        return self._file.path

    def advance(self, now_ms: float) -> list[CardEvent]:
        """Feed the device up to `now_ms` plus the buffer; return in order of time what has left it by `now_ms`.

        Call it more often than the buffer is long, or there is an `Underrun`.
        """
        played = self._at(now_ms)
        if self._written - played > (self._buffer_ms + _STEP_BACK_MS) * self._per_ms:
            self._step_back(played)
        self._starve(played)
        self._sound_out(played)
        target = played + self._buffer_ms * self._per_ms
        if target > self._written:
            self._write(target)
        self._report(played)
        if not self._sounds and self._written >= (self.epoch_ms + self._roll_ms) * self._per_ms:
            self._roll(self._written)
        elif self._written - self._settled >= _SETTLE_MS * self._per_ms:
            self._settled = self._written
            self._file.settle(self._length)
        return self._told()

    def switch(self, now_ms: float, *, on: bool) -> None:
        """The amplifier's relay, from `now_ms` on."""
        if self._horn is not None:
            self._sound_out(self._at(now_ms))
            self._horn.switch(self._at(now_ms), on=on)

    def blink(self) -> None:
        """A simulated box has no lamp."""

    def measured(self) -> Measured:
        """What was sent and what was heard of it since the last call."""
        heard, idle = self._horn.levels() if self._horn is not None else (None, None)
        return Measured(self.level_dbfs(), heard, idle)

    def close(self) -> None:
        """Finish the file; what is still queued is not played. Harmless a second time."""
        if not self._file.closed:
            self._sound_out(self._written)
        self._file.close(self._length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _length(self) -> int:
        return self._written - self.epoch_ms * self._per_ms

    def _write(self, target: int) -> None:
        """Mix what sounds before `target` and give it to the device."""
        begin = self._written
        mixed = self._mix(target)
        if mixed is not None:
            self._file.write(begin - self.epoch_ms * self._per_ms, mixed)
            if self._horn is not None:
                self._horn.take(begin, mixed)

    def _sound_out(self, played: int) -> None:
        """Let the horn sound what has left the card by `played`; what it swallows is silence on the timeline."""
        if self._horn is None:
            return
        for begin, heard in self._horn.sound(played):
            self._file.write(begin - self.epoch_ms * self._per_ms, heard)

    def _step_back(self, played: int) -> None:
        """The clock was set back: what sounds is cut with the old timeline, what is still to come stays."""
        for sound in self._sounds:
            if sound.first is not None and sound.end > self._written:
                sound.fade_out_at = sound.end = self._written
        self._report(self._written)
        self._sound_out(self._written)
        self._roll(played)

    def _roll(self, begin: int) -> None:
        """Close the timeline and begin the next one at `begin`, or the first millisecond after it without a file."""
        self._file.close(self._length)
        self.epoch_ms = begin // self._per_ms
        while timeline_path(self._folder, self._name, self.epoch_ms).exists():
            self.epoch_ms += 1
        self._written = self._settled = self.epoch_ms * self._per_ms
        self._file = TimelineFile(self._folder, self._name, self.epoch_ms, self._rate)
