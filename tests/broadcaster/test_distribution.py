from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.clips import ClipStore
from broadcaster.counters import Counters
from broadcaster.distribution import Distributor
from broadcaster.wire import clips, ogg
from broadcaster.wire.documents import Request
from broadcaster.wire.units import UnixMs
from tests.broadcaster import town
from tests.broadcaster.town import TOPICS, FakeTransport

pytestmark = pytest.mark.unit

RATE_BPS = 128_000
NEAR, FAR = UnixMs(1_000), UnixMs(9_000)


@dataclass
class Line(FakeTransport):
    """A transport that notes when each message left."""

    seconds: float = 0.0
    left_at: list[tuple[float, str, int]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, **kwargs: object) -> bool:
        if not (taken := super().publish(topic, payload, qos=0)):
            return False
        self.left_at.append((self.seconds, topic.removeprefix(TOPICS.base + "/"), len(payload)))
        return taken


@dataclass
class Yard:
    """A distributor whose clock is moved by hand, with clips to send."""

    line: Line
    distributor: Distributor
    store: ClipStore
    finished: list[str] = field(default_factory=list)

    def clip(self, seed: int, pages: int = 3) -> tuple[str, int]:
        content = town.opus(pages, seed=seed)
        return self.store.put(content, b"")[0].clip, len(content)

    def send(self, clip: tuple[str, int], zone: str, audience: set[str], start_at: UnixMs = NEAR) -> None:
        self.distributor.send(*clip, zone, audience, start_at=start_at, done=lambda: self.finished.append(zone))

    def run(self, seconds: float = 60.0) -> None:
        until = self.line.seconds + seconds
        while self.line.seconds < until:
            self.line.seconds += self.distributor._step()
            if not self.distributor._transfers:
                return

    def topics(self) -> list[str]:
        return [topic for _, topic, _ in self.line.left_at]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    line, store = Line(), ClipStore(tmp_path)
    distributor = Distributor(line, store, TOPICS, RATE_BPS, Counters(), monotonic=lambda: line.seconds)
    return Yard(line, distributor, store)


def test_the_manifest_goes_first_then_every_segment_in_order_and_together_they_are_the_clip(yard: Yard) -> None:
    clip = yard.clip(1)
    yard.send(clip, "xa", {"loa-1"})
    yard.run()
    assert yard.topics() == [f"zone/xa/clip/{clip[0]}/{what}" for what in ("m", "0", "1", "2")]
    segments = {number: sent.payload for number, sent in enumerate(yard.line.sent[1:])}
    manifest = clips.read_manifest(yard.line.sent[0].payload, clip[0], clips.sha256(yard.line.sent[0].payload))
    assert clips.sha256(clips.join(manifest, segments)) == clip[0]
    assert yard.finished == ["xa"]
    assert all(len(sent.payload) <= ogg.MAX_SEGMENT_BYTES for sent in yard.line.sent)


def test_a_clip_under_way_to_a_zone_is_not_begun_again(yard: Yard) -> None:
    clip = yard.clip(1)
    yard.send(clip, "xa", {"loa-1"})
    yard.run(1.5)
    yard.send(clip, "xa", {"loa-1"})
    yard.run()
    assert len(yard.topics()) == 4
    assert yard.finished == ["xa"]


def test_a_speaker_is_sent_no_more_than_the_rate_over_all_its_zones(yard: Yard) -> None:
    zones = {"xa": {"loa-1", "loa-2"}, "thon-dong": {"loa-1"}, "thon-doai": {"loa-2"}}
    for seed, (zone, audience) in enumerate(zones.items()):
        yard.send(yard.clip(seed, 5), zone, audience)
    yard.run()
    carried: dict[str, int] = defaultdict(int)
    ends: dict[str, float] = defaultdict(float)
    for at, topic, size in yard.line.left_at:
        for speaker in zones[topic.split("/")[1]]:
            assert at >= ends[speaker] - 1e-9
            carried[speaker] += size
            ends[speaker] = at + size * 8 / RATE_BPS
    assert all(total * 8 / RATE_BPS <= ends[speaker] for speaker, total in carried.items())
    assert sorted(yard.finished) == sorted(zones)


