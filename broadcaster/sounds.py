"""The sound store: what people brought, decoded, as FLAC files addressed by their SHA-256."""

from pathlib import Path

from broadcaster.clips import write_aside
from broadcaster.errors import LoaError
from broadcaster.wire import clips


class SoundGoneError(LoaError):
    """The file of a sound is missing or damaged; only whoever brought it can bring it again."""


class SoundStore:
    """A folder of sounds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where a sound lies."""
        return self.folder / sha256[:2] / f"{sha256}.flac"

    def put(self, flac: bytes) -> str:
        """Store a sound durably; returns its SHA-256. Errors: OSError."""
        sha256 = clips.sha256(flac)
        if not self.path(sha256).exists():
            write_aside(self.path(sha256), flac)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The FLAC file, checked. Errors: SoundGoneError."""
        try:
            flac = self.path(sha256).read_bytes()
        except OSError as error:
            raise SoundGoneError(f"sound {sha256} is gone") from error
        if clips.sha256(flac) != sha256:
            raise SoundGoneError(f"sound {sha256} is damaged")
        return flac
