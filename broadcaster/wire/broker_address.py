"""Where a broker is, as settings, kits and configs name it."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from broadcaster.errors import LoaError

_TLS_PORT: Final = 8883
_PLAIN_PORT: Final = 1883


class BrokerAddressError(LoaError):
    """The broker's address can't be used."""


@dataclass(frozen=True)
class BrokerAddress:
    """A broker as ``mqtt[s]://user:password@host:port`` names it; ``ca`` is the PEM file of its authority."""

    host: str
    port: int
    username: str
    password: str
    tls: bool
    ca: str = ""

    @classmethod
    def parse(cls, url: str, ca: str = "", *, like: "BrokerAddress | None" = None) -> "BrokerAddress":
        """Read a broker's address; one without a user takes that of ``like``. Errors: BrokerAddressError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BrokerAddressError(f"broker address: {error}") from error
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise BrokerAddressError("a broker's address is mqtt://user:password@host:port, or mqtts:// with TLS")
        tls = parts.scheme == "mqtts"
        port = port or (_TLS_PORT if tls else _PLAIN_PORT)
        if parts.username is None and like is not None:
            return cls(parts.hostname, port, like.username, like.password, tls, ca)
        return cls(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), tls, ca)
