"""The sound of one speaker: clips are decoded aside, then played by the card at their moment; the card is watched."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from device_sim.actions import Amplifier, EndStream, Identify, LocalMicrophone, PlayUnit, StartSound, StopSound
from device_sim.air import BEEP
from device_sim.card_events import CardEvent, Finished, Handle, Measured, Started, Stopped
from device_sim.errors import ClipError
from device_sim.live_sound import LivePlayer
from device_sim.microphone import Microphone, Source
from device_sim.opus import decode_clip
from device_sim.power import Power
from device_sim.self_test import AHEAD_MS, SelfTest, beep, tone

log = logging.getLogger(__name__)

Samples = NDArray[np.int16]
RATE: Final = 24_000


class Card(Protocol):
    """A sound card: simulated (`WavCard`) or real (`DeviceCard`). Moments are by the speaker's own clock."""

    def play(self, samples: Samples, start_ms: float, gain: float = 1.0) -> Handle:
        """Queue samples, due at `start_ms`."""
        ...

    def stop(self, handle: Handle | None, now_ms: float, at_ms: float | None = None) -> None:
        """Fade a sound out, now or by `at_ms`."""
        ...

    def advance(self, now_ms: float) -> list[CardEvent]:
        """What has left the card by `now_ms`."""
        ...

    def switch(self, now_ms: float, *, on: bool) -> None:
        """The amplifier's relay."""
        ...

    def blink(self) -> None:
        """Show which box this is by its lamp, where it has one."""
        ...

    def measured(self) -> Measured:
        """What was sent and heard since the last call."""
        ...

    def close(self) -> None:
        """Play nothing more."""
        ...


OpenCard = Callable[[str, Callable[[], int]], Card]
"""Makes the card of a speaker, from its name and its own clock."""


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

    def __init__(
        self,
        card: Card,
        decoder: Decoder,
        on_failure: Callable[[str], None],
        *,
        power: Power | None = None,
        test: SelfTest | None = None,
        source: Source | None = None,
    ) -> None:
        self.card, self._decoder, self._on_failure = card, decoder, on_failure
        self.power, self.test = power or Power(RATE), test
        self.microphone = Microphone(source, card, RATE) if source else None
        self.live = LivePlayer(card, RATE)
        self._handles: dict[str, Handle] = {}
        self._broadcasts: dict[Handle, str] = {}
        self._decoding: dict[str, asyncio.Task[None]] = {}
        self._untold: list[CardEvent] = []

    @property
    def busy(self) -> bool:
        """Whether a sound is queued or on."""
        testing, talking = self.test and self.test.running, self.microphone and self.microphone.on
        return bool(self._handles or self._decoding or testing or talking or self.live.busy)

    def switch(self, action: Amplifier, now: int, station_now: int) -> None:
        """The amplifier's relay; its history is in station time."""
        self.card.switch(now, on=action.on)
        self.power.switched(station_now, on=action.on)

    def talk(self, now: int, *, on: bool) -> None:
        """Let the microphone at the speaker through, where there is one."""
        if self.microphone:
            self.microphone.switch(now, on=on)

    def start(self, action: StartSound, path: Path, now: Callable[[], int]) -> None:
        """Play a clip, as soon as it is decoded and not before its moment."""
        self._decoding[action.broadcast] = asyncio.ensure_future(self._decode(action, path, now))

    def perform(self, action: PlayUnit | EndStream | LocalMicrophone | Identify, now: int) -> None:
        """What has no clip: live streams, the microphone, and the sign of which box this is."""
        match action:
            case PlayUnit():
                self.live.play(action, now)
            case EndStream(stream):
                self.live.end(stream, now)
            case LocalMicrophone(on):
                self.talk(now, on=on)
            case Identify(start_at, volume):
                self.card.blink()
                if start_at is not None:
                    self._handles[BEEP] = handle = self.card.play(beep(RATE), start_at, volume / 100)
                    self._broadcasts[handle] = BEEP

    async def _decode(self, action: StartSound, path: Path, now: Callable[[], int]) -> None:
        try:
            samples = await self._decoder.decode(action.clip, path)
        except (ClipError, OSError) as error:
            log.warning("clip can't be played clip=%s reason=%s", action.clip[:12], error)
            self._decoding.pop(action.broadcast, None)
            self._on_failure(action.broadcast)
            return
        self._decoding.pop(action.broadcast, None)
        self._untold += self.card.advance(now())  # the card must know how late it is before it takes a sound
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
        if self.microphone:
            self.microphone.feed(now)
        self.live.feed(now)
        events = [*self._untold, *self.card.advance(now)]
        self._untold.clear()
        self.power.measured(self.card.measured())
        self._test(events, now)
        for event in events:
            self.live.take(event)
            broadcast = self._broadcasts.get(event.handle)
            if broadcast is None or not isinstance(event, Started | Finished | Stopped):
                continue
            if broadcast != BEEP:
                told.append(Sounded(broadcast, event))
            if isinstance(event, Finished | Stopped):
                del self._broadcasts[event.handle]
                self._handles.pop(broadcast, None)
        return told

    def _test(self, events: list[CardEvent], now: int) -> None:
        if self.test is None:
            return
        for event in events:
            self.test.take(event, now)
        self.test.tick(now)
        if self.busy or not self.test.is_due(now):
            return
        try:
            self.test.begun(self.card.play(tone(RATE), now + AHEAD_MS), now + AHEAD_MS)
        except (OSError, ClipError):
            self.test.impossible(now)

    async def close(self) -> None:
        """Stop decoding and finish the file."""
        waiting: list[Awaitable[None]] = list(self._decoding.values())
        for task in self._decoding.values():
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self.card.close()
