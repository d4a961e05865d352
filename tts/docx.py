"""The text of a .docx file, read as a stream with expat: no tree in memory, no entity, no address of it is ever followed."""

import zipfile
from typing import IO, Final
from xml.parsers import expat

from tts.limited import RefusedFileError

_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT: Final = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_FALLBACK: Final = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
_MAX_XML_BYTES: Final = 32 * 2**20
_READ_BYTES: Final = 1 << 16
_PART: Final = "word/document.xml"


def text_of_docx(file: IO[bytes]) -> str:
    """Its paragraphs, a line each; the cells of a table's row in one line. Deleted and moved-away text is left out.

    Raises:
        RefusedFileError: `not-docx` for another kind of ZIP, `too-heavy` for one that swells, `entities`, `broken`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if _PART not in archive.namelist():
                raise RefusedFileError("not-docx")
            with archive.open(_PART) as part:
                return _Reader().read(part)
    except (zipfile.BadZipFile, expat.ExpatError, EOFError, RuntimeError, NotImplementedError) as error:
        raise RefusedFileError("broken") from error


class _Reader:
    """Collects text while the parser goes through the document."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._in_text = False
        self._skipped = self._rows = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, part: IO[bytes]) -> str:
        seen = 0
        while data := part.read(_READ_BYTES):
            seen += len(data)
            if seen > _MAX_XML_BYTES:
                raise RefusedFileError("too-heavy")
            self._parser.Parse(data, False)  # noqa: FBT003  expat's signature
        self._parser.Parse(b"", True)  # noqa: FBT003
        return "".join(self._pieces)

    @staticmethod
    def _doctype(*_: object) -> None:
        raise RefusedFileError("entities")

    @staticmethod
    def _name(tag: str) -> str:
        for space in (_W, _STRICT):
            if tag.startswith(space):
                return tag[len(space) :]
        return ""

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        name = self._name(tag)
        if tag == _FALLBACK or name in {"del", "moveFrom"}:
            self._skipped += 1
        self._in_text = name == "t" and not self._skipped
        self._rows += name == "tr"
        if not self._skipped:
            self._pieces.append({"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}.get(name, ""))

    def _end(self, tag: str) -> None:
        name = self._name(tag)
        self._in_text = False
        if tag == _FALLBACK or name in {"del", "moveFrom"}:
            self._skipped -= 1
        self._rows -= name == "tr"
        if name == "p":
            self._pieces.append(" " if self._rows else "\n")
        elif name == "tc":
            self._pieces.append("\t")
        elif name == "tr" and not self._rows:
            self._pieces.append("\n")

    def _text(self, data: str) -> None:
        if self._in_text:
            self._pieces.append(data)
