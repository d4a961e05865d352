"""When the amplifier is on: from its lead before a sound until a moment after the last one. Pure."""

from typing import Final

from device_sim.actions import Action, Amplifier

_TAIL_MS: Final = 300


class AmplifierSwitch:
    """The relay of the amplifier.

    Attributes:
        on: whether it is on.
    """

    def __init__(self) -> None:
        self.on = False
        self._off_at: int | None = None

    def tick(self, now: int, *, due: bool) -> list[Action]:
        """Switch, if it has to be; ``due`` while a sound is on or near."""
        if due:
            self._off_at = None
        elif self.on and self._off_at is None:
            self._off_at = now + _TAIL_MS
        off = self._off_at is not None and now >= self._off_at
        if due == self.on or not (due or off):
            return []
        self.on, self._off_at = due, None
        return [Amplifier(due)]
