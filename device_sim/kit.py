"""What a new box is given: where the brokers are, whom to believe, and the claim code of its label."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from broadcaster.wire.documents import Name, PublicKey
from device_sim.errors import KitError


class Kit(msgspec.Struct, frozen=True):
    """The file ``loa init`` and ``loa speaker kit`` write; readable by its owner only.

    Attributes:
        brokers: ``mqtt[s]://user:password@host:port``, in order of preference.
        root: the station's root public key.
        claim_code: 128 bits in hexadecimal, the secret of the label.
    """

    station: Name
    speaker: Name
    brokers: tuple[str, ...]
    root: PublicKey
    claim_code: str

    @classmethod
    def read(cls, path: Path) -> "Kit":
        """Read a kit. Errors: KitError."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise KitError(f"{path}: {error}") from error


class BrokerAddress(msgspec.Struct, frozen=True):
    """One broker of a kit, taken apart."""

    host: str
    port: int
    username: str
    password: str
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Read a broker's address. Errors: KitError."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise KitError("a broker's address is mqtt://user:password@host:port, or mqtts:// with TLS")
        tls = parts.scheme == "mqtts"
        try:
            port = parts.port or (8883 if tls else 1883)
        except ValueError as error:
            raise KitError(f"the port of a broker: {error}") from error
        return cls(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), tls)
