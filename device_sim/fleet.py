"""Many simulated speakers in one process: one event loop, no thread and no paho each."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from device_sim.horn import Horn
from device_sim.kit import Kit
from device_sim.microphone import Source
from device_sim.output import RATE, Decoder, OpenCard
from device_sim.own_clock import OwnClock
from device_sim.soundcard import WavCard
from device_sim.speaker import Speaker
from device_sim.store import Store
from device_sim.system_time import always

log = logging.getLogger(__name__)


def read_kits(folder: Path) -> list[Kit]:
    """Every kit of a folder. Errors: KitError."""
    return [Kit.read(path) for path in sorted(folder.glob("*.json"))]


def wav_cards(folder: Path, *, warm_up_ms: int = 300) -> OpenCard:
    """Cards that play into WAV timelines in `folder`, behind an amplifier that takes `warm_up_ms` to sound."""
    folder.mkdir(parents=True, exist_ok=True)
    return lambda name, now_ms: WavCard(folder, name, now_ms(), RATE, horn=Horn(RATE, warm_up_ms))


Watch = Callable[[Callable[[], object]], object]
"""Calls what it is given whenever a button is pressed."""


class Fleet:
    """The speakers of some kits.

    Args:
        state: folder with one store per speaker.
        open_card: makes the sound card of a speaker, from its name and its clock.
        source: the microphone at the speaker.
        durable: the stores survive a power cut; a simulation does without the waiting for the disk.
        synchronised: whether NTP keeps the clock right; a simulation shares the station's.
        clock: of every speaker of the fleet; the system's by default.
    """

    def __init__(
        self,
        kits: Sequence[Kit],
        state: Path,
        open_card: OpenCard,
        *,
        source: Source | None = None,
        durable: bool = False,
        synchronised: Callable[[], bool] = always,
        clock: OwnClock | None = None,
    ) -> None:
        self._kits, self._state, self._open_card, self._durable = kits, state, open_card, durable
        self._synchronised, self._clock = synchronised, clock or OwnClock()
        self._source = source
        self.speakers: list[Speaker] = []

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Run every speaker until `stop`."""
        decoder = Decoder()
        self.speakers = [
            Speaker(
                kit,
                Store(self._state / kit.speaker, durable=self._durable),
                self._open_card,
                decoder,
                self._clock,
                synchronised=self._synchronised,
                source=self._source,
            )
            for kit in self._kits
        ]
        if ready:
            ready.set()
        async with asyncio.TaskGroup() as group:
            for speaker in self.speakers:
                group.create_task(speaker.run(), name=speaker.name)

    def press_stop(self) -> None:
        """The stop button of every speaker of this process."""
        log.info("stop button")
        for speaker in self.speakers:
            speaker.press_stop()

    def switch_microphone(self) -> None:
        """The microphone of every speaker of this process."""
        log.info("microphone switched")
        for speaker in self.speakers:
            speaker.switch_microphone()

    def stop(self) -> None:
        """End every speaker in good order."""
        for speaker in self.speakers:
            speaker.stop()


async def run_until_signalled(fleet: Fleet, watch: Watch | None = None) -> None:
    """Run a fleet until SIGINT or SIGTERM; SIGUSR1 is the stop button, SIGUSR2 switches the microphone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stop)
    loop.add_signal_handler(signal.SIGUSR1, fleet.press_stop)
    loop.add_signal_handler(signal.SIGUSR2, fleet.switch_microphone)
    if watch is not None:
        watch(lambda: loop.call_soon_threadsafe(fleet.press_stop))
    await fleet.run()
