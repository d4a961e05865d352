"""Speakers that have receipts to tell, in one process, for `benchmarks.receipts`: python -m benchmarks.receipts_fleet KITS SECRET TOLD.

Everybody connects. Then each line on standard input is the name of a round: everybody's messages are signed with the key that all
share, each with TOLD receipts, and the next line lets them leave at once. Standard output has a line when all are connected, and when a
round is signed. An empty line ends it.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.join import connect
from benchmarks.receipts import MESSAGES_EACH, signed
from broadcaster.wire.keys import SigningKey
from device_sim.fleet import read_kits
from device_sim.kit import Kit
from device_sim.mqtt import MqttClient


async def send(kits: Sequence[Kit], clients: Sequence[MqttClient], key: SigningKey, told: int) -> None:
    """What every speaker has to say, once for each round."""
    while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
        messages = [
            (client, signed(key, kit, f"{name}-{message}", told))
            for message in range(MESSAGES_EACH)
            for kit, client in zip(kits, clients, strict=True)
        ]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for client, (topic, payload) in messages:
            client.publish(topic, payload, 1)


async def main() -> None:
    """Connect, then send until there are no more rounds."""
    kits, key = list(read_kits(Path(sys.argv[1]))), SigningKey.from_bytes(bytes.fromhex(sys.argv[2]))
    clients = [await connect(kit) for kit in kits]
    print("connected", flush=True)
    await send(kits, clients, key, int(sys.argv[3]))
    for client in clients:
        client.abort()


if __name__ == "__main__":
    asyncio.run(main())
