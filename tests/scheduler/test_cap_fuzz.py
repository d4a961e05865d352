"""Whatever stands in a message, it is understood or refused: nothing else, and soon."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
import shapely
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from broadcaster.cap import message as cap_message
from broadcaster.cap.area import Spot
from broadcaster.cap.safe_xml import BadXmlError
from broadcaster.geography import Geography
from broadcaster.geography import Spot as Place
from broadcaster.rows import PlaceKind
from scheduler import cap_decision
from scheduler.cap_decision import Earlier, Meant, Town
from tests import cap

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
GEOGRAPHY = Geography({1: Place(1, "xa", PlaceKind.COMMUNE, None)}, {}, {"loa-1": 1})
TOWN = Town(GEOGRAPHY, (Spot(1, shapely.box(106, 20, 107, 21), ((106.5, 20.5),)),), {("gso", "1"): [1]}, {1: "Xã"})

numbers = st.one_of(
    st.floats(-400, 400).map(str), st.sampled_from(["NaN", "inf", "-0", "1e9", "90", "-180", "180", "", "0x1", "٣"])
)
pairs = st.tuples(numbers, numbers).map(",".join)
polygons = st.lists(pairs, max_size=12).map(" ".join)
circles = st.tuples(pairs, numbers).map(" ".join)
words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
days = st.datetimes(datetime(2026, 11, 21), datetime(2026, 11, 25))  # noqa: DTZ001  the wall clock there
moments = st.one_of(days.map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}+07:00"), st.just(cap.SENT))


@settings(max_examples=40, deadline=None)
@given(
    polygons=st.lists(polygons, max_size=4),
    circles=st.lists(circles, max_size=3),
    geocodes=st.lists(st.tuples(words, words).map(lambda pair: (escape(pair[0]), escape(pair[1]))), max_size=3),
    said=st.tuples(words.filter(str.strip), words, words),
    times=st.tuples(moments, moments),
    kind=st.sampled_from(["Alert", "Update", "Cancel"]),
)
def test_any_message_of_the_schema_is_understood(
    polygons: list[str],
    circles: list[str],
    geocodes: list[tuple[str, str]],
    said: tuple[str, str, str],
    times: tuple[str, str],
    kind: str,
) -> None:
    areas = cap.area(polygons=polygons, circles=circles, geocodes=geocodes)
    event, headline, description = said
    block = cap.info(areas=areas, event=event, headline=headline, description=description, expires=times[1])
    try:
        read = cap_message.read(cap.alert("1", [block], sent=times[0], msgType=kind, references=cap.reference()))
    except BadXmlError:
        reject()  # where nearly all are refused, this test says nothing, and fails
    meant = cap_decision.understand(read, TOWN, NOW)
    assert isinstance(meant, Meant)
    assert all(order.places in {("xa",), ()} for order in meant.orders)
    verdict = cap_decision.decide(read, meant, Earlier(), NOW, direct=True, drills=True)
    assert verdict.orders or verdict.reason
