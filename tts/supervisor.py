"""Keeps a speech engine alive in a child process: one sentence at a time, a deadline for each, restarted when it fails."""

import contextlib
import importlib.metadata
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

import numpy as np

from tts import worker
from tts.engine import EngineUnavailableError, UnspeakableTextError
from tts.pcm import Pcm
from tts.voice import Voice

_log = logging.getLogger(__name__)

ESPEAK_COMMAND = (sys.executable, "-m", "tts.worker")
DEADLINE_S = 15.0
"""eSpeak NG speaks 700 times faster than real time: whatever takes this long hangs."""
ATTEMPTS = 3
_EXIT_S = 2.0


class SupervisedEngine:
    """A speech engine in a child process, as an `Engine`.

    The child starts with the first sentence. A child that dies, misses its deadline or answers nonsense is killed and replaced, and the
    sentence is asked again, `attempts` times in all.

    Args:
        name: of the engine, part of the cache key.
        version: of the engine, part of the cache key.
        command: starts the child.
        deadline_s: monotonic seconds that one sentence may take, the start of the child included.
        attempts: how often one sentence is tried.
    """

    def __init__(
        self,
        name: str,
        version: str,
        command: Sequence[str],
        *,
        deadline_s: float = DEADLINE_S,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.name = name
        self.version = version
        self._command = tuple(command)
        self._deadline_s = deadline_s
        self._attempts = attempts
        self._one_at_a_time = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the child; None before the first sentence and after a failure."""
        child = self._child
        return None if child is None else child.pid

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        """See `Engine.speak`."""
        body = worker.request(sentence, voice.language, words_per_minute)
        reason = "never asked"
        with self._one_at_a_time:
            for attempt in range(1, self._attempts + 1):
                if self._closed:
                    raise EngineUnavailableError(self.name, "closed")
                try:
                    return _pcm(sentence, *self._ask(body))
                except (OSError, EOFError, worker.FrameError) as error:
                    reason = self._end_child(error)
                    _log.warning("speech engine restarts engine=%s attempt=%d reason=%s", self.name, attempt, reason)
        raise EngineUnavailableError(self.name, reason)

    def close(self) -> None:
        """End the child. Waits for a sentence in progress."""
        with self._one_at_a_time:
            self._closed = True
            self._end_child(None)

    def _ask(self, body: bytes) -> tuple[bytes, bytes]:
        """One request and its answer; at the deadline the child is killed, which ends the wait for it."""
        child = self._living_child()
        watchdog = threading.Timer(self._deadline_s, child.kill)
        watchdog.name = f"{self.name}-deadline"
        watchdog.daemon = True
        watchdog.start()
        try:
            requests, answers = _pipes(child)
            worker.write_frame(requests, worker.REQUEST, body)
            return worker.read_frame(answers)
        except BaseException:
            child.kill()  # also when interrupted: the answer on its way must not be taken for that of the next sentence
            raise
        finally:
            watchdog.cancel()

    def _living_child(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own command
        return self._child

    def _end_child(self, error: Exception | None) -> str:
        """Kill and reap the child; the reason it failed, for the log."""
        child, self._child = self._child, None
        if child is None:
            return str(error)
        requests, answers = _pipes(child)
        if error is None:
            _close_quietly(requests)  # end of file asks it to go
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_EXIT_S)
        child.kill()
        code = child.wait()
        _close_quietly(requests)
        _close_quietly(answers)
        return f"{type(error).__name__} {error}".strip() + f" (exit {code})"


def espeak() -> SupervisedEngine:
    """The engine that is always there, eSpeak NG; it starts with its first sentence."""
    return SupervisedEngine("espeak", importlib.metadata.version("espeakng-loader"), ESPEAK_COMMAND)


def _pcm(sentence: str, kind: bytes, body: bytes) -> Pcm:
    if kind == worker.NOTHING:
        raise UnspeakableTextError(sentence)
    if kind != worker.SOUND:
        raise worker.FrameError(f"frame of kind {kind!r}")
    rate, samples = worker.split_sound(body)
    pcm = Pcm(np.frombuffer(samples, np.int16), rate)
    if pcm.is_silent:
        raise UnspeakableTextError(sentence)
    return pcm


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None:
        raise OSError("child without pipes")
    return child.stdin, child.stdout


def _close_quietly(pipe: IO[bytes]) -> None:
    """Close a pipe whose other end may be gone with bytes unwritten."""
    with contextlib.suppress(OSError):
        pipe.close()
