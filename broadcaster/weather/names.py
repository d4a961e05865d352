"""Which of the station's places a bulletin names: with their word (thôn, bản, xã), in lists, or by a name of several words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from broadcaster.weather.tables import tables
from broadcaster.weather.text import Text, Word, phrase_of, strict, words

_LONGEST_LIST: Final = 60
_LONGEST_NAME: Final = 4
_NUMBER_WORD: Final = strict("số")
_AND: Final = frozenset({strict("và"), strict("hoặc")})


@dataclass(frozen=True)
class Named:
    """A place of the station that the text names; ``sure`` is false where only the letters without marks agree."""

    code: str
    start: int
    end: int
    sure: bool


@dataclass(frozen=True)
class Unknown:
    """A name behind the word of a place that is no place of the station; ``village``: one of its own size."""

    text: str
    village: bool
    start: int
    end: int


@dataclass(frozen=True)
class _Name:
    """A place: its word, its own name, and what tells it from others of that name."""

    code: str
    kind: str
    own: tuple[Word, ...]
    other: tuple[Word, ...]


@cache
def _kinds() -> Mapping[str, tuple[Word, ...]]:
    """Every word before a name, by itself, the longest first."""
    listed = tables().kinds
    names = (*listed.village, *listed.commune, *listed.province)
    return {name: words(name) for name in sorted(names, key=lambda name: -len(words(name)))}


def _canonical(kind: str) -> str:
    return tables().same_kinds.get(kind, kind)


def _name(code: str, name: str) -> _Name:
    plain, _, inside = name.partition("(")
    own, kind = words(plain), ""
    for one, sought in _kinds().items():
        if [word.strict for word in own[: len(sought)]] == [word.strict for word in sought] and len(own) > len(sought):
            own, kind = own[len(sought) :], _canonical(one)
            break
    if len(own) > 1 and own[0].strict == _NUMBER_WORD:
        own = own[1:]
    return _Name(code, kind, own, words(inside))


def own_name(name: str) -> tuple[Word, ...]:
    """A place's name without its word and without what stands in brackets."""
    return _name("", name).own


