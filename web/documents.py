"""Signed documents that come with an approval: checked, kept aside by their hash, handed out only to those who may."""

import hashlib
from pathlib import Path
from typing import Final

from werkzeug.datastructures import FileStorage

from broadcaster.clips import write_aside
from broadcaster.errors import LoaError

MAX_BYTES: Final = 5 * 2**20
FOLDER: Final = "documents"
_MAX_NAME: Final = 200
_KINDS: Final = (
    (b"%PDF-", "pdf", "application/pdf"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
)
"""What a file begins with says what it is, not its name."""
TYPES: Final = {kind: mimetype for _, kind, mimetype in _KINDS}


class DocumentError(LoaError):
    """A file that can't be taken; ``code`` is too-large or wrong-kind."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def keep(home: Path, sent: FileStorage | None) -> tuple[str, str] | None:
    """Store a sent file. Returns its name in the store and the name it came with; None when nothing was sent.

    Errors: DocumentError, OSError.
    """
    if sent is None or not sent.filename:
        return None
    data = sent.stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DocumentError("too-large")
    kind = next((kind for magic, kind, _ in _KINDS if data.startswith(magic)), None)
    if kind is None:
        raise DocumentError("wrong-kind")
    name = f"{hashlib.sha256(data).hexdigest()}.{kind}"
    path = home / FOLDER / name
    if not path.exists():
        write_aside(path, data)
    plain = "".join(letter for letter in Path(sent.filename).name if letter.isprintable())
    return name, plain[-_MAX_NAME:]
