"""Topics: printed and read again, and nothing but them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics

pytestmark = pytest.mark.unit

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=40)
CLIPS = st.text("0123456789abcdef", min_size=64, max_size=64)
DATES = st.dates().map(lambda date: date.isoformat())
NUMBERS = st.integers(0, 999_999)
DOWN = {
    "config": Kind.CONFIG,
    "firmware": Kind.FIRMWARE,
    "welcome": Kind.WELCOME,
    "copy": Kind.COPY,
    "ack": Kind.ACK,
    "command": Kind.COMMAND,
}
UP = {kind.value.removeprefix("loa-"): kind for kind in list(Kind)[list(Kind).index(Kind.STATE) :]}
CLIP = "0" * 64


@given(station=NAMES, zone=NAMES, clip=CLIPS, date=DATES, number=NUMBERS)
def test_what_is_said_to_a_zone_is_read_as_it_was_printed(
    station: str, zone: str, clip: str, date: str, number: int
) -> None:
    topics = Topics(station)
    printed = {
        topics.trust(zone): Address(Kind.TRUST, zone=zone),
        topics.plan(zone, date): Address(Kind.PLAN, zone=zone, date=date),
        topics.command(zone): Address(Kind.COMMAND, zone=zone),
        topics.alert(zone, "bao-so-9"): Address(Kind.ALERT, zone=zone, alert="bao-so-9"),
        topics.live_open(zone, "mic-1"): Address(Kind.LIVE_OPEN, zone=zone, stream="mic-1"),
        topics.live(zone, "mic-1", number): Address(Kind.LIVE, zone=zone, stream="mic-1", segment=number),
        topics.manifest(zone, clip): Address(Kind.MANIFEST, zone=zone, clip=clip),
        topics.segment(zone, clip, number): Address(Kind.SEGMENT, zone=zone, clip=clip, segment=number),
    }
    for topic, address in printed.items():
        assert topics.parse(topic) == address
        assert topic.startswith(topics.zone_filter(zone).removesuffix("#"))


@given(speaker=NAMES, clip=CLIPS, number=NUMBERS)
def test_what_one_speaker_hears_and_says_is_read_as_it_was_printed(speaker: str, clip: str, number: int) -> None:
    topics = Topics("st")
    for what, kind in DOWN.items():
        assert topics.parse(topics.down(speaker, what)) == Address(kind, speaker=speaker)
    for what, kind in UP.items():
        assert topics.parse(topics.up(speaker, what)) == Address(kind, speaker=speaker)
    segment = topics.down(speaker, f"clip/{clip}/{number}")
    assert topics.parse(segment) == Address(Kind.SEGMENT, speaker=speaker, clip=clip, segment=number)
    assert topics.parse(topics.down(speaker, f"clip/{clip}/m")).kind is Kind.MANIFEST


def test_every_kind_has_a_topic() -> None:
    zone = {Kind.TRUST, Kind.PLAN, Kind.ALERT, Kind.LIVE_OPEN, Kind.LIVE, Kind.MANIFEST, Kind.SEGMENT}
    assert zone | set(DOWN.values()) | set(UP.values()) == set(Kind)


PLACES: list[Callable[[str], str]] = [
    lambda level: f"loa/1/{level}/zone/a/trust",
    lambda level: f"loa/1/st/zone/{level}/trust",
    lambda level: f"loa/1/st/zone/{level}/plan/2026-11-21",
    lambda level: f"loa/1/st/speaker/{level}/down/config",
    lambda level: f"loa/1/st/speaker/{level}/up/hello",
]


@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize(
    "level", ["", "A", "thôn", "a_b", "a b", "+", "#", "a/b", "x" * 41, "a\n", "\n", "a.b", "$SYS"]
)
def test_a_level_of_another_shape_is_no_topic(place: int, level: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Topics("st").parse(PLACES[place](level))
    assert caught.value.reason is Reason.UNKNOWN_TOPIC


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "loa/1/st",
        "loa/1/st/",
        "loa/2/st/zone/a/trust",
        "/loa/1/st/zone/a/trust",
        "loa/1/st/zone/a/trust/",
        "loa/1/st/zone/a/trust\n",
        "loa/1/st/zone/a/plan/2026-1-1",
        "loa/1/st/zone/a/plan/2026-11-21x",
        "loa/1/st/zone/a/down/config",
        "loa/1/st/speaker/a/config",
        "loa/1/st/speaker/a/down/state",
        "loa/1/st/speaker/a/up/config",
        f"loa/1/st/zone/a/clip/{CLIP[:-1]}/0",
        f"loa/1/st/zone/a/clip/{'A' * 64}/0",
        f"loa/1/st/zone/a/clip/{CLIP}/-1",
        f"loa/1/st/zone/a/clip/{CLIP}/01",
        f"loa/1/st/zone/a/clip/{CLIP}/1000000",
        f"loa/1/st/zone/a/clip/{CLIP}/٣",
        f"loa/1/st/zone/a/clip/{CLIP}/M",
    ],
)
def test_what_is_not_in_the_table_is_no_topic(topic: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Topics("st").parse(topic)
    assert caught.value.reason is Reason.UNKNOWN_TOPIC


@given(st.text())
def test_any_text_is_a_topic_or_unknown(text: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Topics("st").parse(text)
    assert caught.value.reason is Reason.UNKNOWN_TOPIC


@pytest.mark.parametrize("name", ["", "Xã", "x" * 41, "a/b", "a\n"])
def test_a_station_has_a_name_that_fits_into_a_topic(name: str) -> None:
    with pytest.raises(ValueError, match="station's name"):
        Topics(name)
