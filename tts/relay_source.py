"""The sound of a radio station's stream, as a child process reads it (`relay_worker`)."""

import logging
import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import Final, Self

import numpy as np

from broadcaster import children
from tts.live_encoding import RATE_HZ, Samples
from tts.relay_worker import WHY

log = logging.getLogger(__name__)

_MOST_S: Final = 20
"""Sound that is kept ahead; a server that sends faster has to wait."""
_READ_BYTES: Final = 9_600
_BYTES: Final = 2  # a sample


class RelaySource:
    """One stream that is being read. Use it in a ``with`` block: the child ends with it.

    Args:
        address: http or https; a stream, or an HLS playlist.
    """

    def __init__(self, address: str) -> None:
        self._kept = bytearray()
        self._more = threading.Condition()
        self._closing = False
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "tts.relay_worker", address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=children.environment(),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="relay", daemon=True)
        self.ended: str | None = None
        """Why there will be no more sound."""
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that can be taken now."""
        with self._more:
            return len(self._kept) / (RATE_HZ * _BYTES)

    def take(self, count: int) -> Samples:
        """At most ``count`` samples, what there is now."""
        with self._more:
            size = min(count, len(self._kept) // _BYTES) * _BYTES
            taken = bytes(self._kept[:size])
            del self._kept[:size]
            self._more.notify_all()
        return np.frombuffer(taken, np.int16)

    def close(self) -> None:
        """End the child."""
        with self._more:
            self._closing = True
            self._more.notify_all()
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        out, err = self._process.stdout, self._process.stderr
        while out and (chunk := os.read(out.fileno(), _READ_BYTES)):
            with self._more:
                self._more.wait_for(lambda: self._closing or len(self._kept) < _MOST_S * RATE_HZ * _BYTES)
                if self._closing:
                    return
                self._kept += chunk
        said = err.read().decode("utf-8", "replace").split() if err else []
        self.ended = said[-1] if said and said[-1] in WHY else "unreadable"
        if not self._closing:
            log.info("relay stream ended why=%s", self.ended)
