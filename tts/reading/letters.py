"""Letters: the names they are spelled by, and Vietnamese tone marks as separate things.

House names are those of the Vietnamese alphabet as announcers use them (bê, xê, dê, đê ...).
"""

import re
import unicodedata
from typing import Final

VOWELS: Final = "aăâeêioôơuưy"
TONES: Final = {"\u0301": "sắc", "\u0300": "huyền", "\u0309": "hỏi", "\u0303": "ngã", "\u0323": "nặng"}
"""Combining mark of each tone; a syllable without one has the level tone."""

NAMES: Final = {
    "a": "a",
    "ă": "á",
    "â": "ớ",
    "b": "bê",
    "c": "xê",
    "d": "dê",
    "đ": "đê",
    "e": "e",
    "ê": "ê",
    "f": "ép phờ",
    "g": "giê",
    "h": "hát",
    "i": "i",
    "j": "gi",
    "k": "ca",
    "l": "e lờ",
    "m": "em mờ",
    "n": "en nờ",
    "o": "o",
    "ô": "ô",
    "ơ": "ơ",
    "p": "pê",
    "q": "quy",
    "r": "e rờ",
    "s": "ét sì",
    "t": "tê",
    "u": "u",
    "ư": "ư",
    "v": "vê",
    "w": "vê kép",
    "x": "ích xì",
    "y": "i dài",
    "z": "dét",
}

_OPEN_RHYME = re.compile(r"(?<!q)(?:o[áàảãạéèẻẽẹ]|u[ýỳỷỹỵ])(?!\w)")


def without_tone(text: str) -> str:
    """The text without tone marks; â, ê, ơ, đ and the like stay."""
    marks = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in TONES))


def tone_of(syllable: str) -> str:
    """The tone's name, or an empty string for the level tone or more than one mark."""
    found = [TONES[mark] for mark in unicodedata.normalize("NFD", syllable) if mark in TONES]
    return found[0] if len(found) == 1 else ""


def tone_count(syllable: str) -> int:
    """How many tone marks the syllable carries; a real one has none or one."""
    return sum(mark in TONES for mark in unicodedata.normalize("NFD", syllable))


def plain(text: str) -> str:
    """Lower-case base letters only: ``Đức`` becomes ``duc``, ``café`` becomes ``cafe``."""
    marks = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(mark for mark in marks if not unicodedata.combining(mark))


def house_orthography(text: str) -> str:
    """Tone marks of open oa, oe, uy moved to the house's place (hoá to hóa, huỷ to hủy); lower-case text only."""
    return _OPEN_RHYME.sub(_tone_forward, text)


def _tone_forward(match: re.Match[str]) -> str:
    first, second = match[0][0], match[0][1]
    mark = next(mark for mark in unicodedata.normalize("NFD", second) if mark in TONES)
    return unicodedata.normalize("NFC", first + mark) + without_tone(second)


def spell(word: str) -> str:
    """The names of the word's letters; letters without a Vietnamese name fall back on their base letter.

    >>> spell("STK")
    'ét sì tê ca'
    """
    names = (NAMES.get(without_tone(letter)) or NAMES.get(plain(letter), "") for letter in word.lower())
    return " ".join(name for name in names if name)
