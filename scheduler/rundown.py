"""Programmes (chương trình): what a rundown asks for, and what one occurrence becomes with the bulletins there are. Pure.

The pieces of an occurrence are sounds that lie end to end in one clip. A relay is its fallback there; the live stream comes
over it (docs/adr/0029).
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from broadcaster.errors import LoaError
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE, SECOND
from scheduler.timeline import RANK

EMPTY: Final = "programme-empty"
"""Why an occurrence does not air: nothing but tunes and words."""
NO_ROOM: Final = "no-room"
LEAST_MUSIC_MS: Final = 20 * SECOND
"""Music that is cut shorter is left out."""
MAX_ITEMS: Final = 30
PLANNED_MINUTES: Final = range(2, 121)
RELAY_MINUTES: Final = range(1, 91)
BULLETIN_DAYS: Final = range(1, 32)


class RundownError(LoaError):
    """A stored rundown can't be read."""


class Overrun(StrEnum):
    """What happens when more is there than the planned length holds."""

    CUT_MUSIC = "cut-music"
    DROP = "drop"
    RUN_OVER = "run-over"


class Tune(msgspec.Struct, frozen=True, tag="tune"):
    """A tune of the library: SHA-256 of its sound."""

    sound: str


class Words(msgspec.Struct, frozen=True, tag="words"):
    """Words that are read anew each time; blanks in braces are filled in (see `scheduler.announcing`)."""

    text: str


class Relay(msgspec.Struct, frozen=True, tag="relay"):
    """A radio station's stream for some minutes; ``fallback`` is the sound of the library that is heard without it."""

    address: str
    minutes: int
    fallback: str
    name: str = ""


class Fixed(msgspec.Struct, frozen=True, tag="bulletin"):
    """One bulletin, by its id."""

    bulletin: int


class Bulletins(msgspec.Struct, frozen=True, tag="bulletins"):
    """All bulletins for programmes, approved and not older than ``days``, with a sting between them.

    Attributes:
        categories: only these; empty for all.
        sting: SHA-256 of a sound of the library, or empty.
    """

    categories: tuple[str, ...] = ()
    days: int = 1
    sting: str = ""


class Music(msgspec.Struct, frozen=True, tag="music"):
    """Music of the library, which may be cut to fit."""

    sound: str


Item: TypeAlias = Tune | Words | Relay | Fixed | Bulletins | Music


class Rundown(msgspec.Struct, frozen=True):
    """A programme as it is stored."""

    planned_ms: int
    overrun: Overrun
    items: tuple[Item, ...]


class Kind(StrEnum):
    """What a piece is."""

    TUNE = "tune"
    WORDS = "words"
    RELAY = "relay"
    BULLETIN = "bulletin"
    STING = "sting"
    MUSIC = "music"


class Piece(msgspec.Struct, frozen=True):
    """One sound of an occurrence.

    Attributes:
        at_ms: when it begins in the programme; estimated, like ``length_ms``, until the sound is made.
        sound: SHA-256 of a sound of the library; of a relay its fallback.
        text: what is read.
        clip: SHA-256 of a bulletin's clip.
        cut: whether music ends after ``length_ms`` instead of at its end.
    """

    kind: Kind
    title: str = ""
    at_ms: int = 0
    length_ms: int = 0
    sound: str = ""
    text: str = ""
    clip: str = ""
    bulletin: int = 0
    address: str = ""
    cut: bool = False

    def made_of(self) -> tuple[Any, ...]:
        """Everything that changes its sound, and nothing else."""
        timed = self.cut or self.kind is Kind.RELAY
        return self.kind.value, self.sound, self.text, self.clip, self.length_ms if timed else 0, self.address


class LeftOut(msgspec.Struct, frozen=True):
    """A bulletin that the occurrence does without, and why: no-room, not-approved, not-prepared, elsewhere, gone."""

    bulletin: int
    title: str
    why: str


@dataclass(frozen=True)
class Candidate:
    """A bulletin that may be taken in.

    Attributes:
        at: when it was written.
        aired: whether an earlier programme has had it.
        why_not: why it can't be taken now; empty when it can.
    """

    bulletin: int
    title: str
    category: str
    klass: Class
    at: datetime
    length_ms: int
    clip: str = ""
    aired: bool = False
    why_not: str = ""


