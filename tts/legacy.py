"""Text typed in the fonts of before Unicode (TCVN3/ABC, VNI), or UTF-8 read as Latin: recognised, never read as if it were words. Pure.

A Vietnamese text shows what it is by its syllables: converted from its true code nearly all of them are well formed, as it stands
hardly any.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from tts.reading.syllables import is_syllable

_MARKED: Final = 2
"""Words with marks from which a text can be judged."""
_MOST: Final = 0.75
_FEW: Final = 0.4

_TCVN3: Final = dict(
    zip(
        "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u00adõøö÷ùúýûüþ¡¢£¤¥¦§",
        "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵăâêôơưđ",
        strict=True,
    )
)
"""TCVN 5712:1993, third part, as its bytes look in Latin-1; capitals with tones are the same bytes in another font."""

_TONES: Final = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_HATS: Final = {"â": "", "á": "\u0301", "à": "\u0300", "å": "\u0309", "ã": "\u0303", "ä": "\u0323"}
_BREVES: Final = {"ê": "", "é": "\u0301", "è": "\u0300", "ú": "\u0309", "ü": "\u0303", "ë": "\u0323"}
_VNI_MARKS: Final = (
    _TONES
    | {mark: "\u0302" + tone for mark, tone in _HATS.items()}
    | {mark: "\u0306" + tone for mark, tone in _BREVES.items()}
)
_VNI_SINGLE: Final = {"ô": "ơ", "ö": "ư", "ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "í": "í", "ì": "ì"}
_VNI: Final = re.compile(f"([aeouyôö])([{''.join(_VNI_MARKS)}])|([{''.join(_VNI_SINGLE)}])")


def _from_tcvn3(word: str) -> str:
    return "".join(_TCVN3.get(letter, letter) for letter in word)


def _from_vni(word: str) -> str:
    def convert(found: re.Match[str]) -> str:
        if found[3]:
            return _VNI_SINGLE[found[3]]
        return _VNI_SINGLE.get(found[1], found[1]) + _VNI_MARKS[found[2]]

    return unicodedata.normalize("NFC", _VNI.sub(convert, word.lower()))


def _from_latin(word: str) -> str:
    for code in ("cp1252", "latin-1"):
        try:
            return unicodedata.normalize("NFC", word.encode(code).decode("utf-8"))
        except UnicodeError:
            continue
    return word


_CODES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("TCVN3", _from_tcvn3),
    ("VNI", _from_vni),
    ("UTF-8", _from_latin),
)


def _marked(text: str) -> list[str]:
    """The words that have letters beyond ASCII, without the punctuation around them."""
    words = (word.strip(" .,;:!?()[]{}\"'/-–“”…*_0123456789") for word in re.split(r"[ \t\n\r/()–-]+", text))
    return [word for word in words if word and not word.isascii()]


def well_formed(text: str) -> float:
    """The share, 0 to 1, of the words with marks that are Vietnamese syllables; 1 for a text without marks."""
    words = _marked(text)
    return _share(words, str) if words else 1.0


def _share(words: list[str], convert: Callable[[str], str]) -> float:
    return sum(is_syllable(convert(word).lower()) for word in words) / len(words)


def legacy_code(text: str) -> str:
    """What a text was typed in, `TCVN3`, `VNI` or `UTF-8` (read as Latin); nothing for ordinary Unicode.

    >>> legacy_code("Céng hßa x· héi chñ nghÜa ViÖt Nam"), legacy_code("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam")
    ('TCVN3', 'VNI')
    >>> legacy_code("Cộng hòa xã hội chủ nghĩa Việt Nam")
    ''
    """
    words = _marked(text)
    if len(words) < _MARKED or _share(words, str) > _FEW:
        return ""
    share, name = max((_share(words, convert), name) for name, convert in _CODES)
    return name if share >= _MOST else ""
