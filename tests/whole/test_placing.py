"""The office PC and a relay broker elsewhere that holds no key: a whole broadcast, and a thief at the relay."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from broadcaster import settings as settings_of
from broadcaster.clock import SystemClock
from broadcaster.rows import Clip, Published, Speaker
from broadcaster.wire import envelope
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.units import UnixMs
from device_sim.kit import Kit
from tests.station.elsewhere import Caller, Relay, relay
from tests.whole.town import COMMUNE, LiveTown, Town, live, wait_until
from web import commune
from web.brokers import SETTINGS_FILE
from web.initialise import initialise

pytestmark = pytest.mark.whole

SPEAKERS = 3


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LiveTown, Relay]]:
    """A station and its speakers that meet on a Mosquitto set up by ``loa broker config``."""
    town = Town.make(tmp_path / "home", SPEAKERS)
    password = town.initialised.password
    with relay("mosquitto", tmp_path / "relay", town.settings, "an-binh") as broker:
        written = settings_of.load({"LOA_SETTINGS": str(town.home / SETTINGS_FILE)})
        town.settings = msgspec.structs.replace(
            town.settings, broker_url=written.broker_url, broker_ca=written.broker_ca
        )
        file = commune.read(COMMUNE)
        file = msgspec.structs.replace(file, speakers=file.speakers[:SPEAKERS])
        again = initialise(town.settings, file, SystemClock(), quiet_hours=False)  # kits with the relay's address
        town.initialised = replace(again, password=password)
        monkeypatch.setenv("SSL_CERT_FILE", written.broker_ca)  # for speakers that do not read their kit's `ca` yet
        with live(town) as running:
            yield running, broker


def forged(genuine: Published, thief: SigningKey) -> bytes:
    """The plan in force, but for now, under the right key's name and the wrong key."""
    read = envelope.parse(genuine.envelope)
    plan: dict[str, Any] = json.loads(read.payload)
    now = SystemClock().now_ms()
    for item in plan["items"]:
        item |= {"id": f"forged-{item['id']}"[:32], "start_at": now + 1_500, "sent_by": now}
    return envelope.sign(
        thief.private,
        read.header.kid,
        typ=read.header.typ,
        topic=genuine.topic,
        seq=UnixMs(now),
        payload=json.dumps(plan).encode(),
        exp=UnixMs(now + 600_000),
    )


def test_a_broadcast_airs_over_a_relay_and_a_thief_with_the_stations_password_there_moves_nobody(
    placed: tuple[LiveTown, Relay],
) -> None:
    running, broker = placed
    town = running.town
    assert running.station.broker is None
    kit = Kit.read(town.initialised.kits / "loa-001.json")
    assert kit.brokers[0].startswith("mqtts://loa-001:")
    assert kit.brokers[0].endswith(f"@127.0.0.1:{broker.port}")
    given = json.loads((town.initialised.kits / "loa-001.json").read_text())
    assert given["ca"] == (broker.out / "ca.pem").read_text()
    wait_until(lambda: town.ready() == SPEAKERS)
    aired = running.air(speakers=SPEAKERS)

    with town.database.read() as session:
        plans = session.scalars(select(Published).where(Published.typ == "loa-plan")).all()
        trusts = session.scalars(select(Published).where(Published.typ == "loa-trust")).all()
        before = sum(session.scalars(select(Speaker.rejected)))
    thief = SigningKey.generate()
    assert plans

    async def attack() -> None:
        robber = await Caller().call(broker, "station", broker.station_token)
        for plan in plans:
            await robber.client.publish(plan.topic, forged(plan, thief), 1, retain=True)
        for trust in trusts:
            read = envelope.parse(trust.envelope)
            now = SystemClock().now_ms()
            new = envelope.sign(
                thief.private,
                read.header.kid,
                typ=read.header.typ,
                topic=trust.topic,
                seq=UnixMs(now),
                payload=read.payload,
                exp=UnixMs(0),
            )
            await robber.client.publish(trust.topic, new, 1, retain=True)
        await robber.client.publish("loa/1/an-binh/zone/an-binh/command", b"{}", 1)
        await robber.client.disconnect()

    asyncio.run(attack())

    def refused() -> int:
        with town.database.read() as session:
            return sum(session.scalars(select(Speaker.rejected)))

    wait_until(lambda: refused() >= before + 3 * SPEAKERS)
    wait_until(
        lambda: running.station.health().rejected.get("tampered", 0) >= 1
    )  # and the station heals what is retained
    again = running.air(speakers=SPEAKERS)  # the genuine road is still open
    running.stop_fleet()
    for number in range(1, SPEAKERS + 1):
        speaker = f"loa-{number:03}"
        assert town.heard(aired, speaker)
        assert town.heard(again, speaker)
        assert again.clip_sha256 == aired.clip_sha256
        with town.database.read() as session:
            duration = session.get_one(Clip, aired.clip_sha256).duration_ms
        assert town.sounding_ms(speaker) <= 2 * duration
