"""Is this a Vietnamese syllable? Decided from onset, rhyme and tone, without a dictionary.

Both places of the tone mark (hóa, hoá) are accepted. Source: Vietnamese spelling rules as taught in primary school;
the rhymes oong and ooc (xoong, moóc) and the onset p (pin, Pá) are admitted because loudspeakers meet them daily.
"""

from functools import lru_cache
from itertools import product
from typing import Final

from tts.reading.letters import tone_count, tone_of, without_tone
from tts.reading.tables import load

_TABLE: Final = {name: tuple(group["words"].split()) for name, group in load("syllables.toml").items()}
_RHYMES: Final = (*_TABLE["open_rhymes"], *_TABLE["nasal_rhymes"], *_TABLE["stopped_rhymes"])
_FRONT: Final = frozenset("eêiy")
_STOP_TONES: Final = frozenset({"sắc", "nặng"})
LONGEST: Final = 7
"""Letters in the longest syllable (nghiêng)."""


def _fits(onset: str, rhyme: str) -> bool:
    front = rhyme[0] in _FRONT
    match onset:
        case "c" | "g" | "ng":
            return not front
        case "k" | "gh" | "ngh":
            return front
        case "gi":
            return rhyme[0] not in "iy"
        case "qu":
            return rhyme[0] in "aăâeêiơy" or rhyme in {"ôc", "ôt", "ôi", "ôn"}
        case "":
            return True
        case _:
            return rhyme[0] != "y" or rhyme == "y"


_BASES: Final = frozenset(
    onset + rhyme for onset, rhyme in product(("", *_TABLE["onsets"]), _RHYMES) if _fits(onset, rhyme)
) | {"gi", "gin", "giên", "giêng", "giêm", "giêt", "giêc", "giêp", "ngoeo", "khuyu"}
_STOPPED_ENDS: Final = ("c", "ch", "p", "t")


@lru_cache(maxsize=8192)
def is_syllable(word: str) -> bool:
    """Whether the lower-case NFC word is one well-formed Vietnamese syllable.

    >>> is_syllable("nghiêng"), is_syllable("hoá"), is_syllable("zalo"), is_syllable("chat")
    (True, True, False, False)
    """
    if not word or len(word) > LONGEST or tone_count(word) > 1 or without_tone(word) not in _BASES:
        return False
    return not word.endswith(_STOPPED_ENDS) or tone_of(word) in _STOP_TONES


@lru_cache(maxsize=8192)
def is_toneless_syllable(word: str) -> bool:
    """Whether the word is a syllable once a missing tone is forgiven: ``lac`` could be lạc."""
    return len(word) <= LONGEST and tone_count(word) <= 1 and without_tone(word) in _BASES
