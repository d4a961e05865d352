"""Mail and web addresses: every part in words, dots as chấm, @ as a còng.

Parts written without accents (minhduc) are guessed syllable by syllable from the lexicon's table of addresses.
"""

import re
from typing import Final

from tts.reading.letters import spell, without_tone
from tts.reading.line import Line, Rule, Said
from tts.reading.model import DOUBTFUL
from tts.reading.numbers import digits
from tts.reading.syllables import LONGEST, is_syllable, is_toneless_syllable

_SIGNS: Final = {
    ".": "chấm",
    "@": "a còng",
    "/": "gạch chéo",
    "-": "gạch ngang",
    "_": "gạch dưới",
    "+": "cộng",
    "%": "phần trăm",
    "=": "bằng",
    "?": "hỏi",
    "&": "và",
    "#": "thăng",
    ":": "hai chấm",
    "~": "ngã",
}
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+|\W|_")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_TOP: Final = r"(?:vn|com|net|org|edu|gov|info|biz|asia|io|me|app|tv|gl|ly|link|online|shop|site|xyz)"
_HOST: Final = rf"(?:{_LABEL}\.)*{_LABEL}\.{_TOP}"
_LONGEST_SPLIT: Final = 40
"""Letters of the longest part that is cut into syllables; cutting takes the square of them."""
_LEAST_SPELLED: Final = 3
"""A part of at most this many letters that is no word is spelled."""


def _label(label: str, line: Line) -> tuple[str, bool]:
    """A run of letters in words, and whether it was guessed."""
    lower = label.lower()
    known = line.lexicon.addresses.get(lower)
    if known:
        return known, False
    if lower in line.lexicon.sounds or is_syllable(lower):
        return line.lexicon.addresses.get(lower, lower), False
    if len(lower) <= _LEAST_SPELLED and not is_toneless_syllable(lower):
        return spell(lower), False
    parts = _split(lower, line) if len(lower) <= _LONGEST_SPLIT else None
    return (" ".join(_accented(part, line) for part in parts), True) if parts else (spell(lower), True)


def _split(word: str, line: Line) -> list[str] | None:
    """The word cut into known parts or bare syllables, the fewest and longest first."""
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            head, part = best[start], word[start:end]
            if head is None or not (_is_part(part, line) or (start and end == len(word) and len(part) == 1)):
                continue
            candidate = [*head, part]
            current = best[end]
            if current is None or _cost(candidate, line) < _cost(current, line):
                best[end] = candidate
    return best[-1]


def _is_part(part: str, line: Line) -> bool:
    if part in line.lexicon.addresses:
        return len(part) > 1
    return 1 < len(part) <= LONGEST and is_toneless_syllable(part)


def _cost(parts: list[str], line: Line) -> tuple[int, int]:
    return len(parts), sum(part not in line.lexicon.addresses for part in parts)


def _accented(part: str, line: Line) -> str:
    known = line.lexicon.addresses.get(part)
    if known:
        return known
    return part if is_syllable(part) else _stopped(part)


def _stopped(part: str) -> str:
    """A bare syllable that ends in a stop needs a tone to be sayable: lac becomes lác."""
    for bare, toned in zip("aăâeêioôơuưy", "áắấéếíóốớúứý", strict=True):
        position = without_tone(part).rfind(bare)
        if position >= 0 and is_syllable(candidate := part[:position] + toned + part[position + 1 :]):
            return candidate
    return spell(part)


def _address(match: re.Match[str], line: Line) -> Said:
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", match["address"], flags=re.IGNORECASE).rstrip("/")
    words: list[str] = []
    guessed = False
    for piece in _PIECE.findall(text):
        if piece.isdecimal():
            words.append(digits(piece))
        elif piece.isalpha():
            word, guess = _label(piece, line)
            words.append(word)
            guessed = guessed or guess
        else:
            words.append(_SIGNS.get(piece, ""))
    spoken = " ".join(word for word in words if word)
    return Said(spoken, DOUBTFUL if guessed else "", match.end())


RULES: Final = (
    Rule(
        "mail",
        re.compile(rf"<?(?P<address>[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:{_LABEL}\.)+[A-Za-z]{{2,}})>?"),
        _address,
        "first of all: every sign in it has a name",
        ("ubnd@hungyen.gov.vn", "ủy ban nhân dân a còng hưng yên chấm gov chấm vn"),
        needs=frozenset("@"),
    ),
    Rule(
        "web",
        re.compile(
            rf"<?(?P<address>https?://[A-Za-z0-9.-]+[A-Za-z0-9](?::\d+)?(?:/[\w/.%=?&#~+-]*[\w/=])?"
            rf"|(?<![\w@.])(?:www\.)?{_HOST}(?![\w-])(?:/[\w/.%=?&#~+-]*[\w/=])?)>?",
            re.IGNORECASE,
        ),
        _address,
        "after mail, whose right half is a web address",
        ("https://hungyen.gov.vn", "hưng yên chấm gov chấm vn"),
        needs=frozenset("."),
    ),
)
