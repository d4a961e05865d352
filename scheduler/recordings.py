"""The recordings of talks that are over: from the files they were spoken into to the sound store. A thread of its own.

Making FLAC of ten minutes takes a while, and nobody who is gone may stay on the air meanwhile.
"""

import threading
from datetime import datetime
from pathlib import Path
from typing import Final

from broadcaster import talks
from broadcaster.core import Core
from broadcaster.rows import Sound, Talk
from broadcaster.sounds import SoundStore
from scheduler import microphone
from tts.decoding import peaks_of
from tts.flac import to_flac
from tts.live_encoding import RATE_HZ, Samples
from tts.pcm import Pcm

_AGAIN_S: Final = 60
"""What could not be archived is tried again."""


class Recordings:
    """Every recording of a station.

    Args:
        folder: where recordings lie until they are archived.
    """

    def __init__(self, core: Core, folder: Path, sounds: SoundStore) -> None:
        self._core, self._folder, self._sounds = core, folder, sounds
        self._stopping, self._wanted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="recordings", daemon=True)

    def start(self) -> None:
        """Begin with what a station that was killed has left."""
        self._wanted.set()
        self._thread.start()

    def stop(self) -> None:
        """Archive what there is, and end."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if not self._thread.is_alive():  # else it is at a long one, which is left for the next start
            with self._core.counters.edge("recordings"):
                self.archive()

    def wake(self) -> None:
        """A talk is over."""
        self._wanted.set()

    def path(self, name: str) -> Path:
        """Where a talk is recorded."""
        return self._folder / f"{name}.pcm"

    def length_ms(self, name: str) -> int:
        """How much of a talk was recorded."""
        path = self.path(name)
        return microphone.recorded_ms(microphone.read_recording(path)) if path.exists() else 0

    def archive(self) -> None:
        """Put the recordings of talks that are over into the sound store."""
        for path in sorted(self._folder.glob("*.pcm")):
            with self._core.counters.edge("recordings"):  # one must not keep the others waiting
                self._archive(path)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(_AGAIN_S)
            self._wanted.clear()
            with self._core.counters.edge("recordings"):
                self.archive()

    def _archive(self, path: Path) -> None:
        with self._core.database.read() as session:
            talk = session.get(Talk, path.stem)
        if talk is None or talk.ended_at is None:
            return
        samples = microphone.read_recording(path)
        if talk.sound_sha256 is None and len(samples):
            now = self._core.clock.now()
            sound = self._sound(talk, samples, now)
            with self._core.database.write() as session:
                talks.archive(session, talk.id, sound, now)
        path.unlink()

    def _sound(self, talk: Talk, samples: Samples, now: datetime) -> Sound:
        pcm = Pcm(samples, RATE_HZ)
        flac = to_flac(pcm)
        return Sound(
            sha256=self._sounds.put(flac),
            name=talk.id,
            bytes=len(flac),
            duration_ms=microphone.recorded_ms(samples),
            peaks=peaks_of(pcm),
            account_id=talk.account_id,
            created_at=now,
        )
