"""What every page has at hand: the station's services, its row and its time. Knows no page."""

from datetime import datetime
from typing import Final, cast
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, current_app, g
from flask_babel import get_locale
from sqlalchemy import select

from broadcaster import notices
from broadcaster.geography import Geography
from broadcaster.rows import Station
from broadcaster.sounds import SoundStore
from scheduler.rules import Commune
from web.services import Health, Services

_KEY: Final = "loa"


def attach(app: Flask, given: Services) -> None:
    """Hand the services to an application."""
    app.extensions[_KEY] = given


def services() -> Services:
    """The services of the application that is handling this request."""
    return cast("Services", current_app.extensions[_KEY])


def sound_store() -> SoundStore:
    """What people brought."""
    return SoundStore(services().settings.home_path / "sounds")


def now() -> datetime:
    """The present moment, aware, in UTC; one for the whole request."""
    if "now" not in g:
        g.now = services().clock.now()
    return cast("datetime", g.now)


def station() -> Station:
    """The station's row, detached; read once in a request."""
    if "station" not in g:
        with services().database.read() as session:
            g.station = session.scalars(select(Station)).one()
            session.expunge(g.station)
    return cast("Station", g.station)


def unread(account_id: int) -> int:
    """How many notices somebody has not seen."""
    with services().database.read() as session:
        return notices.unread(session, account_id)


def zone() -> ZoneInfo:
    """The station's time zone."""
    return ZoneInfo(station().timezone)


def geography() -> Geography:
    """Who hears what, as it was when this request first asked."""
    if "geography" not in g:
        with services().database.read() as session:
            g.geography = Geography.load(session)
    return cast("Geography", g.geography)


def commune() -> Commune:
    """The rules, as they were when this request first asked."""
    if "commune" not in g:
        with services().database.read() as session:
            g.commune = Commune.load(session, station(), now())
    return cast("Commune", g.commune)


def locale() -> Locale:
    """The language of this request, with its dates and numbers."""
    found: Locale | None = get_locale()
    assert found  # noqa: S101  a page is always rendered for somebody
    return found


def health() -> Health:
    """How the station is; asked once in a request."""
    if "health" not in g:
        g.health = services().orders.health()
    return cast("Health", g.health)
