"""Reading rules: what an officer types becomes the exact Vietnamese words to speak.

Pure and offline: text in, `Reading` out, under a millisecond a line. Knows no engine, no database, no clock.
"""

import re
from collections.abc import Iterator
from typing import Final

from tts.reading.cleaning import clean, unspeakable
from tts.reading.lexicon import HOUSE, Lexicon, LexiconError
from tts.reading.line import Claim, Line
from tts.reading.model import DOUBTFUL, FOREIGN_WORD, UNKNOWN_CAPITALS, UNSPEAKABLE, Change, Flag, Reading
from tts.reading.order import RULES
from tts.reading.sentences import sentences, tidy
from tts.reading.sentences import speakable as _speakable

__all__ = [
    "DOUBTFUL",
    "FOREIGN_WORD",
    "HOUSE",
    "UNKNOWN_CAPITALS",
    "UNSPEAKABLE",
    "Change",
    "Flag",
    "Lexicon",
    "LexiconError",
    "Reading",
    "read",
    "speakable",
    "unspeakable",
]

_LINE: Final = re.compile(r"[^\n]+")


def read(text: str, lexicon: Lexicon = HOUSE) -> Reading:
    """How a text will be spoken.

    Args:
        text: Any text; it need not be clean.
        lexicon: The words to use; `Lexicon.with_entries` makes a station's own.

    >>> read("UBND xã họp lúc 7h30 ngày 25/11.").spoken
    'Ủy ban nhân dân xã họp lúc bảy giờ ba mươi phút ngày hai mươi lăm tháng mười một.'
    """
    cleaned = clean(text)
    lines: list[str] = []
    changes: list[Change] = []
    flags: list[Flag] = []
    for found in _LINE.finditer(cleaned.text):
        line = _claimed(found[0], cleaned.text, lexicon)
        lines.append(tidy(_joined(line)))
        for claim in line.claims:
            span = cleaned.source_span(found.start() + claim.start, found.start() + claim.end)
            changes += _change(claim, span, text)
            flags += _flag(claim, span, text)
    spoken = "\n".join(line for line in lines if line)
    return Reading(spoken, tuple(sentences(speakable(spoken, lexicon))), tuple(changes), tuple(flags))


def speakable(sentence: str, lexicon: Lexicon = HOUSE) -> str:
    """A spoken sentence as an engine needs it: lower-case Vietnamese syllables and marks only.

    >>> speakable("Nhóm Zalo của thôn Đông.")
    'nhóm da lô của thôn đông.'
    """
    return _speakable(sentence, lexicon)


def _claimed(text: str, whole: str, lexicon: Lexicon) -> Line:
    line = Line(text, whole, lexicon)
    characters = frozenset(text)
    for rule in RULES if lexicon.station.spoken else RULES[1:]:
        if rule.may_match(characters):
            line.apply(rule)
    return line


def _joined(line: Line) -> str:
    """The line with every claim spoken in its place, and a space wherever two words would touch."""
    pieces: list[str] = []
    position = 0
    for claim in line.claims:
        pieces += (line.text[position : claim.start], claim.said.spoken)
        position = claim.end
    pieces.append(line.text[position:])
    joined: list[str] = []
    for piece in pieces:
        if joined and piece and joined[-1][-1].isalnum() and piece[0].isalnum():
            joined.append(" ")
        if piece:
            joined.append(piece)
    return "".join(joined)


def _change(claim: Claim, span: tuple[int, int], source: str) -> Iterator[Change]:
    written, spoken = source[slice(*span)], claim.said.spoken.strip()
    if spoken != written.strip():
        yield Change(*span, written, spoken, claim.rule)


def _flag(claim: Claim, span: tuple[int, int], source: str) -> Iterator[Flag]:
    if claim.said.reason:
        yield Flag(*span, source[slice(*span)], claim.said.reason, claim.said.guess or claim.said.spoken.strip())
