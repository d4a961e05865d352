"""The payloads of what can't wait: alerts and live sound; and the firmware document, which is reserved."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from broadcaster.wire.documents import Document
from broadcaster.wire.envelope import Moment
from broadcaster.wire.fields import Class, Duration, Hash, Id, Name, Text, Volume

MOST_BEFORE: Final = 20
"""Alerts that one may name in ``if_begun``."""
MOST_TEXT: Final = 2_000
"""Letters of an alert that an electronic board shows."""


class Part(StrEnum):
    """What a part of an alert is: sirens sound in the first round only."""

    SIREN = "siren"
    SPEECH = "speech"


class AlertPart(Document, frozen=True, kw_only=True):
    """One sound of an alert, ``at_ms`` after the beginning of its first round; ``sent_by`` as in a plan."""

    part: Part
    at_ms: Duration
    clip: Hash
    manifest: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    duration_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]
    sent_by: Moment


class Alert(Document, frozen=True, kw_only=True):
    """An alert in one zone, a playlist that grows: a successor has the same parts and more, or ends it.

    Attributes:
        level: the risk level of Decision 18/2021/QD-TTg, 1 to 5.
        start_at: when the first round begins.
        growing: more parts will follow; ``repeats`` and ``every_ms`` count once it is false.
        repeats: how often the speech is said in the first round, ``pause_ms`` apart.
        every_ms: from the beginning of one round to the next; 0: there is only one.
        if_begun: alerts; it is only for speakers that have begun to sound one of them. Empty: for every speaker.
        ended: it is over, and nothing of it sounds any more.
        text: what an electronic board of the zone shows, a sentence a line; a speaker takes no notice of it.
    """

    alert: Name
    level: Annotated[int, msgspec.Meta(ge=1, le=5)]
    start_at: Moment
    parts: Annotated[tuple[AlertPart, ...], msgspec.Meta(max_length=100)] = ()
    growing: bool = False
    repeats: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    pause_ms: Duration = 2_000
    every_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 0
    volume: Volume | None = None
    excluded: tuple[Name, ...] = ()
    if_begun: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MOST_BEFORE)] = ()
    drill: bool = False
    ended: bool = False
    title: Text = ""
    text: Annotated[str, msgspec.Meta(max_length=MOST_TEXT)] = ""

    @property
    def is_rehearsal(self) -> bool:
        """Whether it is only to be believed and answered: a drill that has nothing to say, now or later."""
        return self.drill and not self.parts and not self.growing


class LiveOpen(Document, frozen=True, kw_only=True):
    """A live stream is on: said again every 2 s, with ``ended`` at its end.

    Segment n sounds at ``start_at`` + n x ``unit_ms``: ``start_at`` holds the delay for the way and the jitter.
    ``broadcast`` is the one in whose place it is heard, if there is one: what stops that stops the stream.
    """

    stream: Name
    klass: Class = msgspec.field(name="class")
    start_at: Moment
    limit_at: Moment
    unit_ms: Annotated[int, msgspec.Meta(ge=100, le=2_000)] = 200
    codec: Annotated[str, msgspec.Meta(pattern=r"^opus$(?!\n)")] = "opus"
    volume: Volume | None = None
    excluded: tuple[Name, ...] = ()
    broadcast: Id | None = None
    ended: bool = False
    title: Text = ""


class Firmware(Document, frozen=True, kw_only=True):
    """Reserved: signed by the vendor's key. A speaker of version 1 that does not know how takes no notice of it."""

    model: Text
    version: Text
    sha256: Hash
    bytes: Annotated[int, msgspec.Meta(ge=1)]
    url: Text
    not_before: Moment = 0
