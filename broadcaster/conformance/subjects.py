"""The speaker under test: the reference speaker as a child process, or hardware on a person's desk."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from broadcaster.clips import write_aside
from broadcaster.conformance.check import CannotCheckError

REFERENCE: Final = (sys.executable, "-m", "device_sim.cli")
_STOP_S: Final = 10.0

Kit = dict[str, object]


class Subject(Protocol):
    """A speaker that can be switched."""

    async def on(self, kit: Kit) -> None:
        """Switch it on with this kit and what it keeps."""
        ...

    async def off(self) -> None:
        """Take its power away, without warning."""
        ...


class ChildSpeaker:
    """A speaker program: ``COMMAND run KIT --state FOLDER --wav FOLDER``, ended as a power cut would.

    Args:
        options: more words of its command line.
    """

    def __init__(self, folder: Path, command: Sequence[str] = REFERENCE, options: Sequence[str] = ()) -> None:
        self._folder, self._command, self._options = folder, command, options
        self._process: asyncio.subprocess.Process | None = None

    async def on(self, kit: Kit) -> None:
        """See `Subject.on`."""
        path = self._folder / "kit.json"
        write_aside(path, json.dumps(kit).encode())
        words = ["run", str(path), "--state", str(self._folder / "state"), "--wav", str(self._folder / "wav")]
        with (self._folder / "speaker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, *words, *self._options, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def off(self) -> None:
        """See `Subject.off`."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.wait(), _STOP_S)


Ask = Callable[[str], Awaitable[bool]]
"""Shows a person what to do, by name: kit, off, on. False: it can't be done."""


class HandSpeaker:
    """Hardware: a person does what is asked."""

    def __init__(self, kit_path: Path, ask: Ask) -> None:
        self._kit_path, self._ask = kit_path, ask
        self._given = self._is_on = False

    async def on(self, kit: Kit) -> None:
        """See `Subject.on`; one that is on stays so. Errors: CannotCheckError."""
        if not self._given:
            write_aside(self._kit_path, json.dumps(kit, indent=1).encode())
            await self._do("kit")
        elif not self._is_on:
            await self._do("on")
        self._given = self._is_on = True

    async def off(self) -> None:
        """See `Subject.off`. Errors: CannotCheckError."""
        if self._is_on:
            await self._do("off")
        self._is_on = False

    async def _do(self, what: str) -> None:
        if not await self._ask(what):
            raise CannotCheckError(f"nobody did: {what}")
