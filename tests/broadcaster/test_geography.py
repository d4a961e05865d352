from hypothesis import given
from hypothesis import strategies as st

from broadcaster.database import Database
from broadcaster.geography import Geography, Spot
from broadcaster.rows import PlaceKind, Speaker
from tests.broadcaster.town import COMMUNE, DOAI, DONG, EMPTY, GROUP, NA_LOC
from tests.clocks import FixedClock


def load(database: Database) -> Geography:
    with database.read() as session:
        return Geography.load(session)


def test_a_speaker_listens_to_its_place_its_ancestors_and_their_groups(filled: Database) -> None:
    geography = load(filled)
    assert geography.zones_of("loa-1") == ("thon-dong", "xa")
    assert geography.zones_of("loa-3") == ("thon-doai", "xa", "ven-suoi")


def test_a_zone_is_heard_by_the_speakers_that_listen_to_it(filled: Database) -> None:
    geography = load(filled)
    assert geography.heard_by(["ven-suoi"]) == {"loa-3", "loa-4"}
    assert geography.heard_by(["thon-dong", "ven-suoi"]) == geography.heard_by(["xa"])
    assert geography.heard_by(["thon-vang", "nowhere"]) == frozenset()


def test_a_retired_speaker_hears_nothing(filled: Database, clock: FixedClock) -> None:
    with filled.write() as session:
        session.get_one(Speaker, "loa-3").retired_at = clock.now()
    assert load(filled).heard_by(["xa"]) == {"loa-1", "loa-2", "loa-4"}


def test_all_villages_that_have_speakers_are_the_commune(filled: Database) -> None:
    assert load(filled).reduce([DONG, DOAI, NA_LOC]) == (COMMUNE,)


def test_a_village_is_not_widened_though_its_neighbours_have_no_speakers_yet(filled: Database) -> None:
    with filled.write() as session:
        for name in ("loa-3", "loa-4"):
            session.delete(session.get_one(Speaker, name))
    assert load(filled).reduce([DONG]) == (DONG,)


def test_a_group_stays_a_group_because_it_may_grow(filled: Database) -> None:
    assert load(filled).reduce([GROUP]) == (GROUP,)


def test_nobody_is_addressed_twice_through_a_group_and_a_place(filled: Database) -> None:
    geography = load(filled)
    assert geography.reduce([COMMUNE, GROUP, DONG]) == (COMMUNE,)
    assert geography.reduce([DOAI, GROUP]) == (GROUP,)
    assert set(geography.reduce([DONG, GROUP])) == {DONG, GROUP}


def test_a_place_without_speakers_is_left_out(filled: Database) -> None:
    assert load(filled).reduce([EMPTY, DONG]) == (DONG,)
    assert load(filled).reduce([EMPTY]) == ()


@st.composite
def geographies(draw: st.DrawFn) -> tuple[Geography, set[int]]:
    """A tree of up to 12 places with groups of them, speakers anywhere, and a choice of places."""
    count = draw(st.integers(1, 12))
    spots = {1: Spot(1, "p1", PlaceKind.COMMUNE, None)}
    for number in range(2, count + 1):
        spots[number] = Spot(number, f"p{number}", PlaceKind.VILLAGE, draw(st.integers(1, number - 1)))
    places = st.integers(1, count)
    members = {}
    for group in range(count + 1, count + 1 + draw(st.integers(0, 3))):
        spots[group] = Spot(group, f"g{group}", PlaceKind.GROUP, None)
        members[group] = draw(st.frozensets(places, max_size=5))
    speakers = {f"s{number}": place for number, place in enumerate(draw(st.lists(places, max_size=15)))}
    return Geography(spots, members, speakers), draw(st.sets(st.sampled_from(sorted(spots)), max_size=8))


@given(geographies())
def test_reduced_places_reach_exactly_the_same_speakers(drawn: tuple[Geography, set[int]]) -> None:
    geography, chosen = drawn
    reduced = geography.reduce(chosen)
    codes = [geography.spots[place].code for place in reduced]
    assert geography.heard_by(codes) == geography.heard_by(geography.spots[place].code for place in chosen)
    assert len(reduced) <= len(chosen)
    for left_out in codes:
        rest = geography.heard_by([left_out])
        assert rest, "a place that nobody hears is never addressed"


def test_parents_in_a_circle_end_the_search() -> None:
    circle = {
        1: Spot(1, "one", PlaceKind.VILLAGE, 2),
        2: Spot(2, "two", PlaceKind.VILLAGE, 1),
    }
    assert Geography(circle, {}, {"loa-1": 1}).zones_of("loa-1") == ("one", "two")
