import asyncio
import re
from pathlib import Path

import pytest

from broadcaster.broker import find_nats_server
from broadcaster.conformance.benches import BENCHES, CHECKS
from broadcaster.conformance.check import Verdict
from broadcaster.conformance.link import OwnBroker
from broadcaster.conformance.runner import run_bench
from tests.conformance.mutants import FAULTS, Mutant, are_made

AT_ONCE = 14
UNFIT = re.compile(r"the first clips were not cached(?!.*bad-signature)|nothing within")
"""Seen of a speaker that did not even get ready, or had no time for anything; whoever signs with another key never is."""


@pytest.mark.whole
@pytest.mark.xdist_group("crowd")
@pytest.mark.timeout(400)
def test_every_mutant_is_caught_by_the_check_that_names_its_fault(tmp_path: Path) -> None:
    binary = find_nats_server("")
    checks = {one.name: one for one in CHECKS}
    benches = {one.name: one for one in BENCHES}

    async def verdicts() -> dict[tuple[str, str], str]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(fault: str, name: str) -> str:
            async with free:
                bench = benches[checks[name].bench]
                folder = tmp_path / (fault or f"unbroken-{bench.name}")
                broker = OwnBroker(folder / "broker", "thu-nghiem", "loa-thu", binary)
                speaker = Mutant(folder, fault, bench.options)
                (result,) = await run_bench(bench, [checks[name]], speaker, broker)
                return "died" if speaker.died else f"{result.verdict.value}: {result.seen}"

        names = crowd()
        return dict(zip(names, await asyncio.gather(*(one(*pair) for pair in names)), strict=True))

    def is_right(fault: str, seen: str) -> bool:
        if not fault:
            return seen.startswith(Verdict.PASSED.value)
        return seen.startswith(Verdict.FAILED.value) and not UNFIT.search(seen)

    found = asyncio.run(verdicts())
    assert {pair: seen for pair, seen in found.items() if not is_right(pair[0], seen)} == {}


def crowd() -> list[tuple[str, str]]:
    """Every mutant with the check that is to catch it; among those of each bench one that is whole, to tell starving from being caught."""
    benches, found, tried = {one.name: one.bench for one in CHECKS}, [], set[str]()
    for fault, (_, name) in FAULTS.items():
        if benches[name] not in tried:
            tried.add(benches[name])
            found.append(("", name))
        found.append((fault, name))
    return found


def test_every_mutant_names_a_check_that_exists() -> None:
    assert {check for _, check in FAULTS.values()} <= {one.name for one in CHECKS}


def test_every_mutant_breaks_something_that_is_there() -> None:
    assert are_made()
