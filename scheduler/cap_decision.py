"""What a CAP message means for this station: whether something is raised or ended, where, how loud, and in which words. Pure.

Whatever its sender is sure of is carried out or proposed; whatever is doubtful is for a person. Nothing is dropped without a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from broadcaster.alert_orders import DEFAULT_LIFE, LONGEST_LIFE
from broadcaster.cap import table
from broadcaster.cap.area import Found, Note, Spot, locate, near
from broadcaster.cap.message import Info, Message, Resource
from broadcaster.geography import Geography
from broadcaster.rows import CapOutcome
from scheduler import cap_words

_AHEAD: Final = timedelta(minutes=5)
"""A sender's clock may be fast by so much."""
_LANGUAGES: Final = ("vi", "en")
_NEVER: Final = frozenset({"System", "Draft"})
_HEX: Final = frozenset("0123456789abcdef")
_DIGESTS: Final = (40, 64)
"""Hexadecimal digits of SHA-1, which OASIS names, and of SHA-256."""
_MAX_TITLE: Final = 300


class Planned(msgspec.Struct, frozen=True):
    """An alert to be raised; ``places`` are codes, ``recording`` the digest of a sound to be said after the words."""

    template: str
    level: int
    places: tuple[str, ...]
    expires_at: datetime
    title: str
    words: tuple[str, ...] = ()
    drill: bool = False
    follows: str | None = None
    recording: str = ""
    life_s: int = 0
    """Set when it is decided that it is to be carried out."""


@dataclass(frozen=True)
class Town:
    """Where the speakers are that a source may reach."""

    geography: Geography
    spots: tuple[Spot, ...]
    geocodes: Mapping[tuple[str, str], Sequence[int]]
    names: Mapping[int, str]


@dataclass(frozen=True)
class Earlier:
    """What the messages that this one names have led to.

    Attributes:
        alerts: in force, the highest level first.
        foreign: one of them was raised by another source, or sounds where this one may raise nothing.
        superseded: a message that takes the place of this one is here already.
        renamed: another source has sent other content under the same name.
    """

    alerts: tuple[str, ...] = ()
    foreign: bool = False
    superseded: bool = False
    renamed: bool = False


