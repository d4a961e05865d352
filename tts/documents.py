"""The text of an uploaded document: .docx, text PDF, .txt in UTF-8, UTF-16 or Windows-1258 (docs/adr/0018)."""

from pathlib import Path
from typing import Final

from tts.limited import Limits, ask

MAX_CHARACTERS: Final = 200_000
"""As long as a draft may be; it is shortened to a bulletin by hand."""
_LIMITS: Final = Limits(seconds=20, memory_bytes=2**29, output_bytes=4 * MAX_CHARACTERS)


def read_file(path: Path) -> str:
    """The tidied text of a document, read in a child process with limits.

    Raises:
        RefusedFileError: see `tts.documents_worker.read_document` and `tts.limited.ask`.
        OSError: the file can't be read.
    """
    _, body = ask("tts.documents_worker", path, _LIMITS, str(MAX_CHARACTERS))
    return body.decode()
