"""The speaker's own clock; the only module of the speaker that asks the operating system what time it is."""

import time


class OwnClock:
    """The operating system's wall clock, optionally wrong: ``offset_ms`` ahead and running ``drift_ppm`` fast."""

    def __init__(self, offset_ms: int = 0, drift_ppm: float = 0.0) -> None:
        self._offset_ms, self._drift = offset_ms, drift_ppm / 1e6
        self._began = self._system_ms()

    @staticmethod
    def _system_ms() -> float:
        return time.time_ns() / 1e6  # noqa: TID251  this module is the one place

    def now_ms(self) -> int:
        """Unix milliseconds by this clock."""
        system = self._system_ms()
        return int(system + self._offset_ms + (system - self._began) * self._drift)