def test_zones_that_share_no_speaker_are_served_side_by_side(yard: Yard) -> None:
    for seed, zone in enumerate(("thon-dong", "thon-doai")):
        yard.send(yard.clip(seed), zone, {f"loa-{seed}"})
    yard.run()
    alone = 3 * (16_000 + 400) * 8 / RATE_BPS
    assert yard.line.left_at[-1][0] < alone


def test_the_nearest_air_time_goes_first_also_when_it_comes_later(yard: Yard) -> None:
    far, near = yard.clip(1, 5), yard.clip(2)
    yard.send(far, "xa", {"loa-1"}, FAR)
    yard.run(1.0)
    yard.send(near, "xa", {"loa-1"}, NEAR)
    begun = len(yard.topics())
    yard.run()
    assert {topic.split("/")[3] for topic in yard.topics()[begun : begun + 4]} == {near[0]}


def test_a_nearer_airing_of_the_same_clip_moves_it_forward(yard: Yard) -> None:
    one, other = yard.clip(1), yard.clip(2)
    yard.send(one, "xa", {"loa-1"}, UnixMs(5_000))
    yard.send(other, "xa", {"loa-1"}, FAR)
    yard.send(other, "xa", {"loa-1"}, NEAR)
    yard.run(0.01)
    assert other[0] in yard.topics()[0]


def test_a_repair_sends_what_was_asked_for_and_nothing_else(yard: Yard) -> None:
    clip, _ = yard.clip(1, 6)
    yard.distributor.repair("loa-1", Request(clip=clip, missing=((1, 2), (4, 4), (-3, -1), (5, 10**9))))
    yard.run()
    assert yard.topics() == [f"speaker/loa-1/down/clip/{clip}/{number}" for number in (1, 2, 4, 5)]


def test_ranges_that_overlap_and_reach_beyond_the_clip_cost_no_more_than_the_clip(yard: Yard) -> None:
    clip, _ = yard.clip(1, 4)
    yard.distributor.repair("loa-1", Request(clip=clip, missing=((0, 999_999),) * 200))
    yard.run()
    assert yard.topics() == [f"speaker/loa-1/down/clip/{clip}/{number}" for number in range(4)]


def test_a_speaker_that_asks_for_nothing_there_is_makes_the_clip_be_read_once_a_second(yard: Yard) -> None:
    clips_asked = [yard.clip(seed)[0] for seed in range(4)]
    for clip in clips_asked:
        yard.distributor.repair("loa-1", Request(clip=clip))
        yard.distributor.repair("loa-1", Request(clip=clip, missing=((500, 600),)))
    yard.run()
    assert yard.topics() == []
    assert yard.line.seconds >= len(clips_asked) - 1


def test_one_speaker_may_have_a_hundred_repairs_open_and_the_others_are_served(yard: Yard) -> None:
    for seed in range(150):
        yard.distributor.repair("loa-1", Request(clip=f"{seed:064}", manifest=True))
    clip, _ = yard.clip(1)
    yard.distributor.repair("loa-2", Request(clip=clip, manifest=True))
    assert len(yard.distributor._transfers) == 101
    yard.run()
    assert yard.topics() == [f"speaker/loa-2/down/clip/{clip}/m"]


def test_a_lost_manifest_is_sent_alone(yard: Yard) -> None:
    clip, _ = yard.clip(1)
    yard.distributor.repair("loa-1", Request(clip=clip, manifest=True))
    yard.run()
    assert yard.topics() == [f"speaker/loa-1/down/clip/{clip}/m"]


