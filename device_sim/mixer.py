"""Sounds on one output, mixed sample by sample: what any card, simulated or real, has in common.

What has been mixed is with the device: it can be neither taken back nor added to. A sound that comes later than that
loses what is already past and goes on in position, never shifted. All times are Unix milliseconds by the speaker's
clock, which is handed in; this module reads none. It decides nothing: what plays, when, is the machine's.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import SECOND
from device_sim.card_events import FLOOR_DBFS, CardEvent, Finished, Handle, Level, Started, Stopped, Underrun

Samples = NDArray[np.int16]

FADE_IN_MS: Final = 10
FADE_OUT_MS: Final = 5

_FULL_SCALE: Final = 32_768
_LARGEST: Final = 32_767


@dataclass(slots=True)
class _Sound:
    """A queued sound; positions are samples since 1970, so that they outlive a timeline."""

    handle: Handle
    samples: Samples
    start: int
    gain: float
    end: int
    first: int | None = None  # the first sample put out
    fade_in_at: int | None = None
    fade_out_at: int | None = None
    played: int = 0
    fresh: bool = True  # the device has not been fed since it was queued
    announced: bool = False


@dataclass(slots=True)
class Meter:
    """Peak and power of samples."""

    peak: int = 0
    squares: float = 0.0
    samples: int = 0

    def add(self, output: NDArray[np.float64]) -> None:
        """Take in samples of 16 bits."""
        self.peak = max(self.peak, int(np.abs(output).max(initial=0)))
        self.squares += float(np.dot(output, output))
        self.samples += len(output)

    def add_silence(self, samples: int) -> None:
        """Take in samples of nothing."""
        self.samples += samples

    def level(self) -> Level:
        """How loud they were."""
        rms = math.sqrt(self.squares / self.samples) if self.samples else 0.0
        return Level(dbfs(self.peak), dbfs(rms), self.samples)


class Mixer:
    """The sounds of one card.

    Attributes:
        late_samples: samples of sounds that were queued after their time.
        underrun_samples: samples of sounds whose time passed because the card was fed too late.
    """

    def __init__(self, begin_ms: int, rate: int) -> None:
        """Mix from `begin_ms` on.

        Raises:
            ValueError: `rate` (Hz) is not a whole number of samples in a millisecond.
        """
        if rate % SECOND:
            raise ValueError(f"{rate} Hz has no whole samples in a millisecond")
        self.late_samples = 0
        self.underrun_samples = 0
        self._per_ms = rate // SECOND
        self._written = begin_ms * self._per_ms
        self._sounds: list[_Sound] = []
        self._events: list[CardEvent] = []
        self._meter = Meter()
        self._last_handle = 0

    @property
    def earliest_ms(self) -> float:
        """The earliest start that loses nothing: the end of what the device already has."""
        return self._ms(self._written)

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or still in the buffer."""
        return not self._sounds

    def play(self, samples: Samples, start_ms: float, gain: float = 1.0) -> Handle:
        """Queue mono samples at the card's rate, due at `start_ms`, times `gain` (1.0 is as they are).

        They are not copied. A start that is past is joined in position, with a fade-in of 10 ms.

        Raises:
            ValueError: the samples are not one row of int16, or the gain is not a number from 0 up.
        """
        if samples.dtype != np.int16 or samples.ndim != 1:
            raise ValueError("a card plays one row of int16 samples")
        if not (math.isfinite(gain) and gain >= 0):
            raise ValueError(f"gain {gain}")
        self._last_handle += 1
        handle = Handle(self._last_handle)
        start = round(start_ms * self._per_ms)
        self._sounds.append(_Sound(handle, samples, start, gain, start + len(samples)))
        return handle

    def stop(self, handle: Handle | None, now_ms: float, at_ms: float | None = None) -> None:
        """Fade one sound out over 5 ms, or all with None, from the end of what the device already has.

        With `at_ms` it is silent at that moment, if the device does not have that already. `Stopped` follows from
        `advance`; for a sound that is wholly with the device, or ends before `at_ms` by itself, `Finished` does.
        """
        self._starve(self._at(now_ms))
        fade = FADE_OUT_MS * self._per_ms
        begin = self._written if at_ms is None else max(self._written, self._at(at_ms) - fade)
        for sound in self._sounds:
            over = sound.end <= (self._written if at_ms is None else begin + fade)
            if handle not in {None, sound.handle} or sound.fade_out_at is not None or over:
                continue
            sound.fade_out_at = begin
            sounds = sound.first is not None or (at_ms is not None and sound.start < begin)
            sound.end = min(sound.end, begin + fade) if sounds else self._written

    def level_dbfs(self) -> Level:
        """Peak and RMS of the output while a sound was on, since the last call."""
        meter, self._meter = self._meter, Meter()
        return meter.level()

    def _at(self, moment_ms: float) -> int:
        """The first sample of the millisecond that `moment_ms` is in: what is written ends at whole milliseconds."""
        return math.floor(moment_ms) * self._per_ms

    def _ms(self, position: int) -> float:
        return position / self._per_ms

    def _starve(self, played: int) -> None:
        """The device has played on to `played`: what should have been there and was not written is lost."""
        if played <= self._written:
            return
        for sound in self._sounds:
            lost_from = max(sound.start, self._written)
            lost = min(sound.end, played) - lost_from
            if lost > 0 and not sound.fresh:
                self.underrun_samples += lost
                self._events.append(Underrun(sound.handle, self._ms(lost_from), lost))
        self._written = played

    def _mix(self, target: int) -> Samples | None:
        """What sounds from the last sample that was mixed until `target`; None when nothing does."""
        begin = self._written
        output = np.zeros(target - begin)
        heard = np.zeros(target - begin, np.bool_)
        for sound in self._sounds:
            if sound.fresh:
                sound.fresh = False
                late = min(sound.end, begin) - sound.start
                if late > 0:
                    self.late_samples += late
                    sound.fade_in_at = begin
            a, b = max(sound.start, begin), min(sound.end, target)
            if a < b:
                if sound.first is None:
                    sound.first = a
                sound.played += b - a
                output[a - begin : b - begin] += self._shaped(sound, a, b)
                heard[a - begin : b - begin] = True
        self._written = target
        if not heard.any():
            return None
        mixed = np.clip(np.rint(output), -_FULL_SCALE, _LARGEST)
        self._meter.add(mixed[heard])
        return mixed.astype(np.int16)

    def _shaped(self, sound: _Sound, a: int, b: int) -> NDArray[np.float64]:
        """The samples of `sound` for positions `a` to `b`, with its gain and fades."""
        shaped: NDArray[np.float64] = sound.samples[a - sound.start : b - sound.start] * np.float64(sound.gain)
        if sound.fade_in_at is not None and a < sound.fade_in_at + FADE_IN_MS * self._per_ms:
            shaped *= np.clip((np.arange(a, b) - sound.fade_in_at) / (FADE_IN_MS * self._per_ms), 0, 1)
        if sound.fade_out_at is not None:
            shaped *= np.clip(1 - (np.arange(a, b) - sound.fade_out_at) / (FADE_OUT_MS * self._per_ms), 0, 1)
        return shaped

    def _report(self, played: int) -> None:
        """Turn what has left the device by `played` into events; forget what is over."""
        for sound in self._sounds:
            if sound.first is not None and sound.first < played and not sound.announced:
                sound.announced = True
                self._events.append(Started(sound.handle, self._ms(sound.first), sound.first - sound.start))
            if sound.end <= played:
                self._over(sound, sound.end)
        self._sounds = [sound for sound in self._sounds if sound.end > played]

    def _over(self, sound: _Sound, end: int) -> None:
        kind = Finished if sound.fade_out_at is None else Stopped
        lost = max(0, end - sound.start) - sound.played
        self._events.append(kind(sound.handle, self._ms(end), sound.played, lost))

    def _told(self) -> list[CardEvent]:
        """The events since the last call, in order of time."""
        events, self._events = sorted(self._events, key=lambda event: event.at_ms), []
        return events


def dbfs(amplitude: float) -> float:
    """A 16-bit amplitude in dB of full scale."""
    return max(FLOOR_DBFS, 20 * math.log10(amplitude / _FULL_SCALE)) if amplitude else FLOOR_DBFS
