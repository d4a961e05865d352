"""The spoken text tidied for people, and cut into sentences an engine can say.

Knows punctuation and length only.
"""

import re
from collections.abc import Iterator
from typing import Final

from tts.reading.foreign import guess
from tts.reading.letters import house_orthography, spell
from tts.reading.lexicon import Lexicon
from tts.reading.syllables import is_syllable

LONGEST: Final = 200
"""Characters of the longest sentence given to an engine: neural voices need memory by length."""

_SPACE: Final = re.compile(r"[^\S\n]+")
_MARKS: Final = re.compile(r"\s*([.,?!;:])(?:[\s.,?!;:]*([.,?!;:]))?")
_RANK: Final = ",:;.!?"
_START: Final = re.compile(r"(^|[.!?]\s+)([^\W\d_])")
_LEADING: Final = re.compile(r"^[\s.,?!;:]+")
_LABEL: Final = re.compile(r"^([^\W\d_])\.(?= |$)")
_SENTENCE: Final = re.compile(r"[^.!?;\n]*(?:[.!?;]+|\n|$)")
_TOKEN: Final = re.compile(r"[^\W\d_]+")
_NOT_SPOKEN: Final = re.compile(r"[^\w\s.,?!;:]|[\d_]")


def tidy(line: str) -> str:
    """One line with single spaces, one mark at a time, and a capital at the start of each sentence."""
    line = _SPACE.sub(" ", line)
    line = _MARKS.sub(_strongest, line)
    line = _SPACE.sub(" ", _LEADING.sub("", line)).strip()
    line = _LABEL.sub(r"\1,", line)  # read again, its full stop would make a number of it
    line = re.sub(r",$", "", line)
    return _START.sub(_capital, line)


def _capital(match: re.Match[str]) -> str:
    upper = match[2].upper()
    return match[1] + (upper if upper.lower() == match[2].lower() else match[2])  # µ has another letter's capital


def _strongest(match: re.Match[str]) -> str:
    marks = [mark for mark in match[0] if mark in _RANK]
    return max(marks, key=_RANK.index) + " "


def speakable(sentence: str, lexicon: Lexicon) -> str:
    """The sentence as an engine needs it: lower-case Vietnamese syllables and marks.

    Well-known foreign words take the lexicon's sounds, unknown ones a guess; whatever can't be said is left out.
    """
    lower = _NOT_SPOKEN.sub(" ", sentence.lower())
    spoken = _TOKEN.sub(lambda match: _sound(match[0], lexicon), lower)
    return house_orthography(_SPACE.sub(" ", spoken)).strip(" ")


def _sound(word: str, lexicon: Lexicon) -> str:
    if is_syllable(word):
        return word
    return lexicon.sounds.get(word) or guess(word) or spell(word)


def sentences(spoken: str) -> Iterator[str]:
    """The text cut after . ! ? ; and line breaks, then at commas and spaces where a piece is too long."""
    for match in _SENTENCE.finditer(spoken):
        piece = _LEADING.sub("", match[0]).strip()
        if _TOKEN.search(piece):
            yield from _short(piece)


def _short(piece: str) -> Iterator[str]:
    while len(piece) > LONGEST:
        cut = max(piece.rfind(mark, 0, LONGEST) for mark in ",:") + 1
        if cut <= LONGEST // 4:
            cut = piece.rfind(" ", 0, LONGEST) + 1 or LONGEST
        head, piece = piece[:cut].strip(), piece[cut:].strip()
        if _TOKEN.search(head):
            yield head
    if _TOKEN.search(piece):
        yield piece
