import asyncio
import sys
from pathlib import Path

import pytest

from broadcaster.broker import find_nats_server
from broadcaster.conformance.benches import CHECKS
from broadcaster.conformance.check import Verdict
from broadcaster.conformance.runner import Simulated
from tests.conformance.mutants import FAULTS

AT_ONCE = 10
UNFIT = "the first clips were not cached"
ROOT = Path(__file__).parents[2]


@pytest.mark.whole
@pytest.mark.timeout(400)
def test_every_mutant_is_caught_by_the_check_that_names_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    async def verdicts() -> dict[str, str]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, check: str) -> str:
            async with free:
                command = (sys.executable, "-m", "tests.conformance.mutants", name)
                kit = Simulated(tmp_path / name, find_nats_server(""), command)
                (result,) = await kit.run({check})
                return f"{result.verdict.value}: {result.seen}"

        names = [(name, check) for name, (_, check) in FAULTS.items()]
        return dict(zip(FAULTS, await asyncio.gather(*(one(*pair) for pair in names)), strict=True))

    found = asyncio.run(verdicts())
    assert {name: seen for name, seen in found.items() if not seen.startswith(Verdict.FAILED.value)} == {}
    unfit = [f"{name}: {seen}" for name, seen in found.items() if UNFIT in seen and "bad-signature" not in seen]
    assert unfit == []  # a mutant that does not even get ready proves nothing


def test_every_mutant_names_a_check_that_exists() -> None:
    assert {check for _, check in FAULTS.values()} <= {one.name for one in CHECKS}
