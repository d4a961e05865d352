"""A clip to 12 speakers over a real broker at 0, 1 and 5 % loss: python -m benchmarks.delivery [--json].

The whole station runs in this process with the embedded broker; the speakers' MQTT clients throw away each message, either
way, with the given chance (TCP would hide a loss on the link). Bytes are what left the broker for a speaker, lost or not.
The physical limit beside it: each byte must be sent 1 / (1 - loss) times, at the pace of a speaker.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.tables import print_line
from broadcaster.rows import Broadcast, Clip
from device_sim.mqtt import Message
from device_sim.speaker import Speaker
from tests.whole.town import LiveTown, Town, live, wait_until

SPEAKERS = 12
RATE_BPS = 128_000
TEXT = "Từ 6h00 đến 11h30 ngày {} ngừng cấp điện để bảo dưỡng trạm biến áp. "
SENTENCES = 30


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a loss rate")
    parser.add_argument("--loss", type=float, nargs="+", default=[0.0, 0.01, 0.05], help="shares of messages")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        town = Town.make(Path(folder), SPEAKERS, clip_rate_bps=RATE_BPS)
        with live(town) as running:
            wait_until(lambda: town.ready() == SPEAKERS)
            for number, loss in enumerate(arguments.loss):
                print_line(measure(town, running, loss, number), as_json=arguments.json)


def measure(town: Town, running: LiveTown, loss: float, number: int) -> dict[str, float]:
    """One bulletin that none has heard yet, planned for later, until every speaker has its whole clip."""
    text = "".join(TEXT.format(f"{day}/{number + 1}") for day in range(1, SENTENCES))
    carried: Counter[str] = Counter()
    undo = [
        make_lossy(speaker, loss, carried, random.Random(f"{number} {speaker.name}"))
        for speaker in running.fleet.speakers
    ]
    schedule = town.submit("an-binh", text=text, start_at=datetime.now(UTC) + timedelta(minutes=20))  # noqa: TID251
    running.station.wake()
    wait_until(lambda: (found := town.broadcast_of(schedule)) and found.clip_sha256, 120)
    broadcast = town.broadcast_of(schedule)
    if broadcast is None:
        raise SystemExit("the broadcast is gone")
    began = time.monotonic()
    sha256 = broadcast.clip_sha256
    wait_until(lambda: all(sha256 in speaker.machine.library.cached for speaker in running.fleet.speakers), 300)
    took_s = time.monotonic() - began
    for restore in undo:
        restore()
    with town.database.read() as session:
        clip = session.get_one(Clip, session.get_one(Broadcast, broadcast.id).clip_sha256)
        size = clip.bytes
    cost = [carried[speaker.name] / size for speaker in running.fleet.speakers]
    return {
        "loss_percent": loss * 100,
        "clip_bytes": size,
        "bytes_per_clip_byte_mean": round(sum(cost) / len(cost), 3),
        "bytes_per_clip_byte_worst": round(max(cost), 3),
        "limit": round(1 / (1 - loss), 3),
        "budget": 1.05 if loss == 0 else 1.15,
        "whole_s": round(took_s, 1),
        "pace_needs_s": round(size / (1 - loss) * 8 / RATE_BPS, 1),
    }


def make_lossy(speaker: Speaker, loss: float, carried: Counter[str], rng: random.Random) -> Callable[[], None]:
    """Let a speaker's client lose messages; returns what undoes it."""
    client = LossyClient(speaker, loss, carried, rng)
    stands_in: Any = client
    speaker._client, client.real.on_message = stands_in, client.receive
    return client.restore


class LossyClient:
    """Stands before a speaker's real client."""

    def __init__(self, speaker: Speaker, loss: float, carried: Counter[str], rng: random.Random) -> None:
        self.speaker, self.loss, self.carried, self.rng = speaker, loss, carried, rng
        self.real = speaker._client
        self.deliver = self.real.on_message

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def receive(self, message: Message) -> None:
        """A message left the broker for this speaker."""
        if "/clip/" in message.topic:
            self.carried[self.speaker.name] += len(message.payload)
        if self.rng.random() >= self.loss:
            self.deliver(message)

    def publish(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False) -> None:
        """See `MqttClient.publish`."""
        if self.rng.random() >= self.loss:
            self.real.publish(topic, payload, qos, retain=retain)

    def restore(self) -> None:
        """Lose nothing more."""
        self.real.on_message = self.deliver
        self.speaker._client = self.real


if __name__ == "__main__":
    main()
