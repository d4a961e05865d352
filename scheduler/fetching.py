"""Addresses of others, fetched in a child process that is killed at its deadline: no server can hold the station up, however it answers."""

import ipaddress
import json
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from broadcaster import children
from broadcaster.errors import LoaError

DEADLINE_S: Final = 20.0
"""From the first packet to the last byte, names and redirects included."""
NOT_MODIFIED: Final = 304
_OWN: Final = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""RFC 1918 and RFC 4193."""


class FetchError(LoaError):
    """The address could not be fetched.

    Attributes:
        code: `too-slow`, `too-large`, `unreachable`, `tls`, `status-404`, `other-host`, `bad-address`, `too-many-redirects`, `encoded`,
            `broken-off`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Fetched:
    """What a server answered. ``body`` is empty when it has not changed (`NOT_MODIFIED`)."""

    status: int
    url: str
    etag: str
    modified: str
    body: bytes


def fetch(
    url: str, hosts: Collection[str], most: int, *, etag: str = "", modified: str = "", deadline_s: float = DEADLINE_S
) -> Fetched:
    """Fetch an address: http or https with a verified certificate, never from https to http, at most five redirects.

    Args:
        url: where.
        hosts: the machines that may be asked, in lower case; redirects included.
        most: bytes of the body; one more is refused.
        etag: of the answer before, so that an unchanged one need not be sent again.
        modified: its Last-Modified, for the same.
        deadline_s: seconds for all of it.

    Errors: FetchError.
    """
    headers = {name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if value}
    asked = {"url": url, "hosts": sorted(hosts), "most": most, "headers": headers, "patience_s": deadline_s}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "scheduler.fetch_worker"],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=deadline_s,
            check=False,
            env=children.environment(),
            cwd=Path(__file__).parents[1],
        )
    except subprocess.TimeoutExpired:
        raise FetchError("too-slow") from None
    line, newline, body = ran.stdout.partition(b"\n")
    if not newline:
        raise FetchError("broken-off")
    facts = json.loads(line)
    if "refused" in facts:
        raise FetchError(facts["refused"])
    return Fetched(facts["status"], facts["url"], facts["etag"], facts["modified"], body)


def is_near(host: str) -> bool:
    """Whether a machine is this one, or by its address one of our own network.

    A name says nothing: whoever can alter what comes without TLS can answer for a name too.
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _OWN if network.version == address.version)


def is_guarded(url: str) -> bool:
    """Whether nobody on the way can have altered what comes from an address: https, or a machine that `is_near`."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_near(parts.hostname or "")
