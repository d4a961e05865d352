"""Outlines of places: read from GeoJSON, proved to be areas on the earth, matched with places by name, and ready to be drawn.

The only importer of shapely for outlines. What is kept on the place is GeoJSON text (`rows.Place.outline`).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import shapely
from shapely.geometry import mapping, shape

from broadcaster.errors import LoaError
from broadcaster.weather.names import own_name
from broadcaster.weather.text import fold

Point = tuple[float, float]

_MAX_BYTES: Final = 20_000_000
_MAX_FEATURES: Final = 2_000
_TOLERANCE_DEG: Final = 0.00005
"""About 5 m: nobody sees the difference on a map of a commune, and rings lose most of their points."""
_DIGITS: Final = 6
_AREA: Final = ("Polygon", "MultiPolygon")
_WEST, _EAST, _SOUTH, _NORTH = 101.0, 118.0, 6.0, 24.5
"""Việt Nam with its islands: what lies outside was measured in another system (VN-2000 counts metres)."""


class OutlineError(LoaError):
    """The text can't be used as outlines; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Feature:
    """One area of a file; ``geojson`` is None where ``problem`` says why it can't be used."""

    names: tuple[str, ...]
    geojson: str | None
    problem: str = ""

    @property
    def name(self) -> str:
        """As a person would call it."""
        return self.names[0] if self.names else ""


@dataclass(frozen=True)
class Drawn:
    """An outline as rings of (latitude, longitude), and a point inside it for its name."""

    rings: tuple[tuple[Point, ...], ...]
    centre: Point


def read(text: str) -> list[Feature]:
    """The areas of a GeoJSON document. Errors: OutlineError."""
    if len(text.encode()) > _MAX_BYTES:
        raise OutlineError("too-large")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise OutlineError("not-json") from None
    features = list(_features(document))
    if not features:
        raise OutlineError("no-features")
    if len(features) > _MAX_FEATURES:
        raise OutlineError("too-many")
    return [_feature(one) for one in features]


def _features(document: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, dict):
        return
    if document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        yield from (one for one in document["features"] if isinstance(one, dict))
    elif document.get("type") == "Feature":
        yield document


def _feature(feature: Mapping[str, Any]) -> Feature:
    properties = feature.get("properties")
    told = properties.values() if isinstance(properties, dict) else ()
    names = tuple(" ".join(value.split()) for value in told if isinstance(value, str) and value.strip())
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict) or geometry.get("type") not in _AREA:
        return Feature(names, None, "no-area")
    try:
        area = shape(geometry)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, shapely.GEOSException):
        return Feature(names, None, "broken")
    if area.is_empty or not _is_here(area.bounds):
        west, south, east, north = area.bounds if not area.is_empty else (0, 0, 0, 0)
        return Feature(names, None, "swapped" if _is_here((south, west, north, east)) else "elsewhere")
    return _kept(names, area)


def _is_here(bounds: Sequence[float]) -> bool:
    west, south, east, north = bounds
    return _WEST <= west <= east <= _EAST and _SOUTH <= south <= north <= _NORTH


def _kept(names: tuple[str, ...], area: Any) -> Feature:
    """The area, mended where its rings cross themselves, with as many points as a map needs."""
    mended = area if area.is_valid else shapely.make_valid(area)
    polygons = [one for one in getattr(mended, "geoms", [mended]) if one.geom_type in _AREA]
    simple = shapely.union_all(polygons).simplify(_TOLERANCE_DEG) if polygons else None
    if simple is None or simple.is_empty or simple.geom_type not in _AREA:
        return Feature(names, None, "broken")
    flat = shapely.set_precision(shapely.force_2d(simple), 10**-_DIGITS)
    return Feature(names, json.dumps(mapping(flat), separators=(",", ":")))


def match(features: Iterable[Feature], places: Mapping[int, str]) -> tuple[dict[int, Feature], list[Feature]]:
    """Usable areas by the id of the place that bears one of their names, and those that fit none or one that is taken."""
    found: dict[int, Feature] = {}
    left: list[Feature] = []
    bearers = [(alike, _bearers(alike, places)) for alike in (str.casefold, fold, _own)]
    for feature in features:
        named = (index.get(alike(name)) for name in feature.names for alike, index in bearers)
        place_id = next((one for one in named if one is not None), None)
        if feature.geojson is None or place_id is None or place_id in found:
            left.append(feature)
        else:
            found[place_id] = feature
    return found, left


def _bearers(alike: Callable[[str], str], places: Mapping[int, str]) -> dict[str, int]:
    """The places that alone bear a name: as written, without diacritics, or without its word (thôn, bản)."""
    names = {place_id: alike(name) for place_id, name in places.items()}
    alone = {name for name, count in Counter(names.values()).items() if count == 1}
    return {name: place_id for place_id, name in names.items() if name in alone}


def _own(name: str) -> str:
    return " ".join(word.loose for word in own_name(name))


@lru_cache(maxsize=4096)
def drawn(geojson: str) -> Drawn:
    """A kept outline for drawing."""
    area = shape(json.loads(geojson))
    polygons = getattr(area, "geoms", [area])
    rings = tuple(
        tuple((float(y), float(x)) for x, y in ring.coords)
        for polygon in polygons
        for ring in (polygon.exterior, *polygon.interiors)
    )
    inside = max(polygons, key=lambda polygon: polygon.area).representative_point()
    return Drawn(rings, (inside.y, inside.x))
