"""Faulty speakers: the reference speaker with one rule broken."""

import asyncio
import json
import multiprocessing
import os
from pathlib import Path

from broadcaster.clips import write_aside
from broadcaster.conformance.subjects import Kit
from device_sim import cli
from tests.conformance import careless, gullible, heedless
from tests.conformance.faults import FAULTS

__all__ = ["FAULTS", "Mutant", "are_made", "careless", "gullible", "heedless"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.conformance.mutants"])
_STOP_S = 10.0


class Mutant:
    """A `Subject` in a process of its own, forked from one that has imported the reference speaker already.

    Args:
        fault: how it is broken; without one it is the reference speaker.

    Attributes:
        died: it has ended by itself.
    """

    died = False

    def __init__(self, folder: Path, fault: str, options: tuple[str, ...]) -> None:
        self._folder, self._fault, self._options = folder, fault, options
        self._process: multiprocessing.process.BaseProcess | None = None

    async def on(self, kit: Kit) -> None:
        path = self._folder / "kit.json"
        write_aside(path, json.dumps(kit).encode())
        words = ["run", str(path), "--state", str(self._folder / "state"), "--wav", str(self._folder / "wav")]
        self._process = _FORKS.Process(
            target=_live, args=(self._fault, self._folder / "speaker.log", [*words, *self._options]), daemon=True
        )
        self._process.start()

    async def off(self) -> None:
        process, self._process = self._process, None
        if process:
            self.died |= process.exitcode is not None
            process.kill()
            await asyncio.to_thread(process.join, _STOP_S)


def are_made() -> bool:
    """Whether every rule that is broken is still where its fault looks for it; which is not, stderr tells."""
    process = _FORKS.Process(target=_make, args=tuple(FAULTS), daemon=True)
    process.start()
    process.join()
    return process.exitcode == 0


def _make(*faults: str) -> None:
    for fault in faults:
        FAULTS[fault][0]()


def _live(fault: str, log: Path, words: list[str]) -> None:
    with log.open("ab") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    _make(*[fault] if fault else [])
    cli.main(words)
