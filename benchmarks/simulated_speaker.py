"""One speaker in virtual time: the real machine, a clock that drifts, and a link that delays or loses every message."""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from broadcaster.wire import strict_json
from broadcaster.wire.documents import Hello, Welcome
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE
from device_sim.actions import Action, Publish, StartSound, StopSound, Subscribe
from device_sim.journal import Journal
from device_sim.machine import Identity, Memory, SpeakerMachine
from device_sim.offset import Bounds
from tests.broadcaster import town
from tests.device_sim.station import NOON, SPEAKER, Message, Station

START = NOON + 25 * MINUTE
"""When the bulletin is planned: two regular exchanges and the close ones lie before it."""
_HAIR_MS = 0.01
"""Floats of today know less than a thousandth of a millisecond."""
Delay = Callable[[random.Random], float]
"""Milliseconds that one message takes one way."""


@dataclass
class Link:
    """How one message fares; MQTT keeps the order each way."""

    there: Delay
    back: Delay
    loss: float = 0.0


@dataclass
class SimulatedSpeaker:
    """One speaker from its first hello to its first sample.

    Attributes:
        exchanges: what each answered hello told, whatever the machine made of it.
        started: when the first sample was due, by the station's clock.
    """

    link: Link
    rng: random.Random
    true: float = NOON
    exchanges: list[Bounds] = field(default_factory=list)
    started: float | None = None

    def __post_init__(self) -> None:
        self.ahead, self.drift = self.rng.uniform(-60_000, 60_000), self.rng.uniform(-50e-6, 50e-6)
        self.station = Station()
        self.station.trust(), self.station.config(amp_lead_ms=800)
        item = self.station.item("b1", START, town.opus(1))
        self.station.plan(item)
        identity = Identity(
            self.station.name, SPEAKER, self.station.root.public, "00" * 16, SigningKey.generate(), "boot", 1
        )
        self.machine = SpeakerMachine(identity, Memory(Journal("j"), clips={item.clip: 1}), synchronised=False)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._last_there = self._last_back = 0.0

    def own(self, true: float) -> float:
        """What the speaker's clock shows at a moment of the station's."""
        return true + self.ahead + self.drift * (true - NOON)

    def true_of(self, own: float) -> float:
        """When the speaker's clock shows this."""
        return (own - self.ahead + self.drift * NOON) / (1 + self.drift)

    @property
    def now(self) -> int:
        """The same in whole milliseconds, now."""
        return int(self.own(self.true))

    def run(self) -> None:
        """Live until the bulletin has begun."""
        self._do(self.machine.connected())
        self._do(self.machine.subscribed(self.now))
        while self.true < START + 1_000:
            self._do(self.machine.tick(self.now))
            wake = self.true_of(max(self.machine.wake_at(self.now), self.now + 1)) + _HAIR_MS
            if self._events and self._events[0][0] <= wake:
                self.true, _, happen = heapq.heappop(self._events)
                happen()
            else:
                self.true = wake

    def _at(self, moment: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happen))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Publish(topic, payload) if self.station.topics.parse(topic).kind is Kind.HELLO:
                    self._send(strict_json.decode(payload, Hello))
                case Subscribe() if self.machine.reports.online:
                    self._do(self.machine.subscribed(self.now))
                case StartSound():
                    self.started = self.true_of(action.start_at)
                case StopSound(broadcast):
                    self._do(self.machine.stage.sound_ended(broadcast, self.now, 0, whole=False))
                case _:
                    pass

    def _send(self, hello: Hello) -> None:
        if self.rng.random() < self.link.loss:
            return
        self._last_there = max(self._last_there, self.true + self.link.there(self.rng))
        self._at(self._last_there, lambda: self._answer(hello))

    def _answer(self, hello: Hello) -> None:
        self.station.now = int(self.true)
        for message in self.station._greet(hello):
            if self.rng.random() >= self.link.loss:
                self._last_back = max(self._last_back, self.true + self.link.back(self.rng))
                self._at(self._last_back, lambda message=message: self._receive(message, hello))

    def _receive(self, message: Message, hello: Hello) -> None:
        if message.topic.endswith("/welcome"):
            welcome = strict_json.decode(message.payload.partition(b"\n")[2], Welcome)
            self.exchanges.append(Bounds.of(hello.t1, welcome.t2, welcome.t3, self.now))
        self._do(self.machine.receive(message.topic, message.payload, self.now))
