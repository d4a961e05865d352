"""Checks of hardware: one speaker for every bench, and a person who switches it."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from broadcaster.conformance.benches import BENCHES, CHECKS
from broadcaster.conformance.check import Result, Verdict
from broadcaster.conformance.link import GivenBroker
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.runner import Tell, run_on
from broadcaster.conformance.subjects import Subject
from broadcaster.errors import LoaError


@dataclass
class ByHand:
    """Checks of one real speaker on a broker that is running.

    Args:
        station: its name on the wire; the broker's permissions must know it.
        speaker: the speaker's name there.
    """

    subject: Subject
    brokerage: GivenBroker
    station: str
    speaker: str

    async def run(self, names: Collection[str] = (), tell: Tell | None = None) -> list[Result]:
        """Run every check that can be run on hardware, bench after bench on the same speaker."""
        rig = Rig(subject=self.subject, brokerage=self.brokerage, station=self.station, speaker=self.speaker)
        results: list[Result] = []
        try:
            for bench in BENCHES:
                checks = [one for one in CHECKS if one.bench == bench.name and (not names or one.name in names)]
                if bench.staged:
                    results += [Result(one, Verdict.NOT_CHECKED, f"needs {bench.staged}") for one in checks]
                elif checks:
                    results += await run_on(rig, bench, checks, tell)
        finally:
            with suppress(LoaError):
                await rig.close()
        return results
