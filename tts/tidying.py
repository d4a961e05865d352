"""Text from Word, PDF and the clipboard as an officer would have typed it. Pure."""

import re
import unicodedata
from typing import Final

_GONE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00]")
_SPACES: Final = re.compile("[\t\u00a0\u2000-\u200a\u202f\u205f\u3000 ]+")
_LINES: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BULLET: Final = re.compile(
    "^ *(?:[•●○◦▪■□▫▶►▸➢➤✓✔★☆→·‣⁃∙§\uf0a0-\uf0ff\ufffc]|(?:[oüØv+*–—-](?=\t|  +| *\t))) *[\t ]*", re.MULTILINE
)
"""What Word puts before the items of a list; a letter is one only before a tab: in Wingdings it looks like a ring or a tick."""
_PRIVATE: Final = re.compile("[\ue000-\uf8ff]")
_QUOTES: Final = str.maketrans("“”„‟‘’‚‛", "\"\"\"\"''''")
_EMPTY: Final = re.compile("\n{3,}")


def tidied(text: str) -> str:
    r"""NFC, plain spaces and quotes, `- ` before items of a list, nothing invisible, no more than one empty line.

    >>> tidied("•\tHo\u0323p tho\u0302n\u00a05 “ngay”")
    '- Họp thôn 5 "ngay"'
    """
    text = _LINES.sub("\n", _GONE.sub("", unicodedata.normalize("NFC", text)))
    text = _BULLET.sub("- ", text)
    text = _PRIVATE.sub("", text).translate(_QUOTES)
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _EMPTY.sub("\n\n", "\n".join(lines)).strip()


_ENDS: Final = tuple(".:;!?…")


def unwrapped(text: str) -> str:
    """Lines that a page's width has cut, as paragraphs again: a line that reaches the margin and ends no sentence goes on in the next."""
    lines = [line.strip() for line in text.split("\n")]
    margin = 0.75 * max(map(len, lines), default=0)
    joined: list[str] = []
    for line in lines:
        before = joined[-1] if joined else ""
        goes_on = before and line and not before.endswith(_ENDS) and not _BULLET.match(line)
        if goes_on and (line[0].islower() or len(before.rpartition("\n")[2]) >= margin):
            joined[-1] = f"{before} {line}" if not before.endswith("-") else before + line
        else:
            joined.append(line)
    return "\n".join(joined)