@dataclass(frozen=True)
class Shelf:
    """What there is to compose from.

    Attributes:
        slot: bulletins for programmes of these places.
        fixed: bulletins that the rundown names, by id.
        sounds: milliseconds of the library's sounds, and their titles.
        announce: from the text of `Words` and the titles in the programme to what is read and its length in milliseconds.
    """

    announce: Callable[[str, Sequence[str]], tuple[str, int]]
    slot: Collection[Candidate] = ()
    fixed: Mapping[int, Candidate] = field(default_factory=dict)
    sounds: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Composed:
    """One occurrence: what will air, what is left out, and why nothing airs, if nothing does."""

    pieces: tuple[Piece, ...]
    left_out: tuple[LeftOut, ...]
    why: str = ""

    @property
    def length_ms(self) -> int:
        """From the first sound to the last."""
        return sum(piece.length_ms for piece in self.pieces)

    @property
    def key(self) -> str:
        """The name of all that its sound is made of."""
        facts = msgspec.json.encode([piece.made_of() for piece in self.pieces])
        return hashlib.sha256(facts).hexdigest()


def read(stored: Mapping[str, Any]) -> Rundown:
    """A stored rundown. Errors: RundownError."""
    try:
        return msgspec.convert(dict(stored), Rundown)
    except msgspec.ValidationError as error:
        raise RundownError(str(error)) from error


def stored(rundown: Rundown) -> dict[str, Any]:
    """A rundown as it is stored."""
    plain: dict[str, Any] = msgspec.to_builtins(rundown)
    return plain


def compose(rundown: Rundown, shelf: Shelf, at: datetime) -> Composed:
    """What the occurrence at ``at`` is made of.

    The bulletins are chosen with the words as long as they would be with all of them, so that choosing again from the
    same rows chooses the same.
    """
    choice = _Choice(rundown, shelf, at)
    choice.fit()
    pieces = tuple(_timed(choice.pieces()))
    return Composed(pieces, tuple(choice.left_out), "" if _worth_airing(rundown, pieces) else EMPTY)


def _timed(pieces: Iterable[Piece]) -> Iterator[Piece]:
    at_ms = 0
    for piece in pieces:
        yield msgspec.structs.replace(piece, at_ms=at_ms)
        at_ms += piece.length_ms


def _worth_airing(rundown: Rundown, pieces: Iterable[Piece]) -> bool:
    """Whether there is more than tunes and words: what the rundown is for, or music where it is for music alone."""
    kinds = {piece.kind for piece in pieces}
    informs = any(isinstance(item, Relay | Fixed | Bulletins) for item in rundown.items)
    return bool(kinds & ({Kind.RELAY, Kind.BULLETIN} if informs else {Kind.MUSIC}))


