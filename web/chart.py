"""A schematic map: positions on the earth as positions in a drawing, with names where there is room. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from broadcaster.outlines import Drawn

Point: TypeAlias = tuple[float, float]
_Box: TypeAlias = tuple[float, float, float, float]

WIDTH: Final = 1000
"""Of the drawing, in its own units."""
_MARGIN: Final = 70
_MIN_SPAN_DEG: Final = 0.002
"""About 200 m: a single speaker does not fill the sheet."""
_MAX_HEIGHT: Final = 1100
_MIN_HEIGHT: Final = 380
_DOT: Final = 28
"""Half the side of the square that a dot needs, as large as a phone draws it."""
_LETTER: Final = 20
_LINE: Final = 36
"""Width of a letter and height of a line of a name, in units of the drawing."""


@dataclass(frozen=True)
class Label:
    """A name, centred at x, its base line at y."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Chart:
    """Positions in a drawing of ``WIDTH`` × ``height``; x to the east, y to the south."""

    height: int
    dots: Mapping[str, Point]
    labels: Sequence[Label] = ()
    areas: Mapping[int, str] = field(default_factory=dict)
    """Outlines as SVG path data, by place."""


def draw(
    positions: Mapping[str, Point], names: Mapping[str, Sequence[str]], outlines: Mapping[int, Drawn] | None = None
) -> Chart:
    """Place points and outlines on a flat sheet, north up and true to shape.

    Args:
        positions: (latitude, longitude) in degrees.
        names: words to write beside one of some points; left out where there is no room.
        outlines: of places, by id; ``names`` may name one by "place-{id}".
    """
    outlines = outlines or {}
    corners = [corner for outline in outlines.values() for ring in outline.rings for corner in ring]
    if not positions and not corners:
        return Chart(0, {})
    latitudes = [latitude for latitude, _ in (*positions.values(), *corners)]
    longitudes = [longitude for _, longitude in (*positions.values(), *corners)]
    north, south, west, east = max(latitudes), min(latitudes), min(longitudes), max(longitudes)
    squeeze = math.cos(math.radians((north + south) / 2))
    wide = max((east - west) * squeeze, _MIN_SPAN_DEG)
    high = max(north - south, _MIN_SPAN_DEG)
    scale = min((WIDTH - 2 * _MARGIN) / wide, (_MAX_HEIGHT - 2 * _MARGIN) / high)
    height = max(_MIN_HEIGHT, round(high * scale) + 2 * _MARGIN)
    middle_x, middle_y = (west + east) / 2, (north + south) / 2

    def on_sheet(point: Point) -> Point:
        latitude, longitude = point
        return (
            round(WIDTH / 2 + (longitude - middle_x) * squeeze * scale, 1),
            round(height / 2 + (middle_y - latitude) * scale, 1),
        )

    dots = {name: on_sheet(point) for name, point in positions.items()}
    inside = {f"place-{place}": on_sheet(one.centre) for place, one in outlines.items()}
    areas = {place: "".join(_path(map(on_sheet, ring)) for ring in one.rings) for place, one in outlines.items()}
    return Chart(height, dots, tuple(_labels(dots, inside, names, height)), areas)


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z"


def _labels(
    dots: Mapping[str, Point], inside: Mapping[str, Point], names: Mapping[str, Sequence[str]], height: int
) -> Iterable[Label]:
    """Each name where there is room: of a point beside it, of a place nowhere but inside it, if need be its state alone."""
    marked: list[_Box] = [(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in dots.values()]
    written: list[_Box] = []
    middles = {
        name: (inside[owner][0], inside[owner][1] + _LINE / 3)
        for name, owners in names.items()
        for owner in owners
        if owner in inside
    }
    states = {name: _box(name.rpartition(": ")[2], *middle) for name, middle in middles.items()}
    for name, owners in names.items():
        for text in dict.fromkeys((name, name.rpartition(": ")[2])):
            others = [box for other, box in states.items() if other != name and text == name]
            # A place has no other spot: its words may cover a dot; its name gives way to the states of others.
            at = [middles[name]] if name in middles else []
            beside = _spots([dots[owner] for owner in owners if owner in dots], len(text) * _LETTER / 2)
            label = _fitting(text, at, [*written, *others], height) or _fitting(
                text, beside, [*marked, *written, *others], height
            )
            if label:
                written.append(_box(text, label.x, label.y))
                yield label
                break


def _box(text: str, x: float, y: float) -> _Box:
    half = len(text) * _LETTER / 2
    return x - half, y - _LINE, x + half, y + 8


def _fitting(text: str, spots: Iterable[Point], taken: Sequence[_Box], height: int) -> Label | None:
    """The text at the first spot that is free."""
    for x, y in spots:
        box = _box(text, x, y)
        is_inside = box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= height
        if is_inside and not any(_touch(box, other) for other in taken):
            return Label(text, round(x, 1), round(y, 1))
    return None


def _spots(points: Sequence[Point], half: float) -> Iterable[Point]:
    """Below, above, right and left of each point, then aslant."""
    for x, y in points:
        yield x, y + _DOT + _LINE
        yield x, y - _DOT - 6
        yield x + _DOT + half + 2, y + _LINE / 3
        yield x - _DOT - half - 2, y + _LINE / 3
    for x, y in points:
        for aside in (half * 0.8, -half * 0.8):
            yield x + aside, y + _DOT + _LINE
            yield x + aside, y - _DOT - 6


def _touch(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
