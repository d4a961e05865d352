"""The sound of alerts, on a thread of its own: what an alert in force lacks first, then, in idle time, what speakers keep."""

import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

import tts.reading
from broadcaster import standing
from broadcaster.clips import ClipStore, clip_row
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertSound, Clip, StandingSound
from broadcaster.worker import Worker
from tts import siren
from tts.speech import NothingToSayError, PreparedClip, Speech, SpeechSettings

log = logging.getLogger(__name__)

_IDLE_S: Final = 2.0
_PATIENCE_S: Final = 30.0
"""For the sentence under way."""
_FOLLOW_EVERY: Final = 30
"""Looks between two comparisons of what is kept with places and the table of alerts."""
_ATTEMPTS: Final = 3
"""Then a sentence of an alert is left out, so that the ones behind it are heard."""
_LONGEST_ERROR: Final = 300


class AlertSpeech(Worker):
    """Makes the sounds that alerts lack.

    Args:
        on_ready: called when a sound of an alert in force has been made.
        keep: brings what speakers keep in line, when something of it has changed; None where nothing is kept.
    """

    def __init__(
        self,
        core: Core,
        speech: Speech,
        store: ClipStore,
        *,
        on_ready: Callable[[], None],
        keep: Callable[[], None] | None,
    ) -> None:
        super().__init__("alert-speech", core.counters, self._work_and_rest, rest_s=_IDLE_S, patience_s=_PATIENCE_S)
        self._core, self._speech, self._store = core, speech, store
        self._on_ready, self._keep = on_ready, keep
        self._failures: dict[str, int] = {}
        self._looks = 0

    def _work_and_rest(self) -> float:
        return 0 if self.work() else _IDLE_S

    def work(self) -> bool:
        """Make one sound; returns whether there was one to make."""
        if text := self._urgent():
            self._make_urgent(text)
            return True
        if self._keep is None:
            return False
        if self._looks % _FOLLOW_EVERY == 0:
            self._keep()
        self._looks += 1
        if text := self._standing():
            self._make_standing(text)
            return True
        return False

    def _urgent(self) -> str | None:
        """The next sentence that an alert in force waits for."""
        with self._core.database.read() as session:
            waiting = (
                select(AlertSound.text)
                .join(AlertSound.alert)
                .where(
                    Alert.expires_at > self._core.clock.now(),
                    Alert.ended_at.is_(None),
                    AlertSound.clip_sha256.is_(None),
                    AlertSound.failed.is_(None),
                    ~AlertSound.text.regexp_match(standing.RECORDED),  # `scheduler.cap_recordings` fetches it
                )
                .order_by(Alert.level.desc(), Alert.raised_at.desc(), AlertSound.position)
            )
            return session.scalar(waiting.limit(1))

    def _standing(self) -> str | None:
        with self._core.database.read() as session:
            lacking = select(StandingSound.text).where(StandingSound.clip_sha256.is_(None)).order_by(StandingSound.key)
            return next((text for text in session.scalars(lacking) if self._failures.get(text, 0) < _ATTEMPTS), None)

    def _make_urgent(self, text: str) -> None:
        made: PreparedClip | None = None
        error = ""
        try:
            made = self._sound(text)
        except Exception as caught:  # one sentence must not keep the rest of an alert from being heard
            log.exception("sentence of an alert can't be spoken")
            error = str(caught)[:_LONGEST_ERROR]
            if not isinstance(caught, NothingToSayError) and self._fail(text) < _ATTEMPTS:
                return
        with self._core.database.write(urgent=True) as session:
            clip = self._keep_clip(session, made) if made else None
            waiting = select(AlertSound).where(AlertSound.text == text, AlertSound.clip_sha256.is_(None))
            for sound in session.scalars(waiting):
                if clip:
                    sound.clip = clip
                else:
                    sound.failed = error
        self._on_ready()
        if made:  # browsers listen later than speakers
            self._store.put_mp3(made.sha256, made.mp3)

    def _make_standing(self, text: str) -> None:
        try:
            made = self._sound(text)
        except Exception:
            log.exception("sound that speakers keep can't be made")
            self._fail(text)
            return
        with self._core.database.write() as session:
            clip = self._keep_clip(session, made)
            for sound in session.scalars(select(StandingSound).where(StandingSound.text == text)):
                sound.clip = clip
            left = session.scalar(select(StandingSound.key).where(StandingSound.clip_sha256.is_(None)).limit(1))
        if left is None and self._keep:
            self._keep()
        self._store.put_mp3(made.sha256, made.mp3)

    def _fail(self, text: str) -> int:
        self._failures[text] = self._failures.get(text, 0) + 1
        return self._failures[text]

    def _sound(self, text: str) -> PreparedClip:
        if one := standing.siren_of(text):
            return siren.siren(one)
        if text == standing.BELL:
            return siren.bell()
        sentences = tts.reading.read(text).sentences
        return self._speech.prepare(sentences, SpeechSettings(voice=standing.VOICE, repeats=1, chime=False))

    def _keep_clip(self, session: Session, made: PreparedClip) -> Clip:
        if known := session.get(Clip, made.sha256):
            if not self._store.has(made.sha256):
                self._store.put(made.opus)
            return known
        manifest, manifest_sha256 = self._store.put(made.opus)
        now = self._core.clock.now()
        return clip_row(session, manifest, manifest_sha256, duration_ms=made.duration_ms, at=now)
