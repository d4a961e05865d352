"""What a new box is given: where the brokers are, whom to believe, and the claim code of its label."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec

from broadcaster.wire.documents import Name, PublicKey
from device_sim.errors import KitError


class Role(StrEnum):
    """What stands behind the sound card."""

    SPEAKER = "speaker"
    GATEWAY = "gateway"


class Kit(msgspec.Struct, frozen=True):
    """The file ``loa init`` and ``loa speaker kit`` write; readable by its owner only.

    Attributes:
        brokers: ``mqtt[s]://user:password@host:port``, in order of preference.
        root: the station's root public key.
        claim_code: 128 bits in hexadecimal, the secret of the label.
        ca: the station's certificate authority as PEM, the only one a broker with TLS is believed by; empty for the
            operating system's authorities.
        role: ``speaker``, or ``gateway`` for what it feeds and can't hear (FM, wired horns).
        horns: how many horns hang on it.
        sim_day: the day on which its mobile contract's month begins.
    """

    station: Name
    speaker: Name
    brokers: tuple[str, ...]
    root: PublicKey
    claim_code: str
    ca: str = ""
    role: Role = Role.SPEAKER
    horns: Annotated[int, msgspec.Meta(ge=0, le=64)] = 1
    sim_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1

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
    def parse(cls, url: str, like: "BrokerAddress | None" = None) -> "BrokerAddress":
        """Read a broker's address; one without a user takes that of `like`. Errors: KitError."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise KitError("a broker's address is mqtt://user:password@host:port, or mqtts:// with TLS")
        tls = parts.scheme == "mqtts"
        try:
            port = parts.port or (8883 if tls else 1883)
        except ValueError as error:
            raise KitError(f"the port of a broker: {error}") from error
        if parts.username is None and like is not None:
            return cls(parts.hostname, port, like.username, like.password, tls)
        return cls(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), tls)
