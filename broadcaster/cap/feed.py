"""Atom and RSS as lists of CAP messages: each entry holds one, or tells where it lies."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from broadcaster.cap.safe_xml import CAP, BadXmlError, Element, Fault, alone, name_of, parse

MAX_FEED_BYTES: Final = 8 << 20
MAX_ENTRIES: Final = 500
_ATOM: Final = "http://www.w3.org/2005/Atom"
_MIMES: Final = frozenset({"application/cap+xml", "application/common-alerting-protocol+xml"})
_XML: Final = frozenset({"application/xml", "text/xml"})
_MAX_ID: Final = 500


@dataclass(frozen=True)
class Entry:
    """One entry: its message inside it, or the address of the message. ``updated`` is the date as it is written."""

    id: str
    updated: str
    url: str
    inside: bytes


def entries(data: bytes, address: str) -> list[Entry]:
    """The messages of a feed, or the one message that stands in its place; links are seen from ``address``. Errors: BadXmlError."""
    root = parse(data, MAX_FEED_BYTES)
    kind = name_of(root)
    if kind[1] == "alert":
        return [Entry("", "", "", alone(root))]
    if kind == (_ATOM, "feed"):
        found = [one for one in root if name_of(one) == (_ATOM, "entry")]
    elif kind[1] in {"rss", "RDF"}:
        found = [one for one in root.iter() if name_of(one)[1] == "item"]
    else:
        raise BadXmlError(Fault("not-feed", root.sourceline or 0, kind[1]))
    return [entry for one in found[:MAX_ENTRIES] if (entry := _entry(one, address))]


def _entry(item: Element, address: str) -> Entry | None:
    inside = next((alone(one) for one in item.iter(f"{{{CAP}}}alert")), b"")
    url = "" if inside else _joined(address, _link(item))
    name = _text(item, "id") or _text(item, "guid") or url
    if not (inside or url):
        return None
    return Entry(name[:_MAX_ID], (_text(item, "updated") or _text(item, "pubDate"))[:100], url, inside)


def _joined(address: str, link: str) -> str:
    try:
        return urljoin(address, link) if link else ""
    except ValueError:  # an address that is none
        return ""


def _text(item: Element, name: str) -> str:
    return next(((one.text or "").strip() for one in item if name_of(one)[1] == name), "")


def _link(item: Element) -> str:
    """Where the message lies: a link or enclosure that says it is CAP, else XML, else the entry's own link."""
    found: list[tuple[int, str]] = []
    for one in item:
        if name_of(one)[1] not in {"link", "enclosure", "content"}:
            continue
        where = one.get("href") or one.get("url") or one.get("src") or (one.text or "").strip()
        mime = (one.get("type") or "").partition(";")[0].strip().lower()
        own = one.get("rel", "alternate") == "alternate" and name_of(one)[1] == "link"
        rank = 0 if mime in _MIMES else 1 if mime in _XML else 2 if own else 9
        if where:
            found.append((rank, where))
    best = min(found, default=(9, ""), key=lambda each: each[0])
    return best[1] if best[0] < 9 else ""  # noqa: PLR2004  a picture, a page about something else
