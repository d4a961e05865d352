"""A pasted text as words with their places in it; compares words whatever the placing of tones, or without diacritics."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")
_PLAIN: Final = 0.02
"""Vietnamese has a mark on every third letter; a text with fewer than this share of them was written without."""
_SENTENCE_END: Final = re.compile(r"[.!?;…]+(?=\s|$)|\n+\s*[-•+*]?\s*")
_TITLE_LINES: Final = 4


def fold(text: str) -> str:
    """Lower case without diacritics, letter by letter: places stay what they are in an NFC text."""
    return "".join(_base(letter) for letter in text)


def _base(letter: str) -> str:
    if letter in "đĐ":
        return "d"
    base = unicodedata.normalize("NFD", letter)[0].lower()
    return base if len(base) == 1 else letter


def strict(word: str) -> str:
    """A word with its tone at the end, so that both placings of it are one. Numbers lose leading zeros."""
    if word.isdecimal():
        return word.lstrip("0") or "0"
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(one for one in letters if one not in _TONES) + "".join(one for one in letters if one in _TONES)


def loose(word: str) -> str:
    """A word without any diacritics."""
    return strict(word) if word.isdecimal() else fold(word)


@dataclass(frozen=True)
class Word:
    """One word from ``start`` to ``end`` of the text."""

    start: int
    end: int
    strict: str
    loose: str
    capital: bool


def words(text: str) -> tuple[Word, ...]:
    """The words of a text in order."""
    return tuple(
        Word(
            found.start(), found.end(), strict(found[0]), loose(found[0]), found[0][0].isupper() or found[0].isdecimal()
        )
        for found in _WORD.finditer(text)
    )


@cache
def phrase_of(text: str) -> tuple[Word, ...]:
    """The words of a phrase of the tables, which are asked for again and again."""
    return words(text)


@dataclass(frozen=True)
class Text:
    """A text in NFC; make it with `of`."""

    raw: str

    @classmethod
    def of(cls, pasted: str) -> "Text":
        """From whatever was pasted."""
        return cls(unicodedata.normalize("NFC", pasted).replace("\r\n", "\n").replace("\u00a0", " "))

    @cached_property
    def folded(self) -> str:
        """As long as the text itself."""
        return fold(self.raw)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Its words in order."""
        return words(self.raw)

    @cached_property
    def plain(self) -> bool:
        """Whether it was written without diacritics."""
        letters = [one for one in self.raw if one.isalpha()]
        marked = sum(one in "đĐ" or len(unicodedata.normalize("NFD", one)) > 1 for one in letters)
        return marked < _PLAIN * len(letters)

    def at(self, index: int, phrase: Sequence[Word], *, plain: bool | None = None) -> bool:
        """Whether ``phrase`` stands at a word."""
        inside = self.words[index : index + len(phrase)]
        if len(inside) < len(phrase):
            return False
        if self.plain if plain is None else plain:
            return all(one.loose == other.loose for one, other in zip(inside, phrase, strict=True))
        return all(one.strict == other.strict for one, other in zip(inside, phrase, strict=True))

    @cached_property
    def _where(self) -> Mapping[str, Sequence[int]]:
        """At which indices each word stands."""
        found: dict[str, list[int]] = {}
        for index, word in enumerate(self.words):
            found.setdefault(word.loose if self.plain else word.strict, []).append(index)
        return found

    def find(self, phrase: str) -> Iterator[tuple[int, int]]:
        """Every span of the text in which the words of ``phrase`` stand."""
        sought = phrase_of(phrase)
        for index in self._where.get(sought[0].loose if self.plain else sought[0].strict, ()):
            if self.at(index, sought):
                yield self.words[index].start, self.words[index + len(sought) - 1].end

    @cached_property
    def title_end(self) -> int:
        """Where the heading ends: the first lines, as long as they are written in capitals, else the first line."""
        end = 0
        for line in re.finditer(r"[^\n]+", self.raw):
            letters = [one for one in line[0] if one.isalpha()]
            loud = letters and sum(one.isupper() for one in letters) > len(letters) * 0.6
            if end and not loud:
                break
            if loud or not end:
                end = line.end()
            if self.raw.count("\n", 0, line.start()) > _TITLE_LINES * 2:
                break
        return end

    def sentences(self) -> Iterator[tuple[int, int]]:
        """The span of every sentence; a new line begins a new one."""
        begin = 0
        for stop in [*_SENTENCE_END.finditer(self.raw), None]:
            if stop and "\n" not in stop[0] and self.raw[stop.end() :].lstrip()[:1].islower():
                continue  # an abbreviation, or a semicolon inside a sentence
            end = stop.start() if stop else len(self.raw)
            if self.raw[begin:end].strip():
                yield begin, end
            begin = stop.end() if stop else end
