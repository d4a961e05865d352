"""A simulated amplifier and horn: silent until its relay has been on for a while, sometimes broken, and measured.

Positions are samples since 1970, as in the mixer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from broadcaster.wire.units import SECOND
from device_sim.card_events import Level
from device_sim.mixer import Meter

Samples = NDArray[np.int16]


@dataclass
class Horn:
    """What stands behind a simulated card.

    Attributes:
        rate: samples a second.
        warm_up_ms: the amplifier is silent so long after its relay closed.
        dead: it makes no sound whatever it is sent: a fault to stage.
        hum: amplitude it sounds with while it is sent nothing: a fault to stage.
        swallowed: samples that were sent and not sounded.
    """

    rate: int
    warm_up_ms: int = 300
    dead: bool = False
    hum: int = 0
    swallowed: int = 0
    _audible_from: int | None = None
    _sent: list[tuple[int, Samples]] = field(default_factory=list)
    _out: int | None = None
    _heard: Meter = field(default_factory=Meter)
    _idle: Meter = field(default_factory=Meter)

    def switch(self, position: int, *, on: bool) -> None:
        """The relay closes or opens."""
        self._audible_from = position + self.warm_up_ms * self.rate // SECOND if on else None

    def take(self, begin: int, samples: Samples) -> None:
        """The card will put these out."""
        self._sent.append((begin, samples))

    def sound(self, until: int) -> Iterator[tuple[int, Samples]]:
        """Sound what has left the card; yields, for the timeline, stretches that sounded other than they were sent."""
        sounded = 0
        while self._sent and self._sent[0][0] < until:
            begin, samples = self._sent.pop(0)
            if begin + len(samples) > until:
                self._sent.insert(0, (until, samples[until - begin :]))
                samples = samples[: until - begin]
            heard = self._through(begin, samples)
            sounded += len(samples)
            self._heard.add(heard.astype(np.float64))
            if heard is not samples:
                self.swallowed += int(np.count_nonzero(heard != samples))
                yield begin, heard
        idle = 0 if self._out is None else until - self._out - sounded
        if idle > 0 and not self.hum:
            self._idle.add_silence(idle)
        elif idle > 0:
            self._idle.add(np.full(min(idle, self.rate), self.hum, np.float64))
        self._out = until

    def _through(self, begin: int, samples: Samples) -> Samples:
        if self.dead or self._audible_from is None:
            return np.zeros_like(samples)
        mute = self._audible_from - begin
        if mute <= 0:
            return samples
        heard = samples.copy()
        heard[:mute] = 0
        return heard

    def levels(self) -> tuple[Level, Level]:
        """What a sensor behind the amplifier measured since the last call: while something was sent, and while not."""
        heard, idle = self._heard.level(), self._idle.level()
        self._heard, self._idle = Meter(), Meter()
        return heard, idle
