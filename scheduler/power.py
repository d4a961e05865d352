"""When amplifiers are on: windows derived from what is planned. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from broadcaster.hours import Stretch

LINGER: Final = timedelta(seconds=2)
"""How long an amplifier stays on after the last sound."""


def windows(sounds: Iterable[Stretch], lead: timedelta) -> list[Stretch]:
    """From when until when an amplifier is on for these sounds; what touches is one window.

    Args:
        sounds: when something sounds.
        lead: how long before a sound the amplifier goes on.
    """
    made: list[Stretch] = []
    for start, end in sorted((start - lead, end + LINGER) for start, end in sounds):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((start, end))
    return made
