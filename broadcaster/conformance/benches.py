"""The benches on which checks run: one speaker each, its checks one by one or together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from broadcaster.conformance import (
    airing,
    alert,
    authority,
    clock,
    delivery,
    joining,
    live,
    lock_out,
    power,
    receipts,
    shape,
    silence,
)
from broadcaster.conformance.check import Check
from broadcaster.conformance.rig import Rig


@dataclass(frozen=True)
class Bench:
    """One speaker and what it is for.

    Attributes:
        together: its checks run side by side and share the speaker's air.
        options: what the reference speaker is started with.
        staged: what only the reference speaker can be made to have; hardware is not checked.
    """

    name: str
    prepare: Callable[[Rig], Awaitable[None]]
    together: bool = False
    options: tuple[str, ...] = ("--synchronised",)
    staged: str = ""


async def _ready(rig: Rig) -> None:
    await rig.ready()


BENCHES: Final = (
    Bench("joining", joining.prepare),  # first: it needs a speaker with an empty store
    Bench("airing", _ready, together=True),
    Bench("silence", _ready),
    Bench("alert", _ready),
    Bench("live", _ready),
    Bench("lock-out", _ready),
    Bench("shape", _ready, together=True),
    Bench("authority", _ready),
    Bench("delivery", _ready, together=True),
    Bench("receipts", _ready, together=True),
    Bench("power", _ready),
    Bench("blackout", _ready),  # a speaker of its own: the fifth boot in ten minutes would be in safe mode
    Bench(
        "clock",
        _ready,
        options=("--clock-offset-ms", str(clock.WRONG_MS), "--unsynchronised"),
        staged="a clock that is an hour wrong",
    ),
)

_MODULES: Final = (
    joining,
    airing,
    silence,
    alert,
    live,
    lock_out,
    shape,
    authority,
    delivery,
    receipts,
    power,
    clock,
)

CHECKS: Final = tuple(one for module in _MODULES for one in vars(module).values() if isinstance(one, Check))
"""Every check, in the order of the page's story."""
