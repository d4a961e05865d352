"""The child process of `scheduler.fetching`: fetches one address and answers one line of JSON, then the body. Ends when it is killed.

Standard input tells what is asked; nothing else of the station is known here.
"""

import http.client
import json
import re
import resource
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

_MEMORY_BYTES: Final = 512 << 20
_READ_BYTES: Final = 1 << 16
_REDIRECTS: Final = 5
_SCHEMES: Final = {"http", "https"}
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f]")


class RefusedError(Exception):
    """The address can't be fetched; the message is a code."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Every step is looked at by `_fetch`."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """None: the answer is handed out as it is."""
        return


def _check(url: str, hosts: frozenset[str], before: str) -> None:
    if _UNSAFE.search(url) or not url.isascii():
        raise RefusedError("bad-address")
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.username is not None:
        raise RefusedError("bad-address")
    if parts.hostname.lower() not in hosts or (urlsplit(before).scheme == "https" and parts.scheme != "https"):
        raise RefusedError("other-host")


def _fetch(asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    url, before, hosts = asked["url"], "", frozenset(asked["hosts"])
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    headers = {"User-Agent": "loa-phuong", "Accept-Encoding": "identity", **asked["headers"]}
    for _ in range(_REDIRECTS + 1):
        _check(url, hosts, before)
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  the scheme was looked at
        try:
            with opener.open(request, timeout=asked["patience_s"]) as answer:
                return _facts(answer, url), _body(answer, asked["most"])
        except urllib.error.HTTPError as answer:
            with answer:
                where = answer.headers.get("Location")
                if answer.code == http.client.NOT_MODIFIED:
                    return _facts(answer, url), b""
                if where is None or answer.code not in {301, 302, 303, 307, 308}:
                    raise RefusedError(f"status-{answer.code}") from answer
            before, url = url, urljoin(url, where)
    raise RefusedError("too-many-redirects")


def _facts(answer: Any, url: str) -> dict[str, Any]:
    return {
        "status": answer.code if isinstance(answer, urllib.error.HTTPError) else answer.status,
        "url": url,
        "etag": (answer.headers.get("ETag") or "")[:300],
        "modified": (answer.headers.get("Last-Modified") or "")[:100],
    }


def _body(answer: Any, most: int) -> bytes:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError("encoded")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and (len(length) > 15 or int(length) > most):  # noqa: PLR2004  digits
        raise RefusedError("too-large")
    body = bytearray()
    while data := answer.read(_READ_BYTES):
        body += data
        if len(body) > most:
            raise RefusedError("too-large")
    return bytes(body)


def main() -> None:
    """Fetch what standard input asks for."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    facts: dict[str, Any]
    body = b""
    try:
        facts, body = _fetch(json.load(sys.stdin))
    except RefusedError as error:
        facts = {"refused": str(error)}
    except ssl.SSLError:
        facts = {"refused": "tls"}
    except urllib.error.URLError as error:
        facts = {"refused": "tls" if isinstance(error.reason, ssl.SSLError) else "unreachable"}
    except (OSError, http.client.HTTPException, ValueError):
        facts = {"refused": "broken-off"}
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + body)


if __name__ == "__main__":
    main()
