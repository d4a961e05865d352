"""The pages on a real port, for a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from cheroot.wsgi import Server
from flask import Flask
from playwright.sync_api import BrowserContext

from tests.web.conftest import Browser as Visitor

CHROMIUM = shutil.which("chromium-headless-shell") or "chromium-headless-shell"
"""Chromium without the parts that draw its own window: the same pages for a third of the processor time."""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of ``app`` on a free loopback port."""
    server = Server(("127.0.0.1", 0), app, numthreads=8)
    server.prepare()
    thread = Thread(target=server.serve, name="pages", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(10)


def admit(context: BrowserContext, app: Flask, address: str, username: str = "lan") -> None:
    """Sign somebody in without drawing the two pages of signing in."""
    visitor = Visitor(app.test_client())
    assert visitor.sign_in(username).status_code == 303
    cookie = visitor.client.get_cookie("loa")
    assert cookie
    context.add_cookies([{"name": "loa", "value": cookie.value, "url": address}])
