"""Runs checks on benches: the reference speaker on several side by side, hardware on one after another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broadcaster.broker import BrokerError
from broadcaster.conformance.benches import BENCHES, CHECKS, Bench
from broadcaster.conformance.check import BrokenError, CannotCheckError, Check, Result, Verdict
from broadcaster.conformance.link import Brokerage, OwnBroker
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.subjects import REFERENCE, ChildSpeaker, Subject
from broadcaster.errors import LoaError

log = logging.getLogger(__name__)

_CHECK_S: Final = 150.0
Tell = Callable[[Result], None]


@dataclass
class Simulated:
    """Checks of a speaker program, a new one for every bench.

    Args:
        folder: everything lies here; the caller throws it away.
        binary: nats-server.
        command: the speaker program; the reference speaker unless told otherwise.
        at_once: benches that run side by side.
    """

    folder: Path
    binary: str
    command: Sequence[str] = REFERENCE
    at_once: int = len(BENCHES)

    async def run(self, names: Collection[str] = (), tell: Tell | None = None) -> list[Result]:
        """Run every check, or those that are named, in the order of the catalogue."""
        free = asyncio.Semaphore(self.at_once)
        wanted = [(bench, [one for one in CHECKS if one.bench == bench.name and (not names or one.name in names)])
                  for bench in BENCHES]  # fmt: skip

        async def one(bench: Bench, checks: list[Check]) -> list[Result]:
            async with free:
                folder = self.folder / bench.name
                brokerage = OwnBroker(folder / "broker", "thu-nghiem", "loa-thu", self.binary)
                subject = ChildSpeaker(folder, self.command, bench.options)
                return await run_bench(bench, checks, subject, brokerage, tell)

        async with asyncio.TaskGroup() as group:  # interrupted, it waits until every broker and speaker has ended
            running = [group.create_task(one(bench, checks)) for bench, checks in wanted if checks]
        return [result for task in running for result in task.result()]


async def run_bench(
    bench: Bench, checks: Iterable[Check], subject: Subject, brokerage: Brokerage, tell: Tell | None = None
) -> list[Result]:
    """Run the checks of one bench on a speaker of its own."""
    rig, checks = None, list(checks)
    try:
        await brokerage.up()
        rig = Rig(subject=subject, brokerage=brokerage, station="thu-nghiem", speaker="loa-thu")
        return await run_on(rig, bench, checks, tell)
    except BrokerError as error:
        return [Result(check, Verdict.NOT_CHECKED, str(error)) for check in checks]
    finally:
        with suppress(LoaError):
            await subject.off()
        if rig:
            await rig.close()
        with suppress(LoaError):
            await brokerage.down()


async def run_on(rig: Rig, bench: Bench, checks: Iterable[Check], tell: Tell | None = None) -> list[Result]:
    """Run the checks of one bench on a rig."""

    async def judged(check: Check, why_not: Result | None = None) -> Result:
        result = Result(check, why_not.verdict, why_not.seen) if why_not else await _judge(check, check.run(rig))
        if tell:
            tell(result)
        return result

    async def prepare() -> str:
        await rig.open()
        await bench.prepare(rig)
        return ""

    checks = list(checks)
    prepared = await _judge(checks[0], prepare())
    unfit = None if prepared.verdict is Verdict.PASSED else prepared
    if bench.together:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(judged(check, unfit)) for check in checks]
        return [task.result() for task in running]
    return [await judged(check, unfit) for check in checks]


async def _judge(check: Check, running: Awaitable[str]) -> Result:
    try:
        seen = await asyncio.wait_for(running, _CHECK_S)
    except BrokenError as error:
        return Result(check, Verdict.FAILED, str(error))
    except CannotCheckError as error:
        return Result(check, Verdict.NOT_CHECKED, str(error))
    except TimeoutError:
        return Result(check, Verdict.FAILED, f"nothing within {_CHECK_S:.0f} s")
    except (LoaError, IndexError) as error:  # what the speaker said could not be read, or it said nothing
        log.debug("check ended early check=%s", check.name, exc_info=True)
        return Result(check, Verdict.FAILED, f"{type(error).__name__}: {error}")
    return Result(check, Verdict.PASSED, seen)
