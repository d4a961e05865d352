"""What is left when every rule before has claimed its own: codes, capitals, single letters and foreign words."""

import re
from typing import Final

from tts.reading.abbreviations import unsaid
from tts.reading.foreign import guess
from tts.reading.letters import spell
from tts.reading.line import Line, Rule, Said
from tts.reading.model import FOREIGN_WORD, UNKNOWN_CAPITALS
from tts.reading.numbers import cardinal, digits, whole
from tts.reading.syllables import is_syllable
from tts.reading.tables import context

_SHORT_CODE: Final = 2
"""Digits up to this many are a number in a code (BC15), more are said one by one (TBR225)."""
_HOUSE_NUMBER: Final = 3
"""Digits up to this many before a letter are a number (số 295B)."""
_EXPANDED: Final = 6
"""Longer tokens are numbers of customers and contracts; their letters stand for nothing."""
_SPELLED: Final = 4
"""Unknown capitals up to this many letters are spelled, longer ones are tried as a word."""
_VARIETIES: Final = context("variety_before")
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+|\.")


def _code(match: re.Match[str], line: Line) -> Said | None:
    """Letters and digits in one token: TBR225, 5A, 6A1, vov24."""
    unknown = ""
    words: list[str] = []
    expand = len(match[0]) <= _EXPANDED and line.previous_word(match.start()) not in _VARIETIES
    for index, piece in enumerate(_PIECE.findall(match[0])):
        if piece.isdecimal():
            short = len(piece) <= (_SHORT_CODE if index else _HOUSE_NUMBER) and not piece.startswith("0")
            words.append(cardinal(int(piece)) if short else digits(piece))
        elif piece == ".":
            words.append("chấm")
        else:
            spoken, reason = _letters(match, piece, line, expand=expand)
            words += [spoken] if spoken else []
            unknown = unknown or reason
    return Said(" ".join(words), unknown)


def _letters(match: re.Match[str], piece: str, line: Line, *, expand: bool) -> tuple[str, str]:
    """Letters of a code: KP3 is a quarter, BN1234 after bệnh nhân only a number, all others are spelled."""
    if expand and len(piece) > 1 and match[0].startswith(piece):
        known = line.lexicon.words.reading(piece, line.text, match.start(), line.whole)
        if known is not None:
            return unsaid(known, line.text[: match.start()]), ""
    lower = piece.lower()
    if not piece.isupper() and len(piece) > 1 and (is_syllable(lower) or lower in line.lexicon.sounds):
        return lower, ""
    known_kind = len(piece) == 1 or (len(piece) <= _SPELLED and piece.isupper())
    return spell(piece), "" if known_kind else FOREIGN_WORD


def _word(match: re.Match[str], line: Line) -> Said | str | None:
    word = match[0]
    lower = word.lower()
    if len(word) == 1:
        return lower if line.is_heading and is_syllable(lower) else _single(word)
    if lower in line.lexicon.sounds or is_syllable(lower):
        return lower if word[1:].isupper() else None
    return _unknown(word, lower)


def _single(letter: str) -> str | None:
    return None if is_syllable(letter.lower()) else spell(letter)


def _unknown(word: str, lower: str) -> Said:
    heard = guess(lower)
    if word.isupper():
        pronounced = heard and len(word) > _SPELLED
        return Said(lower, UNKNOWN_CAPITALS, guess=heard) if pronounced else Said(spell(word), UNKNOWN_CAPITALS)
    if not heard:
        return Said(spell(word), FOREIGN_WORD)
    return Said(word if word[1:].islower() else lower, FOREIGN_WORD, guess=heard)


RULES: Final = (
    Rule(
        "code",
        re.compile(r"(?<!\w)(?:(?=\w*\d)(?=\w*[^\W\d_])[^\W_]+(?:[-.]\d+)*|[A-ZĐ]{2,}(?:\.\d+)+)(?!\w)"),
        _code,
        "letters and digits together, when no unit and no lexicon knows them",
        ("giống TBR225", "giống tê bê e rờ hai hai năm"),
        needs_digit=True,
    ),
    Rule(
        "digits",
        re.compile(r"\d+"),
        lambda match, _line: whole(match[0]),
        "whatever digits nothing has explained are still said",
        ("C.5", "xê. năm"),
        needs_digit=True,
    ),
    Rule(
        "word",
        re.compile(r"[^\W\d_²³¼½¾]+"),
        _word,
        "last of the words: capitals, letters and foreign words that nobody has explained",
        ("TUYỆT ĐỐI KHÔNG", "tuyệt đối không"),
    ),
)
