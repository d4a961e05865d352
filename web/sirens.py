"""The sirens of the table in force: how each sounds and looks, and which templates begin with it."""

from functools import lru_cache

from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from broadcaster import standing
from broadcaster.clips import ClipGoneError
from broadcaster.rows import Clip
from tts import encoding
from tts.decoding import peaks_of
from tts.pcm import Pcm, to_int16
from web import alert_table_words
from web.access import RAISERS, TECHNICIANS, requires
from web.context import locale, services
from web.words import gettext as _

pages = Blueprint("sirens", __name__)


@pages.get("/sirens")
@requires(*RAISERS, *TECHNICIANS)
def listing() -> ResponseReturnValue:
    """Every siren, and the bell."""
    with services().database.read() as session:
        return render_template(
            "sirens.html",
            table=services().alert_table,
            clips=_clips(session),
            kept=services().settings.keep_sounds,
            pattern=lambda siren: alert_table_words.pattern(siren, _, str(locale())),
        )


@pages.get("/sirens/<sha256>.svg")
@requires(*RAISERS, *TECHNICIANS)
def picture(sha256: str) -> ResponseReturnValue:
    """What one of them looks like; by itself, for a long one takes a second."""
    with services().database.read() as session:
        clips = [clip.sha256 for clip in _clips(session).values()]
    if sha256 not in clips:
        abort(404)
    try:
        peaks = _peaks(sha256)
    except ClipGoneError:  # it is made again
        abort(404)
    answer = Response(render_template("siren.svg", peaks=peaks), mimetype="image/svg+xml")
    answer.cache_control.max_age = 86_400
    return answer


def _clips(session: Session) -> dict[str, Clip]:
    """What speakers keep of each siren, and of the bell (""); what is not made yet is left out."""
    texts = {code: standing.siren_text(siren) for code, siren in services().alert_table.sirens.items()} | {
        "": standing.BELL
    }
    made = standing.clips_of(session, texts.values())
    return {code: made[text] for code, text in texts.items() if text in made}


@lru_cache(maxsize=32)
def _peaks(sha256: str) -> tuple[int, ...]:
    samples, rate = encoding.decode(services().clips.opus(sha256))
    return tuple(peaks_of(Pcm(to_int16(samples), rate)))
