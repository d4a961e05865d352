import asyncio
from pathlib import Path

import pytest

from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.counters import Counters
from device_sim.mqtt import Connect, Message, MqttClient

BASE = "loa/1/an-binh"
SPEAKERS = {f"loa-{number:03}": f"token-{number}" for number in range(200)}
REFUSED = 0x80


@pytest.mark.whole
def test_two_hundred_speakers_join_at_default_settings_and_each_hears_everything(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", "an-binh", find_nats_server(""), Counters())
    broker.set_users(SPEAKERS)
    broker.start()
    try:
        asyncio.run(_join(broker))
    finally:
        broker.stop()


async def _join(broker: EmbeddedBroker) -> None:
    heard: dict[str, set[bytes]] = {name: set() for name in SPEAKERS}
    gone: list[str] = []
    everyone = asyncio.Event()

    async def speaker(name: str, token: str) -> MqttClient:
        def take(message: Message) -> None:
            heard[name].add(message.payload)
            if all(len(payloads) == 2 for payloads in heard.values()):
                everyone.set()

        client = MqttClient(take, lambda reason: gone.append(f"{name} {reason}"))
        await client.connect("127.0.0.1", broker.port, Connect(f"{name}-5ec3e7", username=name, password=token))
        zones = ["an-binh", "thon-dong", "ven-suoi", "truong-hoc"]
        filters = [*(f"{BASE}/zone/{zone}/#" for zone in zones), f"{BASE}/speaker/{name}/down/#"]
        granted = await client.subscribe([(topic, 0) for topic in filters])
        assert REFUSED not in granted, name
        await client.publish(f"{BASE}/speaker/{name}/up/state", b"ready", 1, retain=True)
        return client

    async with asyncio.timeout(60):
        clients = await asyncio.gather(*(speaker(name, token) for name, token in SPEAKERS.items()))
        station = MqttClient(lambda _: None, lambda reason: gone.append(f"station {reason}"))
        await station.connect(
            "127.0.0.1", broker.port, Connect("station-5ec3e7", username="station", password=broker.token)
        )
        await station.publish(f"{BASE}/zone/an-binh/plan/2026-11-22", b"to all", 1, retain=True)
        for name in SPEAKERS:
            station.publish(f"{BASE}/speaker/{name}/down/config", f"to {name}".encode(), 1, retain=True)
        await everyone.wait()
    assert heard == {name: {b"to all", f"to {name}".encode()} for name in SPEAKERS}
    assert gone == []
    for client in (*clients, station):
        client.abort()
