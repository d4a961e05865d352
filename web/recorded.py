"""Recorded sentences (câu ghi âm sẵn): what the voice of that name can say; listed, heard, recorded anew, removed; with audit."""

from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from broadcaster import chain
from broadcaster.rows import Sound
from scheduler import lexicon
from tts import reading
from tts.encoding import RATE
from tts.pcm import Pcm, to_int16
from tts.recorded import LONGEST_S, RecordedSentences
from tts.trimming import trimmed_flac
from web import fields, file_words, form_words, uploads
from web.access import WRITERS, me, must_everywhere, requires
from web.context import now, services, sound_store
from web.fields import Fields
from web.words import gettext as _

pages = Blueprint("recorded", __name__, url_prefix="/recorded")

_MAX_SENTENCE: Final = 200
"""Characters, as the engines get them at most."""


def sentences_of_station() -> RecordedSentences:
    """The folder where the voice looks."""
    return RecordedSentences(services().settings.home_path / "voices")


@pages.get("")
@requires(*WRITERS)
def listing() -> ResponseReturnValue:
    """Every recorded sentence, and the form for another or a better one."""
    return _show(Fields(text=request.args.get("text", "")[:_MAX_SENTENCE]), [])


@pages.post("")
@requires(*WRITERS)
def keep() -> ResponseReturnValue:
    """Keep a recording of a sentence; one that there is already is replaced."""
    must_everywhere(*WRITERS)
    typed, refused = uploads.with_sound(fields.of_form(dict(request.form.lists())))
    if refused or request.form.get("action") in {"upload", "drop-sound"}:
        return _show(typed, [form_words.problem(problem) for problem in refused])
    with services().database.read() as session:
        said = reading.read(typed.text, lexicon.in_force(session, {})).sentences
        known = session.get(Sound, typed.sound) is not None
    samples = None
    if known:
        part = fields.part_of(typed, [])
        samples = trimmed_flac(sound_store().read(typed.sound), part, RATE)
    problems = []
    if len(said) != 1:
        problems.append(_("Mỗi bản ghi là một câu. Hãy viết đúng một câu."))
    if samples is None or not samples.any():
        problems.append(_("Chưa có âm thanh. Hãy ghi âm hoặc chọn tệp."))
    elif samples.size > LONGEST_S * RATE:
        problems.append(_("Bản ghi của một câu dài tối đa 60 giây. Hãy cắt bớt."))
    if problems or samples is None:
        return _show(typed, problems)
    return _kept(said[0].rstrip(" .?!;"), Pcm(to_int16(samples), RATE), typed.sound)


def _kept(sentence: str, pcm: Pcm, sound: str) -> ResponseReturnValue:
    try:
        replaced = sentences_of_station().put(sentence, pcm)
    except OSError:
        return _show(Fields(text=sentence, sound=sound), [file_words.refusal("full", ())])
    _audit("recorded.replace" if replaced else "recorded.add", sentence, sound)
    flash(_("Đã nhớ bản ghi của câu “%(words)s”.", words=sentence), "success")
    return redirect(url_for("recorded.listing"), 303)


@pages.post("/remove")
@requires(*WRITERS)
def remove() -> ResponseReturnValue:
    """Forget a recording; bulletins already made keep their sound."""
    must_everywhere(*WRITERS)
    sentence = request.form.get("sentence", "")
    if not sentences_of_station().remove(sentence):
        abort(404)
    _audit("recorded.remove", sentence, "")
    flash(_("Đã bỏ bản ghi của câu “%(words)s”.", words=sentence), "success")
    return redirect(url_for("recorded.listing"), 303)


@pages.get("/sound")
@requires(*WRITERS)
def sound() -> ResponseReturnValue:
    """One recording."""
    path = sentences_of_station().path(request.args.get("sentence", ""))
    if path is None or not path.exists():
        abort(404)
    return send_file(path, conditional=True, max_age=0)


def _audit(action: str, sentence: str, sound: str) -> None:
    with services().database.write() as session:
        detail = {"sentence": sentence, "sound": sound}
        chain.audit(session, at=now(), account_id=me().id, action=action, subject="recorded", detail=detail)


def _show(typed: Fields, problems: list[str]) -> ResponseReturnValue:
    with services().database.read() as session:
        page = render_template(
            "recorded.html",
            sentences=sorted(sentences_of_station().all()),
            typed=typed,
            problems=problems,
            sound=session.get(Sound, typed.sound) if typed.sound else None,
            max_sound_s=LONGEST_S,
            max_text=_MAX_SENTENCE,
            only_sound=True,
        )
    return page, 422 if problems else 200
