"""Somebody's server that takes notices, with a lever for being out of order."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Webhook:
    url: str = ""
    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    arrived: Event = field(default_factory=Event)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A webhook on a free loopback port; ``url`` is its Apprise address."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.asked += 1
            if hook.status == 200:
                hook.taken.append(said)
                hook.headers.append(dict(self.headers))
                hook.arrived.set()
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    hook.url = f"json://127.0.0.1:{server.server_port}/loa"
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
