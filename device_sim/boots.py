"""Does this box keep falling over? Five boots in ten minutes make a speaker that stays reachable and plays emergencies only.

A box without a battery has no idea how long it was off, so two measures must agree: the time it ran since those boots,
and the wall clock where that went forward at all. Pure; moments are Unix milliseconds by the own clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.documents import Class, Event, PlanItem, Why
from broadcaster.wire.units import MINUTE
from device_sim.actions import Action
from device_sim.journal import Journal

BOOTS: Final = 5
WITHIN_MS: Final = 10 * MINUTE


@dataclass
class Boots:
    """The last boots.

    Attributes:
        log: (when, how long it ran, milliseconds) of each, the running one last.
        safe: whether only emergencies play now.
    """

    log: list[tuple[int, int]] = field(default_factory=list)
    safe: bool = False

    def boot(self, now: int) -> None:
        """One more boot."""
        self.log = [*self.log[1 - BOOTS :], (now, 0)]
        first, _ = self.log[0]
        ran_ms = sum(ran for _, ran in self.log)
        self.safe = len(self.log) == BOOTS and ran_ms < WITHIN_MS and now - first < WITHIN_MS

    def ran(self, for_ms: int) -> None:
        """This boot has lasted so long; one that has outlived the limit is a good one, and safe mode ends."""
        self.log[-1] = (self.log[-1][0], for_ms)
        if for_ms >= WITHIN_MS:
            self.safe = False


def refuse(items: Iterable[PlanItem], journal: Journal, at: int, ahead_ms: int = 0) -> list[Action]:
    """In safe mode: close what is due by `ahead_ms` from now and is no emergency, with its reason."""
    actions: list[Action] = []
    for item in items:
        if item.start_at <= at + ahead_ms and item.klass is not Class.EMERGENCY and not journal.over(item.id):
            actions += journal.write(item, Event.SKIPPED, at, why=Why.SAFE_MODE)
    return actions
