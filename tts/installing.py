"""Voices fetched once, from the internet or a USB stick: resumed, checked by size and SHA-256, written aside and renamed."""

import hashlib
import http.client
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from broadcaster.errors import LoaError

_BLOCK_BYTES: Final = 256 * 1024
_TIMEOUT_S: Final = 30.0
"""For each read; a stalled line ends the attempt, and the next one goes on where it stopped."""
_ATTEMPTS: Final = 5

Progress = Callable[[int, int], None]
"""(bytes there, bytes in all) of the voice."""


class InstallError(LoaError):
    """A voice was not installed; what has arrived of it is kept for the next attempt, unless it is wrong.

    Attributes:
        file: name of the file.
        reason: what is the matter.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


@dataclass(frozen=True)
class VoiceFile:
    """One file of a voice, as it must be."""

    name: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Installable:
    """A voice that can be fetched; `key` is that of `tts.voice.VOICES`."""

    key: str
    name: str
    licence: str
    files: tuple[VoiceFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    def is_installed(self, folder: Path) -> bool:
        """Whether every file is there; what is there was checked when it came."""
        return all((folder / file.name).is_file() for file in self.files)


def catalogue() -> dict[str, Installable]:
    """The voices that can be installed, by key."""
    text = resources.files("tts").joinpath("data", "piper.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["voice"]
    return {
        row["key"]: Installable(
            row["key"], row["name"], row["licence"], tuple(VoiceFile(**file) for file in row["file"])
        )
        for row in rows
    }


def download(voice: Installable, folder: Path, progress: Progress) -> None:
    """Fetch a voice into `folder`.

    Raises:
        InstallError: the line failed or the files are not those that were pinned.
    """
    _install(voice, folder, progress, _fetched)


def copy(voice: Installable, source: Path, folder: Path, progress: Progress) -> None:
    """Take a voice from a folder, such as a USB stick's, or from the folder of a named file.

    Raises:
        InstallError: a file is missing there or is not the one that was pinned.
    """
    place = source if source.is_dir() else source.parent

    def taken(file: VoiceFile, part: Path, there: Progress) -> None:
        part.unlink(missing_ok=True)
        try:
            with (place / file.name).open("rb") as stream:
                _append(stream, part, file, there)
        except OSError as error:
            raise InstallError(file.name, str(error)) from error

    _install(voice, folder, progress, taken)


def _install(
    voice: Installable, folder: Path, progress: Progress, fetch: Callable[[VoiceFile, Path, Progress], None]
) -> None:
    """Every file first as `.part`; only when all are right do they take their names, the model last."""
    folder.mkdir(parents=True, exist_ok=True)
    before = 0
    for file in voice.files:
        part = folder / f"{file.name}.part"
        fetch(file, part, _shifted(progress, before, voice.bytes))
        _check(file, part)
        before += file.bytes
    for file in reversed(voice.files):
        (folder / f"{file.name}.part").replace(folder / file.name)


def _shifted(progress: Progress, before: int, whole: int) -> Progress:
    """The progress of one file as that of all of them."""
    return lambda there, _of_file: progress(before + there, whole)


def _check(file: VoiceFile, part: Path) -> None:
    size = part.stat().st_size
    with part.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if (size, digest) != (file.bytes, file.sha256):
        part.unlink()
        raise InstallError(file.name, f"not the file that was pinned ({size} bytes, sha256 {digest[:16]}…)")


def _fetched(file: VoiceFile, part: Path, there: Progress) -> None:
    reason = ""
    for _ in range(_ATTEMPTS):
        if part.exists() and part.stat().st_size >= file.bytes:
            return
        try:
            _ask(file, part, there)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            if isinstance(error, urllib.error.HTTPError) and error.code < http.client.INTERNAL_SERVER_ERROR:
                break
    if not part.exists() or part.stat().st_size < file.bytes:
        raise InstallError(file.name, reason or "the line ended early")


def _ask(file: VoiceFile, part: Path, there: Progress) -> None:
    """One request for what is missing; a server that sends everything again begins the file anew."""
    if urlsplit(file.url).scheme not in {"https", "http"}:
        raise InstallError(file.name, "not a web address")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  checked above
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        if have and answer.status != http.client.PARTIAL_CONTENT:
            part.unlink()
        _append(answer, part, file, there)


def _append(stream: IO[bytes], part: Path, file: VoiceFile, there: Progress) -> None:
    with part.open("ab") as aside:
        for block in _blocks(stream):
            aside.write(block)
            there(aside.tell(), file.bytes)
            if aside.tell() > file.bytes:
                raise InstallError(file.name, "longer than the file that was pinned")
        aside.flush()
        os.fsync(aside.fileno())


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        yield block
