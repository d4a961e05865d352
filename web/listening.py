"""Listening to a bulletin before it is saved: the sound is made in the background, once for the same content."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

from flask import Blueprint, Flask, abort, current_app, jsonify, request, send_file, url_for
from flask.typing import ResponseReturnValue

from broadcaster.clips import write_aside
from broadcaster.errors import LoaError
from scheduler import lexicon
from scheduler.submissions import MAX_TEXT
from tts import reading
from tts.encoding import RATE
from tts.pcm import Samples
from tts.settings import chosen
from tts.speech import NothingToSayError, PreparedClip, Speech, SpeechSettingError, SpeechSettings
from tts.trimming import trimmed_flac
from web import fields, sentences
from web.access import VILLAGE_HEADS, WRITERS, requires
from web.context import services, sound_store
from web.words import gettext as _

pages = Blueprint("listening", __name__)

_log = logging.getLogger(__name__)
_KEY: Final = "loa.listening"
_MAX_WAITING: Final = 8
_MAX_KEPT: Final = 30
_Make: TypeAlias = Callable[[Callable[[int, int], None]], PreparedClip]


@dataclass
class Job:
    """One sound being made; ``problem`` is "" or a code; ``reason`` says why ``voice`` speaks instead."""

    done: int = 0
    total: int = 1
    ready: bool = False
    problem: str = ""
    voice: str = ""
    reason: str = ""


class Studio:
    """Makes sounds for browsers, one after the other, and keeps the latest of them as files.

    Args:
        folder: where the MP3 files lie; made when needed.
        speech: makes the sound.
    """

    def __init__(self, folder: Path, speech: Speech) -> None:
        self._folder = folder
        self._speech = speech
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "listen")

    def order(self, sentences: tuple[str, ...], settings: SpeechSettings) -> str | None:
        """Begin to speak sentences unless that is done or under way; returns the key, or None when too many wait."""
        key = self._speech.key(sentences, settings)
        return self._begin(key, lambda progress: self._speech.prepare(sentences, settings, progress))

    def order_sound(self, name: str, load: Callable[[], Samples], settings: SpeechSettings) -> str | None:
        """The same for a sound that somebody brought; `name` changes with everything that `load` brings."""
        key = self._speech.key([name], settings)
        return self._begin(key, lambda progress: self._speech.prepare_sound(load(), settings, progress))

    def _begin(self, key: str, make: _Make) -> str | None:
        with self._lock:
            job = self._jobs.get(key)
            if self.path(key).exists() or (job and not job.problem and not job.ready):
                return key
            if sum(not each.ready and not each.problem for each in self._jobs.values()) >= _MAX_WAITING:
                return None
            job = self._jobs[key] = Job()
            while len(self._jobs) > _MAX_KEPT:
                self._jobs.popitem(last=False)
        self._worker.submit(self._make, key, job, make)
        return key

    def look(self, key: str) -> Job | None:
        """How far a sound is; None when nobody ordered it."""
        job = self._jobs.get(key)
        return Job(done=1, ready=True) if job is None and self.path(key).exists() else job

    def path(self, key: str) -> Path:
        """Where the finished sound lies."""
        return self._folder / f"{key}.mp3"

    def close(self) -> None:
        """Make nothing more; waits for the sound that is being made."""
        self._worker.shutdown(cancel_futures=True)

    def _make(self, key: str, job: Job, make: _Make) -> None:
        def progress(done: int, total: int) -> None:
            job.done, job.total = done, max(total, 1)

        try:
            clip = make(progress)
            job.voice, job.reason = clip.voice, clip.reason
            write_aside(self.path(key), clip.mp3)
            self._tidy()
            job.ready = True
        except NothingToSayError:
            job.problem = "nothing-to-say"
        except (LoaError, OSError):
            _log.exception("sound for listening not made key=%s", key)
            job.problem = "failed"

    def _tidy(self) -> None:
        files = sorted(self._folder.glob("*.mp3"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for file in files[_MAX_KEPT:]:
            file.unlink(missing_ok=True)


def equip(app: Flask, folder: Path, speech: Speech) -> Studio:
    """Give an application its studio."""
    app.extensions[_KEY] = made = Studio(folder, speech)
    return made


def studio(app: Flask) -> Studio:
    """The studio of an application."""
    return cast("Studio", app.extensions[_KEY])


def _studio() -> Studio:
    return studio(current_app)


def _read(text: str, readings: str) -> str:
    with services().database.read() as session:
        return reading.read(text, lexicon.in_force(session, fields.corrections(readings))).spoken


@pages.post("/listen")
@requires(*WRITERS, *VILLAGE_HEADS)
def order() -> ResponseReturnValue:
    """Order the sound of a form."""
    form = request.form
    if form.get("sound"):
        return _order_sound()
    words = form.get("spoken", "").strip() or _read(form.get("text", "")[:MAX_TEXT], form.get("readings", ""))
    sentences = reading.read(words).sentences  # the same way a stored bulletin goes
    if not sentences:
        return jsonify(problem=_("Chưa có gì để đọc. Hãy viết bản tin trước.")), 422
    return _ordered(_studio().order(sentences, _settings()))


def _order_sound() -> ResponseReturnValue:
    """Order what a form with a sound will sound like."""
    typed = fields.of_form(dict(request.form.lists()))
    part = fields.part_of(typed, [])
    store = sound_store()
    if not typed.sound.isalnum() or not store.path(typed.sound).exists():
        return jsonify(problem=_("Tệp âm thanh không còn. Hãy tải lên lại.")), 422
    name = f"sound {typed.sound} {part.start_ms} {part.end_ms}"
    key = _studio().order_sound(name, lambda: trimmed_flac(store.read(typed.sound), part, RATE), _settings())
    return _ordered(key)


def _settings() -> SpeechSettings:
    form = request.form
    typed = fields.of_form(dict(form.lists()))
    try:
        repeats = int(form.get("repeats", "1"))
        plain = SpeechSettings(
            voice=form.get("voice", ""),
            repeats=repeats,
            chime=bool(form.get("chime")),
            opening_tune=typed.opening_tune,
            closing_tune=typed.closing_tune,
            music=typed.music,
        )
        return chosen(plain, speed=form.get("speed", "normal"), pause=form.get("pause", "normal"))
    except (ValueError, SpeechSettingError):
        abort(400)


def _ordered(key: str | None) -> ResponseReturnValue:
    if key is None:
        return jsonify(problem=_("Máy đang bận đọc nhiều bản tin khác. Thử lại sau một phút.")), 503
    return jsonify(state=url_for("listening.state", key=key), sound=url_for("listening.sound", key=key))


@pages.get("/listen/<key>")
@requires(*WRITERS, *VILLAGE_HEADS)
def state(key: str) -> ResponseReturnValue:
    """How far the sound is."""
    job = _studio().look(key)
    if job is None:
        return jsonify(problem=_("Hãy bấm “Nghe thử” lần nữa.")), 404
    if job.problem:
        words = {"nothing-to-say": _("Văn bản này không có gì để đọc thành tiếng.")}
        return jsonify(problem=words.get(job.problem, _("Chưa tạo được giọng đọc. Thử lại sau ít phút."))), 503
    note = sentences.spoken_by(job.voice, job.reason) if job.reason else ""
    return jsonify(ready=job.ready, done=job.done, total=job.total, note=note)


@pages.get("/listen/<key>.mp3")
@requires(*WRITERS, *VILLAGE_HEADS)
def sound(key: str) -> ResponseReturnValue:
    """The finished sound."""
    path = _studio().path(key)
    if not key.isalnum() or not path.exists():
        abort(404)
    return send_file(path, mimetype="audio/mpeg", conditional=True)
