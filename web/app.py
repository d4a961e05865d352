"""The pages as one Flask application."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Flask, request
from flask_babel import get_locale
from flask_bootstrap import Bootstrap5

from web import (
    access,
    broadcasts,
    bulletins,
    context,
    drafts,
    enrolment,
    faults,
    language,
    lexicon,
    listening,
    moments,
    phone,
    preview,
    security,
    sentences,
    signin,
    speakers,
    status,
    stopping,
)
from web.services import Services

_PAGES = (
    signin,
    broadcasts,
    stopping,
    bulletins,
    drafts,
    preview,
    lexicon,
    listening,
    speakers,
    enrolment,
    status,
    phone,
)


def create_app(services: Services, addresses: Sequence[str] = ()) -> Flask:
    """The application.

    Args:
        services: the station behind the pages.
        addresses: where phones reach the page, best first; empty means where the browser is already.
    """
    app = Flask(__name__)
    home = services.settings.home_path
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, LOA_ADDRESSES=tuple(addresses))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    context.attach(app, services)
    security.protect(app, security.secret_key(home / "web-secret"))
    language.speak(app)
    Bootstrap5(app)
    signin.count_attempts(app)
    listening.equip(app, home / "cache" / "listen", services.speech)
    faults.catch(app)
    for module in _PAGES:
        app.register_blueprint(module.pages)
    _equip_templates(app)
    return app


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
            "language": language.current(),
            "languages": language.LANGUAGES,
            "say": sentences,
            "state_of": speakers.state_of,
            "station": context.station(),
            "zone": context.zone(),
            "now": context.now(),
            "broker_down": not context.health().broker_connected,
            "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
        }

    app.add_template_filter(_moment, "moment")
    app.add_template_filter(_clock, "clock")
    app.add_template_filter(_ago, "ago")
    app.add_template_filter(moments.length, "length_of")
    app.add_template_filter(moments.error, "start_error")


def _moment(at: datetime, *, seconds: bool = False) -> str:
    locale = get_locale()
    assert locale  # noqa: S101  a template is always rendered for somebody
    return moments.moment(at, context.zone(), context.now(), locale, seconds=seconds)


def _clock(at: datetime, *, seconds: bool = True) -> str:
    return moments.clock(at, context.zone(), seconds=seconds)


def _ago(at: datetime) -> str:
    return moments.ago(at, context.now())
