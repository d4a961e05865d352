"""Speakers that have receipts to tell, in one process, for `benchmarks.receipts`: python -m benchmarks.receipts_fleet KITS SECRET TOLD.

Everybody connects, and says on standard output when all have. Each line on standard input is a number; then everybody's messages
leave at once, each with TOLD receipts, signed beforehand with the key that all share. Another line tells when they have left.
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
    """What every speaker has to say, once for each line."""
    while number := (await asyncio.to_thread(sys.stdin.readline)).strip():
        messages = [
            (client, signed(key, kit, f"{number}-{message}", told))
            for message in range(MESSAGES_EACH)
            for kit, client in zip(kits, clients, strict=True)
        ]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for client, (topic, payload) in messages:
            client.publish(topic, payload, 1)


async def main() -> None:
    """Connect, then send until the parent closes the line."""
    kits, key = list(read_kits(Path(sys.argv[1]))), SigningKey.from_bytes(bytes.fromhex(sys.argv[2]))
    clients = [await connect(kit) for kit in kits]
    print("connected", flush=True)
    await send(kits, clients, key, int(sys.argv[3]))
    for client in clients:
        client.abort()


if __name__ == "__main__":
    asyncio.run(main())
