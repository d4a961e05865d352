"""When amplifiers are on: windows derived from what is planned; and the arithmetic of stretches of time. Pure."""

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
    return merged((start - lead, end + LINGER) for start, end in sounds)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in ascending order; what touches is one stretch."""
    made: list[Stretch] = []
    for start, end in sorted(stretches):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((start, end))
    return made


def without(stretches: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """What is left of ``stretches`` when the time of ``taken`` is taken out."""
    left = merged(stretches)
    for low, high in merged(taken):
        left = [
            part
            for start, end in left
            for part in ((start, min(end, low)), (max(start, high), end))
            if part[0] < part[1]
        ]
    return left


def meets(stretches: Iterable[Stretch], sound: Stretch) -> bool:
    """Whether a sound falls into one of the stretches, in part or wholly."""
    return any(start < sound[1] and sound[0] < end for start, end in stretches)
