"""What a file really is, by its first bytes; its name proves nothing. Pure."""

from typing import Final

HEAD_BYTES: Final = 64

SOUNDS: Final = {
    "wav": "wav",
    "mp3": "mp3",
    "flac": "flac",
    "ogg": "ogg",
    "mp4": "mov",
    "aac": "aac",
    "amr": "amr",
    "webm": "matroska",
    "caf": "caf",
    "aiff": "aiff",
}
"""Kinds of file that hold sound, and FFmpeg's name of what opens each. Playlists are not among them: they name other files."""

_STARTS: Final = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"#!AMR", "amr"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"caff", "caf"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
)
_FORMS: Final = {b"WAVE": "wav", b"AIFF": "aiff", b"AIFC": "aiff", b"WEBP": "image", b"AVI ": "video"}
_MP4_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_PICTURES: Final = (b"heic", b"heix", b"mif1", b"avif", b"msf1")
_SYNC: Final = 0xE0
_LAYER: Final = 0x06
_LAYERS: Final = {0x00: "aac", 0x02: "mp3", 0x04: "mp3"}


def kind_of(head: bytes) -> str:
    """One word for what the first `HEAD_BYTES` of a file are: a key of `SOUNDS`, another known kind, `empty` or `unknown`."""
    if not head:
        return "empty"
    if head[:4] in {b"RIFF", b"RF64", b"FORM"} and head[8:12] in _FORMS:
        return _FORMS[head[8:12]]
    if head[4:8] in _MP4_BOXES:
        return "image" if head[8:12] in _PICTURES else "mp4"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if len(head) > 1 and head[0] == 0xFF and head[1] & _SYNC == _SYNC:  # noqa: PLR2004  eleven set bits begin a frame
        return _LAYERS.get(head[1] & _LAYER, "unknown")  # FF FE is UTF-16
    return "unknown"
