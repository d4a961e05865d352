"""CAP documents of strangers: what is right is read, what is wrong is told with its line."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.cap import feed, message
from broadcaster.cap.safe_xml import BadXmlError
from tests import cap

pytestmark = pytest.mark.unit

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY l0 "lol"><!ENTITY l1 "&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;&l0;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">&l1;</alert>"""


def refused(data: bytes) -> tuple[str, int, str]:
    with pytest.raises(BadXmlError) as caught:
        message.read(data)
    first = caught.value.faults[0]
    return first.code, first.line, first.element


def test_a_message_is_read_as_it_was_sent() -> None:
    found = message.read(cap.alert(msgType="Update", references=f"{cap.reference('13-00')} {cap.reference('12-99')}"))
    assert (found.name.sender, found.name.identifier, found.kind) == (cap.SENDER, "13-01", "Update")
    assert [one.identifier for one in found.references] == ["13-00", "12-99"]
    [block] = found.infos
    assert (block.language, block.event, block.severity) == ("vi-vn", "Bão", "Severe")
    assert block.areas[0].polygons == (cap.HERE,)


def test_the_moment_names_a_message_and_not_the_zone_it_is_written_in() -> None:
    here = message.read(cap.alert(sent="2026-11-21T10:00:00+07:00"))
    there = message.read(cap.alert(sent="2026-11-21T03:00:00-00:00"))
    assert here.name.key == there.name.key
    assert here.digest != there.digest


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-xml"),
        (b"\x00" * 100, "not-xml"),
        (BOMB, "has-dtd"),
        (BOMB.decode().encode("utf-16"), "not-utf8"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "has-dtd"),
        (b'<?xml version="1.0"?>\n\n<!doctype x><x/>', "has-dtd"),
        (cap.alert().replace(b"cap:1.2", b"cap:1.1"), "wrong-namespace"),
        (cap.alert().replace(b' xmlns="urn:oasis:names:tc:emergency:cap:1.2"', b""), "wrong-namespace"),
        (b"<rss/>", "not-cap"),
        (b"<a>" * 200 + b"</a>" * 200, "too-deep"),
        (b"<a>" * 5_000, "not-xml"),
        (cap.alert()[:-20], "not-xml"),
        (cap.alert() + b" " * (1 << 20), "too-large"),
        (cap.alert(severity="High", infos=[cap.info(severity="High")]), "schema"),
        (cap.alert(sent="2026-11-21T10:00:00Z"), "schema"),
        (cap.alert(sent="2026-02-30T10:00:00+07:00"), "schema"),
        (cap.alert(sent="0001-01-01T00:00:00+14:00"), "bad-date"),
        (cap.alert(sent="9999-12-31T23:59:59-14:00"), "bad-date"),
        (cap.alert(identifier="13 01"), "bad-name"),
        (cap.alert(sender="a,b"), "bad-name"),
        (cap.alert(msgType="Cancel", references="13-01"), "bad-reference"),
        (cap.alert(msgType="Cancel", references="a,b,never"), "bad-reference"),
        (cap.alert().replace(b"<info>", b"<info><script/>"), "schema"),
    ],
)
def test_whatever_is_wrong_has_a_name(data: bytes, code: str) -> None:
    assert refused(data)[0] == code


def test_a_fault_says_where() -> None:
    data = cap.alert().replace(b"<severity>Severe", b"\n\n<severity>Terrible")
    assert refused(data) == ("schema", 6, "severity")


@pytest.mark.parametrize("seed", range(40))
def test_bytes_changed_at_random_are_read_or_refused_and_nothing_else(seed: int) -> None:
    dice, data = random.Random(seed), bytearray(cap.alert())
    for _ in range(dice.randint(1, 20)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with suppress(BadXmlError):
        message.read(bytes(data))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_feed_or_give_entries(data: bytes) -> None:
    with suppress(BadXmlError):
        assert isinstance(feed.entries(data, "https://example.vn/"), list)


ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id>
<entry><id>one</id><updated>2026-11-21T03:00:00Z</updated>
  <link rel="alternate" type="text/html" href="page.html"/><link type="application/cap+xml" href="one.xml"/></entry>
<entry><id>two</id><content type="text/xml">%s</content></entry>
<entry><id>three</id></entry></feed>"""
RSS = b"""<rss version="2.0"><channel><title>t</title><item><guid>g1</guid><link>https://example.vn/a.cap</link>
<pubDate>Sat, 21 Nov 2026 10:00:00 +0700</pubDate></item><item><enclosure url="b.cap" type="application/cap+xml"/></item></channel></rss>"""


def test_a_feed_gives_messages_and_their_addresses() -> None:
    inside = cap.alert().split(b"?>", 1)[1]
    entries = feed.entries(ATOM % inside, "https://example.vn/feeds/all.atom")
    assert [(one.id, one.url) for one in entries] == [("one", "https://example.vn/feeds/one.xml"), ("two", "")]
    assert message.read(entries[1].inside).digest == message.read(cap.alert()).digest
    entries = feed.entries(RSS, "https://example.vn/feeds/all.rss")
    assert [one.url for one in entries] == ["https://example.vn/a.cap", "https://example.vn/feeds/b.cap"]
    [entry] = feed.entries(cap.alert(), "https://example.vn/")
    assert message.read(entry.inside).name.identifier == "13-01"


def test_a_feed_with_a_bomb_is_refused() -> None:
    with pytest.raises(BadXmlError, match="has-dtd"):
        feed.entries(BOMB, "https://example.vn/")
