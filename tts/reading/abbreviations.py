"""Forms of the lexicon: a station's own, then abbreviations, titles and fixed expressions."""

import re
from typing import Final

from tts.reading.lexicon import Forms
from tts.reading.line import Line, Rule, Said
from tts.reading.syllables import is_syllable

_LOOK_BACK: Final = 60
"""Characters searched for words that were just said."""
_SAID_BEFORE: Final = re.compile(r"[^\W\d_]+(?=[^.,;:!?()]*$)")
_KINDS: Final = frozenset({"gan", "loại", "hạng", "khối", "nhóm", "máu"})
"""After them single capitals are names of kinds: viêm gan B/C."""
_NEIGHBOUR: Final = re.compile(r"[^\W\d_]+")


def _look_up(forms: Forms, match: re.Match[str], line: Line) -> Said | None:
    found = forms.at(line.canvas, match.start(), match.end(), line.whole)
    if found is None:
        return None
    end, spoken = found
    return Said(unsaid(spoken, line.text[: match.start()]), end=end)


def unsaid(spoken: str, before: str) -> str:
    """What of a reading the writer has not just said himself: bệnh nhân BN, tiêu chuẩn TCVN.

    >>> unsaid("tiêu chuẩn Việt Nam", "theo Tiêu chuẩn ")
    'Việt Nam'
    """
    words, said = spoken.split(), _SAID_BEFORE.findall(before[-_LOOK_BACK:].lower())
    for length in range(len(words), 1, -1):
        if said[-length:] == [word.lower() for word in words[:length]]:
            return " ".join(words[length:])
    return spoken


def _station(match: re.Match[str], line: Line) -> Said | None:
    return _look_up(line.lexicon.station, match, line)


def _house(match: re.Match[str], line: Line) -> Said | None:
    word = match[0]
    if word.lower() not in line.lexicon.words.starts:
        return None
    if word.isupper() and len(word) == 1 and line.previous_word(match.start()) in _KINDS:
        return None
    if word.isupper() and is_syllable(word.lower()) and (line.is_heading or _in_capitals(match, line)):
        return None
    if (
        word.istitle()
        and word.lower() != word
        and len(word) == 1
        and not line.text[match.end() :].startswith((".", "/"))
    ):
        return None
    return _look_up(line.lexicon.words, match, line)


def _in_capitals(match: re.Match[str], line: Line) -> bool:
    """Whether a neighbour is an ordinary word in capitals: HOA in HOA KỲ is no abbreviation."""
    left = _NEIGHBOUR.findall(line.text[: match.start()])[-1:]
    right = _NEIGHBOUR.findall(line.text[match.end() :])[:1]
    return any(
        len(word) > 1 and word.isupper() and not word.isascii() and is_syllable(word.lower())
        for word in (*left, *right)
    )


_START: Final = re.compile(r"(?<![\w])\w+")
STATION: Final = Rule(
    "station",
    _START,
    _station,
    "what a station has written down wins over every rule",
    None,
)
RULES: Final = (
    Rule(
        "lexicon",
        _START,
        _house,
        "after numbers with their units, before words are looked at one by one",
        ("UBND xã", "Ủy ban nhân dân xã"),
    ),
)
