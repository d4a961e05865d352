"""Where a CAP message is for: geometry as it should be, and geometry that was meant to do harm."""

import json
import math
import random

import pytest

from broadcaster.cap.area import Found, Spot, locate, outline_of
from broadcaster.cap.message import Area

pytestmark = pytest.mark.unit

SQUARE = '{"type":"Polygon","coordinates":[[[106,20],[106.1,20],[106.1,20.1],[106,20.1],[106,20]]]}'


def found(spots: list[Spot], *, polygons: tuple[str, ...] = (), circles: tuple[str, ...] = ()) -> Found:
    return locate([Area("x", polygons, circles, ())], spots, {})


def square(south: float, west: float, size: float) -> str:
    corners = [(0, 0), (0, size), (size, size), (size, 0), (0, 0)]
    return " ".join(f"{south + up:.6f},{west + right:.6f}" for up, right in corners)


def outlined(geojson: str = SQUARE) -> Spot:
    return Spot(1, outline_of(geojson), ())


def codes(of: Found) -> list[str]:
    return [note.code for note in of.notes]


@pytest.mark.parametrize(
    ("south", "west", "size", "hit"),
    [
        (19.0, 105.0, 3.0, True),  # around it
        (20.02, 106.02, 0.01, True),  # a small one inside
        (20.05, 106.05, 1.0, True),  # a corner
        (20.0999, 106.0, 0.1, False),  # a border drawn by another hand
        (21.0, 107.0, 1.0, False),
    ],
)
def test_a_place_with_an_outline_is_hit_by_what_overlaps_it(south: float, west: float, size: float, hit: bool) -> None:
    assert bool(found([outlined()], polygons=(square(south, west, size),)).places) is hit


def test_a_place_without_an_outline_is_where_its_speakers_stand() -> None:
    spots = [Spot(1, None, ((106.05, 20.05),)), Spot(2, None, ((106.5, 20.5), (106.06, 20.06))), Spot(3, None, ())]
    assert found(spots, polygons=(square(20.0, 106.0, 0.1),)).places == {1, 2}


def test_a_circle_is_measured_on_the_globe() -> None:
    north = Spot(1, None, ((106.0, 20.0 + 10 / 111.195),))
    assert found([north], circles=("20,106 10.01",)).places == {1}
    assert found([north], circles=("20,106 9.99",)).places == frozenset()
    east = Spot(1, None, ((106.0 + 10 / 111.195 / math.cos(math.radians(20)), 20.0),))
    assert found([east], circles=("20,106 10.01",)).places == {1}
    assert found([outlined()], circles=("20.05,106.05 0",)).places == {1}
    assert found([outlined()], circles=("20.05,105.9 10.5",)).places == {1}
    assert found([outlined()], circles=("20.05,105.9 10.3",)).places == frozenset()


@pytest.mark.parametrize("longitude", [179.95, -179.95])
def test_a_polygon_over_the_antimeridian_is_not_the_rest_of_the_world(longitude: float) -> None:
    across = "-18,179.9 -18,-179.9 -16,-179.9 -16,179.9 -18,179.9"
    spots = [Spot(1, None, ((longitude, -17.0),)), Spot(2, None, ((0.0, -17.0),)), Spot(3, None, ((106.0, -17.0),))]
    assert found(spots, polygons=(across,)).places == {1}
    assert found(spots, circles=("-17,180 30",)).places == {1}
    west, south = longitude - 0.01, -17.01
    ring = [[west, south], [west + 0.02, south], [west + 0.02, south + 0.02], [west, south]]
    there = outlined(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert found([there], polygons=(across,)).places == {1}
    assert found([there], circles=("-17,180 30",)).places == {1}


def test_a_polygon_that_crosses_itself_covers_both_its_halves() -> None:
    bow = "20,106 20.1,106.1 20.1,106 20,106.1 20,106"
    halves = [Spot(1, None, ((106.05, 20.02),)), Spot(2, None, ((106.05, 20.08),)), Spot(3, None, ((106.01, 20.05),))]
    result = found(halves, polygons=(bow,))
    assert result.places == {1, 2}
    assert codes(result) == ["polygon-crosses-itself"]


@pytest.mark.parametrize(
    "polygon",
    [
        "",
        "20,106",
        "20,106 21,106 20,106",
        "20,106 21,106 21,107 20;107",
        "200,106 21,106 21,107 200,106",
        "nan,106 21,106 21,107 nan,106",
        "1e5,106 21,106 21,107 1e5,106",
        "20,1_06 21,106 21,107 20,1_06",
        "20,106,5 21,106,5 21,107,5 20,106,5",
    ],
)
def test_a_polygon_that_is_none_is_left_out_and_a_person_is_asked(polygon: str) -> None:
    result = found([outlined()], polygons=(polygon, square(20, 106, 0.1)))
    assert result.places == {1}
    assert [(note.code, note.ask) for note in result.notes] == [("bad-polygon", True)]


@pytest.mark.parametrize("circle", ["", "20,106", "20,106 -5", "20,106 nan", "95,106 5", "20,106 5 5"])
def test_a_circle_that_is_none_is_told(circle: str) -> None:
    assert codes(found([outlined()], circles=(circle,))) == ["bad-circle"]


def test_an_open_polygon_is_closed() -> None:
    result = found([outlined()], polygons=("20,106 20,106.1 20.1,106.1 20.1,106",))
    assert result.places == {1}
    assert codes(result) == ["polygon-not-closed"]


def test_a_scribble_of_thousands_of_points_costs_little_and_misses_nobody() -> None:
    dice = random.Random(1)
    scribble = " ".join(f"{dice.uniform(20, 20.1):.6f},{dice.uniform(106, 106.1):.6f}" for _ in range(20_000))
    result = found([outlined()], polygons=(scribble,))
    assert result.places == {1}
    assert set(codes(result)) == {"polygon-not-closed", "polygon-crosses-itself"}
    for many in ((scribble, scribble), (square(20, 106, 0.1),) * 201):
        result = found([outlined()], polygons=many)
        assert [(note.code, note.ask) for note in result.notes] == [("area-too-large", True)]


def test_a_flat_polygon_is_a_line_and_still_hits() -> None:
    assert found([outlined()], polygons=("20.05,106 20.05,106.1 20.05,106.05 20.05,106",)).places == {1}


def test_an_area_that_is_only_named_is_for_a_person() -> None:
    result = locate([Area("Xã An Bình", (), (), ())], [outlined()], {})
    assert [(note.code, note.what, note.ask) for note in result.notes] == [
        ("area-without-geometry", "Xã An Bình", True)
    ]
    assert codes(locate([], [outlined()], {})) == ["no-area"]


def test_a_geocode_names_a_place_however_it_is_written() -> None:
    area = Area("x", (), (), (("GSO ", " 19876"), ("other", "19876")))
    assert locate([area], [], {("gso", "19876"): [7]}).whole == {7}


def test_a_bad_outline_is_none() -> None:
    assert outline_of("{}") is None
    assert outline_of("not json") is None
