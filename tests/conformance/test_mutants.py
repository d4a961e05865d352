import asyncio
from pathlib import Path

import pytest

from broadcaster.broker import find_nats_server
from broadcaster.conformance.benches import BENCHES, CHECKS
from broadcaster.conformance.check import Verdict
from broadcaster.conformance.link import OwnBroker
from broadcaster.conformance.runner import run_bench
from tests.conformance.mutants import FAULTS, Mutant, are_made

AT_ONCE = 12
UNFIT = "the first clips were not cached"


@pytest.mark.whole
@pytest.mark.xdist_group("crowd")
@pytest.mark.timeout(400)
def test_every_mutant_is_caught_by_the_check_that_names_its_fault(tmp_path: Path) -> None:
    binary = find_nats_server("")
    checks = {one.name: one for one in CHECKS}
    benches = {one.name: one for one in BENCHES}

    async def verdicts() -> dict[str, str]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(fault: str, name: str) -> str:
            async with free:
                bench, folder = benches[checks[name].bench], tmp_path / fault
                broker = OwnBroker(folder / "broker", "thu-nghiem", "loa-thu", binary)
                speaker = Mutant(folder, fault, bench.options)
                (result,) = await run_bench(bench, [checks[name]], speaker, broker)
                return f"{result.verdict.value}: {result.seen}"

        names = [(fault, name) for fault, (_, name) in FAULTS.items()]
        return dict(zip(FAULTS, await asyncio.gather(*(one(*pair) for pair in names)), strict=True))

    found = asyncio.run(verdicts())
    assert {name: seen for name, seen in found.items() if not seen.startswith(Verdict.FAILED.value)} == {}
    unfit = [f"{name}: {seen}" for name, seen in found.items() if UNFIT in seen and "bad-signature" not in seen]
    assert unfit == []  # a mutant that does not even get ready proves nothing


def test_every_mutant_names_a_check_that_exists() -> None:
    assert {check for _, check in FAULTS.values()} <= {one.name for one in CHECKS}


def test_every_mutant_breaks_something_that_is_there() -> None:
    assert are_made()