class _Choice:
    """Which bulletins and how much music one occurrence holds."""

    def __init__(self, rundown: Rundown, shelf: Shelf, at: datetime) -> None:
        self._rundown, self._shelf = rundown, shelf
        self.left_out: list[LeftOut] = []
        self._taken: dict[int, list[Candidate]] = {}
        self._music: dict[int, int] = {}
        """Milliseconds of each piece of music, by its place in the rundown."""
        used: set[int] = set()
        for number, item in enumerate(rundown.items):
            if isinstance(item, Fixed):
                used.add(item.bulletin)
                self._taken[number] = self._usable([shelf.fixed.get(item.bulletin) or _gone(item.bulletin, at)])
            elif isinstance(item, Music):
                self._music[number] = self._sound_ms(item.sound)
        for number, item in enumerate(rundown.items):
            if isinstance(item, Bulletins):
                mine = [each for each in shelf.slot if each.bulletin not in used and _suits(item, each, at)]
                used |= {each.bulletin for each in mine}
                self._taken[number] = self._usable(sorted(mine, key=_order))

    def _usable(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        usable = []
        for each in candidates:
            if each.why_not:
                self.left_out.append(LeftOut(each.bulletin, each.title, each.why_not))
            else:
                usable.append(each)
        return usable

    def fit(self) -> None:
        """Bring the length in line with what was planned, as the overrun policy says."""
        over_ms = sum(piece.length_ms for piece in self.pieces()) - self._rundown.planned_ms
        if over_ms <= 0 or self._rundown.overrun is Overrun.RUN_OVER:
            return
        for number in sorted(self._music, reverse=True):
            if over_ms > 0:
                kept_ms = (self._music[number] - over_ms) // SECOND * SECOND
                kept_ms = kept_ms if kept_ms >= LEAST_MUSIC_MS else 0
                over_ms -= self._music[number] - kept_ms
                self._music[number] = kept_ms
        if self._rundown.overrun is Overrun.DROP:
            self._drop(over_ms)

    def _drop(self, over_ms: int) -> None:
        """Leave out bulletins for the next slot, the least important first."""
        for item, each in sorted(self._droppable(), key=lambda pair: _worth(pair[1])):
            if over_ms <= 0:
                break
            mine = self._taken[self._rundown.items.index(item)]
            mine.remove(each)
            over_ms -= each.length_ms + (self._sound_ms(item.sting) if mine else 0)
            self.left_out.append(LeftOut(each.bulletin, each.title, NO_ROOM))

    def _droppable(self) -> Iterator[tuple[Bulletins, Candidate]]:
        for number, item in enumerate(self._rundown.items):
            if isinstance(item, Bulletins):
                yield from ((item, each) for each in self._taken[number])

    def pieces(self) -> Iterator[Piece]:
        """What is chosen by now, in order."""
        titles = [each.title for number in sorted(self._taken) for each in self._taken[number]]
        for number, item in enumerate(self._rundown.items):
            yield from self._pieces_of(number, item, titles)

    def _pieces_of(self, number: int, item: Item, titles: Sequence[str]) -> Iterator[Piece]:
        match item:
            case Tune():
                yield self._of_library(Kind.TUNE, item.sound)
            case Words():
                text, length_ms = self._shelf.announce(item.text, titles)
                if text:
                    yield Piece(Kind.WORDS, text=text, length_ms=length_ms)
            case Relay():
                length_ms = item.minutes * MINUTE
                yield Piece(Kind.RELAY, item.name, length_ms=length_ms, sound=item.fallback, address=item.address)
            case Music():
                yield from self._music_of(number, item)
            case Fixed():
                yield from map(_of_bulletin, self._taken[number])
            case Bulletins():
                for count, each in enumerate(self._taken[number]):
                    if count and item.sting:
                        yield self._of_library(Kind.STING, item.sting)
                    yield _of_bulletin(each)

    def _music_of(self, number: int, item: Music) -> Iterator[Piece]:
        whole, length_ms = self._of_library(Kind.MUSIC, item.sound), self._music[number]
        if length_ms:
            yield msgspec.structs.replace(whole, length_ms=length_ms, cut=length_ms < whole.length_ms)

    def _of_library(self, kind: Kind, sound: str) -> Piece:
        length_ms, title = self._shelf.sounds.get(sound, (0, ""))
        return Piece(kind, title, length_ms=length_ms, sound=sound)

    def _sound_ms(self, sound: str) -> int:
        return self._shelf.sounds.get(sound, (0, ""))[0]


def _of_bulletin(each: Candidate) -> Piece:
    return Piece(Kind.BULLETIN, each.title, length_ms=each.length_ms, clip=each.clip, bulletin=each.bulletin)


def _gone(bulletin: int, at: datetime) -> Candidate:
    return Candidate(bulletin, "", "", Class.ROUTINE, at, 0, why_not="gone")


def _suits(item: Bulletins, each: Candidate, at: datetime) -> bool:
    young = at - each.at <= timedelta(days=item.days)
    return young and (not item.categories or each.category in item.categories)


def _order(each: Candidate) -> tuple[int, datetime, int]:
    """In which order bulletins are heard: the higher class first, then as they were written."""
    return -RANK[each.klass], each.at, each.bulletin


def _worth(each: Candidate) -> tuple[int, bool, float, int]:
    """In which order bulletins are left out: the lower class first, then what was heard before, then the youngest."""
    return RANK[each.klass], not each.aired, -each.at.timestamp(), -each.bulletin
