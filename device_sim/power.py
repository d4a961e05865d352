"""The amplifier's history, and whether what was sent was heard. Pure.

Levels are measured behind the amplifier, set so that full loudness reads about -12 dBFS; moments are station time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.fields import Fault
from device_sim.card_events import FLOOR_DBFS, Level, Measured

LOUD_DBFS: Final = -40.0
"""What is sent or heard above this is meant to be heard: speech is at about -20."""
SILENT_DBFS: Final = -60.0
"""What is heard below this is nothing: a working amplifier is far above with anything loud."""
ENOUGH_S: Final = 1.0
"""A pause between two words, or a relay that clicks, is no fault: only as much of it is judged together."""
WINDOWS: Final = 200
"""Windows of the amplifier that are kept: about two weeks of a busy commune."""


@dataclass
class Heard:
    """The highest of some levels."""

    samples: int = 0
    highest: float = FLOOR_DBFS

    def add(self, level: Level) -> None:
        """Take in one more."""
        self.samples += level.samples
        if level.samples:
            self.highest = max(self.highest, level.rms_dbfs)

    def dbfs(self) -> float:
        """The highest."""
        return self.highest


@dataclass
class Power:
    """The amplifier of one speaker.

    Attributes:
        windows: when it was on: (on, off) of each time, 0 for off while it is on; the oldest first.
        faults: what was measured last.
        heard_dbfs: the last level heard while something was loud enough to be judged.
    """

    rate: int
    windows: list[tuple[int, int]] = field(default_factory=list)
    faults: set[Fault] = field(default_factory=set)
    heard_dbfs: float | None = None
    _loud: Heard = field(default_factory=Heard)
    _idle: Heard = field(default_factory=Heard)

    @classmethod
    def recall(cls, rate: int, windows: Iterable[tuple[int, int]]) -> "Power":
        """Go on after a reboot: what was on then has been off since an unknown moment, told as the moment it began."""
        return cls(rate, [(on, off or on) for on, off in windows])

    def switched(self, at: int, *, on: bool) -> None:
        """The relay was switched."""
        if on:
            self.windows = [*self.windows[1 - WINDOWS :], (at, 0)]
        elif self.windows and not self.windows[-1][1]:
            self.windows[-1] = (self.windows[-1][0], max(at, self.windows[-1][0]))

    def measured(self, measured: Measured) -> None:
        """Compare what was sent with what was heard; without a sensor nothing is known and nothing claimed."""
        if measured.heard is None or measured.idle is None:
            return
        if measured.sent.samples and measured.sent.rms_dbfs >= LOUD_DBFS:
            self._loud.add(measured.heard)
        if self._loud.samples >= ENOUGH_S * self.rate:
            self.heard_dbfs = self._loud.dbfs()
            self._found(Fault.PLAYED_SILENT, wrong=self.heard_dbfs < SILENT_DBFS)
            self._loud = Heard()
        self._idle.add(measured.idle)
        if self._idle.samples >= ENOUGH_S * self.rate:
            self._found(Fault.SOUND_WHILE_IDLE, wrong=self._idle.dbfs() > LOUD_DBFS)
            self._idle = Heard()

    def _found(self, fault: Fault, *, wrong: bool) -> None:
        if wrong:
            self.faults.add(fault)
        else:
            self.faults.discard(fault)
