"""Many simulated speakers in one process: one event loop, no thread and no paho each."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from device_sim.kit import Kit
from device_sim.output import Decoder
from device_sim.own_clock import OwnClock
from device_sim.speaker import Speaker
from device_sim.store import Store

log = logging.getLogger(__name__)


def read_kits(folder: Path) -> list[Kit]:
    """Every kit of a folder. Errors: KitError."""
    return [Kit.read(path) for path in sorted(folder.glob("*.json"))]


class Fleet:
    """The speakers of some kits.

    Args:
        state: folder with one store per speaker.
        wav: folder with one timeline per speaker.
        durable: the stores survive a power cut; a simulation does without the waiting for the disk.
    """

    def __init__(self, kits: Sequence[Kit], state: Path, wav: Path, *, durable: bool = False) -> None:
        self._kits, self._state, self._wav, self._durable = kits, state, wav, durable
        self.speakers: list[Speaker] = []
        self.clock, self.synchronised = OwnClock(), True

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Run every speaker until `stop`."""
        decoder = Decoder()
        self._wav.mkdir(parents=True, exist_ok=True)
        self.speakers = [
            Speaker(
                kit,
                Store(self._state / kit.speaker, durable=self._durable),
                self._wav,
                decoder,
                self.clock,
                synchronised=self.synchronised,
            )
            for kit in self._kits
        ]
        if ready:
            ready.set()
        async with asyncio.TaskGroup() as group:
            for speaker in self.speakers:
                group.create_task(speaker.run(), name=speaker.name)

    def stop(self) -> None:
        """End every speaker in good order."""
        for speaker in self.speakers:
            speaker.stop()


async def run_until_signalled(fleet: Fleet) -> None:
    """Run a fleet until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stop)
    await fleet.run()
