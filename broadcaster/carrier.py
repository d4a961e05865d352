"""Apprise as the carrier of notices; the only importer of apprise, which is an extra (``alerts``)."""

import importlib
import importlib.util
import logging
import re
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

log = logging.getLogger(__name__)

SCHEMES: Final = frozenset(
    {
        "zalo",
        "tgram",
        "ntfy",
        "ntfys",
        "mailto",
        "mailtos",
        "json",
        "jsons",
        "gotify",
        "gotifys",
        "matrix",
        "matrixs",
        "signal",
        "signals",
        "discord",
        "slack",
        "msteams",
        "workflows",
        "pover",
        "viber",
    }
)
"""Ways to reach a person; none that touches this machine, runs a program, or reads a file."""
_TIMES: Final = {"cto": "4", "rto": "6", "retry": "0"}
"""Seconds to connect and to be answered; the queue does the retrying."""

_HEADER: Final = re.compile(r"(^|&)\+")
"""A header of a webhook is asked for as +Name=value; a plus sign would be read as a space."""


class AppriseCarrier:
    """Sends by Apprise; without it installed, knows no address and says so."""

    @cached_property
    def _apprise(self) -> Any:
        if importlib.util.find_spec("apprise") is None:
            return None
        found = importlib.import_module("apprise")
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines name addresses, which are secrets
        return found

    @property
    def installed(self) -> bool:
        """Whether Apprise is there."""
        return self._apprise is not None

    def knows(self, url: str) -> bool:
        """Whether ``url`` is an address of one of `SCHEMES` that Apprise understands."""
        return self._made(url) is not None

    def _made(self, url: str) -> Any:
        scheme, separator, _ = url.partition("://")
        if not separator or scheme.lower() not in SCHEMES or self._apprise is None:
            return None
        try:
            parts = urlsplit(url)
            query = _HEADER.sub(r"\1%2B", parts.query)
            asked = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in _TIMES]
            limited = urlunsplit(parts._replace(query=urlencode([*asked, *_TIMES.items()], quote_via=quote)))
            return self._apprise.Apprise.instantiate(limited, suppress_exceptions=True)
        except ValueError:
            return None

    def send(self, url: str, title: str, body: str) -> str:
        """Deliver; returns "" or why it failed."""
        try:
            service = self._made(url)
            if service is None:
                return "unknown-address"
            return "" if service.notify(title=title, body=body) else "refused"
        except Exception:  # whatever a plugin of Apprise runs into is this one push's failure
            log.exception("notice not sent")
            return "failed"
