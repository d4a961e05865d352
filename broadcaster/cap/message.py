"""A CAP 1.2 message as it was sent: parsed, held against the schema, its dates and names made sure of."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from broadcaster.cap.safe_xml import CAP, MAX_CAP_BYTES, BadXmlError, Element, Fault, check_cap, digest, parse

_MAX_NAME: Final = 300
_MAX_REFERENCES: Final = 200
_YEARS: Final = range(2000, 2200)
_NAME: Final = re.compile(r"[^\s,<&]+")
"""What OASIS allows in a sender and an identifier, so that references can name them."""


@dataclass(frozen=True)
class Reference:
    """The name of a message: who sent it, what they call it, and when."""

    sender: str
    identifier: str
    sent: datetime

    @property
    def key(self) -> str:
        """SHA-256 over all three; the moment counts, not the time zone it is written in."""
        said = f"{self.sender}\n{self.identifier}\n{self.sent.astimezone(UTC).isoformat()}"
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class Area:
    """Where: the geometry as text, and geocodes as (name, value)."""

    description: str
    polygons: tuple[str, ...]
    circles: tuple[str, ...]
    geocodes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Resource:
    """Something that belongs to a message; ``content`` is Base64, ``digest`` hexadecimal."""

    mime: str
    uri: str
    content: str
    digest: str


@dataclass(frozen=True)
class Info:
    """What is said in one language about one hazard."""

    language: str
    event: str
    codes: tuple[str, ...]
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    effective: datetime | None
    expires: datetime | None
    headline: str
    description: str
    instruction: str
    parameters: tuple[tuple[str, str], ...]
    resources: tuple[Resource, ...]
    areas: tuple[Area, ...]


@dataclass(frozen=True)
class Message:
    """One message. ``digest`` is the SHA-256 of its canonical form."""

    name: Reference
    status: str
    kind: str
    scope: str
    references: tuple[Reference, ...]
    infos: tuple[Info, ...]
    digest: str

    @cached_property
    def title(self) -> str:
        """A line for lists: headline or event."""
        return next((one.headline or one.event for one in self.infos), "")


def read(data: bytes) -> Message:
    """The message in a document. Errors: BadXmlError, with line and element of every fault."""
    return of_element(parse(data, MAX_CAP_BYTES))


def of_element(root: Element) -> Message:
    """The message in an ``alert`` element. Errors: BadXmlError."""
    check_cap(root)
    sent = _moment(root, "sent")
    assert sent  # noqa: S101  the schema wants it
    return Message(
        name=Reference(_name(root, "sender"), _name(root, "identifier"), sent),
        status=_text(root, "status"),
        kind=_text(root, "msgType"),
        scope=_text(root, "scope"),
        references=_references(root),
        infos=tuple(_info(each) for each in _all(root, "info")),
        digest=digest(root),
    )


def _all(parent: Element, name: str) -> list[Element]:
    return list(parent.findall(f"{{{CAP}}}{name}"))


def _text(parent: Element, name: str) -> str:
    found = parent.find(f"{{{CAP}}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _texts(parent: Element, name: str) -> tuple[str, ...]:
    return tuple((each.text or "").strip() for each in _all(parent, name))


def _pairs(parent: Element, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((_text(each, "valueName"), _text(each, "value")) for each in _all(parent, name))


def _name(parent: Element, name: str) -> str:
    found = parent.find(f"{{{CAP}}}{name}")
    text = (found.text or "").strip()
    if not _NAME.fullmatch(text) or len(text) > _MAX_NAME:
        raise BadXmlError(Fault("bad-name", found.sourceline or 0, name, text[:_MAX_NAME]))
    return text


def _aware(text: str) -> datetime | None:
    """A moment in UTC; None where there is no such moment, or none that anybody living could mean."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo and moment.year in _YEARS else None
    except (ValueError, OverflowError):
        return None


def _moment(parent: Element, name: str) -> datetime | None:
    found = parent.find(f"{{{CAP}}}{name}")
    if found is None:
        return None
    moment = _aware((found.text or "").strip())
    if moment is None:
        raise BadXmlError(Fault("bad-date", found.sourceline or 0, name, (found.text or "")[:60]))
    return moment


def _references(root: Element) -> tuple[Reference, ...]:
    found = root.find(f"{{{CAP}}}references")
    if found is None:
        return ()
    references = []
    for each in (found.text or "").split()[:_MAX_REFERENCES]:
        parts = each.split(",")
        sent = _aware(parts[2]) if len(parts) == 3 else None  # noqa: PLR2004  sender,identifier,sent
        if sent is None:
            raise BadXmlError(Fault("bad-reference", found.sourceline or 0, "references", each[:_MAX_NAME]))
        references.append(Reference(parts[0], parts[1], sent))
    return tuple(references)


def _info(info: Element) -> Info:
    return Info(
        language=(_text(info, "language") or "en-US").lower(),
        event=_text(info, "event"),
        codes=tuple(value for _, value in _pairs(info, "eventCode")),
        responses=_texts(info, "responseType"),
        urgency=_text(info, "urgency"),
        severity=_text(info, "severity"),
        certainty=_text(info, "certainty"),
        effective=_moment(info, "effective"),
        expires=_moment(info, "expires"),
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        parameters=_pairs(info, "parameter"),
        resources=tuple(
            Resource(_text(one, "mimeType").lower(), _text(one, "uri"), _text(one, "derefUri"), _text(one, "digest"))
            for one in _all(info, "resource")
        ),
        areas=tuple(
            Area(_text(one, "areaDesc"), _texts(one, "polygon"), _texts(one, "circle"), _pairs(one, "geocode"))
            for one in _all(info, "area")
        ),
    )
