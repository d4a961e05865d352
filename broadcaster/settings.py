"""Settings: one frozen object from ``LOA_*`` variables over an optional TOML file; unknown keys are errors.

The only module that reads the environment.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from broadcaster.alert_tables import USUAL
from broadcaster.errors import LoaError

_PREFIX: Final = "LOA_"
_FILE_KEY: Final = "LOA_SETTINGS"
_SECRET: Final = ("database_url", "broker_url")


class SettingsError(LoaError):
    """A setting is unknown or has a value that can't be used."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an operator may set. Paths are relative to the working directory.

    Attributes:
        home: folder of the station: database, keys, clips, broker store.
        database_url: SQLAlchemy address; empty means SQLite in ``home``.
        broker_url: ``mqtt[s]://user:password@host:port``; empty means the embedded broker.
        broker_ca: PEM file of the authority that signed the broker's certificate; empty means the system's own.
        broker_listen: ``host:port`` on which the embedded broker takes speakers over TLS; empty means loopback only.
        speaker_brokers: ``mqtt[s]://host:port`` as speakers reach the broker, best first, with commas; empty means
            the address the station itself uses.
        nats_server: another nats-server binary for the embedded broker.
        host, port: where the page is served; port 0 takes a free one.
        clip_rate_bps: pace of clips to each speaker, over all its zones, bits per second.
        now_lead_ms: between the end of delivery and the start of a broadcast that shall air now.
        report_ms: heartbeat of the speakers.
        sirens: which table of sirens and templates alerts follow: ``ngan`` (8 s, so that the words begin soon), ``hue``, or a file.
        keep_sounds: whether speakers keep sirens and ready sentences for an alert to come.
        online_voice: whether bulletins may be spoken by a service on the internet, where the extra `gtts` is installed.
        piper_threads: processor cores for the neural voice.
        language: of the command line; every browser chooses its own.
        log_level: of the standard error log.
    """

    home: str = "var"
    database_url: str = ""
    broker_url: str = ""
    broker_ca: str = ""
    broker_listen: str = ""
    speaker_brokers: str = ""
    nats_server: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    clip_rate_bps: Annotated[int, msgspec.Meta(ge=8_000)] = 128_000
    now_lead_ms: Annotated[int, msgspec.Meta(ge=500)] = 2_000
    report_ms: Annotated[int, msgspec.Meta(ge=1_000)] = 60_000
    sirens: str = USUAL
    keep_sounds: bool = True
    online_voice: bool = False
    piper_threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    language: Literal["vi", "en"] = "vi"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def home_path(self) -> Path:
        """The station's folder, absolute."""
        return Path(self.home).resolve()

    @property
    def database(self) -> str:
        """The SQLAlchemy address in force."""
        return self.database_url or f"sqlite:///{self.home_path / 'loa.db'}"

    def shown(self) -> dict[str, str]:
        """The settings as text, without secrets."""
        values = msgspec.to_builtins(self)
        return {key: "(hidden)" if key in _SECRET and value else str(value) for key, value in values.items()}


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of ``environment`` (the process's own by default) over the file that ``LOA_SETTINGS`` names.

    Errors: SettingsError.
    """
    given = os.environ if environment is None else environment  # noqa: TID251  this module is the one place
    values: dict[str, object] = {}
    if path := given.get(_FILE_KEY):
        try:
            values.update(tomllib.loads(Path(path).read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise SettingsError(f"settings file {path}: {error}") from error
    for key, value in given.items():
        if key.startswith(_PREFIX) and key != _FILE_KEY:
            values[key.removeprefix(_PREFIX).lower()] = value
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from error
