"""The sound of one simulated speaker: clips are decoded aside, then played by the card at their moment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_sim.actions import Amplifier, StartSound, StopSound
from device_sim.card_events import Finished, Handle, Started, Stopped
from device_sim.errors import ClipError
from device_sim.opus import decode_clip
from device_sim.soundcard import WavCard

log = logging.getLogger(__name__)

Samples = NDArray[np.int16]
RATE = 24_000


class Decoder:
    """Decodes clips once for all speakers of one process, on worker threads; the latest few are kept."""

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._clips: dict[str, asyncio.Task[Samples]] = {}

    async def decode(self, clip: str, path: Path) -> Samples:
        """The samples of a clip at the card's rate. Errors: ClipError, OSError."""
        task = self._clips.pop(clip, None)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(asyncio.to_thread(lambda: decode_clip(path.read_bytes(), RATE)))
            task.add_done_callback(_saw)
        self._clips[clip] = task
        while len(self._clips) > self._keep:
            del self._clips[next(iter(self._clips))]
        return await asyncio.shield(task)


def _saw(task: asyncio.Task[Samples]) -> None:
    """Take note of a failure even if everyone who waited for it was told to stop."""
    if not task.cancelled():
        task.exception()


class Sounded:
    """What the card reported of one broadcast."""

    def __init__(self, broadcast: str, event: Started | Finished | Stopped) -> None:
        self.broadcast, self.event = broadcast, event


class Output:
    """One card and the sounds on it.

    Args:
        on_failure: called with the broadcast whose clip could not be decoded.
    """

    def __init__(self, card: WavCard, decoder: Decoder, on_failure: Callable[[str], None]) -> None:
        self.card, self._decoder, self._on_failure = card, decoder, on_failure
        self._handles: dict[str, Handle] = {}
        self._broadcasts: dict[Handle, str] = {}
        self._decoding: dict[str, asyncio.Task[None]] = {}
        self.amplifier: list[tuple[int, bool]] = []

    @property
    def busy(self) -> bool:
        """Whether a sound is queued or on."""
        return bool(self._handles or self._decoding)

    def switch(self, action: Amplifier, now: int) -> None:
        """The amplifier's relay; the simulation keeps its history."""
        self.amplifier = [*self.amplifier[-99:], (now, action.on)]

    def start(self, action: StartSound, path: Path, now: Callable[[], int]) -> None:
        """Play a clip, as soon as it is decoded and not before its moment."""
        self._decoding[action.broadcast] = asyncio.ensure_future(self._decode(action, path, now))

    async def _decode(self, action: StartSound, path: Path, now: Callable[[], int]) -> None:
        try:
            samples = await self._decoder.decode(action.clip, path)
        except (ClipError, OSError) as error:
            log.warning("clip can't be played clip=%s reason=%s", action.clip[:12], error)
            self._decoding.pop(action.broadcast, None)
            self._on_failure(action.broadcast)
            return
        self._decoding.pop(action.broadcast, None)
        self.card.advance(now())  # the card must know how late it is before it takes a sound
        handle = self.card.play(samples, action.start_at, action.volume / 100)
        self._handles[action.broadcast], self._broadcasts[handle] = handle, action.broadcast

    def stop(self, action: StopSound, now: int) -> bool:
        """Fade a sound out, now or by its moment. False when it never reached the card."""
        if task := self._decoding.pop(action.broadcast, None):
            task.cancel()
        handle = self._handles.get(action.broadcast)
        if handle is None:
            return False
        self.card.stop(handle, now, action.at)
        return True

    def advance(self, now: int) -> list[Sounded]:
        """Feed the card; returns what began and ended."""
        told = []
        for event in self.card.advance(now):
            broadcast = self._broadcasts.get(event.handle)
            if broadcast is None or not isinstance(event, Started | Finished | Stopped):
                continue
            told.append(Sounded(broadcast, event))
            if isinstance(event, Finished | Stopped):
                del self._broadcasts[event.handle]
                self._handles.pop(broadcast, None)
        return told

    async def close(self) -> None:
        """Stop decoding and finish the file."""
        waiting: list[Awaitable[None]] = list(self._decoding.values())
        for task in self._decoding.values():
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self.card.close()
