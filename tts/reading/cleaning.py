"""The text as typed made into plain NFC characters, each of which remembers where it came from.

Also decides which characters no Vietnamese voice can say.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tts.reading.model import UNSPEAKABLE, Flag

_SILENT = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe0e\ufe0f]")
_ORDINARY = re.compile("[\t\n !-~°²³½¼¾±≤≥≈µ€À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ]+")
_ORNAMENTS: Final = frozenset("•●○◦▪■□▫▶►▸➢➤➔✓✔☑★☆→⇒←⇐↑↓◆◇♦❖✦✧☎✆©®™¶§·‣⁃∙…†‡¤¦¬¯´¸¨`^")
_REPLACED: Final = {
    "\u00a0": " ",
    "\r": "\n",
    "\x0b": "\n",
    "\x0c": "\n",
    "\x85": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("˚º", "°"),
    "×": "x",
    "÷": "-",
    "μ": "µ",
    "⁄": "/",
    "∕": "/",
    **dict.fromkeys("Φφϕ⌀∅", "Ø"),
    "Ð": "Đ",
    "ð": "đ",
    "…": "...",
    "\ue000": " ",
}
_LATIN: Final = 0x24F
"""Last code point of Latin Extended-B."""
_LATIN_ADDITIONAL: Final = range(0x1E00, 0x1F00)
_KEPT: Final = frozenset("²³½¼¾°µ")
"""Characters that rules read as they stand, so compatibility forms are not unfolded."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Clean text and, for each of its characters, the slice of the source it stands for."""

    text: str
    starts: tuple[int, ...] | None
    ends: tuple[int, ...] | None

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The source offsets of a non-empty span of the clean text."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def clean(source: str) -> Cleaned:
    """NFC, half-width, straight quotes, one kind of dash and space; invisible characters removed."""
    if _ORDINARY.fullmatch(source):
        return Cleaned(source, None, None)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(source):
        piece = _plain_form(source[start:end])
        pieces.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return Cleaned("".join(pieces), tuple(starts), tuple(ends))


def _clusters(source: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(source):
        end = start + 1
        while end < len(source) and unicodedata.combining(source[end]):
            end += 1
        if source[start:end] == "\r" and source[end : end + 1] == "\n":
            end += 1
        yield start, end
        start = end


def _plain_form(cluster: str) -> str:
    composed = unicodedata.normalize("NFC", _SILENT.sub("", cluster))
    if not composed:
        return ""
    first = composed[0]
    if first in _REPLACED:
        return _REPLACED[first]
    if first in _KEPT or composed.isascii():
        return composed if first.isprintable() or first in "\t\n" else " "
    unfolded = unicodedata.normalize("NFKC", composed)
    return " " if unfolded.isspace() else unfolded


def is_speakable(character: str) -> bool:
    """Whether the voice can say the character, or may pass over it in silence (an ornament, a bracket)."""
    code = ord(character)
    if code <= _LATIN or code in _LATIN_ADDITIONAL or character in _ORNAMENTS or character in "≤≥≈µ€₫":
        return True
    return unicodedata.category(character)[0] in "PZ" or unicodedata.combining(character) != 0


def unspeakable(text: str) -> tuple[Flag, ...]:
    """The runs of characters in the text that the voice can't say: other scripts, emoji.

    Each is a `Flag` with reason ``unspeakable`` and offsets into the text given, so that a form can point at them.

    >>> [flag.source for flag in unspeakable("Xin chào 你好 😀")]
    ['你好', '😀']
    """
    cleaned = clean(text)
    found: list[Flag] = []
    for run in _runs(cleaned.text):
        start, end = cleaned.source_span(*run)
        found.append(Flag(start, end, text[start:end], UNSPEAKABLE, ""))
    return tuple(found)


def _runs(text: str) -> Iterator[tuple[int, int]]:
    start = None
    for position, character in enumerate(text):
        if is_speakable(character):
            if start is not None:
                yield start, position
            start = None
        elif start is None:
            start = position
    if start is not None:
        yield start, len(text)
