"""The tree of places as a form shows it. Knows no HTTP."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.geography import Geography
from broadcaster.rows import Place, PlaceKind


@dataclass(frozen=True)
class Branch:
    """A place with what lies in it.

    Attributes:
        covers: ids of the places whose own speakers hear it; speakers are counted once however often a place is covered.
        own: speakers that stand in this very place.
        speakers: speakers that hear it.
    """

    id: int
    code: str
    name: str
    covers: tuple[int, ...]
    own: int
    speakers: int
    children: tuple["Branch", ...] = ()


@dataclass(frozen=True)
class Choices:
    """Everything a bulletin can be sent to."""

    roots: tuple[Branch, ...]
    groups: tuple[Branch, ...]
    total: int

    @classmethod
    def load(cls, session: Session, geography: Geography) -> "Choices":
        """The choices as they are now."""
        places = list(session.scalars(select(Place).order_by(Place.position, Place.id)))
        own = Counter(geography.speakers.values())
        below: dict[int | None, list[Place]] = {}
        for place in places:
            if place.kind is not PlaceKind.GROUP:
                below.setdefault(place.parent_id, []).append(place)

        def branch(place: Place) -> Branch:
            heard = geography.heard_by([place.code])
            covers = tuple(sorted({geography.speakers[speaker] for speaker in heard}))
            children = tuple(branch(child) for child in below.get(place.id, ()))
            return Branch(place.id, place.code, place.name, covers, own[place.id], len(heard), children)

        groups = tuple(branch(place) for place in places if place.kind is PlaceKind.GROUP)
        return cls(tuple(branch(place) for place in below.get(None, ())), groups, len(geography.speakers))

    def own_counts(self) -> Mapping[int, int]:
        """Speakers that stand in each place, by its id."""
        return {branch.id: branch.own for branch in _walk(self.roots)}

    def chosen(self, codes: Iterable[str]) -> int:
        """How many speakers hear at least one of ``codes``."""
        wanted, own = set(codes), self.own_counts()
        reached = {
            place for branch in (*_walk(self.roots), *self.groups) if branch.code in wanted for place in branch.covers
        }
        return sum(own.get(place, 0) for place in reached)

    def ticked(self, codes: Iterable[str]) -> frozenset[str]:
        """``codes`` and every place with speakers inside them, as a form ticks them."""
        wanted = set(codes)
        inside = (child for branch in _walk(self.roots) if branch.code in wanted for child in _walk([branch]))
        return frozenset(wanted | {branch.code for branch in inside if branch.speakers})


def _walk(branches: Iterable[Branch]) -> Iterable[Branch]:
    for branch in branches:
        yield branch
        yield from _walk(branch.children)