class _Finder:
    """One look through a text."""

    def __init__(self, text: Text, places: Mapping[str, str]) -> None:
        self._text, self._words = text, text.words
        self._names = sorted((_name(*place) for place in places.items()), key=lambda name: -len(name.own))
        self.named: list[Named] = []
        self.unknown: list[Unknown] = []
        self._seen: set[int] = set()
        """Words that belong to a name already."""

    def look(self) -> None:
        """Names behind their word first, then those that stand alone."""
        index = 0
        while index < len(self._words):
            kind, length = self._kind_at(index)
            index = max(index + 1, self._list(kind, index, index + length)) if kind else index + 1
        for index in range(len(self._words)):
            self._alone(index)

    def _kind_at(self, index: int) -> tuple[str, int]:
        if any(self._text.at(index, phrase_of(none)) for none in tables().not_kinds):
            return "", 0
        for kind, sought in _kinds().items():
            if self._text.at(index, sought):
                return _canonical(kind), len(sought)
        return "", 0

    def _list(self, kind: str, begin: int, index: int) -> int:
        """Names of one kind, with commas between them; returns the word after them."""
        villages = {_canonical(one) for one in tables().kinds.village}
        for _ in range(_LONGEST_LIST):
            if index < len(self._words) and self._words[index].strict == _NUMBER_WORD:
                index += 1
            found = self._match(kind, index)
            if found:
                name, sure, end = found
                self._take(name, begin, end, sure=sure)
                index = end
            else:
                end = self._skip(index)
                if end == index:
                    return index
                start, stop = self._words[index].start, self._words[end - 1].end
                if self._words[begin].start >= self._text.title_end:
                    self.unknown.append(Unknown(f"{kind} {self._text.raw[start:stop]}", kind in villages, start, stop))
                index = end
            index, more = self._next_item(index)
            if not more:
                return index
            begin = index
            again, length = self._kind_at(index)
            if again:
                if again != kind:
                    return index
                index += length
        return index

    def _next_item(self, index: int) -> tuple[int, bool]:
        """Past a comma or "và"; false when the list is over."""
        if index >= len(self._words):
            return index, False
        between = self._gap(index)
        joined = self._words[index].strict in _AND
        if joined:
            return index + 1, index + 1 < len(self._words)
        return index, between.strip() in {",", "&", "/"}

    def _gap(self, index: int) -> str:
        """What stands before a word."""
        return self._text.raw[self._words[index - 1].end : self._words[index].start] if index else ""

    def _skip(self, index: int) -> int:
        """Past a capitalised name that is not known."""
        end = index
        while end < len(self._words) and end - index < _LONGEST_NAME and self._is_name(self._words[end]):
            if end > index and self._gap(end).strip():
                break
            end += 1
        return end

    @staticmethod
    def _is_name(word: Word) -> bool:
        """Whether it may be part of a name: Km12 is none."""
        return word.capital and (word.strict.isdecimal() or word.strict.isalpha() or not word.strict.isascii())

    def _match(self, kind: str, index: int) -> tuple[_Name, bool, int] | None:
        """The place of a kind whose name stands at a word; of several, the one that is told apart behind it."""
        for plain in (False, True):
            if plain and index < len(self._words) and not self._words[index].capital:
                return None
            fits = [name for name in self._names if name.kind == kind and self._text.at(index, name.own, plain=plain)]
            if not fits:
                continue
            fits = [name for name in fits if len(name.own) == len(fits[0].own)]
            end = index + len(fits[0].own)
            told = [name for name in fits if name.other and self._told_apart(name, end)]
            if told:
                return told[0], not plain or self._text.plain, end + self._length_of(told[0], end)
            bare = [name for name in fits if not name.other]
            if bare or len(fits) == 1:
                return (bare or fits)[0], (not plain or self._text.plain) and len(fits) == 1, end
            return fits[0], False, end
        return None

    def _told_apart(self, name: _Name, index: int) -> bool:
        return self._length_of(name, index) > 0

    def _length_of(self, name: _Name, index: int) -> int:
        """How many words behind a name are its "xã Bình An cũ", said in full or in short."""
        kinds = tuple(one for one in name.other if self._is_commune(one))
        middle = tuple(one for one in name.other if one not in kinds and one.strict != strict("cũ"))
        for said in (name.other, (*kinds, *middle), middle):
            if said and self._text.at(index, said):
                return len(said)
        return 0

    @staticmethod
    def _is_commune(word: Word) -> bool:
        return word.strict in {strict(one) for one in tables().kinds.commune}

    def _alone(self, index: int) -> None:
        """A name of two words and more needs no word before it, if it is written like a name."""
        if index in self._seen or not self._words[index].capital:
            return
        for name in self._names:
            last = index + len(name.own) - 1
            if len(name.own) > 1 and self._text.at(index, name.own) and self._words[last].capital:
                if not self._seen.isdisjoint(range(index, last + 1)):
                    return
                self._take(name, index, last + 1, sure=not name.other)
                return

    def _take(self, name: _Name, begin: int, end: int, *, sure: bool) -> None:
        self._seen.update(range(begin, end))
        self.named.append(Named(name.code, self._words[begin].start, self._words[end - 1].end, sure))


def find(text: Text, places: Mapping[str, str]) -> tuple[Sequence[Named], Sequence[Unknown]]:
    """The places of the station (name by code) that a text names, and names behind the word of a place that are none."""
    finder = _Finder(text, places)
    finder.look()
    return finder.named, finder.unknown


def codes(named: Collection[Named], *, sure: bool = True) -> Iterator[str]:
    """Each named place once, as sure as asked for."""
    certain = {one.code for one in named if one.sure}
    yield from dict.fromkeys(one.code for one in named if (one.code in certain) == sure)
