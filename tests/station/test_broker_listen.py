import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from broadcaster.broker import BrokerError, EmbeddedBroker
from broadcaster.broker_config import Listener
from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.settings import Settings, SettingsError
from broadcaster.transport import MqttTransport
from broadcaster.wire.broker_address import BrokerAddressError
from device_sim.errors import DeviceError
from device_sim.mqtt import Connect, MqttClient
from tests.brokers import free_port
from tests.clocks import FixedClock
from web import brokers
from web.commune import CommuneFile
from web.initialise import initialise

Make = Callable[..., CommuneFile]


def opened(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, broker_listen=f"127.0.0.1:{free_port()}")


async def connects(settings: Settings, port: int, token: str, ca: str | None) -> bool:
    client = MqttClient(lambda _: None, lambda _: None)
    context = ssl.create_default_context(cadata=ca) if ca is not None else None
    connect = Connect("loa-1-5ec3e7", username="loa-1", password=token)
    try:
        await client.connect("127.0.0.1", port, connect, ssl=context, timeout_s=5)
    except DeviceError:
        return False
    client.abort()
    return True


def test_an_opened_broker_takes_tls_with_our_authority_and_a_token_and_nothing_else(
    settings: Settings, commune_file: Make
) -> None:
    settings = opened(settings)
    made = initialise(settings, commune_file(), FixedClock())
    kit = json.loads((made.kits / "loa-1.json").read_text())
    port = int(settings.broker_listen.partition(":")[2])
    assert kit["brokers"][0].startswith("mqtts://loa-1:")
    assert kit["brokers"][0].endswith(f"@127.0.0.1:{port}")
    token = kit["brokers"][0].split(":")[2].partition("@")[0]
    broker = brokers.embedded(settings, "an-binh", SystemClock(), Counters())
    assert broker
    broker.set_users({"loa-1": token})
    broker.start()
    line = MqttTransport(brokers.station_address(settings, broker), "station-1", SystemClock(), Counters())
    try:
        assert asyncio.run(connects(settings, port, token, kit["ca"]))
        assert not asyncio.run(connects(settings, port, "wrong", kit["ca"]))
        assert not asyncio.run(connects(settings, port, token, None))
        line.start()
        assert line.wait_connected(10)
    finally:
        line.stop()
        broker.stop()


def test_speakers_are_given_the_addresses_that_the_operator_names(settings: Settings, commune_file: Make) -> None:
    named = "mqtts://loa.xa.example:8883, mqtts://loa.xa.example:443"
    settings = msgspec.structs.replace(opened(settings), speaker_brokers=named)
    made = initialise(settings, commune_file(), FixedClock())
    kit = json.loads((made.kits / "loa-2.json").read_text())
    assert [url.partition("@")[2] for url in kit["brokers"]] == ["loa.xa.example:8883", "loa.xa.example:443"]


def test_without_the_setting_it_stays_on_loopback(settings: Settings) -> None:
    broker = brokers.embedded(settings, "an-binh", FixedClock(), Counters())
    assert broker
    assert broker.url.startswith("mqtt://station:")
    assert brokers.authority_pem(settings) == ""
    assert brokers.speaker_addresses(settings, broker) == [f"mqtt://127.0.0.1:{broker.port}"]


@pytest.mark.parametrize("text", ["8883", "host", ":8883", "host:port", "host:99999"])
def test_an_address_to_listen_on_has_a_host_and_a_port(settings: Settings, text: str) -> None:
    with pytest.raises(SettingsError, match="LOA_BROKER_LISTEN"):
        brokers.embedded(msgspec.structs.replace(settings, broker_listen=text), "an-binh", FixedClock(), Counters())


def test_a_broker_is_never_opened_without_tls(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="TLS"):
        EmbeddedBroker(tmp_path, "an-binh", "nats-server", Counters(), Listener("0.0.0.0", 8883))


def test_an_authority_that_is_no_certificate_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "nowhere.pem"):
        wrong = msgspec.structs.replace(settings, broker_url="mqtts://a:b@127.0.0.1:1", broker_ca=str(path))
        address = brokers.station_address(wrong, None)
        with pytest.raises(BrokerAddressError, match=r"LOA_BROKER_CA .*\.pem"):
            MqttTransport(address, "station-1", SystemClock(), Counters())
