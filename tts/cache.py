"""Spoken sentences on disk, found again by everything that changes their sound; bounded, and never a reason to fail."""

import hashlib
import json
import logging
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tts.engine import Engine
from tts.pcm import Pcm
from tts.voice import Voice

_log = logging.getLogger(__name__)

MAX_BYTES = 256 * 2**20
"""About 100 minutes of eSpeak NG's 22.05 kHz sound."""
_KEPT_AFTER_EVICTION = 0.9
_MAGIC = b"LOA-PCM1"
_HEADER = struct.Struct("<8s32sI")
"""Magic, SHA-256 of the samples, rate in Hz; then the samples, 16 bits little-endian."""


def sentence_key(engine: Engine, voice: Voice, words_per_minute: int, sentence: str) -> str:
    """SHA-256 in hex over everything that changes the sound of a sentence."""
    facts = [engine.name, engine.version, voice.language, words_per_minute, sentence]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


class SentenceCache:
    """A folder of spoken sentences, shared by threads and processes.

    Entries are written aside and renamed, so a reader never sees half of one; a damaged entry counts as absent. When the folder is
    larger than `max_bytes`, the entries that were not used for longest go first. A full or read-only disk means no caching.

    Args:
        folder: is made if it does not exist.
        max_bytes: bound of the folder's size.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._size_bytes = sum(size for _, size, _ in self._entries())

    def get(self, key: str) -> Pcm | None:
        """The sound stored under `key`, or None."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)  # used just now
        except OSError:
            return None
        return _decode(data)

    def put(self, key: str, pcm: Pcm) -> None:
        """Store a sound under `key`, best effort."""
        data = _encode(pcm)
        try:
            self._write(self._path(key), data)
        except OSError as error:
            _log.warning("spoken sentence not cached reason=%s", error)
            return
        with self._lock:
            self._size_bytes += len(data)
            if self._size_bytes > self._max_bytes:
                self._evict()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.pcm"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(aside).replace(path)
        except OSError:
            Path(aside).unlink(missing_ok=True)
            raise

    def _evict(self) -> None:
        entries = sorted(self._entries())
        self._size_bytes = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if self._size_bytes <= self._max_bytes * _KEPT_AFTER_EVICTION:
                break
            path.unlink(missing_ok=True)
            self._size_bytes -= size

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """Modification time, size and path of every file, half-written leftovers included."""
        for path in self._folder.glob("*/*"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue  # another process evicts too
            yield facts.st_mtime_ns, facts.st_size, path


def _encode(pcm: Pcm) -> bytes:
    samples = pcm.samples.astype("<i2").tobytes()
    return _HEADER.pack(_MAGIC, hashlib.sha256(samples).digest(), pcm.rate) + samples


def _decode(data: bytes) -> Pcm | None:
    if len(data) < _HEADER.size:
        return None
    magic, digest, rate = _HEADER.unpack_from(data)
    samples = data[_HEADER.size :]
    if magic != _MAGIC or hashlib.sha256(samples).digest() != digest:
        return None
    return Pcm(np.frombuffer(samples, "<i2").astype(np.int16), rate)
