"""A clip on its way from the real distributor to real machines over a net that loses messages and carries an attacker's."""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broadcaster.clips import ClipStore
from broadcaster.counters import Counters
from broadcaster.distribution import Distributor
from broadcaster.wire import strict_json
from broadcaster.wire.documents import PlanItem, Request
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, SECOND, UnixMs
from tests.broadcaster import town
from tests.broadcaster.town import FakeTransport
from tests.device_sim.bench import Bench
from tests.device_sim.station import NOON, OWN, SPEAKER, Message, Station

pytestmark = pytest.mark.unit

RATE_BPS = 128_000
CLIP = town.opus(75)
"""Ten minutes of speech."""
LONGEST_MS = 30 * MINUTE


@dataclass
class Net(FakeTransport):
    """Carries what the station publishes to every speaker, and requests back; loses each with the same chance.

    Attributes:
        carried: bytes that left for each speaker, also those that were lost.
        poisoned: an attacker sends wrong bytes under the right topic before and after each segment.
    """

    loss: float = 0.0
    poisoned: bool = False
    rng: random.Random = field(default_factory=lambda: random.Random(11))
    benches: dict[str, Bench] = field(default_factory=dict)
    carried: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    now: float = NOON

    def publish(self, topic: str, payload: bytes, **kwargs: object) -> bool:
        address = Station().topics.parse(topic)
        for name, bench in self.benches.items():
            if address.speaker in {"", name}:
                self._carry(name, bench, topic.replace(f"speaker/{name}/", f"speaker/{SPEAKER}/"), payload)
        return True

    def _carry(self, name: str, bench: Bench, topic: str, payload: bytes) -> None:
        self.carried[name] += len(payload)
        wrong = Message(topic, bytes(len(payload)))
        if self.poisoned:
            bench.deliver(wrong)
        if self.rng.random() >= self.loss:
            bench.deliver(Message(topic, payload))
        if self.poisoned:
            bench.deliver(wrong)

    def beat(self, distributor: Distributor) -> None:
        """Let every speaker do what is due, and carry its requests."""
        for name, bench in self.benches.items():
            bench.sent.clear()
            bench.station.now = int(self.now)
            bench.do(bench.machine.tick(bench.own))
            for payload in bench.said(Kind.REQUEST):
                self.requests[name] += 1
                if self.rng.random() >= self.loss:
                    distributor.repair(name, strict_json.decode(payload, Request))


@dataclass
class Road:
    """The road of one clip to some speakers."""

    net: Net
    distributor: Distributor
    item: PlanItem

    @classmethod
    def make(cls, folder: Path, speakers: int, **net: object) -> "Road":
        made = Net(**net)  # type: ignore[arg-type]
        distributor = Distributor(
            made, store := ClipStore(folder), Station().topics, RATE_BPS, Counters(), monotonic=lambda: made.now / 1000
        )
        store.put(CLIP, b"")
        sent_by = NOON + distributor.estimate_ms(len(CLIP), ()) + 2 * SECOND
        for number in range(speakers):
            bench = Bench(folder / f"s{number}")
            bench.machine.library.name = f"s{number}"
            bench.station.trust(), bench.station.config()
            item = bench.station.item("b1", NOON + LONGEST_MS, CLIP, sent_by=sent_by)
            bench.station.plan(item)
            bench.join()
            made.benches[f"s{number}"] = bench
        return cls(made, distributor, item)

    def send(self) -> None:
        """Send the clip and let everybody ask until all have it."""
        size, audience = len(CLIP), set(self.net.benches)
        self.distributor.send(
            self.item.clip, size, OWN, audience, start_at=UnixMs(self.item.start_at), done=lambda: None
        )
        while self.net.now < self.item.start_at - MINUTE:
            self.net.now += self.distributor._step() * 1000
            self.net.beat(self.distributor)
            if not self.distributor._transfers and self.arrived() == len(audience):
                return

    def arrived(self) -> int:
        return sum(self.item.clip in bench.machine.library.cached for bench in self.net.benches.values())

    @property
    def cost(self) -> list[float]:
        """Bytes sent to each speaker for every byte of the clip."""
        return [self.net.carried[name] / len(CLIP) for name in self.net.benches]


def test_without_loss_a_clip_costs_its_bytes_and_a_manifest(tmp_path: Path) -> None:
    road = Road.make(tmp_path, 2)
    road.send()
    assert road.arrived() == 2
    assert max(road.cost) <= 1.05
    assert not road.net.requests


@pytest.mark.parametrize("seed", [1, 2])
def test_at_5_percent_loss_both_ways_everything_arrives_for_115_percent_of_the_bytes(tmp_path: Path, seed: int) -> None:
    road = Road.make(tmp_path, 6, loss=0.05, rng=random.Random(seed))
    road.send()
    assert road.arrived() == 6
    assert max(road.cost) <= 1.15
    assert max(road.net.requests.values()) <= 6


def test_at_30_percent_loss_everything_still_arrives(tmp_path: Path) -> None:
    road = Road.make(tmp_path, 3, loss=0.3)
    road.send()
    assert road.arrived() == 3


def test_wrong_bytes_before_and_after_every_segment_cause_no_request(tmp_path: Path) -> None:
    road = Road.make(tmp_path, 2, poisoned=True)
    road.send()
    assert road.arrived() == 2
    assert not road.net.requests
    assert max(road.cost) <= 1.05
    assert road.net.benches["s0"].machine.rejected["wrong-hash"] > 75


def test_wrong_bytes_on_a_lossy_link_cause_no_storm_of_requests(tmp_path: Path) -> None:
    road = Road.make(tmp_path, 6, loss=0.05, poisoned=True)
    road.send()
    assert road.arrived() == 6
    assert max(road.cost) <= 1.15
    assert max(road.net.requests.values()) <= 6


def test_a_speaker_that_has_the_clip_is_sent_nothing_of_it_again(tmp_path: Path) -> None:
    road = Road.make(tmp_path, 1)
    road.send()
    bench, before = road.net.benches["s0"], road.net.carried["s0"]
    again = bench.station.item("b2", road.item.start_at + MINUTE, CLIP, sent_by=road.item.sent_by)
    bench.deliver(bench.station.plan(road.item, again))
    for _ in range(100):
        road.net.now += SECOND
        road.net.beat(road.distributor)
    assert (road.net.carried["s0"], road.net.requests["s0"]) == (before, 0)
