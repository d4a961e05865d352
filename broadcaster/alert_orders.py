"""What somebody wants to be raised, and whether it can be. Knows no HTTP."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.alert_tables import AlertTable
from broadcaster.alert_templates import Template, UnknownTemplateError
from broadcaster.errors import LoaError
from broadcaster.rows import GroupMember, Place, PlaceKind
from broadcaster.wire.acceptance import MAX_ALERT_MS

DEFAULT_LIFE: Final = timedelta(hours=6)
SHORTEST_LIFE: Final = timedelta(minutes=5)
LONGEST_LIFE: Final = timedelta(milliseconds=MAX_ALERT_MS)
_MAX_TEXT: Final = 1_000
_MAX_WORDS: Final = 60
"""Sentences."""
_MAX_REQUEST: Final = 150


@dataclass(frozen=True)
class Fault:
    """What is wrong with an order: the field, a code, and what it is about."""

    field: str
    code: str
    value: str = ""


class OrderError(LoaError):
    """The order can't be carried out; every fault is told."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.code} {fault.value}".strip() for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Order:
    """What somebody wants to be raised.

    Attributes:
        request: the source's own name for it; the same one again raises nothing new.
        places: codes.
        values: fields of the template.
        level: 1 to 5; None for the template's.
        life: until it expires by itself.
        follows: the alert in force that it takes the place of.
        title: instead of the template's name.
        words: sentences to be said after the template's call, in the place of its others.
    """

    request: str
    template: str
    places: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    level: int | None = None
    life: timedelta = DEFAULT_LIFE
    drill: bool = False
    follows: str | None = None
    title: str = ""
    words: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 over everything that was asked for."""
        asked = [self.template, sorted(self.places), dict(self.values), self.level, self.life.total_seconds()]
        return hashlib.sha256(
            json.dumps([*asked, self.drill, self.follows, self.title, *self.words]).encode()
        ).hexdigest()


def check(session: Session, order: Order, table: AlertTable) -> tuple[Template, list[Place]]:
    """The template and the places of an order. Errors: OrderError."""
    faults: list[Fault] = []
    if not order.request or len(order.request) > _MAX_REQUEST:
        faults.append(Fault("request", "missing" if not order.request else "too-long"))
    try:
        template = table.template(order.template)
    except UnknownTemplateError:
        raise OrderError([*faults, Fault("template", "unknown", order.template)]) from None
    if template.kind != "warning":
        faults.append(Fault("template", "not-alone", order.template))
    known = {one.name: one for one in template.fields}
    faults += [Fault("values", "unknown", name) for name in order.values if name not in known]
    faults += [Fault(name, "too-long") for name, value in order.values.items() if len(value) > _MAX_TEXT]
    if len(order.words) > _MAX_WORDS or any(len(sentence) > _MAX_TEXT for sentence in order.words):
        faults.append(Fault("words", "too-long"))
    faults += [
        Fault(one.name, "missing")
        for one in template.fields
        if one.required and not order.words and not order.values.get(one.name, "").strip()
    ]
    if order.level is not None and not 1 <= order.level <= 5:  # noqa: PLR2004  the Decision's levels
        faults.append(Fault("level", "unknown", str(order.level)))
    if not SHORTEST_LIFE <= order.life <= LONGEST_LIFE:
        faults.append(Fault("life", "out-of-range"))
    found = {place.code: place for place in session.scalars(select(Place).where(Place.code.in_(order.places)))}
    faults += [Fault("places", "unknown", code) for code in order.places if code not in found]
    if not order.places:
        faults.append(Fault("places", "none"))
    if faults:
        raise OrderError(faults)
    return template, without_inner(session, found.values())


def without_inner(session: Session, places: Collection[Place]) -> list[Place]:
    """The places that lie in no other of them: what a commune hears, its villages and groups need not be told again."""
    if len(places) == 1:
        return list(places)
    parents: dict[int, int | None] = dict(session.execute(select(Place.id, Place.parent_id)).all())
    members: dict[int, list[int]] = {}
    for member in session.scalars(select(GroupMember)):
        members.setdefault(member.group_id, []).append(member.place_id)
    chosen = {place.id for place in places}

    def lies_inside(place_id: int | None) -> bool:
        seen: set[int] = set()
        while place_id is not None and place_id not in seen:
            if place_id in chosen:
                return True
            seen.add(place_id)
            place_id = parents.get(place_id)
        return False

    def is_inner(place: Place) -> bool:
        if place.kind is PlaceKind.GROUP:
            return bool(members.get(place.id)) and all(lies_inside(member) for member in members[place.id])
        return lies_inside(parents.get(place.id))

    return sorted((place for place in places if not is_inner(place)), key=lambda place: (place.position, place.id))
