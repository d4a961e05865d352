"""The clip store: finished sounds as files, addressed by their SHA-256."""

import os
import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from broadcaster.errors import LoaError
from broadcaster.rows import Clip
from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Manifest


class ClipGoneError(LoaError):
    """The file of a clip is missing or is not what its name says; it has to be made again."""


def write_aside(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and durably: aside, flushed to the disk, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".aside-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def clip_row(session: Session, manifest: Manifest, manifest_sha256: str, *, duration_ms: int, at: datetime) -> Clip:
    """The row of a clip that lies in the store, made where there is none."""
    if known := session.get(Clip, manifest.clip):
        return known
    made = Clip(
        sha256=manifest.clip,
        manifest_sha256=manifest_sha256,
        bytes=manifest.bytes,
        duration_ms=duration_ms,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


class ClipStore:
    """Clips as Ogg Opus for speakers, with an MP3 of the same sound for browsers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, sha256: str, kind: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}.{kind}"

    def put(self, opus: bytes, mp3: bytes | None = None) -> tuple[Manifest, str]:
        """Store a clip; its MP3 may follow. Returns its manifest and the manifest's SHA-256.

        Errors: wire.ogg.NotOggError, OSError.
        """
        manifest, _ = clips.describe(opus)
        if mp3 is not None:
            self.put_mp3(manifest.clip, mp3)
        write_aside(self._path(manifest.clip, "opus"), opus)
        return manifest, clips.sha256(strict_json.encode(manifest))

    def put_mp3(self, sha256: str, mp3: bytes) -> None:
        """Store what browsers hear of a clip. Errors: OSError."""
        write_aside(self._path(sha256, "mp3"), mp3)

    def opus(self, sha256: str) -> bytes:
        """The clip, checked; a damaged file is removed, so that it is made again. Errors: ClipGoneError."""
        path = self._path(sha256, "opus")
        try:
            clip = path.read_bytes()
        except OSError as error:
            raise ClipGoneError(sha256) from error
        if clips.sha256(clip) != sha256:
            path.unlink(missing_ok=True)
            raise ClipGoneError(f"{sha256} is damaged")
        return clip

    def has(self, sha256: str) -> bool:
        """Whether the clip's file is there."""
        return self._path(sha256, "opus").exists()

    def mp3_path(self, sha256: str) -> Path:
        """Where the clip lies for browsers."""
        return self._path(sha256, "mp3")
