"""Which brokers to connect to: the kit's, or a signed config's once it has proved itself. Pure; seconds are monotonic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

KEPT_AFTER_S: Final = 600.0
"""A new list is kept after being connected so long without a break (DESIGN 6)."""
UNREACHABLE_S: Final = 120.0
"""A new list that no connection came of for so long is given up: an alert can't be received meanwhile."""
TRIAL_S: Final = 3 * KEPT_AFTER_S
"""A new list that never holds long enough is given up after this, however often it connects."""


@dataclass
class Trial:
    """A list that has still to prove itself."""

    brokers: tuple[str, ...]
    began_s: float
    connected_s: float | None = None
    lost_s: float = 0.0


class BrokerList:
    """The brokers of one speaker.

    Attributes:
        kept: what is kept over a reboot; the kit's brokers stay the last resort behind it.
    """

    def __init__(self, kit: Sequence[str], kept: Sequence[str] = ()) -> None:
        self._kit = tuple(kit)
        self.kept = tuple(kept) or self._kit
        self._trial: Trial | None = None
        self._given_up: tuple[str, ...] | None = None

    @property
    def on_trial(self) -> bool:
        """Whether a new list is being tried."""
        return self._trial is not None

    @property
    def current(self) -> tuple[str, ...]:
        """What to try, in order of preference."""
        if self._trial:
            return self._trial.brokers
        return (*self.kept, *(broker for broker in self._kit if broker not in self.kept))

    def offer(self, brokers: Sequence[str], now_s: float) -> bool:
        """A signed config names brokers, or none for those of the kit. Whether `current` has changed."""
        wanted = tuple(brokers) or self._kit
        before = self.current
        if wanted == self.kept:
            self._trial, self._given_up = None, None
        elif wanted != self._given_up and (self._trial is None or self._trial.brokers != wanted):
            self._trial, self._given_up = Trial(wanted, now_s, lost_s=now_s), None
        return self.current != before

    def connected(self, now_s: float) -> None:
        """A connection to one of `current` stands."""
        if self._trial:
            self._trial.connected_s = now_s

    def disconnected(self, now_s: float) -> None:
        """It stands no longer."""
        if self._trial and self._trial.connected_s is not None:
            self._trial.connected_s, self._trial.lost_s = None, now_s

    def tick(self, now_s: float) -> bool:
        """Keep a list that has proved itself, or go back to the old one. Whether something was decided."""
        trial = self._trial
        if trial is None:
            return False
        if trial.connected_s is not None and now_s - trial.connected_s >= KEPT_AFTER_S:
            self.kept, self._trial = trial.brokers, None
            return True
        unreachable = trial.connected_s is None and now_s - trial.lost_s >= UNREACHABLE_S
        never_holds = trial.connected_s is None and now_s - trial.began_s >= TRIAL_S
        if unreachable or never_holds:
            self._given_up, self._trial = trial.brokers, None
            return True
        return False
