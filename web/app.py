"""The pages as one Flask application."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, request
from flask_bootstrap import Bootstrap5

from broadcaster import airing, alerting
from broadcaster.disk import ENOUGH_BYTES
from broadcaster.own_keys import locked_until
from broadcaster.rows import Alert, Schedule
from scheduler.materialisation import rule_of
from web import (
    access,
    ahead,
    api_alerts,
    api_cap,
    api_envelopes,
    approval,
    board,
    broadcasts,
    bulletins,
    cap,
    cap_sources,
    choosing,
    contacts,
    context,
    day,
    defaults,
    drafts,
    duty,
    enrolment,
    faults,
    feeds,
    form_words,
    guest_keys,
    language,
    lexicon,
    library,
    listening,
    live,
    live_intake,
    me,
    moments,
    moving,
    navigation,
    on_air,
    outlines,
    own_keys,
    pasted,
    people,
    phone,
    preview,
    programmes,
    recorded,
    rehearsals,
    rule_words,
    rules,
    security,
    sentences,
    signin,
    sirens,
    speakers,
    status,
    stopping,
    switching,
    timekeeping,
    tokens,
    uploads,
    village,
    week,
)
from web.services import Services
from web.typed import RowNumber

_PAGES = (
    signin,
    broadcasts,
    rules,
    switching,
    stopping,
    bulletins,
    programmes,
    ahead,
    drafts,
    preview,
    lexicon,
    recorded,
    defaults,
    listening,
    uploads,
    library,
    speakers,
    enrolment,
    status,
    timekeeping,
    week,
    day,
    on_air,
    moving,
    feeds,
    phone,
    people,
    approval,
    me,
    village,
    duty,
    pasted,
    board,
    contacts,
    cap,
    cap_sources,
    rehearsals,
    sirens,
    outlines,
    tokens,
    live,
    guest_keys,
    own_keys,
    choosing,
)


def create_app(services: Services, addresses: Sequence[str] = ()) -> Flask:
    """The application.

    Args:
        services: the station behind the pages.
        addresses: where phones reach the page, best first; empty means where the browser is already.
    """
    app = all_pages()
    join(app, services, addresses)
    return app


def all_pages() -> Flask:
    """The pages of any station, which answer once they are joined to one."""
    app = Flask(__name__)
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    access.refuse_undeclared(app)
    uploads.admit(app)
    app.url_map.converters["int"] = RowNumber
    forms = security.protect(app)
    security.refuse_nul(app)
    language.speak(app)
    Bootstrap5(app)
    faults.catch(app)
    for module in _PAGES:
        app.register_blueprint(module.pages)
    for module in (api_alerts, api_cap, api_envelopes, live_intake):  # no cookie counts there
        app.register_blueprint(module.pages)
        forms.exempt(module.pages)
    _equip_templates(app)
    return app


def join(app: Flask, services: Services, addresses: Sequence[str] = ()) -> None:
    """Put a station behind `all_pages`; arguments as of `create_app`."""
    home = services.settings.home_path
    app.config.update(LOA_ADDRESSES=tuple(addresses), SECRET_KEY=security.secret_key(home / "web-secret"))
    context.attach(app, services)
    signin.count_attempts(app)
    api_envelopes.count_clips(app)
    faults.count(app)
    listening.equip(app, home / "cache" / "listen", services.speech)


def _equip_templates(app: Flask) -> None:
    """Words, moments and the one who asks, for every template."""

    @app.context_processor
    def _at_hand() -> dict[str, Any]:
        if faults.is_broken():
            return {"language": language.current()}
        return {
            "account": access.current_account(),
            "access": access,
            "may": access.may,
            "may_at": access.may_at,
            "may_everywhere": access.may_everywhere,
            "person": access.current_person(),
            "unread": context.unread(account.id) if (account := access.current_account()) else 0,
            "language": language.current(),
            "languages": language.LANGUAGES,
            "say": sentences,
            "form_words": form_words,
            "state_of": speakers.state_of,
            "end_of": airing.end_of,
            "station": context.station(),
            "zone": context.zone(),
            "now": context.now(),
            "raisers": access.RAISERS,
            "tabs": navigation.tabs,
            "alerts_in_force": _alerts_in_force(),
            "station_locked_until": _station_locked_until(),
            "talks_on_air": context.services().talks.on_air() if account else (),
            "broker_down": not context.health().broker_connected,
            "disk_low": context.health().free_bytes < ENOUGH_BYTES,
            "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
        }

    app.add_template_filter(_moment, "moment")
    app.add_template_filter(_clock, "clock")
    app.add_template_filter(_ago, "ago")
    app.add_template_filter(_repeats, "repeats")
    app.add_template_filter(moments.length, "length_of")
    app.add_template_filter(moments.error, "start_error")
    app.add_template_filter(_as_duration, "as_duration")
    app.add_template_filter(speakers.megabytes, "megabytes")


def _alerts_in_force() -> list[Alert]:
    """What the head of every page tells."""
    if access.current_account() is None:
        return []
    with context.services().database.read() as session:
        alerts = alerting.in_force(session, context.now())
        return [alert for alert in alerts if alerting.is_warning(alert)]


def _station_locked_until() -> datetime | None:
    """Until when the speakers obey nothing but emergencies."""
    if access.current_account() is None:
        return None
    with context.services().database.read() as session:
        return locked_until(session, context.now())


def _moment(at: datetime, *, seconds: bool = False) -> str:
    return moments.moment(at, context.zone(), context.now(), context.locale(), seconds=seconds)


def _repeats(schedule: Schedule) -> str:
    """On which days a repeated schedule airs."""
    rule = rule_of(schedule, context.zone())
    return rule_words.days_in_words(rule, context.locale()) if rule else ""


def _clock(at: datetime, *, seconds: bool = True) -> str:
    return moments.clock(at, context.zone(), seconds=seconds)


def _as_duration(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def _ago(at: datetime) -> str:
    return moments.ago(at, context.now())
