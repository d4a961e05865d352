"""What a reading is made of: the spoken text, what was changed, and what a person should look at.

Knows nothing of rules or of engines.
"""

from dataclasses import dataclass
from typing import Final

UNKNOWN_CAPITALS: Final = "unknown-capitals"
"""Capitals that no lexicon knows; they are spelled letter by letter."""
FOREIGN_WORD: Final = "foreign-word"
"""A word that is not made of Vietnamese syllables; it is read as well as Vietnamese letters allow."""
DOUBTFUL: Final = "doubtful"
"""Two readings are possible and nothing nearby decides between them."""
UNSPEAKABLE: Final = "unspeakable"
"""Letters or signs that no Vietnamese voice can say; they are left out."""


@dataclass(frozen=True, slots=True)
class Change:
    """A piece of the source that is not spoken as it is written.

    Attributes:
        start: Offset of its first character in the source text.
        end: Offset after its last character.
        source: The piece as written.
        spoken: The piece as spoken; empty when it is silent.
        rule: Name of the rule that decided.
    """

    start: int
    end: int
    source: str
    spoken: str
    rule: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A piece of the source that a person should look at before it airs.

    Attributes:
        start: Offset of its first character in the source text.
        end: Offset after its last character.
        source: The piece as written.
        reason: A stable code: one of the constants of this module.
        guess: What is spoken unless somebody corrects it; empty when nothing is.
    """

    start: int
    end: int
    source: str
    reason: str
    guess: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text will be spoken.

    Attributes:
        spoken: The whole text for people to read: words, the marks ``. , ? ! ; :`` and line breaks, no digit, no
            symbol. Names keep their capitals, and well-known foreign names (Zalo, Viettel) their spelling.
        sentences: The same for an engine: lower-case Vietnamese syllables only, at most about 200 characters each.
        changes: What is spoken otherwise than written, in the order of the source.
        flags: What a person should look at, in the order of the source.
    """

    spoken: str
    sentences: tuple[str, ...]
    changes: tuple[Change, ...]
    flags: tuple[Flag, ...]
