"""Addresses of others, fetched in a child process that is killed at its deadline: no server can hold the station up, however it answers."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broadcaster.errors import LoaError

DEADLINE_S: Final = 20.0
"""From the first packet to the last byte, names and redirects included."""
NOT_MODIFIED: Final = 304
_KEPT_ENVIRONMENT: Final = (
    "PATH",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NO_PROXY",
    "HTTPS_PROXY",
)


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
            env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},  # noqa: TID251  a child's
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
