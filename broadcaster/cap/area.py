"""Which places a CAP message is for: polygons, circles and geocodes against outlines and speakers. Pure; the door of shapely.

Coordinates inside are (longitude, latitude) in degrees, WGS84. A polygon over the antimeridian is unrolled, and looked for a turn of
the earth to either side. What can't be used is left out and told; it is for a person then to say where.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from broadcaster.cap.message import Area

MAX_VERTICES: Final = 20_000
"""Of all polygons of one area; a commune's border has a few hundred."""
_MAX_CROSSING: Final = 500
"""A polygon of more vertices that crosses itself is taken as its hull: mending it takes the square of them."""
_SHARE: Final = 0.05
"""Borders are drawn by different hands: an overlap below this share of the smaller of the two is none."""
_EARTH_KM: Final = 6_371.0088
_NUMBER: Final = r"[+-]?\d{1,3}(?:\.\d{1,20})?"
_PAIR: Final = re.compile(rf"({_NUMBER}),({_NUMBER})")
_CIRCLE: Final = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})\s+(\d{{1,5}}(?:\.\d{{1,20}})?)")
_LEAST_PAIRS: Final = 4
_POLE, _TURN = 90.0, 360.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Note:
    """Something to be told about a message; ``ask`` when a person has to decide because of it."""

    code: str
    what: str = ""
    ask: bool = False


@dataclass(frozen=True)
class Spot:
    """A place with speakers of its own: its outline if it has one, and where its speakers stand."""

    place_id: int
    outline: BaseGeometry | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Found:
    """The places that an area is for, those named by a geocode with all that lies in them."""

    places: frozenset[int]
    whole: frozenset[int]
    notes: tuple[Note, ...]


def outline_of(geojson: str) -> BaseGeometry | None:
    """An outline as it is kept; None for one that can't be used."""
    try:
        geometry = shapely.from_geojson(geojson)
    except shapely.errors.ShapelyError:
        return None
    return None if geometry is None or geometry.is_empty else shapely.make_valid(geometry)


def locate(areas: Sequence[Area], spots: Iterable[Spot], geocodes: Mapping[tuple[str, str], Iterable[int]]) -> Found:
    """Where a message is for. ``geocodes`` leads from (name, value), both folded by `fold`, to places."""
    notes: list[Note] = []
    places: set[int] = set()
    whole: set[int] = set()
    known = list(spots)
    for area in areas:
        shapes = _shapes(area, notes)
        for spot in known:
            if any(_hit(shape, spot) for shape in shapes):
                places.add(spot.place_id)
        for name, value in area.geocodes:
            whole.update(geocodes.get((fold(name), fold(value)), ()))
        if not (area.polygons or area.circles or area.geocodes):
            notes.append(Note("area-without-geometry", area.description[:200], ask=True))
    if not areas:
        notes.append(Note("no-area", ask=True))
    return Found(frozenset(places), frozenset(whole), tuple(notes))


def fold(text: str) -> str:
    """A name or value of a geocode as it is compared."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True)
class _Circle:
    centre: Point
    radius_km: float


def _shapes(area: Area, notes: list[Note]) -> list[BaseGeometry | _Circle]:
    found: list[BaseGeometry | _Circle] = []
    left = MAX_VERTICES
    for text in area.polygons:
        size = text.count(",")
        left -= size
        if left < 0:
            notes.append(Note("polygon-too-large", str(MAX_VERTICES), ask=True))
            break
        if polygon := _polygon(text, notes):
            found.append(polygon)
    for text in area.circles[:MAX_VERTICES]:
        if circle := _circle(text):
            found.append(circle)
        else:
            notes.append(Note("bad-circle", text[:60], ask=True))
    return found


def _polygon(text: str, notes: list[Note]) -> BaseGeometry | None:
    pairs = [_PAIR.fullmatch(pair) for pair in text.split()]
    points = [(float(pair[2]), float(pair[1])) for pair in pairs if pair]
    if len(points) < max(len(pairs), _LEAST_PAIRS) or not all(_on_earth(point) for point in points):
        notes.append(Note("bad-polygon", text[:60], ask=True))
        return None
    if points[0] != points[-1]:
        notes.append(Note("polygon-not-closed"))
    outline = np.array(points)
    outline[:, 0] = np.unwrap(outline[:, 0], period=_TURN)
    polygon: BaseGeometry = shapely.Polygon(outline)
    if not polygon.is_valid:
        notes.append(Note("polygon-crosses-itself"))
        polygon = shapely.make_valid(polygon) if len(points) <= _MAX_CROSSING else polygon.convex_hull
    return polygon


def _circle(text: str) -> _Circle | None:
    found = _CIRCLE.fullmatch(text)
    if not found:
        return None
    circle = _Circle((float(found[2]), float(found[1])), float(found[3]))
    return circle if _on_earth(circle.centre) else None


def _on_earth(point: Point) -> bool:
    return abs(point[0]) <= _TURN / 2 and abs(point[1]) <= _POLE


def _hit(shape: BaseGeometry | _Circle, spot: Spot) -> bool:
    if isinstance(shape, _Circle):
        return _hit_by_circle(shape, spot)
    return any(_hit_by_polygon(shape, spot, turn) for turn in (0.0, -_TURN, _TURN))


def _hit_by_polygon(polygon: BaseGeometry, spot: Spot, turn: float) -> bool:
    west, south, east, north = polygon.bounds
    if any(
        west <= x + turn <= east and south <= y <= north and polygon.covers(shapely.Point(x + turn, y))
        for x, y in spot.points
    ):
        return True
    if spot.outline is None:
        return False
    outline = affinity.translate(spot.outline, turn) if turn else spot.outline
    if not polygon.intersects(outline):
        return False
    overlap = float(polygon.intersection(outline).area)
    return overlap >= _SHARE * min(float(polygon.area), float(outline.area)) or polygon.area == 0


def _hit_by_circle(circle: _Circle, spot: Spot) -> bool:
    """Exact for points; an outline is seen from the centre, where distances and directions are true."""
    if spot.points and bool(np.any(_seen_from(circle.centre, np.array(spot.points))[1] <= circle.radius_km)):
        return True
    if spot.outline is None:
        return False

    def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
        bearing, distance = _seen_from(circle.centre, points)
        return np.column_stack((distance * np.sin(bearing), distance * np.cos(bearing)))

    return float(shapely.transform(spot.outline, project).distance(shapely.Point(0, 0))) <= circle.radius_km


def _seen_from(centre: Point, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bearing in radians and distance in km of each point from ``centre`` on the sphere."""
    longitude, latitude = np.radians(points[:, 0]), np.radians(points[:, 1])
    here = np.radians(centre[1])
    apart = longitude - np.radians(centre[0])
    half = np.sin((latitude - here) / 2) ** 2 + np.cos(here) * np.cos(latitude) * np.sin(apart / 2) ** 2
    bearing = np.arctan2(
        np.sin(apart) * np.cos(latitude),
        np.cos(here) * np.sin(latitude) - np.sin(here) * np.cos(latitude) * np.cos(apart),
    )
    return bearing, 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
