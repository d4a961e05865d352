import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from broadcaster import keyring
from broadcaster.keyring import KeyFileError
from broadcaster.wire.keys import SigningKey

pytestmark = pytest.mark.unit


def test_a_new_key_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    made = keyring.create(tmp_path / "keys", "station")
    path = tmp_path / "keys" / "station.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert keyring.load(tmp_path / "keys", "station").kid == made.kid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    keyring.create(tmp_path, "station")
    (tmp_path / "station.pem").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        keyring.load(tmp_path, "station")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    keyring.create(tmp_path, "station")
    with pytest.raises(FileExistsError):
        keyring.create(tmp_path, "station")
    assert keyring.load_or_create(tmp_path, "station").kid == keyring.load(tmp_path, "station").kid


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyring.write_private(tmp_path / "other.pem", pem)
    keyring.write_private(tmp_path / "torn.pem", b"-----BEGIN PRIV")
    for name in ("other", "torn", "missing"):
        with pytest.raises(KeyFileError, match=name):
            keyring.load(tmp_path, name)


def test_command_and_station_may_settle_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.create(tmp_path, keyring.STATION)
    new, read = keyring.create_next(tmp_path, keyring.STATION), keyring._next

    def overtaken(folder: Path, name: str) -> SigningKey | None:
        found = read(folder, name)
        monkeypatch.undo()
        keyring.settle(folder, name, new.kid)
        return found

    monkeypatch.setattr(keyring, "_next", overtaken)
    keyring.settle(tmp_path, keyring.STATION, new.kid)
    assert keyring.load(tmp_path, keyring.STATION).kid == new.kid


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_a_key_that_root_replaces_can_be_read_by_the_station(tmp_path: Path) -> None:
    keyring.create(tmp_path, keyring.STATION)
    os.chown(tmp_path, 12_345, 12_346)
    for _ in range(2):  # the first may have been killed before it was given away
        new = keyring.create_next(tmp_path, keyring.STATION)
        found = (tmp_path / "station.next.pem").stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12_345, 12_346, 0o600)
        os.chown(tmp_path / "station.next.pem", 0, 0)
    assert keyring.create_next(tmp_path, keyring.STATION).kid == new.kid


def test_a_running_station_needs_station_and_emergency_key_but_not_the_root(tmp_path: Path) -> None:
    made = {name: keyring.create(tmp_path, name).kid for name in (keyring.STATION, keyring.EMERGENCY)}
    ring = keyring.load_keyring(tmp_path)
    assert (ring.station.kid, ring.emergency.kid) == tuple(made.values())
