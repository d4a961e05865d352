"""What the "when" part of the form means, while it is being filled in: the rule in words and its next moments."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from broadcaster.clock import to_ms
from broadcaster.wire.documents import Class
from scheduler import conflicts, lint, recurrence, rule_text, rules, timeline
from scheduler.conflicts import Conflict
from scheduler.lint import Note, Subject
from scheduler.recurrence import Rule
from scheduler.submissions import MAX_TEXT
from tts.settings import REPEATS
from web import fields, rule_words, when
from web.access import WRITERS, requires
from web.context import commune, geography, locale, now, services, zone
from web.fields import Fields
from web.when import When

pages = Blueprint("ahead", __name__)

_SHOWN: Final = 5
_CHECKED: Final = 10
"""How many times are looked at for conflicts."""
_AROUND: Final = timedelta(days=1)
_LEAST: Final = timedelta(seconds=30)
"""A bulletin that is not written yet is thought to be this long."""
_REPEATS: Final = frozenset(str(count) for count in REPEATS)


@dataclass(frozen=True)
class Moment:
    """One time it will air: with its weekday, its lunar date and what is celebrated."""

    at: datetime
    words: str
    lunar: str
    holiday: str


@dataclass(frozen=True)
class Ahead:
    """The rule in words, its next moments, and what to look at."""

    words: str
    moments: tuple[Moment, ...]
    notes: tuple[Note, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def ahead(typed: When, zone: ZoneInfo, now: datetime, locale: Locale) -> Ahead | None:
    """What the fields mean; None while they don't mean anything, or "now"."""
    rule = _rule(typed, zone, now)
    if rule is None:
        return None
    moments = recurrence.following(rule, now, _SHOWN)
    return Ahead(rule_words.in_words(rule, locale), tuple(_moment(at, zone, locale) for at in moments))


def _rule(typed: When, zone: ZoneInfo, now: datetime) -> Rule | None:
    meant, problems = when.parse(typed, zone, now)
    if problems or meant.start_at is None:
        return None
    return rule_text.read(meant.rule, meant.start_at, zone)


def _moment(at: datetime, zone: ZoneInfo, locale: Locale) -> Moment:
    day = at.astimezone(zone).date()
    return Moment(
        at, rule_words.moment_in_words(at, zone, locale), rule_words.lunar_in_words(day), rule_words.holiday(day)
    )


def of_request(session: Session, typed: Fields, length: timedelta | None = None) -> Ahead | None:
    """The same with the notes about it, for whoever asks; ``length`` is known of what is no text."""
    found, rule = ahead(typed.when, zone(), now(), locale()), _rule(typed.when, zone(), now())
    if found is None or rule is None:
        return None
    return replace(
        found,
        notes=tuple(_notes(typed, rule, length)),
        conflicts=tuple(_conflicts(session, typed, rule, length)),
    )


def _conflicts(session: Session, typed: Fields, rule: Rule, length: timedelta | None) -> list[Conflict]:
    """What else sounds at the first of its times, but for what gives way to it already."""
    moments = recurrence.following(rule, now(), _CHECKED)
    if not moments or not typed.places:
        return []
    klass = Class(typed.klass) if typed.klass in fields.CLASSES else Class.ROUTINE
    wanted = conflicts.Wanted(tuple(moments), length or _length(typed), klass, geography().heard_by(typed.places))
    begin, end = moments[0] - _AROUND, moments[-1] + _AROUND
    planned = timeline.soundings(session, zone(), begin, end, now())
    given_way = set(typed.displaces.split())
    others = [
        each
        for each in planned
        if str(each.schedule) != typed.replaces and f"{each.schedule}@{to_ms(each.occurrence)}" not in given_way
    ]
    return conflicts.find(wanted, others, geography(), commune())[:_SHOWN]


def _length(typed: Fields) -> timedelta:
    words = typed.spoken.strip() or typed.text.strip()
    return max(_LEAST, timeline.estimate(words[:MAX_TEXT], int(typed.repeats) if typed.repeats in _REPEATS else 1))


def _notes(typed: Fields, rule: Rule, length: timedelta | None) -> list[Note]:
    speakers = geography().heard_by(typed.places)
    words = typed.spoken.strip() or typed.text.strip()
    subject = Subject(
        rule,
        length or _length(typed),
        rules.listeners(geography(), speakers),
        everywhere=len(speakers) > 1 and len(speakers) == len(geography().speakers),
        empty=length is None and not words,
    )
    return lint.lint(subject, commune(), now())


@pages.post("/write/when")
@requires(*WRITERS)
def show() -> ResponseReturnValue:
    """The part of the page that says when it will air."""
    typed = fields.of_form(dict(request.form.lists()))
    with services().database.read() as session:
        return render_template("_ahead.html", ahead=of_request(session, typed))
