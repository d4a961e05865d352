"""Who may do what where: one table of roles and one decision. Pure; `broadcaster.people` reads the grants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from broadcaster.geography import Spot
from broadcaster.rows import PlaceKind, Role


class Action(StrEnum):
    """Something a page lets people do."""

    VIEW = "view"
    WRITE = "write"
    APPROVE = "approve"
    STOP = "stop"
    RAISE = "raise"
    AIR_LOCALLY = "air-locally"
    ENROL = "enrol"
    SEE_STATUS = "see-status"
    MANAGE = "manage"


ACTIONS: Final[Mapping[Role, frozenset[Action]]] = {
    Role.ADMINISTRATOR: frozenset(Action) - {Action.APPROVE, Action.AIR_LOCALLY},
    Role.EDITOR: frozenset({Action.VIEW, Action.WRITE, Action.STOP, Action.SEE_STATUS}),
    Role.APPROVER: frozenset({Action.VIEW, Action.APPROVE, Action.STOP}),
    Role.DUTY_OFFICER: frozenset({Action.VIEW, Action.STOP, Action.RAISE}),
    Role.VILLAGE_HEAD: frozenset({Action.VIEW, Action.STOP, Action.AIR_LOCALLY}),
    Role.TECHNICIAN: frozenset({Action.VIEW, Action.ENROL, Action.SEE_STATUS}),
    Role.VIEWER: frozenset({Action.VIEW}),
}
"""An administrator hands out the right to approve and does not have it: nobody approves by the way."""


@dataclass(frozen=True)
class Holding:
    """A role that is in force.

    Attributes:
        place_id: where; None for the whole station.
        grant_id: the grant it comes from.
        on_behalf_of: account whose right was lent; None for one's own.
    """

    role: Role
    place_id: int | None
    grant_id: int
    on_behalf_of: int | None = None


@dataclass(frozen=True)
class Person:
    """An account with what it holds at this moment."""

    account_id: int
    holdings: tuple[Holding, ...] = ()

    def everywhere(self, action: Action) -> bool:
        """Whether a grant for the whole station allows ``action``: the places need not be looked at."""
        return any(holding.place_id is None and action in ACTIONS[holding.role] for holding in self.holdings)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Every role once, in the order of `Role`."""
        held = {holding.role for holding in self.holdings}
        return tuple(role for role in Role if role in held)


class Tree(Protocol):
    """What the decision needs to know of the places (`Geography` is one)."""

    @property
    def spots(self) -> Mapping[int, Spot]:
        """Every place by id."""
        ...

    @property
    def members(self) -> Mapping[int, frozenset[int]]:
        """The places of each group."""
        ...

    def ancestry(self, place_id: int) -> tuple[int, ...]:
        """A place and its ancestors, itself first."""
        ...


def may(person: Person, action: Action, place_id: int | None, tree: Tree) -> bool:
    """Whether ``person`` may do ``action`` in a place.

    ``place_id`` None means the whole station: all its places must be covered. A group is covered when all its members
    are; one that nobody belongs to belongs to the whole station.
    """
    held = [holding.place_id for holding in person.holdings if action in ACTIONS[holding.role]]
    if not held or None in held:
        return bool(held)
    if place_id is None:
        roots = [spot.id for spot in tree.spots.values() if spot.parent_id is None and spot.kind is not PlaceKind.GROUP]
        return bool(roots) and all(_covers(held, root, tree) for root in roots)
    if place_id not in tree.spots:
        return False
    inside = tree.members.get(place_id, frozenset())
    if tree.spots[place_id].kind is PlaceKind.GROUP and place_id not in held:
        return bool(inside) and all(_covers(held, member, tree) for member in inside)
    return _covers(held, place_id, tree)


def may_all(person: Person, action: Action, places: Iterable[int], tree: Tree) -> bool:
    """Whether ``person`` may do ``action`` in every one of ``places``."""
    return all(may(person, action, place, tree) for place in places)


def may_somewhere(person: Person, *actions: Action) -> bool:
    """Whether there is a place in which ``person`` may do one of ``actions``."""
    return any(action in ACTIONS[holding.role] for holding in person.holdings for action in actions)


def _covers(held: Iterable[int | None], place_id: int, tree: Tree) -> bool:
    return not set(tree.ancestry(place_id)).isdisjoint(held)
