import shutil
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import delete, text

from broadcaster import keyring, own_keys
from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.clock import SystemClock
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.rows import OwnKey
from broadcaster.settings import Settings
from broadcaster.wire.topics import Topics
from web import doctor
from web.doctor import Finding
from web.initialise import Initialised
from web.say import speaker_of

SAY = speaker_of("vi")


VOICE, ROUND_TRIP = doctor._voice, doctor._round_trip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ask a broker nor speak, but for the tests of these."""
    monkeypatch.setattr(doctor, "_round_trip", lambda _address, _topic: 1.0)
    monkeypatch.setattr(doctor, "_voice", lambda _settings, _say: Finding("Giọng đọc", fine=True, detail=""))


def examine(settings: Settings) -> dict[str, Finding]:
    return {finding.part: finding for finding in doctor.examine(settings, SAY)}


def ill(settings: Settings) -> dict[str, str]:
    return {finding.part: finding.advice for finding in examine(settings).values() if not finding.fine}


def test_a_running_station_is_fine_in_every_part(
    settings: Settings, station: Initialised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_round_trip", ROUND_TRIP)
    monkeypatch.setattr(doctor, "_voice", VOICE)
    broker = EmbeddedBroker(settings.home_path / "broker", "an-binh", find_nats_server(""), Counters())
    broker.start()
    lines: list[str] = []
    try:
        assert doctor.report(settings, SAY, lines.append)
    finally:
        broker.stop()
    assert lines[-1] == "Mọi thứ đều ổn."
    assert sum(line.startswith("✓") for line in lines) == 8
    assert any("2 cụm loa" in line for line in lines)
    assert any("đi và về trong" in line for line in lines)


def test_with_the_broker_down_it_says_what_to_do(
    settings: Settings, station: Initialised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_round_trip", ROUND_TRIP)
    monkeypatch.setattr(doctor, "_PATIENCE_S", 0.2)
    lines: list[str] = []
    assert not doctor.report(settings, SAY, lines.append)
    at = next(number for number, line in enumerate(lines) if line.startswith("✗"))
    assert lines[at].startswith("✗ Máy chủ truyền tin")
    assert "loa serve" in lines[at + 1]
    assert sum(line.startswith("✗") for line in lines) == 1


def test_before_init_it_says_how_to_begin(settings: Settings) -> None:
    found = ill(settings)
    assert "loa init" in found["Cơ sở dữ liệu"]
    assert "Khóa ký" in found


def test_keys_that_others_can_read_are_a_fault(settings: Settings, station: Initialised) -> None:
    (settings.home_path / "keys" / "station.pem").chmod(0o644)
    assert "chmod 600" in examine(settings)["Khóa ký"].detail


def test_a_changed_log_is_a_fault(settings: Settings, station: Initialised) -> None:
    database = Database(settings.database)
    with database.write() as session:
        session.execute(text("UPDATE audit_entry SET subject = 'x'"))
    database.dispose()
    assert "loa ledger verify" in ill(settings)["Sổ nhật ký"]


@pytest.mark.parametrize("url", ["nonsense", "postgresql+psycopg://loa@127.0.0.1:1/loa", "sqlite:////proc/no/loa.db"])
def test_a_database_that_can_not_be_reached_is_one_finding_among_others(settings: Settings, url: str) -> None:
    found = examine(msgspec.structs.replace(settings, database_url=url))
    assert not found["Cơ sở dữ liệu"].fine
    assert "LOA_DATABASE_URL" in found["Cơ sở dữ liệu"].advice
    assert found["Giọng đọc"].fine


def test_a_clock_that_runs_behind_what_was_written_is_a_fault(settings: Settings, station: Initialised) -> None:
    database = Database(settings.database)
    with database.write() as session:
        session.execute(text("UPDATE audit_entry SET at = '2199-01-01 00:00:00.000000'"))
    database.dispose()
    assert "NTP" in ill(settings)["Đồng hồ"]


def test_a_full_disk_is_a_fault(settings: Settings, station: Initialised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=999_999_999))
    assert "1 GB" in ill(settings)["Đĩa"]


def test_a_broker_address_that_makes_no_sense_is_told(settings: Settings, station: Initialised) -> None:
    found = examine(msgspec.structs.replace(settings, broker_url="http://broker"))
    assert "mqtt://" in found["Máy chủ truyền tin (MQTT)"].detail


def test_secrets_are_not_shown(settings: Settings) -> None:
    lines: list[str] = []
    secret = msgspec.structs.replace(settings, broker_url="mqtt://station:geheim@127.0.0.1:1")
    doctor.report(secret, SAY, lines.append)
    assert "geheim" not in "\n".join(lines)


def test_a_key_that_is_locked_out_and_one_that_speakers_believe_no_longer_are_told(
    settings: Settings, station: Initialised
) -> None:
    database, folder = Database(settings.database), settings.home_path / "keys"
    core = Core(database, keyring.load_keyring(folder), Topics("an-binh"), SystemClock(), Counters())
    with database.write() as session:
        own_keys.note(session, core)
        own_keys.lock_out(session, core, core.keyring.station.kid, 1)
    assert "đang bị khóa phát đến" in examine(settings)["Khóa ký"].detail
    assert "loa key replace station" in ill(settings)["Khóa ký"]
    new = keyring.create_next(folder, keyring.STATION)
    with database.write() as session:
        own_keys.replace(session, core, keyring.load(folder, keyring.ROOT), keyring.STATION, new)
    database.dispose()
    assert "không phải khóa mà loa đang tin" in examine(settings)["Khóa ký"].detail
    old = (folder / "station.pem").read_bytes()
    keyring.settle(folder, keyring.STATION, new.kid)
    assert "Khóa ký" not in ill(settings)
    (folder / "station.pem").write_bytes(old)
    with database.write() as session:  # rows as old as the file; the trust came back from the broker
        session.execute(delete(OwnKey).where(OwnKey.kid == new.kid))
        session.get_one(OwnKey, core.keyring.station.kid).replaced_at = None
    database.dispose()
    assert "không phải khóa mà loa đang tin" in examine(settings)["Khóa ký"].detail
