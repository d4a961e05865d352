"""Which broker the station uses, how speakers reach it, and complete configurations for brokers elsewhere."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from broadcaster import broker_config
from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.broker_config import STATION_USER, Listener
from broadcaster.clips import write_aside
from broadcaster.clock import Clock
from broadcaster.counters import Counters
from broadcaster.settings import Settings, SettingsError
from broadcaster.wire.broker_address import BrokerAddress
from web import tls
from web.lan import lan_address, own_names

Kind = Literal["nats", "mosquitto"]
KINDS: Final[tuple[Kind, ...]] = ("nats", "mosquitto")
SETTINGS_FILE: Final = "relay.toml"
"""Below the station's home: what ``LOA_SETTINGS`` names to use the broker elsewhere."""
_PROVINCES: Final = "relay-provinces"
_TLS_FOLDER: Final = "broker-tls"
_NATS_PORT: Final = 4222
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared with, never bound here


def _host_and_port(text: str, setting: str) -> tuple[str, int]:
    """Errors: SettingsError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"{setting}: {error}") from error
    if not host or not port:
        raise SettingsError(f"{setting} is host:port, not {text}")
    return host, port


def embedded(settings: Settings, station: str, clock: Clock, counters: Counters) -> EmbeddedBroker | None:
    """The station's own broker; None when another one is set. Errors: BrokerError, SettingsError."""
    if settings.broker_url:
        return None
    binary = find_nats_server(settings.nats_server)
    listener = None
    if settings.broker_listen:
        host, port = _host_and_port(settings.broker_listen, "LOA_BROKER_LISTEN")
        names = [*own_names(), *([] if host in _ANYWHERE else [host])]
        names += [urlsplit(url).hostname or "" for url in _given(settings)]
        home = settings.home_path
        certificate, key, _ = tls.ensure_certificate(
            home / _TLS_FOLDER, sorted(set(names)), clock, authority=home / tls.FOLDER
        )
        listener = Listener(host, port, str(certificate), str(key))
    return EmbeddedBroker(settings.home_path / "broker", station, binary, counters, listener)


def station_address(settings: Settings, broker: EmbeddedBroker | None) -> BrokerAddress:
    """How the station itself reaches its broker. Errors: BrokerAddressError."""
    url = broker.url if broker else settings.broker_url
    return BrokerAddress.parse(url, str(_authority(settings) or ""))


def _authority(settings: Settings) -> Path | None:
    """The certificate that vouches for the broker; None for the system's own authorities or without TLS."""
    if settings.broker_ca:
        return Path(settings.broker_ca)
    if settings.broker_listen and not settings.broker_url:
        return settings.home_path / tls.FOLDER / tls.CA_CERTIFICATE
    return None


def authority_pem(settings: Settings) -> str:
    """What speakers pin; empty without an authority of our own. Errors: OSError."""
    path = _authority(settings)
    return path.read_text("ascii") if path else ""


def _given(settings: Settings) -> list[str]:
    return [url.strip() for url in settings.speaker_brokers.split(",") if url.strip()]


def speaker_addresses(settings: Settings, broker: EmbeddedBroker | None) -> list[str]:
    """``mqtt[s]://host:port`` as speakers reach the broker, best first. Errors: BrokerAddressError."""
    if given := _given(settings):
        return [_address(BrokerAddress.parse(url)) for url in given]
    address = station_address(settings, broker)
    if broker and settings.broker_listen:
        host, port = _host_and_port(settings.broker_listen, "LOA_BROKER_LISTEN")
        address = BrokerAddress(lan_address() if host in _ANYWHERE else host, port, "", "", tls=True)
    return [_address(address)]


def _address(of: BrokerAddress) -> str:
    host = f"[{of.host}]" if ":" in of.host else of.host
    return f"mqtt{'s' * of.tls}://{host}:{of.port}"


@dataclass(frozen=True)
class Elsewhere:
    """A broker on another computer.

    Attributes:
        hosts: names and addresses by which it is reached, the station's own way first.
        port: on which it takes connections over TLS.
        listen: the address it listens on.
        folder: where its files will lie on that computer.
        user: whom Mosquitto becomes when root starts it; empty for its own default.
    """

    hosts: Sequence[str]
    port: int
    listen: str
    folder: str
    user: str = ""


def write_config(  # noqa: PLR0917  each once, from the command line
    kind: Kind, out: Path, elsewhere: Elsewhere, settings: Settings, station: str, clock: Clock
) -> list[Path]:
    """Write everything but the users that a broker needs; no key of the station is among it. Returns the files."""
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    home = settings.home_path
    certificate, key, authority = tls.ensure_certificate(out, list(elsewhere.hosts), clock, authority=home / tls.FOLDER)
    write_aside(out / tls.CA_CERTIFICATE, authority.read_bytes())
    folder = elsewhere.folder
    listener = Listener(elsewhere.listen, elsewhere.port, f"{folder}/{certificate.name}", f"{folder}/{key.name}")
    if kind == "nats":
        config = out / "nats.conf"
        write_aside(config, broker_config.nats_conf(station, folder, listener, _NATS_PORT).encode())
    else:
        config = out / "mosquitto.conf"
        write_aside(config, broker_config.mosquitto_conf(folder, listener, elsewhere.user).encode())
        (out / "store").mkdir(exist_ok=True)
    host = f"[{elsewhere.hosts[0]}]" if ":" in elsewhere.hosts[0] else elsewhere.hosts[0]
    lines = [
        f'broker_url = "mqtts://{STATION_USER}:{station_token(settings)}@{host}:{elsewhere.port}"',
        f'broker_ca = "{authority}"',
        "",
    ]
    write_aside(home / SETTINGS_FILE, "\n".join(lines).encode())  # made with mode 0600
    return [config, certificate, key, out / tls.CA_CERTIFICATE]


def station_token(settings: Settings) -> str:
    """The station's password at brokers elsewhere; made once."""
    kept = settings.home_path / "relay.token"
    if not kept.exists():
        write_aside(kept, secrets.token_hex(24).encode())
    return kept.read_text("ascii")


def province_tokens(settings: Settings) -> dict[str, str]:
    """The passwords of the provinces that may connect to brokers elsewhere, by user."""
    kept = (settings.home_path / _PROVINCES).glob("*.token")
    return {path.stem: path.read_text("ascii") for path in sorted(kept)}


def admit_province(settings: Settings, user: str) -> None:
    """Let a province onto brokers elsewhere; one that is in already keeps its password."""
    kept = settings.home_path / _PROVINCES / f"{user}.token"
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not kept.exists():
        write_aside(kept, secrets.token_hex(24).encode())


def dismiss_province(settings: Settings, user: str) -> None:
    """Let it in no longer; admitted again, it gets another password."""
    (settings.home_path / _PROVINCES / f"{user}.token").unlink(missing_ok=True)


def kind_in(out: Path) -> Kind | None:
    """Which broker a folder was written for."""
    return next((kind for kind in KINDS if (out / f"{kind}.conf").exists()), None)


def write_users(kind: Kind, out: Path, settings: Settings, station: str, speakers: Mapping[str, str]) -> list[Path]:
    """Write who may connect, and what each may say and hear. Returns the files."""
    token, provinces = station_token(settings), province_tokens(settings)
    if kind == "nats":
        texts = {"users.conf": broker_config.nats_users(station, token, speakers, provinces)}
    else:
        texts = {
            "passwords": broker_config.mosquitto_passwords(token, speakers, provinces),
            "acl": broker_config.mosquitto_acl(station, speakers, provinces),
        }
    for name, text in texts.items():
        write_aside(out / name, text.encode())
    return [out / name for name in texts]
