"""Sound that somebody brings with the bulletin form: a file or a recording becomes samples, a picture, and a row."""

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from flask import Blueprint, Flask, abort, jsonify, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from broadcaster import chain
from broadcaster.rows import Sound
from scheduler.submissions import Problem
from tts.decoding import MAX_FILE_BYTES, decode_file, peaks_of
from tts.documents import read_file
from tts.flac import to_flac
from tts.limited import RefusedFileError
from web import file_words
from web.access import VILLAGE_HEADS, WRITERS, current_account, may, me, requires
from web.context import now, services, sound_store
from web.fields import Fields

pages = Blueprint("uploads", __name__)

_log = logging.getLogger(__name__)

_TAKES_FILES: Final = frozenset(
    {
        "uploads.take",
        "uploads.take_words",
        "bulletins.send",
        "library.add",
        "village.air",
        "recorded.keep",
        "outlines.bring",
    }
)
_FORM_BYTES: Final = 2**20
_MAX_NAME: Final = 200


def admit(app: Flask) -> None:
    """Let those who may write send files to the pages that take them; before anything reads a form."""

    @app.before_request
    def _admit() -> None:
        if request.endpoint in _TAKES_FILES and current_account() is not None and may(*WRITERS, *VILLAGE_HEADS):
            request.max_content_length = MAX_FILE_BYTES + _FORM_BYTES


def name_of(file: FileStorage) -> str:
    """What a file is called, without folder and ending."""
    last = PurePosixPath((file.filename or "").replace("\\", "/")).name
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", last)
    return re.sub(r"[\x00-\x1f]+", " ", stem).strip()[:_MAX_NAME] or "?"


@contextmanager
def _aside(file: FileStorage) -> Iterator[Path]:
    """An upload as a file on the disk, while a child process reads it. Errors: OSError."""
    folder = services().settings.home_path / "cache" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    with closing(file), tempfile.NamedTemporaryFile(dir=folder) as aside:
        file.save(aside)
        aside.flush()
        yield Path(aside.name)


def store(file: FileStorage) -> Sound:
    """Decode an uploaded file and keep it; the same sound again is the same row.

    Raises:
        RefusedFileError: it is not taken; nothing was stored. `full` where there is no room for it.
    """
    try:
        return _store(file)
    except OSError as error:
        _log.exception("upload not stored")
        raise RefusedFileError("full") from error


def _store(file: FileStorage) -> Sound:
    with _aside(file) as path:
        pcm = decode_file(path)
    flac = to_flac(pcm)
    sha256 = sound_store().put(flac)
    with services().database.write() as session:
        if (known := session.get(Sound, sha256)) is None:
            length_ms = pcm.samples.size * 1000 // pcm.rate
            known = Sound(
                sha256=sha256,
                name=name_of(file),
                bytes=len(flac),
                duration_ms=length_ms,
                peaks=peaks_of(pcm),
                account_id=me().id,
                created_at=now(),
            )
            session.add(known)
            detail = {"name": known.name, "ms": length_ms}
            chain.audit(session, at=now(), account_id=me().id, action="sound.upload", subject=sha256, detail=detail)
        session.flush()
        session.expunge(known)
    return known


@pages.post("/sounds")
@requires(*WRITERS, *VILLAGE_HEADS)
def take() -> ResponseReturnValue:
    """Take a file in for the form that is open; answers with its picture, or says why not."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return jsonify(problem=file_words.refusal("empty", ())), 422
    try:
        sound = store(file)
    except RefusedFileError as refusal:
        return jsonify(problem=file_words.refusal(refusal.code, refusal.values)), 422
    return jsonify(_facts(sound))


def with_sound(typed: Fields) -> tuple[Fields, tuple[Problem, ...]]:
    """A form's fields with the file that a browser without JavaScript sent along, or without the sound that was dropped."""
    if request.form.get("action") == "drop-sound":
        return replace(typed, sound="", sound_from="", sound_to=""), ()
    file = request.files.get("file")
    if file is None or not file.filename:
        return typed, ()
    try:
        return replace(typed, sound=store(file).sha256, sound_from="", sound_to=""), ()
    except RefusedFileError as refusal:
        return typed, (Problem("sound", refusal.code, refusal.values),)


def words(file: FileStorage | None) -> str:
    """The text of an uploaded document. Errors: RefusedFileError."""
    if file is None or not file.filename:
        raise RefusedFileError("empty")
    try:
        with _aside(file) as path:
            return read_file(path)
    except OSError as error:
        _log.exception("document not read")
        raise RefusedFileError("full") from error


@pages.post("/documents")
@requires(*WRITERS)
def take_words() -> ResponseReturnValue:
    """The text of a document for the form that is open, or why it can't be taken; the document is not kept."""
    file = request.files.get("file")
    try:
        return jsonify(text=words(file), name=name_of(file) if file else "")
    except RefusedFileError as refusal:
        return jsonify(problem=file_words.refusal(refusal.code, refusal.values)), 422


@pages.get("/sounds/<sha256>")
@requires(*WRITERS, *VILLAGE_HEADS)
def show(sha256: str) -> ResponseReturnValue:
    """A sound that was brought before, for a form that names it."""
    with services().database.read() as session:
        sound = session.get(Sound, sha256)
        return jsonify(_facts(sound)) if sound else abort(404)


def _facts(sound: Sound) -> dict[str, object]:
    return {
        "sound": sound.sha256,
        "name": sound.name,
        "seconds": sound.duration_ms / 1000,
        "picture": render_template("_wave.html", sound=sound),
        "address": url_for("uploads.play", sha256=sound.sha256),
    }


@pages.get("/sounds/<sha256>.flac")
@requires()
def play(sha256: str) -> ResponseReturnValue:
    """The whole sound as it was brought."""
    path = sound_store().path(sha256)
    if not sha256.isalnum() or not path.exists():
        abort(404)
    return send_file(path, mimetype="audio/flac", conditional=True, max_age=86_400)
