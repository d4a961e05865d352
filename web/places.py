"""The tree of places as a form shows it, and what of it is chosen. Knows no HTTP."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.geography import Geography
from broadcaster.library import fold
from broadcaster.rows import Place, PlaceKind

WHOLE: Final = 100
"""So many places are shown at once, as a commune has them; of more each is opened when somebody looks into it."""
AT_FIRST: Final = 40
"""Of more, the first two levels are shown when they are no more than this."""
SEARCHED: Final = 20
"""Of more places than this one is searched by its name."""


@dataclass(frozen=True)
class Branch:
    """A place with what lies in it.

    Attributes:
        own: speakers that stand in each place whose speakers hear this one, by the place's id.
        path: the names of the places around it, the nearest first.
    """

    id: int
    code: str
    name: str
    own: Mapping[int, int]
    path: tuple[str, ...] = ()
    children: tuple["Branch", ...] = ()

    @property
    def speakers(self) -> int:
        """Speakers that hear it, each counted once however often its place is covered."""
        return sum(self.own.values())


@dataclass(frozen=True)
class Choices:
    """Everything that something can be sent to, and what of it was chosen.

    Attributes:
        codes: what was chosen.
        ticked: the codes that a form shows ticked: also what has speakers and lies in one that was chosen.
        count: places of the tree.
        asked: somebody wants to see every place at once.
    """

    roots: tuple[Branch, ...]
    groups: tuple[Branch, ...]
    codes: frozenset[str]
    ticked: frozenset[str]
    count: int
    asked: bool

    @classmethod
    def load(
        cls,
        session: Session,
        geography: Geography,
        codes: Iterable[str] = (),
        *,
        allowed: Callable[[int], bool] | None = None,
        asked: bool = False,
    ) -> "Choices":
        """The choices as they are now, those ``allowed``; what lies in a place that is left out moves up."""
        roots, groups = _grow(session, geography)
        if allowed:
            roots, groups = _pruned(roots, allowed), _pruned(groups, allowed)
        chosen, places = frozenset(codes), list(_walk(roots))
        inside = (child for branch in places if branch.code in chosen for child in _walk([branch]))
        ticked = chosen | {branch.code for branch in inside if branch.own}
        return cls(roots, groups, chosen, ticked, len(places), asked)

    @property
    def whole(self) -> bool:
        """Whether every place is shown at once."""
        return self.asked or self.count <= WHOLE

    @property
    def searched(self) -> bool:
        """Whether there are so many that one is searched for."""
        return self.count > SEARCHED

    @property
    def total(self) -> int:
        """Speakers that can be chosen."""
        return _reached((*self.roots, *self.groups))

    @property
    def chosen(self) -> int:
        """Speakers that hear at least one of the places that were chosen."""
        return _reached(branch for branch in (*_walk(self.roots), *self.groups) if branch.code in self.codes)

    def opens(self, branch: Branch) -> bool:
        """Whether what lies in it is shown at once."""
        if self.whole:
            return True
        if len(self.roots) + sum(len(root.children) for root in self.roots) <= AT_FIRST and any(
            branch is root for root in self.roots
        ):
            return True
        return branch.code not in self.ticked and any(child.code in self.ticked for child in _walk(branch.children))

    def find(self, typed: str) -> Sequence[Branch]:
        """The places with these words in their names, or around them, with or without marks, the closest match first."""
        words = " ".join(fold(typed).split())
        if not words:
            return []
        named: dict[str, list[Branch]] = {"exactly": [], "so": [], "around": []}
        for branch in (*_walk(self.roots), *self.groups):
            name, around = fold(branch.name), fold(" ".join((branch.name, *branch.path)))
            if f" {words}" in f" {around}":
                named["exactly" if name == words else "so" if f" {words}" in f" {name}" else "around"].append(branch)
        return [branch for found in named.values() for branch in found]

    def of(self, codes: Iterable[str]) -> Sequence[Branch]:
        """The places with these codes."""
        wanted = frozenset(codes)
        return [branch for branch in (*_walk(self.roots), *self.groups) if branch.code in wanted]

    def inside(self, place_id: int) -> Sequence[Branch]:
        """What lies right inside a place; nothing where there is no such place."""
        return next((branch.children for branch in _walk(self.roots) if branch.id == place_id), ())


def _grow(session: Session, geography: Geography) -> tuple[tuple[Branch, ...], tuple[Branch, ...]]:
    """The roots of the tree, and the groups."""
    columns = select(Place.id, Place.code, Place.name, Place.kind, Place.parent_id)
    rows = session.execute(columns.order_by(Place.position, Place.id)).all()
    own = Counter(geography.speakers.values())
    below: dict[int | None, list[tuple[int, str, str]]] = {}
    for number, code, name, kind, parent in rows:
        if kind is not PlaceKind.GROUP:
            below.setdefault(parent, []).append((number, code, name))
    known: dict[int, Branch] = {}

    def grow(number: int, code: str, name: str, path: tuple[str, ...]) -> Branch:
        children = tuple(grow(*child, (name, *path)) for child in below.get(number, ()))
        heard = {number: own[number]} if own[number] else {}
        known[number] = Branch(number, code, name, _merged(heard, children), path, children)
        return known[number]

    roots = tuple(grow(*root, ()) for root in below.get(None, ()))
    groups = tuple(
        Branch(number, code, name, _merged({}, (known[one] for one in geography.members.get(number, ()))))
        for number, code, name, kind, _ in rows
        if kind is PlaceKind.GROUP
    )
    return roots, groups


def _merged(own: Mapping[int, int], branches: Iterable[Branch]) -> Mapping[int, int]:
    merged = dict(own)
    for branch in branches:
        merged.update(branch.own)
    return merged


def _pruned(branches: Iterable[Branch], allowed: Callable[[int], bool]) -> tuple[Branch, ...]:
    found: list[Branch] = []
    for branch in branches:
        inside = _pruned(branch.children, allowed)
        found += [replace(branch, children=inside)] if allowed(branch.id) else inside
    return tuple(found)


def _reached(branches: Iterable[Branch]) -> int:
    return sum(_merged({}, branches).values())


def _walk(branches: Iterable[Branch]) -> Iterable[Branch]:
    for branch in branches:
        yield branch
        yield from _walk(branch.children)
