"""Who hears what: places, groups and speakers as one snapshot, without the database.

A speaker's zones are its own place, every ancestor, and every group that contains one of them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broadcaster.rows import GroupMember, Place, PlaceKind, Speaker


@dataclass(frozen=True)
class Spot:
    """One place as the snapshot knows it."""

    id: int
    code: str
    kind: PlaceKind
    parent_id: int | None


@dataclass(frozen=True)
class Geography:
    """All places, group members (group id → place ids) and speakers in service (speaker id → place id)."""

    spots: Mapping[int, Spot]
    members: Mapping[int, frozenset[int]]
    speakers: Mapping[str, int]

    @classmethod
    def load(cls, session: Session) -> "Geography":
        """The snapshot of the database as it is now."""
        places = cls.of_places(session)
        served = Speaker.retired_at.is_(None) & Speaker.pending_since.is_(None)
        in_service = select(Speaker.id, Speaker.place_id).where(served).order_by(Speaker.id)
        return cls(places.spots, places.members, dict(session.execute(in_service).all()))

    @classmethod
    def of_places(cls, session: Session) -> "Geography":
        """The snapshot without any speaker, for what only asks about zones."""
        members: dict[int, set[int]] = {}
        for group, place in session.execute(select(GroupMember.group_id, GroupMember.place_id)):
            members.setdefault(group, set()).add(place)
        places = session.execute(select(Place.id, Place.code, Place.kind, Place.parent_id).order_by(Place.id))
        return cls(
            {spot[0]: Spot(*spot) for spot in places},
            {group: frozenset(inside) for group, inside in members.items()},
            {},
        )

    def ancestry(self, place_id: int) -> tuple[int, ...]:
        """A place and its ancestors, itself first."""
        found: list[int] = []
        current: int | None = place_id
        while current is not None and current not in found:
            found.append(current)
            current = self.spots[current].parent_id
        return tuple(found)

    def inside(self, place_id: int) -> frozenset[int]:
        """A place with all that lies in it; a group with its members and all that lies in them."""
        tops = {place_id} | self.members.get(place_id, frozenset())
        return frozenset(place for place in self.spots if not tops.isdisjoint(self.ancestry(place)))

    @cached_property
    def _zones(self) -> Mapping[int, tuple[str, ...]]:
        zones: dict[int, tuple[str, ...]] = {}
        for place_id in self.spots:
            line = self.ancestry(place_id)
            groups = [group for group, places in self.members.items() if places & set(line)]
            zones[place_id] = tuple(self.spots[spot].code for spot in (*line, *sorted(groups)))
        return zones

    def zones_of(self, speaker: str) -> tuple[str, ...]:
        """The zones a speaker listens to, its own place first."""
        return self._zones[self.speakers[speaker]]

    def zones_at(self, place_id: int) -> tuple[str, ...]:
        """The zones that are heard in a place, itself first."""
        return self._zones[place_id]

    @cached_property
    def _heard_in(self) -> Mapping[str, frozenset[str]]:
        heard: dict[str, set[str]] = {spot.code: set() for spot in self.spots.values()}
        for speaker in self.speakers:
            for zone in self.zones_of(speaker):
                heard[zone].add(speaker)
        return {zone: frozenset(speakers) for zone, speakers in heard.items()}

    def heard_by(self, zones: Iterable[str]) -> frozenset[str]:
        """The speakers in service that listen to at least one of ``zones``."""
        return frozenset[str]().union(*(self._heard_in.get(zone, frozenset()) for zone in zones))

    def reduce(self, place_ids: Collection[int]) -> tuple[int, ...]:
        """The places to address so that exactly the same speakers are reached, and none of them needlessly twice.

        A parent stands for its children when all of them that have speakers were chosen; never for a single one, since
        a schedule must not spread when its neighbours get speakers. A group stays a group, for it may grow.
        """
        whole = self._whole(frozenset(place_ids))
        groups = [self.spots[place] for place in place_ids if self.spots[place].kind is PlaceKind.GROUP]
        order = sorted(
            [*whole, *groups],
            key=lambda spot: (
                -len(self._heard_in[spot.code]),
                spot.kind is PlaceKind.GROUP,
                self._depth(spot),
                spot.id,
            ),
        )
        kept: list[int] = []
        reached: frozenset[str] = frozenset()
        for spot in order:
            heard = self._heard_in[spot.code]
            if not heard <= reached:
                kept.append(spot.id)
                reached |= heard
        return tuple(kept)

    def _depth(self, spot: Spot) -> int:
        return len(self.ancestry(spot.id))

    def _whole(self, chosen: frozenset[int]) -> list[Spot]:
        """The places of the tree that were chosen, themselves or in all their parts."""
        tree = [spot for spot in self.spots.values() if spot.kind is not PlaceKind.GROUP]
        own = set(self.speakers.values())
        parts: dict[int, list[int]] = {}
        for spot in tree:
            if spot.parent_id is not None and self._heard_in[spot.code]:
                parts.setdefault(spot.parent_id, []).append(spot.id)
        whole: dict[int, Spot] = {}
        for spot in sorted(tree, key=self._depth, reverse=True):
            inside = parts.get(spot.id, [])
            in_parts = len(inside) > 1 and spot.id not in own and all(part in whole for part in inside)
            if spot.id in chosen or in_parts:
                whole[spot.id] = spot
        return list(whole.values())


def tops() -> Select[Place]:
    """The places that are the whole station, as a query."""
    return select(Place).where(Place.parent_id.is_(None), Place.kind != PlaceKind.GROUP).order_by(Place.position)


def outlines(session: Session) -> Mapping[int, str]:
    """The borders of the places that have one, by id: GeoJSON text of a Polygon or MultiPolygon, WGS84."""
    rows = select(Place.id, Place.outline).where(Place.outline.is_not(None)).order_by(Place.id)
    return {place_id: outline for place_id, outline in session.execute(rows) if outline}
