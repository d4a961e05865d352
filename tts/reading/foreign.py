"""Foreign words said with Vietnamese syllables, as well as letters allow.

A guess for the engine only, always flagged: ``marathon`` becomes ma ra thon, ``blog`` bờ lóc.
"""

import re
from functools import lru_cache
from typing import Final

from tts.reading.letters import plain
from tts.reading.syllables import is_syllable

_DIGRAPHS: Final = (
    *(("tion", "sân"), ("sh", "s"), ("ck", "c"), ("qu", "kw"), ("ph", "f"), ("x", "cx"), ("ee", "i"), ("oo", "u")),
    *(("ea", "i"), ("ou", "ao"), ("ow", "ao"), ("ay", "ây"), ("ey", "ây"), ("ai", "ây"), ("ie", "i"), ("ue", "u")),
)
_ONSETS: Final = {
    **{letter: letter for letter in ("b", "ch", "d", "đ", "g", "gi", "h", "kh", "l", "m", "n", "ng", "nh", "p", "ph")},
    **{letter: letter for letter in ("r", "s", "t", "th", "tr", "v", "x")},
    "c": "c",
    "k": "c",
    "f": "ph",
    "j": "gi",
    "w": "u",
    "z": "d",
    "y": "d",
    "q": "c",
    "": "",
}
_LETTER_SOUNDS: Final = {
    "b": "bờ",
    "c": "cờ",
    "d": "đờ",
    "f": "phờ",
    "g": "gờ",
    "h": "hờ",
    "j": "giờ",
    "k": "cờ",
    "l": "lờ",
    "m": "mờ",
    "n": "nờ",
    "p": "pờ",
    "q": "cờ",
    "r": "rờ",
    "s": "sờ",
    "t": "tờ",
    "v": "vờ",
    "w": "u",
    "x": "xờ",
    "z": "dờ",
    "y": "i",
    "ch": "chờ",
    "kh": "khờ",
    "th": "thờ",
    "tr": "trờ",
    "ph": "phờ",
    "ng": "ngờ",
    "nh": "nhờ",
}
_CODAS: Final = {
    **{letter: letter for letter in ("c", "m", "n", "ng", "p", "t")},
    "b": "p",
    "d": "t",
    "g": "c",
    "k": "c",
    "l": "n",
    "s": "t",
    "x": "t",
    "z": "t",
    "f": "p",
    "v": "p",
    "q": "c",
    "r": "",
    "h": "",
    "w": "",
    "j": "",
    "y": "",
    "ch": "ch",
    "nh": "nh",
    "th": "t",
}
_STOPS: Final = frozenset({"c", "ch", "p", "t"})
_SHARP: Final = dict(zip("aăâeêioôơuưyo", "áắấéếíóốớúứýó", strict=True))
_PARTS: Final = re.compile(
    r"(?P<cons>(?:ch|kh|th|tr|ph|ng|nh|[bcdđfghjklmnpqrstvwxz])*)(?P<vowels>ây|ao|[aăâeêioôơuưy])?",
)
_CONSONANT: Final = re.compile(r"ch|kh|th|tr|ph|ng|nh|.")
_FRONT: Final = frozenset("eêiy")

_SILENT_E: Final = 4
"""Words longer than this drop a final e after a consonant (phone, game)."""


@lru_cache(maxsize=2048)
def guess(word: str) -> str:
    """Vietnamese syllables that sound somewhat like the word; empty if it has no vowel to build on.

    >>> guess("marathon"), guess("blog"), guess("html")
    ('ma ra thon', 'bờ lóc', '')
    """
    text = plain(word)
    for written, sound in _DIGRAPHS:
        text = text.replace(written, sound)
    text = re.sub(r"([^aeiouy])\1", r"\1", text)
    if len(text) > _SILENT_E and re.search(r"[aeiouy][^aeiouyêâ]e$", text):
        text = text[:-1]
    if not re.search(r"[aeiouyâ]", text):
        return ""
    spoken = _assemble(_units(text))
    return spoken if all(is_syllable(syllable) for syllable in spoken.split()) else ""


def _units(text: str) -> list[tuple[list[str], str]]:
    """Groups of consonants, each with the vowel after it (the last may have none)."""
    units: list[tuple[list[str], str]] = []
    position = 0
    while position < len(text):
        match = _PARTS.match(text, position)
        if match is None or match.end() == position:
            position += 1
            continue
        units.append((_CONSONANT.findall(match["cons"]), match["vowels"] or ""))
        position = match.end()
    return units


def _assemble(units: list[tuple[list[str], str]]) -> str:
    """Syllables: a consonant between vowels opens the next one, the first of several closes the one before."""
    words: list[str] = []
    for index, (consonants, vowel) in enumerate(units):
        rest = list(consonants)
        if index and rest and (len(rest) > 1 or not vowel):
            rest = _close(words, rest)
        onset = rest.pop() if vowel and rest else ""
        if index or vowel:
            words += [_LETTER_SOUNDS[consonant] for consonant in rest if consonant in _LETTER_SOUNDS and vowel]
        if vowel:
            words.append(_open(onset, vowel))
    return " ".join(words)


def _close(words: list[str], rest: list[str]) -> list[str]:
    coda = _CODAS.get(rest[0], "")
    if coda and words:
        closed = words[-1] + coda
        if coda in _STOPS:
            closed = "".join(_SHARP.get(c, c) if i == _nucleus(words[-1]) else c for i, c in enumerate(closed))
        if is_syllable(closed):
            words[-1] = closed
            return rest[1:]
        return rest
    return rest[1:]


def _nucleus(syllable: str) -> int:
    return max((index for index, letter in enumerate(syllable) if letter in _SHARP), default=0)


def _open(onset: str, vowel: str) -> str:
    front = vowel[0] in _FRONT
    sound = _ONSETS.get(onset, onset)
    if onset == "c" and front:
        sound = "x"
    elif sound == "c" and front:
        sound = "k"
    elif sound in {"g", "ng"} and front:
        sound += "h"
    elif sound == "gi" and vowel[0] in "iy":
        sound = "d"
    if onset == "w":
        return f"u {vowel}" if not is_syllable(f"o{vowel}") else f"o{vowel}"
    return sound + ("i" if vowel == "y" and sound else vowel)
