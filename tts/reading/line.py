"""One line of clean text while rules claim pieces of it.

A claimed piece is masked, so that each piece is read by exactly one rule and offsets never move.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from tts.reading.lexicon import Lexicon
from tts.reading.syllables import is_syllable

MASK: Final = "\ue000"
"""Stands for every character of a claimed piece; neither a word character nor a space."""
CLAIM: Final = "claim"
"""Name of the group a rule claims, where its pattern must see more than that."""
_DIGITS: Final = frozenset("0123456789")
_WORD = re.compile(r"[^\W\d_]+")
_LAST_WORD = re.compile(r"([^\W_]+)[\s:.(\"']*$")
_NEXT_WORD = re.compile(r"[\s\"'(]*([^\W_]+)")
_PLAIN_HEADING: Final = 2
"""More syllables without accents than this make a heading too."""
_LOOK_BACK: Final = 40
"""Characters searched for the previous word; longer than any word."""


class Said(NamedTuple):
    """What a rule makes of a match.

    Attributes:
        spoken: The words; may be empty (silent) or a mark.
        reason: A flag's code if a person should look, else empty.
        end: Where the claim ends, if not at the end of the match.
        guess: What the engine says, if that differs from `spoken`.
    """

    spoken: str
    reason: str = ""
    end: int | None = None
    guess: str = ""


class Claim(NamedTuple):
    """A piece of a line and how it is spoken."""

    start: int
    end: int
    said: Said
    rule: str


class Line:
    """A line of clean text, what is claimed of it, and its surroundings.

    Args:
        text: The line without its line break.
        whole: The whole clean text, for words whose reading depends on the topic.
        lexicon: The words of the station.
    """

    def __init__(self, text: str, whole: str, lexicon: Lexicon) -> None:
        self.text = text
        self.whole = whole
        self.lexicon = lexicon
        self.canvas = text
        """The text with every claimed character masked."""
        self._claims: list[Claim] = []

    @property
    def claims(self) -> list[Claim]:
        """All claims so far, in the order of the text."""
        return sorted(self._claims)

    @cached_property
    def is_heading(self) -> bool:
        """Whether the whole line is in capitals, so that capitals mean nothing in it."""
        if self.text != self.text.upper():
            return False
        words = [word.lower() for word in _WORD.findall(self.text) if len(word) > 1]
        syllables = [word for word in words if is_syllable(word)]
        return any(not word.isascii() for word in syllables) or len(syllables) > _PLAIN_HEADING

    def previous_word(self, position: int) -> str:
        """The word before a position, lower case; empty at the start or after a comma."""
        found = _LAST_WORD.search(self.text[max(0, position - _LOOK_BACK) : position])
        return found[1].lower() if found else ""

    def next_word(self, position: int) -> str:
        """The word after a position, lower case; empty at the end or before a mark."""
        found = _NEXT_WORD.match(self.text, position)
        return found[1].lower() if found else ""

    def apply(self, rule: "Rule") -> None:
        """Let the rule claim what it can of what is still free."""
        claims = [claim for match in rule.pattern.finditer(self.canvas) if (claim := rule.claim(match, self))]
        if not claims:
            return
        pieces: list[str] = []
        position = 0
        for claim in claims:
            if claim.start < position or MASK in self.canvas[claim.start : claim.end]:
                continue
            pieces += (self.canvas[position : claim.start], MASK * (claim.end - claim.start))
            position = claim.end
            self._claims.append(claim)
        self.canvas = "".join(pieces) + self.canvas[position:]


Say = Callable[[re.Match[str], Line], Said | str | None]
"""Speaks a match in its line; None leaves it to later rules."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One reading rule.

    Attributes:
        name: Stable name, shown with every change.
        pattern: What it looks at; it sees masked text, never what an earlier rule has claimed.
        say: How it speaks a match.
        why: The reason for its place in the order.
        example: A line for people, written then spoken; none for what a station writes.
        needs_digit: Skip lines without a digit.
        needs: Skip lines without any of these characters.
    """

    name: str
    pattern: re.Pattern[str]
    say: Say
    why: str
    example: tuple[str, str] | None
    needs_digit: bool = False
    needs: frozenset[str] = frozenset()

    def may_match(self, characters: frozenset[str]) -> bool:
        """Whether a line of these characters can hold anything for this rule; spares most searches."""
        if self.needs_digit and _DIGITS.isdisjoint(characters):
            return False
        return not self.needs or not self.needs.isdisjoint(characters)

    def claim(self, match: re.Match[str], line: Line) -> Claim | None:
        """The claim for one match, if the rule wants it."""
        said = self.say(match, line)
        if said is None or match.start() == match.end():
            return None
        if isinstance(said, str):
            said = Said(said)
        start, end = match.span(CLAIM if CLAIM in self.pattern.groupindex else 0)
        return Claim(start, end if said.end is None else said.end, said, self.name)
