"""Fetching from servers that answer well, too much, too slowly, or never."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from broadcaster.clock import SystemClock
from scheduler.fetching import NOT_MODIFIED, FetchError, fetch
from tests.http_servers import plain, serving
from web.tls import ensure_certificate

HERE = ["127.0.0.1"]
MOST = 100_000


def refused(url: str, hosts: list[str] | None = None, **more: float) -> str:
    with pytest.raises(FetchError) as caught:
        fetch(url, HERE if hosts is None else hosts, MOST, **more)  # type: ignore[arg-type]
    return caught.value.code


def test_what_has_not_changed_is_not_sent_again() -> None:
    def answer(to: socket.socket, request: str) -> None:
        same = 'If-None-Match: "v1"' in request and "If-Modified-Since: yesterday" in request
        head = ('ETag: "v1"', "Last-Modified: yesterday")
        to.sendall(plain(b"", *head, status="304 Not Modified") if same else plain(b"feed", *head))

    with serving(answer) as url:
        first = fetch(url, HERE, MOST)
        assert (first.status, first.body, first.etag, first.modified) == (200, b"feed", '"v1"', "yesterday")
        again = fetch(url, HERE, MOST, etag=first.etag, modified=first.modified)
        assert (again.status, again.body) == (NOT_MODIFIED, b"")


def test_redirects_are_followed_so_far_and_only_to_machines_that_were_named() -> None:
    def answer(to: socket.socket, request: str) -> None:
        path = request.split()[1]
        where = {"/a": "/b", "/loop": "/loop", "/out": "http://localhost:1/", "/file": "file:///etc/passwd"}.get(path)
        to.sendall(plain(b"", f"Location: {where}", status="302 Found") if where else plain(b"there"))

    with serving(answer) as url:
        assert fetch(f"{url}/a", HERE, MOST).url == f"{url}/b"
        assert refused(f"{url}/loop") == "too-many-redirects"
        assert refused(f"{url}/out") == "other-host"
        assert refused(f"{url}/file") == "bad-address"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http:///",
        "http://a b/",
        "http://u:p@127.0.0.1/",
        "gopher://127.0.0.1",
    ],
)
def test_an_address_that_is_none_is_not_asked(url: str) -> None:
    assert refused(url) == "bad-address"


def test_a_machine_that_was_not_named_is_not_asked() -> None:
    assert refused("http://169.254.169.254/latest/meta-data") == "other-host"
    assert refused("http://127.0.0.1:1/") == "unreachable"


def test_five_gigabytes_are_refused_before_they_come() -> None:
    with serving(
        lambda to, _: to.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n" + b"x" * 1000)
    ) as url:
        assert refused(url) == "too-large"


def test_an_answer_without_end_is_left_at_the_limit() -> None:
    sent = 0

    def answer(to: socket.socket, _request: str) -> None:
        nonlocal sent
        to.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += to.send(b"x" * 65_536)

    with serving(answer) as url:
        assert refused(url) == "too-large"
    assert sent < 50 * 2**20


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_server_that_drips_is_left_at_the_deadline(first: bytes) -> None:
    def drip(to: socket.socket, _request: str) -> None:
        to.sendall(first)
        while True:
            to.sendall(b"x")
            time.sleep(0.05)

    with serving(drip) as url:
        assert refused(url, deadline_s=1.0) == "too-slow"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (plain(b"", status="404 Not Found"), "status-404"),
        (plain(b"", status="500 Oops"), "status-500"),
        (plain(b"x", "Content-Encoding: gzip"), "encoded"),
        (b"", "broken-off"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", "broken-off"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", "broken-off"),
    ],
)
def test_a_bad_answer_has_a_name(answer: bytes, code: str) -> None:
    with serving(lambda to, _: to.sendall(answer)) as url:
        assert refused(url) == code


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key, authority = ensure_certificate(tmp_path, ["127.0.0.1"], SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(lambda to, _: to.sendall(plain(b"safe")), context) as url:
        assert refused(url) == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert fetch(url, HERE, MOST).body == b"safe"
        with serving(lambda to, _: to.sendall(plain(b"", f"Location: {url}", status="301 Moved"))) as open_url:
            assert fetch(open_url, HERE, MOST).body == b"safe"
    plain_to: list[str] = []
    with (
        serving(lambda to, _: to.sendall(plain(b"", f"Location: {plain_to[0]}", status="301 Moved")), context) as url,
        serving(lambda to, _: to.sendall(plain(b"open"))) as open_url,
    ):
        plain_to.append(open_url)
        assert refused(url) == "other-host", "never from https to http"
