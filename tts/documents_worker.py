"""The child that takes the text out of a stranger's document: .docx, text PDF, .txt. The one importer of PDFium."""

from typing import IO, Final

import pypdfium2
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from tts.docx import text_of_docx
from tts.legacy import legacy_code, well_formed
from tts.limited import Answer, RefusedFileError, serve
from tts.sniffing import HEAD_BYTES, kind_of
from tts.tidying import tidied, unwrapped

_MAX_PAGES: Final = 200
_MAX_BYTES: Final = 20 * 2**20
_LETTERS_A_PAGE: Final = 20
"""Fewer, on a page that is a picture, are a scanner's stamp and no text."""
_VIETNAMESE: Final = 0.5
_NULLS: Final = 0.2


def read_document(file: IO[bytes], max_characters: str) -> Answer:
    """The tidied text of a document, as UTF-8.

    Raises:
        RefusedFileError: `empty`, `old-doc`, `rtf`, `scanned`, `locked`, `not-docx`, `entities`, `not-text` (with what it is), `too-long-text`
            (with characters), `legacy-font` (with its name), `unknown-code`, `no-words`, `broken`.
    """
    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise RefusedFileError("too-large", str(_MAX_BYTES // 2**20))
    file.seek(0)
    match kind_of(data[:HEAD_BYTES]):
        case "empty":
            raise RefusedFileError("empty")
        case "zip":
            text = text_of_docx(file)
        case "pdf":
            text = _pdf(data)
        case "ole":
            raise RefusedFileError("old-doc")
        case "rtf":
            raise RefusedFileError("rtf")
        case "image":
            raise RefusedFileError("scanned")
        case "unknown":
            text = _plain(data)
        case kind:
            raise RefusedFileError("not-text", kind)
    return {}, [_checked(text, int(max_characters)).encode()]


def _checked(raw: str, most: int) -> str:
    if code := legacy_code(raw):
        raise RefusedFileError("legacy-font", code)
    text = tidied(raw)
    if not any(map(str.isalpha, text)):
        raise RefusedFileError("no-words")
    if len(text) > most:
        raise RefusedFileError("too-long-text", str(len(text)), str(most))
    return text


def _pdf(data: bytes) -> str:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise RefusedFileError("locked" if "password" in str(error).lower() else "broken") from error
    pages, pictures, letters = [], 0, 0
    if len(document) > _MAX_PAGES:
        raise RefusedFileError("too-heavy")
    for page in document:
        text = page.get_textpage().get_text_range().replace("\r\n", "\n").replace("\ufffe", "")
        pages.append(unwrapped(tidied(text) if not legacy_code(text) else text))
        letters += sum(map(str.isalpha, text))
        pictures += any(True for _ in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))
    if pictures and letters < _LETTERS_A_PAGE * len(pages):
        raise RefusedFileError("scanned")
    return "\n".join(pages)


def _plain(data: bytes) -> str:
    """A text file in UTF-8, UTF-16 or Windows-1258, whichever makes Vietnamese of it."""
    for mark, code in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(code)
    for start, code in ((0, "utf-16-be"), (1, "utf-16-le")):
        if data[start::2].count(0) > _NULLS * len(data) / 2:
            return data.decode(code)
    if b"\0" in data:
        raise RefusedFileError("not-text", "unknown")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _single_bytes(data)


def _single_bytes(data: bytes) -> str:
    latin = data.decode("latin-1")
    if legacy_code(latin):
        return latin  # refused by name where every text is checked
    text = data.decode("cp1258", "replace")
    if "\ufffd" in text or well_formed(tidied(text)) < _VIETNAMESE:
        raise RefusedFileError("unknown-code")
    return text


if __name__ == "__main__":
    serve(read_document)
