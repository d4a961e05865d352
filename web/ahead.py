"""What the "when" part of the form means, while it is being filled in: the rule in words and its next moments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from scheduler import recurrence, rule_text
from web import rule_words, when
from web.access import WRITERS, requires
from web.context import now, zone
from web.when import When

pages = Blueprint("when", __name__)

_SHOWN: Final = 5


@dataclass(frozen=True)
class Moment:
    """One time it will air: with its weekday, its lunar date and what is celebrated."""

    at: datetime
    words: str
    lunar: str
    holiday: str


@dataclass(frozen=True)
class Ahead:
    """The rule in words and its next moments."""

    words: str
    moments: tuple[Moment, ...]


def ahead(typed: When, zone: ZoneInfo, now: datetime, locale: Locale) -> Ahead | None:
    """What the fields mean; None while they don't mean anything, or "now"."""
    meant, problems = when.parse(typed, zone, now)
    if problems or meant.start_at is None:
        return None
    rule = rule_text.read(meant.rule, meant.start_at, zone)
    moments = recurrence.following(rule, now, _SHOWN)
    return Ahead(rule_words.in_words(rule, locale), tuple(_moment(at, zone, locale) for at in moments))


def _moment(at: datetime, zone: ZoneInfo, locale: Locale) -> Moment:
    day = at.astimezone(zone).date()
    return Moment(
        at, rule_words.moment_in_words(at, zone, locale), rule_words.lunar_in_words(day), rule_words.holiday(day)
    )


def of_request(typed: When) -> Ahead | None:
    """The same, for whoever asks."""
    locale = get_locale()
    assert locale  # noqa: S101  a page is always rendered for somebody
    return ahead(typed, zone(), now(), locale)


@pages.post("/write/when")
@requires(*WRITERS)
def show() -> ResponseReturnValue:
    """The part of the page that says when it will air."""
    typed = when.of_form(dict(request.form.lists()))
    return render_template("_ahead.html", ahead=of_request(typed))
