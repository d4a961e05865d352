"""Which places a CAP message is for: polygons, circles and geocodes against outlines and speakers. Pure; the door of shapely.

Coordinates inside are (longitude, latitude) in degrees, WGS84. A polygon over the antimeridian is unrolled, and looked for a turn of
the earth to either side. What can't be used is left out and told; it is for a person then to say where.
"""

import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from broadcaster.cap.message import Area

MAX_VERTICES: Final = 20_000
"""Of all polygons of a message; a commune's border has a few hundred."""
MAX_POLYGONS: Final = 200
MAX_CIRCLES: Final = 20
_MAX_CROSSING: Final = 500
"""A polygon of more vertices that crosses itself is taken as its hull: mending it takes the square of them."""
_SHARE: Final = 0.05
"""Borders are drawn by different hands: an overlap below this share of the smaller of the two is none."""
_NEAR: Final = 0.2
"""Degrees, about 20 km: a commune is smaller."""
_EARTH_KM: Final = 6_371.0088
_NUMBER: Final = r"[+-]?\d{1,3}(?:\.\d{1,20})?"
_PAIR: Final = re.compile(rf"({_NUMBER}),({_NUMBER})")
_CIRCLE: Final = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})\s+(\d{{1,5}}(?:\.\d{{1,20}})?)")
_LEAST_PAIRS: Final = 4
_POLE, _TURN, _POLAR = 90.0, 360.0, 89.0
_TURNS: Final = (0.0, -_TURN, _TURN)
_DEGREE_KM: Final = 111.0
"""A little less than any degree of latitude on the sphere of `_EARTH_KM`."""

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
    chart = _Chart(list(spots))
    places: set[int] = set()
    whole: set[int] = set()
    for shape in _shapes(areas, notes):
        places |= chart.hit(shape, places)
    for area in areas:
        for name, value in area.geocodes:
            whole.update(geocodes.get((fold(name), fold(value)), ()))
        if not (area.polygons or area.circles or area.geocodes):
            notes.append(Note("area-without-geometry", area.description[:200], ask=True))
    if not areas:
        notes.append(Note("no-area", ask=True))
    return Found(frozenset(places), frozenset(whole), tuple(dict.fromkeys(notes)))


def near(areas: Sequence[Area], spots: Iterable[Spot]) -> bool:
    """Whether a message comes near what is known of the town; True where nothing is known."""
    known = [one for spot in spots for one in (spot.outline, shapely.MultiPoint(spot.points)) if one is not None]
    bounds = shapely.total_bounds(known)
    if np.isnan(bounds).any():
        return True
    town = _Chart([Spot(0, shapely.box(*bounds).buffer(_NEAR), ())])
    return any(town.hit(shape, ()) for shape in _shapes(areas, []))


def fold(text: str) -> str:
    """A name or value of a geocode as it is compared."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True)
class _Circle:
    centre: Point
    radius_km: float

    def boxes(self) -> list[BaseGeometry]:
        """What surely holds it, in degrees, a turn to either side too."""
        up = self.radius_km / _DEGREE_KM
        edge = min(abs(self.centre[1]) + up, _POLE)
        aside = _TURN if edge > _POLAR else up / math.cos(math.radians(edge))
        x, y = self.centre
        return [shapely.box(x + turn - aside, y - up, x + turn + aside, y + up) for turn in _TURNS]


def _shapes(areas: Iterable[Area], notes: list[Note]) -> list[BaseGeometry | _Circle]:
    """The geometry of a message, as far as it can be used."""
    polygons = [text for area in areas for text in area.polygons]
    circles = [text for area in areas for text in area.circles]
    vertices = sum(text.count(",") for text in polygons)
    if len(polygons) > MAX_POLYGONS or len(circles) > MAX_CIRCLES or vertices > MAX_VERTICES:
        notes.append(Note("area-too-large", ask=True))
        return []
    found: list[BaseGeometry | _Circle] = [one for text in polygons if (one := _polygon(text, notes))]
    for text in circles:
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


class _Chart:
    """The spots as arrays, so that thousands of them are held against a shape at once."""

    def __init__(self, spots: Sequence[Spot]) -> None:
        points = [(x, y, spot.place_id) for spot in spots for x, y in spot.points]
        self._points = np.array(points, float).reshape(-1, 3)
        drawn = [(spot.outline, spot.place_id) for spot in spots if spot.outline is not None]
        self._outlines, self._owners = [outline for outline, _ in drawn], [owner for _, owner in drawn]
        self._tree = shapely.STRtree(self._outlines)

    def hit(self, shape: BaseGeometry | _Circle, known: Container[int]) -> set[int]:
        """The places that a shape is for; outlines of ``known`` ones are not looked at."""
        if isinstance(shape, _Circle):
            return self._by_circle(shape, known)
        return set().union(*(self._by_polygon(affinity.translate(shape, turn), known) for turn in _TURNS))

    def _by_polygon(self, polygon: BaseGeometry, known: Container[int]) -> set[int]:
        shapely.prepare(polygon)
        inside = shapely.intersects_xy(polygon, self._points[:, 0], self._points[:, 1])
        hit = {int(place) for place in self._points[inside, 2]}
        for number in self._tree.query(polygon, predicate="intersects"):
            outline, owner = self._outlines[number], self._owners[number]
            if owner in known or owner in hit:
                continue
            least = _SHARE * min(float(polygon.area), float(outline.area))
            if polygon.covers(outline) or float(polygon.intersection(outline).area) >= least:
                hit.add(owner)
        return hit

    def _by_circle(self, circle: _Circle, known: Container[int]) -> set[int]:
        """Exact for points; an outline is seen from the centre, where distances and directions are true."""
        near = _seen_from(circle.centre, self._points[:, :2])[1] <= circle.radius_km
        hit = {int(place) for place in self._points[near, 2]}

        def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
            bearing, distance = _seen_from(circle.centre, points)
            return np.column_stack((distance * np.sin(bearing), distance * np.cos(bearing)))

        for number in np.unique(self._tree.query(circle.boxes())[1]):
            owner = self._owners[number]
            if owner in known or owner in hit:
                continue
            if shapely.transform(self._outlines[number], project).distance(shapely.Point(0, 0)) <= circle.radius_km:
                hit.add(owner)
        return hit


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
