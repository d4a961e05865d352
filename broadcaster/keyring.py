"""The station's private keys: files that only their owner can read.

The root key signs trust documents and nothing else; after ``loa init`` its file belongs on paper or a USB stick. The
running station needs the station key and the emergency key.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broadcaster.errors import LoaError
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import RejectedError

ROOT: Final = "root"
STATION: Final = "station"
EMERGENCY: Final = "emergency"
OWN: Final = (STATION, EMERGENCY)
"""What a running station signs with."""
_NEXT: Final = ".next"
_PUBLIC_TO_OTHERS: Final = 0o077


class KeyFileError(LoaError):
    """A key file is missing, unreadable, readable by others, or no Ed25519 key."""


@dataclass
class Keyring:
    """The keys a running station signs with; `own_keys.take_up` puts another one in while it runs."""

    station: SigningKey
    emergency: SigningKey

    def put(self, other: "Keyring") -> None:
        """Sign with the keys of another keyring from now on."""
        self.station, self.emergency = other.station, other.emergency


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Errors: FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


def create(folder: Path, name: str) -> SigningKey:
    """Make a key and its file. Errors: FileExistsError."""
    key = SigningKey.generate()
    pem = key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(_path(folder, name), pem)
    return key


def exists(folder: Path, name: str) -> bool:
    """Whether the key's file is there."""
    return _path(folder, name).exists()


def load(folder: Path, name: str) -> SigningKey:
    """Read one key. Errors: KeyFileError."""
    path = _path(folder, name)
    try:
        if path.stat().st_mode & _PUBLIC_TO_OTHERS:
            raise KeyFileError(f"{path} can be read by others: chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} is not an Ed25519 key")
    return SigningKey(key)


def load_root(folder: Path) -> Ed25519PublicKey:
    """The public half of the root key, which stays when the other is put away. Errors: KeyFileError."""
    path = folder / "root.pub"
    try:
        return keys.public_key(path.read_text("ascii"))
    except (OSError, ValueError, RejectedError) as error:
        raise KeyFileError(f"{path}: {error}") from error


def load_or_create(folder: Path, name: str) -> SigningKey:
    """Read a key, or make it where there is none yet. Errors: KeyFileError."""
    return load(folder, name) if exists(folder, name) else create(folder, name)


def create_next(folder: Path, name: str) -> SigningKey:
    """The key that shall take the place of another, in a file beside it; the same one until `settle`. Errors: OSError."""
    path, key = _path(folder, f"{name}{_NEXT}"), _next(folder, name)
    if key is None:
        path.unlink(missing_ok=True)
        key = create(folder, f"{name}{_NEXT}")
    if os.geteuid() == 0:  # by sudo: the station, which runs as somebody else, has to read it
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    _sync(folder)
    return key


def _next(folder: Path, name: str) -> SigningKey | None:
    """The next key; None where there is none, or a power cut tore its file before anybody relied on it."""
    try:
        return load(folder, f"{name}{_NEXT}")
    except KeyFileError:
        return None


def settle(folder: Path, name: str, kid: str) -> None:
    """Let the next key take the place of the one before if it is ``kid``: once that has been signed for, and not sooner."""
    if (key := _next(folder, name)) and key.kid == kid:
        with suppress(FileNotFoundError):  # the command and the running station do so at the same time
            _path(folder, f"{name}{_NEXT}").replace(_path(folder, name))
        _sync(folder)


def _sync(folder: Path) -> None:
    """Let the names of the files survive a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_keyring(folder: Path) -> Keyring:
    """The keys of a running station. Errors: KeyFileError."""
    return Keyring(load(folder, STATION), load(folder, EMERGENCY))
