"""On a link of 512 kbit/s a command does not wait behind a clip: the order in which a real broker's messages arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadcaster.clips import ClipStore
from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.distribution import Distributor
from broadcaster.transport import MqttTransport
from broadcaster.wire.broker_address import BrokerAddress
from broadcaster.wire.documents import Action
from broadcaster.wire.units import UnixMs
from tests.broadcaster import town
from tests.brokers import HOST, nats_broker
from tests.device_sim.station import OWN, Station
from tests.slow_link import USER, Heard, SlowLink, device_behind

pytestmark = [pytest.mark.whole, pytest.mark.timeout(90)]

SEGMENTS = 12


@dataclass
class Line:
    """A station's two connections to a broker, and a device behind a slow link."""

    prompt: MqttTransport
    bulk: MqttTransport
    heard: Heard
    store: ClipStore
    station: Station

    def send(self, rate_bps: int, segments: int = SEGMENTS) -> Distributor:
        """Begin to send a clip to the device's zone."""
        distributor = Distributor(self.bulk, self.store, self.station.topics, rate_bps, Counters())
        clip = town.opus(segments)
        sha256 = self.store.put(clip, b"")[0].clip
        distributor.send(sha256, len(clip), OWN, {"device"}, start_at=UnixMs(0), done=lambda: None)
        distributor.start()
        return distributor

    def command(self) -> None:
        message = self.station.command(Action.STOP_ALL)
        self.prompt.publish(message.topic, message.payload)


@contextmanager
def line(folder: Path) -> Iterator[Line]:
    station = Station()
    with nats_broker(folder, f'authorization {{ users = [{{ user: "{USER}", password: "{USER}" }}] }}') as broker:
        address = BrokerAddress(HOST, broker.port, USER, USER, tls=False)
        prompt, bulk = (MqttTransport(address, name, SystemClock(), Counters()) for name in ("station-1", "bulk-1"))
        for end in (prompt, bulk):
            end.start()
            assert end.wait_connected(20)
        with device_behind(SlowLink(broker.port), [station.topics.zone_filter(OWN)]) as heard:
            yield Line(prompt, bulk, heard, ClipStore(folder), station)
        for end in (prompt, bulk):
            end.stop()


def test_a_command_overtakes_a_paced_clip_at_the_next_segment(tmp_path: Path) -> None:
    with line(tmp_path) as made:
        distributor = made.send(128_000)
        made.heard.wait_for(4)
        made.command()
        made.heard.wait_for(7)
        distributor.stop()
        assert "command" in made.heard.topics()[4:6], "a segment may be on its way already, no more"


def test_behind_an_unpaced_clip_it_would_wait_for_the_whole_of_it(tmp_path: Path) -> None:
    with line(tmp_path) as made:
        distributor = made.send(1_000_000_000)
        made.heard.wait_for(1)
        made.command()
        made.heard.wait_for(SEGMENTS + 2)
        distributor.stop()
        assert made.heard.topics().index("command") > SEGMENTS - 3
