"""How a text will be spoken, for the eye: the reading with its changes and doubts marked. Pure but for the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from scheduler import lexicon
from scheduler.submissions import MAX_TEXT
from tts import reading
from tts.legacy import legacy_code
from tts.reading import Lexicon
from tts.reading.model import Reading
from tts.settings import SpeechSettings
from web import fields
from web.access import WRITERS, requires
from web.context import now, services, zone
from web.pastdates import PastDate, find_past_dates

pages = Blueprint("preview", __name__)

_NEAR: Final = 400
"""How far ahead, in characters, a changed piece is looked for in the spoken text."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the spoken text.

    ``kind`` is "plain", "changed" or "doubtful", ``source`` what was written,
    ``guess`` what the engine says of a foreign word that people see as it is written.
    """

    text: str
    kind: str = "plain"
    source: str = ""
    guess: str = ""


@dataclass(frozen=True)
class Preview:
    """Everything the officer should see of a reading."""

    reading: Reading
    pieces: tuple[Piece, ...]
    unspeakable: tuple[str, ...]
    past: tuple[PastDate, ...]
    length: timedelta
    legacy: str


def preview(text: str, today: date, words: Lexicon) -> Preview:
    """The preview of a text, as far as a bulletin may go."""
    text = text[:MAX_TEXT]
    read = reading.read(text, words)
    foreign = tuple(dict.fromkeys(flag.source for flag in reading.unspeakable(text)))
    minutes = len(read.spoken.split()) / SpeechSettings().words_per_minute
    return Preview(
        read, tuple(_pieces(read)), foreign, find_past_dates(text, today), timedelta(minutes=minutes), legacy_code(text)
    )


def _pieces(read: Reading) -> Iterator[Piece]:
    """The spoken text cut where it is not what was written."""
    guesses = {(flag.start, flag.end): flag.guess for flag in read.flags}
    doubtful = {(flag.start, flag.end) for flag in read.flags}
    marks = [(change.start, change.end, change.spoken, change.source) for change in read.changes]
    changed = {(start, end) for start, end, _, _ in marks}
    marks += [
        (flag.start, flag.end, flag.guess or flag.source, flag.source)
        for flag in read.flags
        if (flag.start, flag.end) not in changed
    ]
    lowered = read.spoken.lower()  # the first letter of a sentence was raised after the change
    searched = lowered if len(lowered) == len(read.spoken) else read.spoken
    at = 0
    for start, end, spoken, source in sorted(marks):
        found = searched.find(spoken.lower(), at, at + _NEAR + len(spoken)) if spoken else -1
        if found < 0:
            continue
        if found > at:
            yield Piece(read.spoken[at:found])
        doubt = any(first < end and start < last for first, last in doubtful)
        text = read.spoken[found : found + len(spoken)]
        yield Piece(text, "doubtful" if doubt else "changed", source, guesses.get((start, end), ""))
        at = found + len(spoken)
    if at < len(read.spoken):
        yield Piece(read.spoken[at:])


@pages.post("/preview")
@requires(*WRITERS)
def show() -> ResponseReturnValue:
    """The reading of a text, as a part of the form's page."""
    text = request.form.get("text", "").replace("\r\n", "\n")
    today = now().astimezone(zone()).date()
    with services().database.read() as session:
        words = lexicon.in_force(session, fields.corrections(request.form.get("readings", "")))
    return render_template("_reading.html", preview=preview(text, today, words), typed_text=text)
