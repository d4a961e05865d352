"""From the texts of a CAP message to sentences for a horn: no web addresses, nothing said twice, not without end."""

import re
from collections.abc import Iterable
from typing import Final

MAX_SENTENCES: Final = 40
MAX_CHARACTERS: Final = 3_000
"""About four minutes of speech."""
_LONGEST: Final = 600
_MOST_LOOKED_AT: Final = 20_000
_LONGEST_WORD: Final = 60
"""Characters of a word that anybody could say."""
_ADDRESS: Final = re.compile(
    r"https?:|^\W*www\.|\w@\w|\w\.(?:vn|com|net|org|int|gov|edu|info|io)(?:[/:?#]|\W*$)", re.IGNORECASE
)
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_END: Final = re.compile(r"(?<=[.!?…;]) (?=[^a-zà-ỹđ\d])")
_SAID: Final = re.compile(r"\w")


def sentences(*texts: str) -> tuple[tuple[str, ...], bool]:
    """What is said of ``texts``, and whether something had to be left out for its length."""
    said: dict[str, str] = {}
    for sentence in (one for text in texts for one in _pieces(text)):
        said.setdefault(sentence.casefold().strip(" .!?…;"), sentence)
    kept: list[str] = []
    room = MAX_CHARACTERS
    for sentence in said.values():
        room -= len(sentence)
        if room < 0 or len(kept) == MAX_SENTENCES:
            return tuple(kept), True
        kept.append(sentence)
    return tuple(kept), False


def plain(text: str) -> str:
    """A text on one line, without addresses and without signs that nobody sees."""
    return " ".join(_lines(text))


def _pieces(text: str) -> Iterable[str]:
    for line in _lines(text):
        for sentence in _END.split(line):
            if _SAID.search(sentence):
                yield sentence[:_LONGEST]


def _lines(text: str) -> Iterable[str]:
    for line in _UNSEEN.sub("", text[:_MOST_LOOKED_AT]).splitlines():
        words = (word for word in line.split() if len(word) <= _LONGEST_WORD and not _ADDRESS.search(word))
        if kept := " ".join(words):
            yield kept
