"""Brokers over TLS with the station's own authority, and lists of brokers that change."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from device_sim import brokers, link
from device_sim.errors import KitError
from device_sim.kit import Kit
from device_sim.tls import client_context
from tests.brokers import HOST, Broker, free_port, mosquitto_broker
from tests.device_sim.conftest import PASSWORD
from tests.device_sim.test_speaker import Town, box, kit, living, until

YEARS = (dt.datetime(2040, 1, 1, tzinfo=dt.UTC), dt.datetime(2050, 1, 1, tzinfo=dt.UTC))
"""A certificate of another age: as ours look to a box whose clock stands years behind."""


class Authority(NamedTuple):
    pem: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _signed(
    name: str, public: ec.EllipticCurvePublicKey, by: Authority | None, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    authority = by is None
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(YEARS[0])
        .not_valid_after(YEARS[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )


def authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed(name, key.public_key(), None, key)
    return Authority(certificate.public_bytes(serialization.Encoding.PEM).decode(), certificate, key)


def tls_config(folder: Path, by: Authority) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed("broker", key.public_key(), by, by.key)
    (folder / "broker.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "broker.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return f"certfile {folder}/broker.crt\nkeyfile {folder}/broker.key\n"


def tls_kit(port: int, ca: str) -> Kit:
    given = kit(port, host="localhost")
    return msgspec.structs.replace(given, brokers=(given.brokers[0].replace("mqtt:", "mqtts:"),), ca=ca)


def test_a_clock_wrong_by_years_still_connects_to_the_stations_broker_and_to_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.01)
    ours, theirs = authority("station"), authority("somebody else")
    with mosquitto_broker(tmp_path, tls_config(tmp_path, ours), users={"s1": PASSWORD}) as broker:

        async def connect(ca: str, folder: Path) -> tuple[bool, int]:
            speaker, _ = box(folder, tls_kit(broker.port, ca))
            async with living(speaker):
                await until(lambda: speaker.machine.reports.online or caplog.text.count("can't connect") >= 2)
                return speaker.machine.reports.online, speaker.upkeep.month.count

        with caplog.at_level("INFO"):
            assert asyncio.run(connect(ours.pem, tmp_path / "ours"))[0]
            assert not asyncio.run(connect(theirs.pem, tmp_path / "theirs"))[0]
            assert not asyncio.run(connect("", tmp_path / "system"))[0]
    assert "certificate verify failed" in caplog.text


def test_dates_count_once_the_clock_is_confirmed() -> None:
    ours = authority("station")
    loose, strict = (client_context(ours.pem, trust_clock=trust) for trust in (False, True))
    assert loose.verify_flags & 0x200000
    assert not strict.verify_flags & 0x200000
    assert loose.check_hostname
    with pytest.raises(KitError):
        client_context("no certificate", trust_clock=False)


def _config(town: Town, *ports: int) -> None:
    town.station.now = town.clock.now_ms()
    addresses = tuple(f"mqtt://{HOST}:{port}" for port in ports)  # without a user: the kit's
    town.say(town.station.trust(), town.station.config(report_ms=1_000, brokers=addresses), retain=True)


def test_a_config_moves_a_speaker_to_another_broker_which_is_kept_when_it_has_proved_itself(
    nats: Broker, mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "KEPT_AFTER_S", 0.5)
    monkeypatch.setattr(link, "LOOK_S", 0.1)
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.05)
    here, there = Town(nats), Town(mosquitto)

    async def move() -> None:
        speaker, store = box(tmp_path, kit(nats.port))
        async with here.on_air(), there.on_air(), living(speaker):
            _config(here, mosquitto.port)
            await until(lambda: there.have)
            await until(lambda: store.value("brokers"))
            kept = msgspec.json.decode(store.value("brokers") or b"")
        assert kept == [f"mqtt://{HOST}:{mosquitto.port}"]

    asyncio.run(move())


def test_a_config_that_names_a_dead_broker_leads_back_to_the_old_one(
    nats: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(brokers, "UNREACHABLE_S", 0.3)
    monkeypatch.setattr(link, "FIRST_RETRY_S", 0.05)
    here = Town(nats)

    async def come_back() -> None:
        speaker, _ = box(tmp_path, kit(nats.port))
        async with here.on_air(), living(speaker):
            _config(here, free_port())
            await until(lambda: "goes back to its old brokers" in caplog.text)
            await until(lambda: speaker.machine.reports.online)
            assert speaker.upkeep.month.count > 100, "bytes are counted over all connections"

    asyncio.run(come_back())
