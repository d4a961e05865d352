"""The pages on a real port, for a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from cheroot.wsgi import Server
from flask import Flask


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
