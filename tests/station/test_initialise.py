import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import chain, keyring
from broadcaster.clips import write_aside
from broadcaster.database import Database
from broadcaster.keyring import KeyFileError
from broadcaster.rows import Account, AuditEntry, Published, Speaker, Station
from broadcaster.settings import Settings
from broadcaster.wire import envelope, keys
from broadcaster.wire.acceptance import read_trust
from broadcaster.wire.documents import Class
from tests.clocks import FixedClock
from tests.station.conftest import FILE
from web.commune import CommuneFile
from web.initialise import FIRST_ACCOUNT, Initialised, initialise
from web.passwords import is_right, new_password

Make = Callable[..., CommuneFile]


def kits(settings: Settings) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_bytes()) for path in (settings.home_path / "kits").iterdir()}


def trusts(settings: Settings) -> list[Published]:
    database = Database(settings.database)
    with database.read() as session:
        found = list(session.scalars(select(Published).where(Published.typ == "loa-trust")))
    database.dispose()
    return found


def test_a_station_is_made_with_keys_an_account_and_a_kit_for_every_speaker(
    settings: Settings, station: Initialised
) -> None:
    assert station.loaded.problems == []
    home = settings.home_path
    for name in ("root", "station", "emergency"):
        assert (home / "keys" / f"{name}.pem").stat().st_mode & 0o777 == 0o600
    for kit in (home / "kits").iterdir():
        assert kit.stat().st_mode & 0o777 == 0o600
    database = Database(settings.database)
    with database.read() as session:
        account = session.scalars(select(Account)).one()
        assert account.username == FIRST_ACCOUNT
        assert station.password
        assert is_right(station.password, account.password_hash)
        one = session.get_one(Speaker, "loa-1")
        assert kits(settings)["loa-1"]["claim_code"] == one.claim_code
        assert one.broker_token in kits(settings)["loa-1"]["brokers"][0]
        assert chain.first_break(session, AuditEntry) is None
    database.dispose()


def test_trust_is_signed_by_the_root_and_gives_each_key_its_own_scope(settings: Settings, station: Initialised) -> None:
    (row,) = trusts(settings)
    root = keys.public_key(kits(settings)["loa-1"]["root"])
    read = envelope.parse(row.envelope)
    envelope.verify(read, root)
    ring = keyring.load_keyring(settings.home_path / "keys")
    assert {key.kid: key.scopes for key in read_trust(read).keys} == {
        ring.station.kid: (Class.ROUTINE, Class.PRIORITY),
        ring.emergency.kid: (Class.EMERGENCY,),
    }


def test_doing_it_twice_keeps_keys_password_and_kits(
    settings: Settings, station: Initialised, commune_file: Make
) -> None:
    def state() -> dict[str, bytes]:
        folders = [settings.home_path / name for name in ("keys", "kits", "broker")]
        return {str(path): path.read_bytes() for folder in folders for path in folder.iterdir()}

    before, signed = state(), [row.envelope for row in trusts(settings)]
    again = initialise(settings, commune_file(), FixedClock())
    assert again.password is None
    assert state() == before
    assert [row.envelope for row in trusts(settings)] == signed


def test_with_the_root_key_put_away_speakers_can_be_added_and_no_second_root_is_made(
    settings: Settings, station: Initialised, commune_file: Make
) -> None:
    root = settings.home_path / "keys" / "root.pem"
    kept = root.read_bytes()
    root.unlink()
    before = kits(settings)
    again = initialise(
        settings, commune_file(speakers=[*FILE["speakers"], {"id": "loa-3", "zone": "xa", "name": "Xã"}]), FixedClock()
    )
    assert again.loaded.problems == []
    assert not root.exists()
    assert kits(settings)["loa-3"]["root"] == before["loa-1"]["root"]
    other = {"code": "xa-2", "name": "Xã Hai", "kind": "commune"}
    wider = initialise(settings, commune_file(zones=[*FILE["zones"], other]), FixedClock())
    assert [name for name, _ in wider.loaded.problems] == ["xa-2"]
    assert "root.pem" in wider.loaded.problems[0][1]
    write_aside(root, kept)
    assert initialise(settings, commune_file(), FixedClock()).loaded.problems == []
    assert len(trusts(settings)) == 2


def test_another_stations_root_key_is_refused(settings: Settings, station: Initialised, commune_file: Make) -> None:
    folder = settings.home_path / "keys"
    (folder / "root.pem").unlink()
    keyring.create(folder, "root")
    with pytest.raises(KeyFileError, match="not the root key of this station"):
        initialise(settings, commune_file(), FixedClock())


def test_a_lost_station_key_is_not_replaced_behind_the_speakers_backs(
    settings: Settings, station: Initialised, commune_file: Make
) -> None:
    (settings.home_path / "keys" / "station.pem").unlink()
    with pytest.raises(KeyFileError, match="station"):
        initialise(settings, commune_file(), FixedClock())


def test_quiet_hours_can_be_left_out(settings: Settings, commune_file: Make) -> None:
    initialise(settings, commune_file(), FixedClock(), quiet_hours=False)
    database = Database(settings.database)
    with database.read() as session:
        assert session.scalars(select(Station.quiet_start)).one() is None
    database.dispose()


def test_speakers_are_told_the_operators_own_broker(tmp_path: Path, commune_file: Make) -> None:
    settings = Settings(home=str(tmp_path / "home"), broker_url="mqtts://station:x@broker.example")
    initialise(settings, commune_file(), FixedClock())
    (address,) = kits(settings)["loa-1"]["brokers"]
    assert address.startswith("mqtts://loa-1:")
    assert address.endswith("@broker.example:8883")


def test_passwords_are_long_readable_and_different() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) == 19 and password.count("-") == 3 for password in made)
    assert not set("ilo01") & set("".join(made))
