"""A day of a place, and the next 24 hours of a speaker, as list and timeline; and what should be playing now."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.airing import BroadcastState
from broadcaster.hours import Stretch
from broadcaster.rows import Broadcast, Delivery, Place, Speaker
from broadcaster.wire.documents import Class
from scheduler import power, rules, timeline
from scheduler.timeline import Sounding
from web import on_air, week
from web.access import requires
from web.context import commune, geography, now, services, zone
from web.paging import PLACES
from web.week import Entry

pages = Blueprint("day", __name__)

_DAY: Final = timedelta(days=1)
_MINUTES: Final = 24 * 60


@dataclass(frozen=True)
class Bar:
    """A stretch in a drawing of a day: minutes from its beginning."""

    x: float
    width: float


def _bars(stretches: Iterable[Stretch], begin: datetime) -> list[Bar]:
    """What of the stretches falls into the 24 hours from ``begin`` on."""
    made = []
    for start, end in stretches:
        low = max(0.0, (start - begin) / timedelta(minutes=1))
        high = min(float(_MINUTES), (end - begin) / timedelta(minutes=1))
        if low < high:
            made.append(Bar(round(low, 1), round(max(high - low, 3), 1)))
    return made


@dataclass(frozen=True)
class Slot:
    """An entry of the day with its bar; ``silent`` says why it is not heard here, as a code, or nothing."""

    entry: Entry
    bar: Bar
    silent: str


@pages.get("/day")
@requires()
def show() -> ResponseReturnValue:
    """A day of one place: what sounds, when its speakers are off or it is quiet, and moving it."""
    today = now().astimezone(zone()).date()
    date = week.day_typed(request.args.get("date", "")) or today
    with services().database.read() as session:
        places = session.scalars(select(Place).order_by(Place.position, Place.id)).all()
        place = next((each for each in places if each.code == request.args.get("place")), places[0] if places else None)
        if place is None:
            abort(404)
        (day,) = week.days_of(session, date, 1, place, places)
        begin, zones = week.midnight(date, zone()), geography().zones_at(place.id)
        quiet = [hours.on(each, zone()) for hours in commune().hours.quiet_in(zones) for each in (date - _DAY, date)]
        off = commune().switches.off(zones, date, date)
        return render_template(
            "day.html",
            place=place,
            places=places,
            day=day,
            slots_of_day=[
                Slot(each, bar, _silent(zones, each.sounding))
                for each in day.entries
                for bar in _bars([each.sounding.stretch], begin)
            ],
            quiet=_bars(quiet, begin),
            off=off,
            off_bars=_bars(off, begin),
            before=date - _DAY,
            after=date + _DAY,
            today=today,
            on_air=on_air.of_place(session, place),
            apart=len(on_air.inside(place)) > PLACES,
        )


def _silent(zones: tuple[str, ...], sounding: Sounding) -> str:
    """Why one who listens to ``zones`` will not hear what is on the air or to come, as a code; empty when they will."""
    if sounding.klass is Class.EMERGENCY or not sounding.to_air:
        return ""
    broken = rules.silence(commune(), zones, *sounding.stretch)
    return broken.rule.value if broken else ""


@pages.get("/week/speaker/<speaker>")
@requires()
def of_speaker(speaker: str) -> ResponseReturnValue:
    """The next 24 hours of sound of one speaker, as list and timeline, with the hours its amplifier is on."""
    with services().database.read() as session:
        found = session.get(Speaker, speaker)
        if found is None or speaker not in geography().speakers:
            abort(404)
        zones, today = geography().zones_of(speaker), now().astimezone(zone()).date()
        sounds = {each: _silent(zones, each) for each in next_day(session, speaker)}
        heard = [each for each, silent in sounds.items() if not silent]
        off = [each for each in commune().switches.off(zones, today, today + _DAY) if each[1] > now()]
        windows = power.windows((each.stretch for each in heard), timedelta(milliseconds=found.amp_lead_ms))
        last = select(Delivery).join(Delivery.broadcast).order_by(Broadcast.start_at.desc()).limit(1)
        return render_template(
            "speaker_day.html",
            speaker=found,
            sounds=sounds,
            playing=timeline.should_play(heard, zones, now()),
            windows=windows,
            off=off,
            bars=_bars((each.stretch for each in heard), now()),
            axis=[now() + timedelta(hours=hours) for hours in range(0, 25, 6)],
            power=_bars(windows, now()),
            off_bars=_bars(off, now()),
            last=session.scalar(last.where(Delivery.speaker_id == speaker, Delivery.started_at.is_not(None))),
            place=session.get_one(Place, found.place_id),
            on_air=on_air.of_place(session, found.place),
        )


def next_day(session: Session, speaker: str) -> list[Sounding]:
    """What a speaker is meant to play from now on for 24 hours."""
    zones = geography().zones_of(speaker)
    found = timeline.soundings(session, zone(), now(), now() + _DAY, now(), zones)
    return [each for each in timeline.heard_by(found, geography(), speaker) if each.to_air]


def should_be_playing(session: Session, at_most: int) -> list[tuple[str, Sounding]]:
    """What should be playing now, place by place, by plan and time alone; nothing that still waits for its sound or a verdict."""
    all_now = timeline.soundings(session, zone(), now(), now() + timedelta(seconds=1), now())
    found = [each for each in all_now if each.state is not BroadcastState.PREPARING]
    told: dict[int, Sounding] = {}
    for place in sorted(set(geography().speakers.values())) if found else ():
        if len(told) == at_most:
            break
        zones = geography().zones_at(place)
        heard = [each for each in found if each.heard_at(zones) and not _silent(zones, each)]
        if sounding := timeline.should_play(heard, zones, now()):
            told[place] = sounding
    names = {place.id: place.name for place in session.scalars(select(Place).where(Place.id.in_(told)))}
    return [(names[place], sounding) for place, sounding in told.items()]


def off_until(places: Collection[int]) -> dict[int, datetime]:
    """Until when the speakers of a place are off that are off now, by the place's id."""
    switches = commune().switches
    if not switches.switched:
        return {}
    found = {place: switches.off_during(geography().zones_at(place), now(), now()) for place in places}
    return {place: stretch[1] for place, stretch in found.items() if stretch}