def test_a_speaker_quick_to_ask_for_the_segments_of_its_new_manifest_is_heard(yard: Yard) -> None:
    clip, _ = yard.clip(1)
    publish = yard.line.publish

    def answer(topic: str, payload: bytes, **kwargs: object) -> bool:
        taken = publish(topic, payload, **kwargs)
        if topic.endswith("/m"):  # before the thread that sends is back from sending
            yard.distributor.repair("loa-1", Request(clip=clip, missing=((0, 2),)))
        return taken

    yard.line.publish = answer  # type: ignore[method-assign]
    yard.distributor.repair("loa-1", Request(clip=clip, manifest=True))
    yard.run()
    assert [topic.rpartition("/")[2] for topic in yard.topics()] == ["m", "0", "1", "2"]


def test_what_is_on_its_way_to_the_zone_is_not_repaired_besides(yard: Yard) -> None:
    clip = yard.clip(1)
    yard.send(clip, "xa", {"loa-1"})
    yard.distributor.repair("loa-1", Request(clip=clip[0], manifest=True))
    yard.distributor.repair("loa-2", Request(clip=clip[0], manifest=True))
    yard.run()
    assert [topic for topic in yard.topics() if topic.startswith("speaker")] == [f"speaker/loa-2/down/clip/{clip[0]}/m"]


def test_nothing_is_lost_while_the_broker_is_away_and_a_torn_transfer_begins_again(yard: Yard) -> None:
    clip = yard.clip(1)
    yard.line.connected = False
    yard.send(clip, "xa", {"loa-1"})
    yard.run(3)
    assert yard.topics() == []
    yard.line.connected = True
    yard.run(1.2)
    assert 1 < len(yard.topics()) < 4
    yard.line.connected = False
    yard.run(3)
    assert yard.finished == []
    yard.line.connected = True
    begun = len(yard.topics())
    yard.run()
    assert [topic.rpartition("/")[2] for topic in yard.topics()[begun:]] == ["m", "0", "1", "2"]
    assert yard.finished == ["xa"]


def test_a_message_the_transport_refuses_is_sent_again(yard: Yard) -> None:
    yard.send(yard.clip(1), "xa", {"loa-1"})
    yard.line.full = True
    yard.distributor._step()
    yard.line.full = False
    yard.run()
    assert len(yard.topics()) == 4


def test_a_clip_that_is_gone_holds_nobody_up_and_is_not_called_sent(yard: Yard) -> None:
    yard.send(("0" * 64, 9), "xa", {"loa-1"}, NEAR)
    yard.send(yard.clip(1), "xa", {"loa-1"}, FAR)
    yard.run()
    assert len(yard.topics()) == 4
    assert yard.finished == ["xa"]


def test_the_estimate_counts_what_goes_before_to_the_same_speakers_and_only_that(yard: Yard) -> None:
    def ms(size: float) -> float:
        return size * 1.05 * 8 / RATE_BPS * 1000

    one, size = yard.clip(1, 10)
    assert yard.distributor.estimate_ms(50_000, {"loa-1"}) == pytest.approx(ms(50_000), abs=1)
    yard.send((one, size), "thon-dong", {"loa-1"})
    yard.send(yard.clip(2, 10), "thon-doai", {"loa-2"})
    assert yard.distributor.estimate_ms(50_000, {"loa-1", "loa-2"}) == pytest.approx(ms(size + 50_000), abs=1)
    assert yard.distributor.estimate_ms(50_000, {"loa-3"}) == pytest.approx(ms(50_000), abs=1)
    yard.run(5.2)
    assert yard.distributor.estimate_ms(0, {"loa-1"}) == pytest.approx(ms(size) - 5_000, abs=1_500)


def test_a_thread_sends_and_ends_when_told(tmp_path: Path) -> None:
    line, store = Line(), ClipStore(tmp_path)
    distributor = Distributor(line, store, TOPICS, 100_000_000, Counters())
    yard = Yard(line, distributor, store)
    distributor.start()
    yard.send(yard.clip(1), "xa", {"loa-1"})
    deadline = 200
    while not yard.finished and (deadline := deadline - 1):
        distributor._stopping.wait(timedelta(milliseconds=20).total_seconds())
    distributor.stop()
    assert yard.finished == ["xa"]
    assert not distributor._thread.is_alive()
