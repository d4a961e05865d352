"""``loa serve``: the station and its pages in one process, until a signal ends it in order."""

import ctypes
import gc
import logging
import signal
import sys
import threading
from typing import Any, Final

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from broadcaster.settings import Settings
from web import listening
from web.app import create_app
from web.lan import lan_address, own_names
from web.qr import terminal
from web.say import Say
from web.station import RunningStation
from web.tls import ensure_certificate

log = logging.getLogger(__name__)

_THREADS: Final = 16
_M_ARENA_MAX: Final = -8
"""From malloc.h."""
_SWITCH_S: Final = 0.000_2
"""An alert makes a hundred short calls to the database, and after each a thread that computes may keep it waiting for so long.
Python's 5 ms made 27 ms into 81 beside one such thread, this makes it 31."""


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


class _Server(wsgi.Server):
    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002  cheroot's signature
        """What cheroot has to say goes where everything goes."""
        log.log(max(level, logging.DEBUG), "page server: %s", msg, exc_info=traceback)


class PageServer:
    """The pages of a running station over HTTP on loopback, over HTTPS anywhere else."""

    def __init__(self, station: RunningStation, *, lan: bool) -> None:
        settings = station.settings
        self._host = "0.0.0.0" if lan and _is_loopback(settings.host) else settings.host  # noqa: S104  what --lan asks
        self.secure = not _is_loopback(self._host)
        self._server = _Server((self._host, settings.port), None, numthreads=_THREADS, server_name="loa")
        self._addresses: tuple[str, ...] = ()
        if self.secure:
            certificate, key, _ = ensure_certificate(settings.home_path / "tls", own_names(), station.core.clock)
            self._server.ssl_adapter = BuiltinSSLAdapter(str(certificate), str(key))
            self._addresses = (lan_address(),)
        self._server.prepare()
        self.port: int = self._server.bind_addr[1]
        urls = [f"https://{address}:{self.port}/" for address in self._addresses]
        self._app = create_app(station.services, urls)
        self._server.wsgi_app = self._app
        self._thread = threading.Thread(target=self._server.serve, name="pages", daemon=True)

    @property
    def url(self) -> str:
        """Where to open the pages."""
        if self.secure:
            return f"https://{self._addresses[0]}:{self.port}/"
        return f"http://{self._host}:{self.port}/"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End after the requests under way."""
        self._server.stop()
        self._thread.join(10)
        listening.studio(self._app).close()


def be_prompt() -> None:
    """Let Python itself keep no alert waiting, once everything is loaded."""
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()  # what is here now stays: looking through it again took 100 ms in the middle of an alert


def be_small() -> None:
    """Let glibc keep two heaps for all threads, not eight for each core: 233 MB instead of 288 with 10 000 speakers. Before any thread."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # other C libraries have no such heaps
        mallopt(_M_ARENA_MAX, 2)


def serve(settings: Settings, say: Say, *, lan: bool = False) -> None:
    """Run the station until SIGINT or SIGTERM.

    Errors: NotInitialisedError, KeyFileError, BrokerError, BrokerAddressError, OSError (the port is taken).
    """
    be_small()
    ended = threading.Event()

    def end(_number: int, _frame: Any) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    station = RunningStation(settings)
    try:
        pages = PageServer(station, lan=lan)
        station.start()
        pages.start()
        be_prompt()
        if pages.secure:
            print(terminal(f"{pages.url}phone"))  # noqa: T201  the way onto a phone
        print(say("Loa Phường đang chạy: %(url)s", url=pages.url), flush=True)  # noqa: T201  what the operator waits for
        ended.wait()
        pages.stop()
    finally:
        station.stop()
