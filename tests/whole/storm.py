"""A fleet for bad weather: real speakers whose power and links fail, and an ear before each horn.

The speakers are the real ones down to the card, which plays nothing and reports what would have left it, so that
hundreds fit on two cores. Some share of all messages is lost, either way (`benchmarks.delivery.LossyClient`).
"""

import asyncio
import itertools
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.delivery import make_lossy
from broadcaster.wire.documents import Receipt
from device_sim.actions import Action, KeepReceipt, KeepSegment
from device_sim.card_events import CardEvent, Finished, Handle, Level, Measured, Started, Stopped
from device_sim.errors import CloseReason
from device_sim.kit import Kit
from device_sim.output import RATE, Decoder, Samples, Sounded
from device_sim.own_clock import OwnClock
from device_sim.speaker import Speaker
from device_sim.store import Store


@dataclass
class Playing:
    """A sound on the card, by the speaker's clock."""

    start_ms: float
    end_ms: float
    begun_ms: float | None = None


class QuietCard:
    """A sound card that keeps the time and leaves out the sound."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._sounds: dict[Handle, Playing] = {}
        self._stopped: list[Handle] = []

    def play(self, samples: Samples, start_ms: float, gain: float = 1.0) -> Handle:
        """See `Card.play`."""
        handle = Handle(next(self._numbers))
        self._sounds[handle] = Playing(start_ms, start_ms + samples.size * 1000 / RATE)
        return handle

    def stop(self, handle: Handle | None, now_ms: float, at_ms: float | None = None) -> None:
        """See `Card.stop`."""
        for each, sound in self._sounds.items():
            if handle in {each, None}:
                sound.end_ms = min(sound.end_ms, max(now_ms, at_ms or now_ms))
                self._stopped.append(each)

    def advance(self, now_ms: float) -> list[CardEvent]:
        """See `Card.advance`."""
        events: list[CardEvent] = []
        for handle, sound in list(self._sounds.items()):
            if sound.begun_ms is None and sound.start_ms <= now_ms < sound.end_ms:
                sound.begun_ms = max(sound.start_ms, now_ms - 100)
                events.append(Started(handle, sound.begun_ms, int((sound.begun_ms - sound.start_ms) * RATE / 1000)))
            if now_ms >= sound.end_ms:
                del self._sounds[handle]
                played = int((sound.end_ms - sound.begun_ms) * RATE / 1000) if sound.begun_ms is not None else 0
                kind = Stopped if handle in self._stopped else Finished
                events.append(kind(handle, sound.end_ms, max(0, played), 0))
        return events

    def switch(self, now_ms: float, *, on: bool) -> None:
        """See `Card.switch`."""

    def blink(self) -> None:
        """See `Card.blink`."""

    def measured(self) -> Measured:
        """See `Card.measured`."""
        return Measured(Level(-6.0, -20.0, RATE), None, None)

    def close(self) -> None:
        """See `Card.close`."""


@dataclass
class Heard:
    """What somebody beneath the horn heard: one sound of an alert, Unix milliseconds; open where the power went."""

    card: str
    from_ms: float
    until_ms: float | None = None
    whole: bool = False

    @property
    def alert(self) -> str:
        """Whose sound it is."""
        return self.card.split(".")[0]


@dataclass
class Box:
    """One speaker over all its boots.

    Attributes:
        heard: everything its horn has sounded.
        told: every receipt that it has written, by id.
        links: when it was connected to a broker, Unix milliseconds; the last one may last.
        cuts: how often its power went.
    """

    kit: Kit
    heard: list[Heard] = field(default_factory=list)
    told: dict[str, Receipt] = field(default_factory=dict)
    links: list[tuple[float, float]] = field(default_factory=list)
    cuts: int = 0
    speaker: Speaker | None = None
    task: "asyncio.Task[None] | None" = None

    def listen(self, sounded: Sequence[Sounded]) -> None:
        """Stand beneath the horn."""
        for one in sounded:
            if isinstance(one.event, Started):
                self.heard.append(Heard(one.broadcast, one.event.at_ms))
            elif one.event.played:
                begun = [each for each in self.heard if each.card == one.broadcast and each.until_ms is None]
                if not begun:  # it was stopped before its start was told
                    begun = [Heard(one.broadcast, one.event.at_ms - one.event.played * 1000 / RATE)]
                    self.heard += begun
                begun[-1].until_ms, begun[-1].whole = one.event.at_ms, isinstance(one.event, Finished)


class Storm:
    """All speakers of a town on one event loop in a thread of its own."""

    def __init__(self, kits: Sequence[Kit], folder: Path, seed: int) -> None:
        self._folder, self._loss, self._random = folder, 0.0, random.Random(seed)
        self.boxes = {kit.speaker: Box(kit) for kit in kits}
        self.clock = OwnClock()
        self._decoder = Decoder(keep=40)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storm")

    def start(self) -> None:
        """Everybody is switched on."""
        self._thread.start()
        self.switch_on(self.boxes)

    def stop(self) -> None:
        """Everybody is switched off, in good order."""
        running = [box for box in self.boxes.values() if box.speaker]
        for box in running:
            assert box.speaker
            self._loop.call_soon_threadsafe(box.speaker.stop)
        self._do(lambda: asyncio.gather(*(box.task for box in running if box.task)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def lose(self, share: float) -> None:
        """From now on this share of all messages never arrives."""
        self._loss = share
        for box in self.boxes.values():
            assert box.speaker
            self._loop.call_soon_threadsafe(self._lose, box.speaker)

    def some(self, share: float) -> list[str]:
        """Some of those that are on."""
        on = sorted(name for name, box in self.boxes.items() if box.speaker)
        return self._random.sample(on, round(len(self.boxes) * share))

    @property
    def on(self) -> list[str]:
        """Those that have power."""
        return [name for name, box in self.boxes.items() if box.speaker]

    def switch_on(self, names: Collection[str]) -> None:
        """The power is back: the same box, its store as it was."""

        async def boot() -> None:
            for name in names:
                self._boot(self.boxes[name])

        asyncio.run_coroutine_threadsafe(boot(), self._loop).result(60)

    def cut(self, names: Collection[str]) -> None:
        """The power goes: what sounds ends, nothing more is said, the broker notices that the connection is gone."""
        self._do(lambda: asyncio.gather(*(self._cut(self.boxes[name]) for name in names)))

    def written(self) -> Counter[tuple[str, str]]:
        """Every receipt that was ever written, by speaker and id."""
        return Counter((name, receipt) for name, box in self.boxes.items() for receipt in list(box.told))

    def sounding(self, alert: str) -> list[str]:
        """Those at whose horn this alert is heard now."""
        return [
            name
            for name, box in self.boxes.items()
            if box.speaker and any(one.alert == alert and one.until_ms is None for one in box.heard[-3:])
        ]

    def _boot(self, box: Box) -> None:
        name = box.kit.speaker
        store = Store(self._folder / name, durable=False)
        box.speaker = speaker = Speaker(box.kit, store, lambda *_: QuietCard(), self._decoder, self.clock)
        self._overhear(box, speaker)
        self._watch_link(box, speaker)
        self._lose(speaker)
        box.task = self._loop.create_task(speaker.run(), name=name)

    def _lose(self, speaker: Speaker) -> None:
        seed = f"{speaker.name} {self.clock.now_ms()}"
        make_lossy(speaker, self._loss, Counter(), random.Random(seed))

    @staticmethod
    def _overhear(box: Box, speaker: Speaker) -> None:
        advance, keep = speaker.output.advance, speaker._keeper.keep

        def heard(now: int) -> list[Sounded]:
            sounded = advance(now)
            box.listen(sounded)
            return sounded

        def kept(actions: Sequence[Action]) -> list[KeepSegment]:
            box.told |= {one.receipt.id: one.receipt for one in actions if isinstance(one, KeepReceipt)}
            return keep(actions)

        speaker.output.advance = heard  # type: ignore[method-assign]
        speaker._keeper.keep = kept  # type: ignore[method-assign]

    def _watch_link(self, box: Box, speaker: Speaker) -> None:
        connected, client = speaker.machine.connected, speaker._client
        disconnected = client.on_disconnect

        def link_up() -> list[Action]:
            box.links.append((self.clock.now_ms(), math.inf))
            return connected()

        def link_down(reason: CloseReason) -> None:
            if box.links:
                box.links[-1] = box.links[-1][0], self.clock.now_ms()
            disconnected(reason)

        speaker.machine.connected = link_up  # type: ignore[method-assign]
        client.on_disconnect = link_down

    async def _cut(self, box: Box) -> None:
        assert box.speaker
        assert box.task
        now = self.clock.now_ms()
        box.speaker.output.advance(now)
        for one in box.heard:
            one.until_ms = one.until_ms or now
        box.cuts += 1
        box.speaker._client.abort()
        box.task.cancel()
        await asyncio.gather(box.task, return_exceptions=True)
        box.speaker = box.task = None

    def _do(self, what: Callable[[], "asyncio.Future[list[object]]"]) -> None:
        async def done() -> None:
            await what()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(60)
