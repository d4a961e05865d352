"""Sounds that came with CAP messages: fetched or unpacked, held against their digest, decoded, and said after the words."""

import base64
import binascii
import hashlib
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import undefer

from broadcaster import standing
from broadcaster.cap import message as cap
from broadcaster.clips import ClipStore, clip_row
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertSound, AlertSource, CapMessage, CapSource, Clip
from scheduler import cap_desk, fetching
from tts.decoding import decode_file
from tts.encoding import RATE
from tts.limited import RefusedFileError
from tts.speech import PreparedClip, Speech, SpeechSettings

log = logging.getLogger(__name__)

MAX_BYTES: Final = 8 << 20
MAX_S: Final = 180
_SHA1_DIGITS: Final = 40
_MAX_WHY: Final = 300


class UnfitRecordingError(Exception):
    """The sound can't be used; the message is a code."""


class Recordings:
    """Makes the sounds that alerts in force wait for; one that can't be used is left out, and the words are heard all the same.

    Args:
        on_ready: called when a sound of an alert has been made.
    """

    def __init__(self, core: Core, speech: Speech, store: ClipStore, on_ready: Callable[[], None]) -> None:
        self._core, self._speech, self._store, self._on_ready = core, speech, store, on_ready

    def make_all(self) -> None:
        """Make every one that is lacking."""
        with self._core.database.read() as session:
            waiting = (
                select(AlertSound.text, Alert.request)
                .join(AlertSound.alert)
                .where(
                    Alert.expires_at > self._core.clock.now(),
                    Alert.ended_at.is_(None),
                    # Their sounds come with them, or not at all.
                    Alert.source.not_in([AlertSource.PROVINCE, AlertSource.RECOVERED]),
                    AlertSound.clip_sha256.is_(None),
                    AlertSound.failed.is_(None),
                    AlertSound.text.regexp_match(standing.RECORDED),
                )
                .distinct()
            )
            lacking = [(text, request) for text, request in session.execute(waiting)]
        for text, request in lacking:
            self._make(text, request)

    def _make(self, text: str, request: str) -> None:
        made: PreparedClip | None = None
        why = ""
        try:
            made = self._prepared(text.removeprefix(f"{standing.RECORDING} "), request)
        except (UnfitRecordingError, fetching.FetchError, RefusedFileError) as error:
            why = str(error)
        except Exception as error:  # a stranger's sound must not keep the rest of an alert from being heard
            log.exception("recording of an alert can't be used")
            why = type(error).__name__
        log.info("recording of a CAP message request=%s why=%s", request, why or "ok")
        stored = self._store.put(made.opus, made.mp3) if made else None
        with self._core.database.write() as session:
            clip: Clip | None = None
            if made and stored:
                clip = clip_row(session, *stored, duration_ms=made.duration_ms, at=self._core.clock.now())
            waiting = select(AlertSound).where(AlertSound.text == text, AlertSound.clip_sha256.is_(None))
            for sound in session.scalars(waiting):
                sound.clip, sound.failed = clip, None if clip else f"recording: {why}"[:_MAX_WHY]
        self._on_ready()

    def _prepared(self, digest: str, request: str) -> PreparedClip:
        data = self._bytes(digest, request)
        if not _matches(data, digest):
            raise UnfitRecordingError("wrong-digest")
        with tempfile.NamedTemporaryFile(suffix=".sound") as file:
            file.write(data)
            file.flush()
            pcm = decode_file(Path(file.name))
        if pcm.samples.size > MAX_S * pcm.rate:
            raise UnfitRecordingError("too-long")
        return self._speech.prepare_sound(pcm.at(RATE), SpeechSettings(voice=standing.VOICE, repeats=1, chime=False))

    def _bytes(self, digest: str, request: str) -> bytes:
        """The sound as the message brings it, or as it lies where the message says."""
        number = cap_desk.message_of(request)
        with self._core.database.read() as session:
            row = session.get(CapMessage, number, options=[undefer(CapMessage.original)]) if number else None
            if row is None:
                raise UnfitRecordingError("gone")
            message, source = cap.read(row.original), row.source
        for info in message.infos:
            for one in info.resources:
                if one.digest.strip().lower() == digest:
                    return _unpacked(one.content) if one.content else self._fetched(one.uri, source)
        raise UnfitRecordingError("gone")

    @staticmethod
    def _fetched(uri: str, source: CapSource) -> bytes:
        return fetching.fetch(uri, hosts_of(source), MAX_BYTES).body


def hosts_of(source: CapSource) -> frozenset[str]:
    """The machines that a source may have us ask: its feed's own, and those the administrator has named."""
    own = urlsplit(source.url).hostname or ""
    return frozenset(host.lower() for host in (own, *source.hosts.split()) if host)


def _unpacked(content: str) -> bytes:
    try:
        data = base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error as error:
        raise UnfitRecordingError("not-base64") from error
    if len(data) > MAX_BYTES:
        raise UnfitRecordingError("too-large")
    return data


def _matches(data: bytes, digest: str) -> bool:
    """SHA-1 is what OASIS names; a sender who is let in vouches for more than it does."""
    algorithm = "sha1" if len(digest) == _SHA1_DIGITS else "sha256"
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest() == digest
