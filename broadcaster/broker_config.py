"""What brokers are told, as text: who may connect, and what each may say and hear. Pure but for random salts.

One rule for every broker. The station writes below ``zone/`` and every ``down/`` and reads every ``up/``; a speaker
writes below its own ``up/`` and reads its own ``down/`` and all zones; a province writes alerts and clips into zones and reads
nothing. Nothing else is allowed to anybody.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

STATION_USER: Final = "station"
"""The station's name at the broker; no speaker may bear it."""
PROVINCE: Final = "province_"
"""Begins the name of a province's user; no speaker's name has that stroke."""
_PROVINCE_WRITES: Final = (("zone", "+", "alert", "+"), ("zone", "+", "clip", "+", "+"))
_HASH_ROUNDS: Final = 101
"""mosquitto_passwd's own number; a token of 192 random bits needs no slow hash."""


@dataclass(frozen=True)
class Listener:
    """Where a broker takes MQTT connections; with ``certificate`` and ``key`` (files) over TLS only."""

    host: str
    port: int
    certificate: str = ""
    key: str = ""

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.certificate)


_NATS: Final = """\
server_name: loa-{station}                 # names the JetStream store; must not change
host: 127.0.0.1                            # NATS protocol port: loopback only, never opened
port: {nats_port}
pid_file: "{folder}/nats.pid"
log_file: "{folder}/nats.log"
logfile_size_limit: 4MB                    # then it is set aside; whoever knocks in vain must not fill the disk
logfile_max_num: 3
max_payload: 128KB
max_connections: 20000
write_deadline: "10s"                      # a reader stalled longer is cut; it reconnects and gets the retained state
max_pending: 4MB
jetstream {{
  store_dir: "{folder}/js", max_mem: 64M, max_file: 1G
  limits: {{ default_max_consumers: 100000 }}  # the default of 1000 refuses QoS 1 subscriptions
}}
mqtt {{
  host: "{host}", port: {port}, ack_wait: "5s", max_ack_pending: 200
{tls}}}
authorization {{
  timeout: 5
  include "users.conf"
}}
"""
_NATS_TLS: Final = """\
  tls {{ cert_file: "{certificate}", key_file: "{key}", timeout: 15 }}  # slow links take long to shake hands
"""


def nats_conf(station: str, folder: str, listener: Listener, nats_port: int) -> str:
    """The configuration of nats-server, whose store, pid and users lie in ``folder``."""
    tls = _NATS_TLS.format(certificate=listener.certificate, key=listener.key) if listener.tls else ""
    return _NATS.format(
        station=station, folder=folder, host=listener.host, port=listener.port, nats_port=nats_port, tls=tls
    )


def nats_users(
    station: str, station_token: str, speakers: Mapping[str, str], provinces: Mapping[str, str] | None = None
) -> str:
    """The users of nats-server: the station, one per speaker and one per province (name → token)."""
    base = f"loa.1.{station}"
    # A '#' filter subscribes the parent level as well, so "x" and "x.>" are both allowed.
    lines = [
        "users = [",
        _nats_user(
            STATION_USER,
            station_token,
            [f"{base}.zone.>", f"{base}.speaker.*.down.>"],
            # It reads what it says to speakers as well, for `loa tail`.
            [f"{base}.zone.>", *(f"{base}.speaker.*.{way}" for way in ("up", "up.>", "down", "down.>"))],
        ),
    ]
    for speaker, token in sorted(speakers.items()):
        down = f"{base}.speaker.{speaker}.down"
        readable = [f"{base}.zone", f"{base}.zone.>", down, f"{down}.>"]
        lines.append(_nats_user(speaker, token, [f"{base}.speaker.{speaker}.up.>"], readable))
    writable = [".".join((base, *levels)).replace("+", "*") for levels in _PROVINCE_WRITES]
    lines += [_nats_user(name, token, writable, []) for name, token in sorted((provinces or {}).items())]
    return "\n".join([*lines, "]", ""])


def _nats_user(name: str, token: str, publish: list[str], subscribe: list[str]) -> str:
    readable = json.dumps(subscribe) if subscribe else '{ deny: ">" }'  # an empty list would allow all
    permissions = f"publish: {json.dumps(publish)}, subscribe: {readable}"
    return (
        f'  {{ user: "{name}", password: "{token}", allowed_connection_types: ["MQTT"], '
        f"permissions: {{ {permissions} }} }}"
    )


_MOSQUITTO: Final = """\
{user}per_listener_settings false
listener {port} {host}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence true
persistence_location {folder}/store/
autosave_interval 60
max_queued_messages 100000
max_packet_size 131072
set_tcp_nodelay true
pid_file {folder}/mosquitto.pid
"""


def mosquitto_conf(folder: str, listener: Listener, user: str = "") -> str:
    """The configuration of Mosquitto 2, whose store, pid, users and rights lie in ``folder``; TLS only.

    ``user`` is whom Mosquitto becomes when root starts it; empty leaves its own default, ``mosquitto``.
    """
    return _MOSQUITTO.format(
        user=f"user {user}\n" if user else "",
        host=listener.host,
        port=listener.port,
        certificate=listener.certificate,
        key=listener.key,
        folder=folder,
    )


def mosquitto_passwords(
    station_token: str, speakers: Mapping[str, str], provinces: Mapping[str, str] | None = None
) -> str:
    """The password file of Mosquitto 2: the station, one per speaker and one per province (name → token)."""
    users = {STATION_USER: station_token} | dict(sorted(speakers.items())) | dict(sorted((provinces or {}).items()))
    return "".join(f"{name}:{_mosquitto_hash(token)}\n" for name, token in users.items())


def _mosquitto_hash(token: str) -> str:
    """Type 7 of Mosquitto: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", token.encode(), salt, _HASH_ROUNDS)
    return f"$7${_HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def mosquitto_acl(station: str, speakers: Mapping[str, str], provinces: Iterable[str] = ()) -> str:
    """The rights file of Mosquitto; ``%u`` is the name that somebody has signed in with."""
    base = f"loa/1/{station}"
    lines = [
        f"user {STATION_USER}",
        f"topic readwrite {base}/zone/#",
        f"topic readwrite {base}/speaker/+/down/#",
        f"topic read {base}/speaker/+/up/#",
    ]
    for speaker in sorted(speakers):
        lines += ["", f"user {speaker}", f"topic read {base}/zone/#"]
    for province in sorted(provinces):
        lines += ["", f"user {province}", f"topic deny {base}/speaker/#"]  # which the patterns below would allow
        lines += [f"topic write {'/'.join((base, *levels))}" for levels in _PROVINCE_WRITES]
    lines += ["", f"pattern write {base}/speaker/%u/up/#", f"pattern read {base}/speaker/%u/down/#", ""]
    return "\n".join(lines)