@dataclass(frozen=True)
class Meant:
    """What a message says by itself: what to raise, what to tell of it, and why it is nothing."""

    orders: tuple[Planned, ...] = ()
    notes: tuple[Note, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a message."""

    outcome: CapOutcome
    reason: str
    notes: tuple[Note, ...] = ()
    orders: tuple[Planned, ...] = ()
    ends: tuple[str, ...] = ()


def understand(message: Message, town: Town, now: datetime) -> Meant:
    """What a message says by itself. Compares outlines, which takes its time: not for a transaction."""
    if message.kind == "Cancel" or message.status in _NEVER:
        return Meant()
    return _meant(message, town, now)


def decide(
    message: Message, meant: Meant, earlier: Earlier, now: datetime, *, direct: bool, drills: bool, safe: bool = True
) -> Verdict:
    """What becomes of a message that was understood.

    Args:
        message: the message.
        meant: what it says.
        earlier: what those that it names have led to.
        now: the present moment.
        direct: its source's messages sound at once.
        drills: its source's exercises are heard.
        safe: nobody on the way can have altered it.
    """
    if reason := _unheard(message, drills=drills):
        return Verdict(CapOutcome.IGNORED, reason)
    if earlier.superseded:
        return Verdict(CapOutcome.IGNORED, "superseded")
    orders, reason = meant.orders, "nothing-to-cancel" if message.kind == "Cancel" else meant.reason
    notes = (*_doubts(message, earlier, now, safe=safe or not direct), *meant.notes)
    ends = earlier.alerts
    if orders and earlier.alerts:
        orders = (msgspec.structs.replace(orders[0], follows=earlier.alerts[0]), *orders[1:])
        ends = earlier.alerts[1:]
    if not orders and not ends:
        return Verdict(CapOutcome.IGNORED, reason, notes)
    asked = any(note.ask for note in notes)
    outcome = CapOutcome.DUE if direct and not asked else CapOutcome.PROPOSED
    why = "" if outcome is CapOutcome.DUE else "doubtful" if asked else "by-setting"
    return Verdict(outcome, why, notes, orders, ends)


def _doubts(message: Message, earlier: Earlier, now: datetime, *, safe: bool) -> list[Note]:
    """What makes a message doubtful before one has looked at what it says."""
    newest = max((one.sent for one in message.references), default=message.name.sent)
    found = {
        "sent-in-future": message.name.sent > now + _AHEAD,
        "older-than-named": message.name.sent < newest,
        "other-source": earlier.foreign,
        "same-name": earlier.renamed,
        "not-safe": not safe,
    }
    return [Note(code, ask=True) for code, true in found.items() if true]


def _unheard(message: Message, *, drills: bool) -> str:
    """Why a message is never heard here, whatever it says."""
    if message.status in _NEVER:
        return f"status-{message.status.lower()}"
    if message.kind in {"Ack", "Error"}:
        return f"kind-{message.kind.lower()}"
    if message.scope != "Public":
        return "not-public"
    return "" if message.status == "Actual" or drills else "drill-silent"


def _meant(message: Message, town: Town, now: datetime) -> Meant:
    infos, notes = _understood(message)
    orders: dict[tuple[str, int, tuple[str, ...]], Planned] = {}
    reason = "no-info"
    for info in infos:
        reason = _over(message, info, now)
        if reason:
            continue
        meaning, found = table.meaning(info), locate(info.areas, town.spots, town.geocodes)
        places = _places(found, town)
        where = [*found.notes, *_unplaced(info, places, found, town)]
        if not places and not any(note.ask for note in where):
            reason = "outside"
            notes += [*where, Note("outside", "; ".join(area.description for area in info.areas)[:300])]
            continue
        notes += [*meaning.notes, *where]
        planned = msgspec.structs.replace(_planned(message, info, meaning, now, notes), places=places)
        key = (planned.template, planned.level, places)
        orders[key] = _joined(orders[key], planned) if key in orders else planned
    ordered = sorted(orders.values(), key=lambda one: -one.level)
    return Meant(tuple(ordered), tuple(dict.fromkeys(notes)), reason)


def _understood(message: Message) -> tuple[list[Info], list[Note]]:
    """The blocks in the language that is heard best: Vietnamese, then English, then the first."""
    spoken = [info.language.partition("-")[0] for info in message.infos]
    chosen = next((one for one in (*_LANGUAGES, *spoken) if one in spoken), "")
    notes = [] if chosen in {"vi", ""} else [Note("not-vietnamese", chosen)]
    return [info for info, language in zip(message.infos, spoken, strict=True) if language == chosen], notes


def _expiry(message: Message, info: Info) -> datetime:
    return info.expires or message.name.sent + DEFAULT_LIFE


def _over(message: Message, info: Info, now: datetime) -> str:
    if "AllClear" in info.responses:
        return "all-clear"
    if info.urgency == "Past":
        return "past"
    return "expired" if _expiry(message, info) <= now else ""


def _places(found: Found, town: Town) -> tuple[str, ...]:
    reduced = town.geography.reduce(found.places | found.whole)
    return tuple(town.geography.spots[place].code for place in reduced)


def _unplaced(info: Info, places: Sequence[str], found: Found, town: Town) -> list[Note]:
    """Nobody can tell whether a place without any position lies inside; that matters where nothing else does."""
    lost = [town.names[spot.place_id] for spot in town.spots if spot.outline is None and not spot.points]
    if places or not lost or found.whole or not near(info.areas, town.spots):
        return []
    return [Note("place-without-position", ", ".join(lost)[:300], ask=True)]


def _planned(message: Message, info: Info, meaning: table.Meaning, now: datetime, notes: list[Note]) -> Planned:
    """The alert of one block, without its places."""
    vietnamese = info.language.startswith("vi")
    words, cut = cap_words.sentences(info.headline, info.description, info.instruction) if vietnamese else ((), False)
    if cut:
        notes.append(Note("words-cut"))
    if not words and meaning.template == table.OTHER:
        notes.append(Note("nothing-to-say", ask=True))
    if info.effective and info.effective > now + _AHEAD:
        notes.append(Note("effective-later", info.effective.isoformat(), ask=True))
    title = cap_words.plain(info.headline or info.event)[:_MAX_TITLE] if vietnamese else ""
    return Planned(
        template=meaning.template,
        level=meaning.level,
        places=(),
        expires_at=min(_expiry(message, info), now + LONGEST_LIFE),
        title=title,
        words=words,
        drill=message.status != "Actual",
        recording=_recording(info.resources, notes),
    )


def _recording(resources: Sequence[Resource], notes: list[Note]) -> str:
    """The digest of the first sound that can be made sure of."""
    sounds = [one for one in resources if one.mime.startswith("audio/") and (one.uri or one.content)]
    for one in sounds:
        digest = one.digest.strip().lower()
        if len(digest) in _DIGESTS and set(digest) <= _HEX:
            return digest
    if sounds:
        notes.append(Note("audio-without-digest"))
    return ""


def _joined(first: Planned, second: Planned) -> Planned:
    """Two blocks about the same thing in the same place are one alert."""
    return msgspec.structs.replace(
        first,
        words=tuple(dict.fromkeys((*first.words, *second.words)))[: cap_words.MAX_SENTENCES],
        expires_at=max(first.expires_at, second.expires_at),
        recording=first.recording or second.recording,
    )
