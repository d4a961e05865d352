"""What the operating system knows of its own clock: whether NTP keeps it right, and whether somebody has set it."""

import ctypes
import time
from typing import Any, Final

_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5
_WORST_US: Final = 1_000_000
"""The kernel's bound on its error grows by 500 ppm: a second is passed half an hour after the last good answer."""
_STEP_MS: Final = 20.0
"""What is read of two clocks one after the other can lie apart by less than this."""


class _Timex(ctypes.Structure):
    """The beginning of Linux's ``struct timex`` (adjtimex(2)); the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def always() -> bool:
    """The answer of a simulation that shares its station's clock."""
    return True


def never() -> bool:
    """The answer of a simulation whose clock nobody keeps."""
    return False


def is_synchronised() -> bool:
    """Whether NTP keeps the system's clock right, as the Linux kernel knows it; False where nobody can say."""
    answer = _Timex()  # modes 0: read and change nothing
    try:
        libc: Any = ctypes.CDLL(None)
        state = libc.adjtimex(ctypes.byref(answer))
    except (OSError, AttributeError):  # not Linux
        return False
    return 0 <= state < _TIME_ERROR and not answer.status & _STA_UNSYNC and 0 <= answer.maxerror <= _WORST_US


class StepWatch:
    """Notices when somebody sets the system's clock. NTP's small corrections move both clocks alike."""

    def __init__(self) -> None:
        self._apart_ms = self._apart()

    @staticmethod
    def _apart() -> float:
        """How far the wall clock is ahead of one that is never set and, where there is such a one, runs on in sleep."""
        steady_ns = time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
        return (time.time_ns() - steady_ns) / 1e6  # noqa: TID251  the speaker's second place to ask

    def step_ms(self) -> float:
        """By how much the clock was set forward since the last call; 0.0 when nobody has set it."""
        step = self._apart() - self._apart_ms
        if abs(step) < _STEP_MS:
            return 0.0
        self._apart_ms += step
        return step
