"""What stands before an engine that is somebody else's service: a pace it tolerates, and rest after failures."""

import threading
import time
from collections.abc import Callable
from typing import Final

from tts.engine import Engine, EngineUnavailableError
from tts.pcm import Pcm
from tts.voice import Voice

FAILURES: Final = 3
"""In a row, until the service is left alone."""
REST_S: Final = 600.0
PACE_PER_S: Final = 0.5
BURST: Final = 20
"""Sentences at once; about one bulletin. Afterwards one every two seconds: addresses that hammer the service are blocked."""
LONGEST_WAIT_S: Final = 60.0


class TokenBucket:
    """So many at once, then an even pace. Safe to use from several threads.

    Args:
        burst: how many may go at once.
        pace_per_s: how many more may go in a second.
        monotonic: seconds that never go back.
    """

    def __init__(self, burst: int, pace_per_s: float, monotonic: Callable[[], float]) -> None:
        self._burst, self._pace_per_s, self._monotonic = burst, pace_per_s, monotonic
        self._tokens = float(burst)
        self._at = monotonic()
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Take a token; how long to wait before using it."""
        with self._lock:
            now = self._monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._pace_per_s)
            self._at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._pace_per_s)

    def give_back(self) -> None:
        """Return a token that was not used."""
        with self._lock:
            self._tokens += 1


class GuardedEngine:
    """An engine behind a token bucket and a circuit breaker.

    After `FAILURES` failures in a row nothing is asked for `REST_S`; then one sentence is tried, and a failure begins the next rest.

    Args:
        engine: is closed together with this object.
        sleep: waits for so many seconds.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.version = engine.name, engine.version
        self._engine, self._sleep, self._monotonic = engine, sleep, monotonic
        self._bucket = TokenBucket(BURST, PACE_PER_S, monotonic)
        self._failures = 0
        self._rest_until = float("-inf")
        self._lock = threading.Lock()

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        """See `Engine.speak`."""
        self._check_rest()
        wait_s = self._bucket.wait_s()
        if wait_s > LONGEST_WAIT_S:
            self._bucket.give_back()
            raise EngineUnavailableError(self.name, f"asked too often, free in {wait_s:.0f} s")
        if wait_s:
            self._sleep(wait_s)
        try:
            pcm = self._engine.speak(sentence, voice, words_per_minute)
        except EngineUnavailableError:
            self._failed()
            raise
        with self._lock:
            self._failures = 0
        return pcm

    def close(self) -> None:
        """See `Engine.close`."""
        self._engine.close()

    def _check_rest(self) -> None:
        with self._lock:
            left_s = self._rest_until - self._monotonic()
        if left_s > 0:
            raise EngineUnavailableError(self.name, f"resting after {FAILURES} failures, {left_s:.0f} s left")

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._rest_until = self._monotonic() + REST_S
                self._failures = FAILURES - 1
