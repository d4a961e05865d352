"""The map of a station: outlines of its places with what is known of each, and its speakers as points. No tiles, no internet."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import geography
from broadcaster.alert_reports import Hearing
from broadcaster.outlines import Drawn, drawn
from broadcaster.rows import Place, Speaker
from broadcaster.wire.documents import SpeakerState
from web import alert_words, chart

WIDTH: Final = chart.WIDTH
_MAX_DOTS: Final = 500
_MAX_AREAS: Final = 400
_WORST_FIRST: Final = (
    Hearing.SILENT,
    Hearing.OFFLINE,
    Hearing.WAITING,
    Hearing.SOUNDING,
    Hearing.HEARD,
    Hearing.SPARED,
)
_AWAY: Final = frozenset({SpeakerState.LOST, SpeakerState.DISCONNECTED, None})
_PRESENCE: Final[dict[str, LazyString]] = {
    "ready": _l("sẵn sàng"),
    "partly": _l("một phần mất kết nối"),
    "offline": _l("mất kết nối"),
}


@dataclass(frozen=True)
class Area:
    """One place: ``state`` names its pattern, ``word`` says the same in words."""

    name: str
    state: str
    word: str
    path: str


@dataclass(frozen=True)
class Map:
    """Everything that is drawn; empty where neither an outline nor a position is known."""

    height: int
    areas: Sequence[Area]
    labels: Sequence[chart.Label]
    dots: Mapping[str, chart.Point]


def outlined(session: Session) -> bool:
    """Whether the border of any place is known."""
    return session.scalar(select(Place.id).where(Place.outline.is_not(None)).limit(1)) is not None


def of_alert(session: Session, inside: Mapping[int, Collection[Hearing]], speakers: Sequence[Speaker] = ()) -> Map:
    """Who has heard an alert; a place is as its worst speaker."""
    states = {place: next(one for one in _WORST_FIRST if one in found) for place, found in inside.items()}
    told = {place: (state.value, str(alert_words.HEARINGS[state]).lower()) for place, state in states.items()}
    return _draw(session, told, speakers[:_MAX_DOTS])


def of_presence(session: Session) -> Map:
    """Where speakers are connected; drawn only where there are outlines, since the speakers' page shows the points."""
    counted: dict[int, set[bool]] = {}
    rows = select(Speaker.place_id, Speaker.state).where(Speaker.retired_at.is_(None)).distinct()
    for place, state in session.execute(rows):
        counted.setdefault(place, set()).add(state in _AWAY)
    names = {frozenset({True}): "offline", frozenset({False}): "ready"}
    states = {place: names.get(frozenset(away), "partly") for place, away in counted.items()}
    return _draw(session, {place: (state, str(_PRESENCE[state])) for place, state in states.items()}, ())


def _draw(session: Session, told: Mapping[int, tuple[str, str]], speakers: Sequence[Speaker]) -> Map:
    kept = _outlines(session)
    places = {place.id: place for place in session.scalars(select(Place).where(Place.id.in_(kept)))}
    positions = {
        speaker.id: (speaker.latitude, speaker.longitude)
        for speaker in speakers
        if speaker.latitude is not None and speaker.longitude is not None
    }
    names: dict[str, list[str]] = {}
    for place_id, place in places.items():
        if place_id in told:
            names[f"{place.name}: {told[place_id][1]}"] = [f"place-{place_id}"]
    for speaker in speakers:
        if speaker.place_id not in places:
            names.setdefault(speaker.place.name, []).append(speaker.id)
    drawing = chart.draw(positions, names, kept)
    # What holds no speakers of its own is a frame, and lies under the others.
    order = sorted(drawing.areas, key=lambda place_id: (place_id in told, place_id))
    areas = [Area(places[one].name, *told.get(one, ("none", "")), drawing.areas[one]) for one in order]
    return Map(drawing.height, areas, drawing.labels, drawing.dots)


def _outlines(session: Session) -> Mapping[int, Drawn]:
    found: Iterable[tuple[int, str]] = geography.outlines(session).items()
    return {place_id: drawn(text) for place_id, text in list(found)[:_MAX_AREAS]}
