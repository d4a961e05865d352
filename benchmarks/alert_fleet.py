"""As many connected speakers as wanted in one process, for `benchmarks.alert`: python -m benchmarks.alert_fleet KITS KEY SECRET.

Each has its own connection, its own topics and its own receipts, signed one by one. What all of them are sent is the same bytes, and
those are parsed and verified once: 10 000 computers would do it at the same time, one core would need 1.3 s. Nothing is played:
the first sample is due at ``start_at``, or when the speaker has the message, if that is later; with the end it is silent.

Says on standard output, one JSON line each: how many are connected; for every alert, and for its end, when each speaker had it.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Event, Receipt, Receipts
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from broadcaster.wire.urgent import Alert
from device_sim.fleet import read_kits
from device_sim.kit import BrokerAddress, Kit
from device_sim.mqtt import Connect, Message, MqttClient

TOGETHER = 200
PATIENCE_S = 20.0
COMMUNE = "an-binh"


class News(NamedTuple):
    """What speakers are told on a topic: that there is an alert, or that it has ended."""

    topic: str
    ended: bool


class Fleet:
    """All speakers, and what they were sent."""

    def __init__(self, kits: list[Kit], emergency: str, key: SigningKey) -> None:
        self.kits, self.key = kits, key
        self.topics = Topics(kits[0].station)
        self.emergency = keys.public_key(emergency)
        self.clients: dict[str, MqttClient] = {}
        self.verified: dict[bytes, Alert] = {}
        self.had: dict[News, list[float]] = defaultdict(list)
        self.waiting: asyncio.Queue[News] = asyncio.Queue()

    async def connect(self) -> None:
        """Everybody joins, some at a time."""
        limit = asyncio.Semaphore(TOGETHER)

        async def one(kit: Kit) -> None:
            async with limit:
                client = MqttClient(self.received, lambda _reason: None)
                address = BrokerAddress.parse(kit.brokers[0])
                given = Connect(f"{kit.speaker}-bench", address.username, address.password, keepalive_s=600)
                await client.connect(address.host, address.port, given, timeout_s=60)
                own = f"{self.topics.base}/speaker/{kit.speaker}/down/#"
                await client.subscribe([(own, 0), (self.topics.zone_filter(COMMUNE), 0)])
                self.clients[kit.speaker] = client

        await asyncio.gather(*(one(kit) for kit in self.kits))

    def received(self, message: Message) -> None:
        """One speaker has a message: the time is taken when it knows that it may act on it."""
        if "/alert/" not in message.topic or not message.payload:
            return
        alert = self.verified.get(message.payload)
        if alert is None:
            read = envelope.parse(message.payload)
            envelope.verify(read, self.emergency)
            alert = self.verified[message.payload] = strict_json.decode(read.payload, Alert)
        had = self.had[news := News(message.topic, alert.ended)]
        had.append(time.monotonic())
        if len(had) == 1:
            self.waiting.put_nowait(news)

    async def report(self) -> None:
        """Tell of all news when everybody has it, or nobody else will; then every speaker sends its receipts."""
        while True:
            news = await self.waiting.get()
            deadline = time.monotonic() + PATIENCE_S
            while len(self.had[news]) < len(self.kits) and time.monotonic() < deadline:  # noqa: ASYNC110  no wake for each of 10 000
                await asyncio.sleep(0.02)
            say({"topic": news.topic, "ended": news.ended, "had": self.had[news]})
            alert = news.topic.rpartition("/")[2]
            if alert.startswith("kc-"):
                await self.answer(alert, [Event.STOPPED] if news.ended else [Event.ARMED, Event.STARTED])

    async def answer(self, alert: str, events: Sequence[Event]) -> None:
        """What every speaker tells, signed by each."""
        now = time.time_ns() // 1_000_000  # noqa: TID251  a speaker's own clock
        for number, (name, client) in enumerate(self.clients.items()):
            told = tuple(
                Receipt(id=f"{alert[-10:]}-{name}-{event.value}", broadcast=alert, event=event, at=now)
                for event in events
            )
            topic = self.topics.up(name, "receipt")
            message = envelope.sign(
                self.key.private,
                self.key.kid,
                typ=Kind.RECEIPT.value,
                topic=topic,
                seq=UnixMs(now),
                payload=strict_json.encode(Receipts(receipts=told)),
            )
            client.publish(topic, message, 0)
            if number % TOGETHER == 0:
                await asyncio.sleep(0)


def say(fact: dict[str, object]) -> None:
    """One line for who started this process."""
    print(json.dumps(fact), flush=True)


async def main() -> None:
    """Join, then report until the parent ends."""
    kits = read_kits(Path(sys.argv[1]))
    fleet = Fleet(list(kits), sys.argv[2], SigningKey.from_bytes(bytes.fromhex(sys.argv[3])))
    began = time.monotonic()
    await fleet.connect()
    say({"connected": len(fleet.clients), "seconds": round(time.monotonic() - began, 2)})
    reporting = asyncio.create_task(fleet.report())
    await asyncio.to_thread(sys.stdin.read)  # the parent closes it at the end
    reporting.cancel()
    for client in fleet.clients.values():
        client.abort()


if __name__ == "__main__":
    asyncio.run(main())
