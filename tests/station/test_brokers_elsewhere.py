"""The configuration that ``loa broker config`` writes, started and attacked."""

import asyncio
import json
import socket
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broadcaster.settings import Settings
from broadcaster.wire.topics import Topics
from device_sim.errors import DeviceError
from tests.brokers import HOST
from tests.clocks import FixedClock
from tests.station.conftest import FILE
from tests.station.elsewhere import BASE, Caller, Relay, relay
from web import brokers, commune
from web.initialise import initialise

PATIENCE_S = 20


@pytest.fixture(scope="module", params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "commune.json"
    file.write_text(json.dumps(FILE))
    settings = Settings(home=str(folder / "home"), port=0)
    initialise(settings, commune.read(file), FixedClock())
    with relay(request.param, folder / "relay", settings) as made:
        yield made


def run(what: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await what

    asyncio.run(limited())


async def until(true: Any) -> None:
    while not true():  # noqa: ASYNC110  what is awaited has no event
        await asyncio.sleep(0.01)


async def refused(broker: Relay, user: str, token: str, *, tls: bool = True) -> bool:
    try:
        caller = await Caller().call(broker, user, token, tls=tls)
    except DeviceError:
        return True
    caller.client.abort()
    return False


def test_only_who_has_the_token_gets_in_and_only_over_tls(broker: Relay) -> None:
    one = broker.tokens()["loa-1"]

    async def story() -> None:
        assert not await refused(broker, "loa-1", one)
        for user, token in (("loa-1", "wrong"), ("loa-2", one), ("station", one), ("stranger", one), ("", "")):
            assert await refused(broker, user, token), user
        assert await refused(broker, "loa-1", one, tls=False)

    run(story())


def test_the_certificate_is_of_our_own_authority_and_names_the_host(broker: Relay) -> None:
    trusting = ssl.create_default_context(cafile=str(broker.out / "ca.pem"))
    with socket.create_connection((HOST, broker.port)) as line, trusting.wrap_socket(line, server_hostname=HOST):
        pass
    with socket.create_connection((HOST, broker.port)) as line, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(line, server_hostname=HOST)
    with socket.create_connection((HOST, broker.port)) as line, pytest.raises(ssl.SSLCertVerificationError):
        trusting.wrap_socket(line, server_hostname="other.example")


def test_a_speaker_can_not_speak_as_another_nor_as_the_station(broker: Relay) -> None:
    topics = Topics("an-binh")
    forbidden = [
        f"{BASE}/speaker/loa-2/up/state",
        f"{BASE}/speaker/loa-2/up/receipt",
        f"{BASE}/speaker/loa-2/down/config",
        topics.plan("xa", "2026-11-22"),
        topics.trust("xa"),
        topics.command("xa"),
        f"{BASE}/zone/xa/alert/a1",
        f"{BASE}/zone/xa/live/s1/open",
        f"{BASE}/zone/xa/clip/{'a' * 64}/0",
    ]
    tokens = broker.tokens()

    async def story() -> None:
        station = await Caller().call(broker, "station", broker.station_token)
        of_zones = ("trust", "plan/+", "command", "alert/+", "live/+/open", "clip/+/+")  # NATS refuses it zone/#
        await station.client.subscribe([(f"{BASE}/zone/+/{level}", 1) for level in of_zones])
        await station.client.subscribe([(f"{BASE}/speaker/+/up/#", 1)])
        other = await Caller().call(broker, "loa-2", tokens["loa-2"])
        await other.client.subscribe([(f"{BASE}/speaker/loa-2/down/#", 0), (f"{BASE}/zone/xa/#", 0)])
        thief = await Caller().call(broker, "loa-1", tokens["loa-1"])
        for topic in forbidden:
            thief.client.publish(topic, b"forged", 1, retain=True)
        thief.client.publish(f"{BASE}/speaker/loa-1/up/state", b"mine", 1)
        await until(lambda: station.heard)  # the broker takes what one connection says in order
        station.client.publish(topics.plan("xa", "2026-11-22"), b"genuine", 1)
        await until(lambda: other.heard)
        assert [payload for _, payload in station.heard if payload != b"genuine"] == [b"mine"]
        assert other.heard == [(topics.plan("xa", "2026-11-22"), b"genuine")]
        for caller in (station, other, thief):
            caller.client.abort()

    run(story())


def test_a_speaker_hears_every_zone_and_its_own_down_and_nothing_of_another(broker: Relay) -> None:
    async def story() -> None:
        spy = await Caller().call(broker, "loa-1", broker.tokens()["loa-1"])
        wanted = ["speaker/loa-2/down/#", "speaker/+/down/#", "speaker/+/up/#", "speaker/loa-1/down/#", "zone/xa/#"]
        for level in wanted:
            await spy.client.subscribe([(f"{BASE}/{level}", 0)])  # Mosquitto grants what it will not serve
        with suppress(DeviceError):
            await spy.client.subscribe([("#", 0)])
        station = await Caller().call(broker, "station", broker.station_token)
        await asyncio.wait_for(station.client.publish(f"{BASE}/speaker/loa-2/down/config", b"secret", 1), 5)
        await asyncio.wait_for(station.client.publish(f"{BASE}/speaker/loa-1/down/ack", b"own", 1), 5)
        await asyncio.wait_for(station.client.publish(f"{BASE}/zone/xa/command", b"zone", 1), 5)
        await until(lambda: len({payload for _, payload in spy.heard}) == 2)
        assert {payload for _, payload in spy.heard} == {b"own", b"zone"}
        for caller in (station, spy):
            caller.client.abort()

    run(story())


def test_nobody_is_kicked_by_one_who_knows_only_its_name(broker: Relay) -> None:
    tokens = broker.tokens()

    async def story() -> None:
        victim = await Caller().call(broker, "loa-1", tokens["loa-1"], "loa-1-5ec3e7")
        station = await Caller().call(broker, "station", broker.station_token, "station-5ec3e7")
        for bare in ("loa-1", "station"):
            thief = await Caller().call(broker, "loa-2", tokens["loa-2"], bare)
            await thief.client.subscribe([(f"{BASE}/speaker/loa-2/down/#", 0)])
            thief.client.abort()
        await asyncio.wait_for(station.client.publish(f"{BASE}/zone/xa/command", b"still here", 1), 5)
        await asyncio.wait_for(victim.client.publish(f"{BASE}/speaker/loa-1/up/state", b"still here", 1), 5)
        assert victim.gone == station.gone == []
        for caller in (victim, station):
            caller.client.abort()

    run(story())


def test_after_the_users_are_refreshed_a_retired_speaker_is_out_and_the_others_stay(broker: Relay) -> None:
    tokens = broker.tokens()

    async def story() -> None:
        leaving = await Caller().call(broker, "loa-2", tokens["loa-2"])
        staying = await Caller().call(broker, "loa-1", tokens["loa-1"])
        without = {"loa-1": tokens["loa-1"], "loa-9": "token-of-a-new-one"}
        brokers.write_users(broker.kind, broker.out, broker.settings, "an-binh", without)
        broker.broker.process.send_signal(1)
        await until(lambda: leaving.gone)
        assert await refused(broker, "loa-2", tokens["loa-2"])
        assert not await refused(broker, "loa-9", "token-of-a-new-one")
        assert staying.gone == []
        staying.client.abort()
        broker.refresh()
        while await refused(broker, "loa-2", tokens["loa-2"]):  # noqa: ASYNC110  the broker tells nobody
            await asyncio.sleep(0.01)

    run(story())


def test_a_province_brings_alerts_and_clips_and_can_do_nothing_else(broker: Relay) -> None:
    user, clip = "province_quang-ninh", f"{BASE}/zone/xa/clip/{'a' * 64}"
    allowed = [f"{BASE}/zone/xa/alert/k-1", f"{clip}/0", f"{clip}/m", f"{BASE}/zone/thon-dong/alert/k-1"]
    forbidden = [
        f"{BASE}/zone/xa/plan/2026-11-22",
        f"{BASE}/zone/xa/trust",
        f"{BASE}/zone/xa/command",
        f"{BASE}/zone/xa/live/s1/open",
        f"{BASE}/speaker/loa-1/down/config",
        f"{BASE}/speaker/loa-1/up/state",
        f"{BASE}/speaker/{user}/up/state",
        f"{BASE}/speaker/{user}/down/config",
        "loa/1/other/zone/xa/alert/k-1",
    ]
    brokers.admit_province(broker.settings, user)
    token = brokers.province_tokens(broker.settings)[user]
    broker.refresh()

    async def story() -> None:
        while await refused(broker, user, token):  # noqa: ASYNC110  the broker tells nobody
            await asyncio.sleep(0.01)
        assert await refused(broker, user, "wrong")
        station = await Caller().call(broker, "station", broker.station_token)
        below = ("zone/+/+", "zone/+/+/+", "zone/+/+/+/+", "speaker/+/up/#", "speaker/+/down/#")
        await station.client.subscribe([(f"{BASE}/{level}", 0) for level in below])
        speaker = await Caller().call(broker, "loa-1", broker.tokens()["loa-1"])
        await speaker.client.subscribe([(f"{BASE}/speaker/loa-1/down/#", 0), (f"{BASE}/zone/xa/#", 0)])
        province = await Caller().call(broker, user, token)
        for level in ("#", "zone/#", "zone/xa/alert/+", "speaker/+/up/#", f"speaker/{user}/down/#"):
            with suppress(DeviceError):  # Mosquitto grants what it will not serve
                await province.client.subscribe([(f"{BASE}/{level}", 0)])
        for topic in (*forbidden, *allowed):
            province.client.publish(topic, b"bytes", 1)
        await until(lambda: (allowed[-1], b"bytes") in station.heard)  # in order: the forbidden ones would be there
        assert [topic for topic, payload in station.heard if payload == b"bytes"] == allowed
        assert {topic for topic, payload in speaker.heard if payload == b"bytes"} == set(allowed[:3])
        await asyncio.wait_for(station.client.publish(f"{BASE}/zone/xa/command", b"secret", 1), 5)
        await until(lambda: (f"{BASE}/zone/xa/command", b"secret") in speaker.heard)
        await asyncio.wait_for(province.client.publish(allowed[0], b"again", 1), 5)
        assert province.heard == []
        brokers.dismiss_province(broker.settings, user)
        broker.refresh()
        await until(lambda: province.gone)
        assert await refused(broker, user, token)
        for caller in (station, speaker):
            caller.client.abort()

    run(story())


def test_no_key_of_the_station_lies_in_the_folder_and_nobody_else_may_read_it(broker: Relay) -> None:
    files = {path.name: path for path in broker.out.iterdir() if path.is_file()}
    assert b"PRIVATE KEY" in files.pop("server.key").read_bytes()
    for name in ("passwords", "users.conf", "acl"):
        assert name not in files or files[name].stat().st_mode & 0o777 == 0o600
    secrets = [path.read_bytes() for path in (Path(broker.settings.home) / "keys").glob("*.pem")]
    secrets.append((Path(broker.settings.home) / "tls" / "ca.key").read_bytes())
    for path in files.values():
        assert not any(secret.splitlines()[1] in path.read_bytes() for secret in secrets)
