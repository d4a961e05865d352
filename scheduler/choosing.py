"""What one occurrence of a programme becomes with the bulletins there are: the same rows give the same choice. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE, SECOND
from scheduler.rundown import (
    EMPTY,
    LEAST_MUSIC_MS,
    NO_ROOM,
    Bulletins,
    Candidate,
    Composed,
    Fixed,
    Item,
    Kind,
    LeftOut,
    Music,
    Overrun,
    Piece,
    Relay,
    Rundown,
    Shelf,
    Tune,
    Words,
)
from scheduler.timeline import RANK


def compose(rundown: Rundown, shelf: Shelf, at: datetime, most_ms: int | None = None) -> Composed:
    """What the occurrence at ``at`` is made of; ``most_ms`` is how long it may be whatever the overrun policy says.

    The bulletins are chosen with the words as long as they would be with all of them, so that choosing again from the
    same rows chooses the same.
    """
    choice = _Choice(rundown, shelf, at)
    choice.fit(most_ms)
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

    def fit(self, most_ms: int | None) -> None:
        """Bring the length in line with what was planned, as the overrun policy says, and with what is possible."""
        self._shorten(self._rundown.planned_ms, self._rundown.overrun)
        if most_ms is not None:
            self._shorten(most_ms, Overrun.DROP)

    def _shorten(self, limit_ms: int, overrun: Overrun) -> None:
        over_ms = sum(piece.length_ms for piece in self.pieces()) - limit_ms
        if over_ms <= 0 or overrun is Overrun.RUN_OVER:
            return
        for number in sorted(self._music, reverse=True):
            if over_ms > 0:
                kept_ms = (self._music[number] - over_ms) // SECOND * SECOND
                kept_ms = kept_ms if kept_ms >= LEAST_MUSIC_MS else 0
                over_ms -= self._music[number] - kept_ms
                self._music[number] = kept_ms
        if overrun is Overrun.DROP:
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
