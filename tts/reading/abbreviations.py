"""Forms of the lexicon: a station's own, then abbreviations, titles and fixed expressions."""

import re
from typing import Final

from tts.reading.lexicon import Forms
from tts.reading.line import Line, Rule, Said
from tts.reading.syllables import is_syllable

_NEIGHBOUR: Final = re.compile(r"[^\W\d_]+")


def _look_up(forms: Forms, match: re.Match[str], line: Line) -> Said | None:
    found = forms.at(line.canvas, match.start(), match.end(), line.whole)
    if found is None:
        return None
    end, spoken = found
    return Said(spoken, end=end)


def _station(match: re.Match[str], line: Line) -> Said | None:
    return _look_up(line.lexicon.station, match, line)


def _house(match: re.Match[str], line: Line) -> Said | None:
    word = match[0]
    if word.lower() not in line.lexicon.words.starts:
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
