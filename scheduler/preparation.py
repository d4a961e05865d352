"""From bulletins to clips, ahead of time: the nearest to its air time first, one at a time."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, joinedload

import tts.reading
from broadcaster.clips import ClipStore, clip_row
from broadcaster.clock import Clock
from broadcaster.database import Database
from broadcaster.rows import Broadcast, Bulletin, Composition, Schedule, ScheduleKind
from broadcaster.sounds import SoundStore
from scheduler import rundown
from scheduler.rundown import Fixed, RundownError
from tts.encoding import RATE
from tts.settings import HOUSE_TUNE, chosen
from tts.speech import PreparedClip, Speech, SpeechSettings
from tts.trimming import Part, trimmed_flac

log = logging.getLogger(__name__)

_RETRY_S: Final = 10.0
_LONGEST_REASON: Final = 300


class Preparation:
    """Makes the sound of every bulletin that is going to air.

    Args:
        sounds: what people brought.
        on_ready: called when a bulletin's clip is there.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        speech: Speech,
        store: ClipStore,
        clock: Clock,
        on_ready: Callable[[], None],
        *,
        sounds: SoundStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._speech, self._store, self._sounds = database, speech, store, sounds
        self._clock, self._on_ready, self._monotonic = clock, on_ready, monotonic
        self._lock = threading.Lock()
        self._progress: dict[int, tuple[int, int]] = {}
        self._retry_at: dict[int, float] = {}
        self._stopping = threading.Event()

    def progress(self, bulletin_id: int) -> tuple[int, int] | None:
        """Steps done and steps in all while the sound of a bulletin is being made."""
        with self._lock:
            return self._progress.get(bulletin_id)

    def prepare_all(self) -> None:
        """Make every clip that is lacking."""
        while not self._stopping.is_set() and (bulletin := self._next()) is not None:
            self._prepare(bulletin)

    def stop(self) -> None:
        """Begin no further clip."""
        self._stopping.set()

    def _next(self) -> Bulletin | None:
        now = self._monotonic()
        with self._database.read() as session:
            for bulletin in _lacking(session, self._store, self._clock.now()):
                if self._retry_at.get(bulletin.id, now) <= now:
                    session.expunge(bulletin)
                    return bulletin
        return None

    def _prepare(self, bulletin: Bulletin) -> None:
        def note(done: int, total: int) -> None:
            with self._lock:
                self._progress[bulletin.id] = (done, total)

        try:
            prepared = self._make(bulletin, note)
            manifest, manifest_sha256 = self._store.put(prepared.opus, prepared.mp3)
        except Exception as error:  # whatever is wrong with one bulletin must not hold up the others
            log.exception("bulletin has no sound yet bulletin=%s", bulletin.id)
            self._retry_at[bulletin.id] = self._monotonic() + _RETRY_S
            self._note_error(bulletin.id, str(error))
            return
        finally:
            with self._lock:
                self._progress.pop(bulletin.id, None)
        with self._database.write() as session:
            clip_row(session, manifest, manifest_sha256, duration_ms=prepared.duration_ms, at=self._clock.now())
            row = session.get_one(Bulletin, bulletin.id)
            row.clip_sha256, row.speech_error = manifest.clip, None
            row.voice_used = prepared.voice if prepared.voice not in {"", row.voice} else None
            row.voice_reason = prepared.reason[:_LONGEST_REASON] if row.voice_used else None
        self._retry_at.pop(bulletin.id, None)
        log.info("bulletin prepared bulletin=%s clip=%s ms=%s", bulletin.id, manifest.clip[:12], prepared.duration_ms)
        self._on_ready()

    def _make(self, bulletin: Bulletin, note: Callable[[int, int], None]) -> PreparedClip:
        """The sound of a bulletin: what somebody brought, or its text spoken."""
        settings = settings_of(bulletin)
        if bulletin.sound_sha256 is None:
            return self._speech.prepare(tts.reading.read(bulletin.spoken).sentences, settings, note)
        part = Part(bulletin.sound_start_ms, bulletin.sound_end_ms)
        return self._speech.prepare_sound(
            trimmed_flac(self._sounds.read(bulletin.sound_sha256), part, RATE), settings, note
        )

    def _note_error(self, bulletin_id: int, error: str) -> None:
        with self._database.write() as session:
            session.get_one(Bulletin, bulletin_id).speech_error = error[:300]


def settings_of(bulletin: Bulletin) -> SpeechSettings:
    """How a bulletin is spoken."""
    plain = SpeechSettings(
        voice=bulletin.voice,
        repeats=bulletin.repeats,
        chime=bulletin.chime,
        opening_tune=(bulletin.opening_sound_sha256 or HOUSE_TUNE) if bulletin.opening_tune else "",
        closing_tune=(bulletin.closing_sound_sha256 or HOUSE_TUNE) if bulletin.closing_tune else "",
        music=bulletin.music,
    )
    return chosen(plain, speed=bulletin.speed, pause=bulletin.pause)


def _lacking(session: Session, store: ClipStore, now: datetime) -> list[Bulletin]:
    """Bulletins with something to air and no sound, or whose sound has been lost; nearest air time first."""
    undecided = Broadcast.cancelled_at.is_(None) & Broadcast.stopped_at.is_(None) & Broadcast.missed_at.is_(None)
    bulletins: dict[int, tuple[datetime, Bulletin]] = {}
    for which in (Broadcast.sent_at.is_(None), Broadcast.start_at > now):  # two queries, an index for each
        query = select(Broadcast).where(undecided, which).options(joinedload(Broadcast.bulletin))
        for broadcast in session.scalars(query):
            first = bulletins.get(broadcast.bulletin_id, (broadcast.occurrence, broadcast.bulletin))
            bulletins[broadcast.bulletin_id] = min(broadcast.occurrence, first[0]), broadcast.bulletin
    heard = _in_programmes(session, undecided, now)
    for bulletin in session.scalars(select(Bulletin).where(Bulletin.id.in_(heard))):
        bulletins.setdefault(bulletin.id, (heard[bulletin.id], bulletin))
    later = (  # beyond the horizon of broadcasts, so that an approver can hear it as soon as it is sent in
        select(Schedule)
        .join(Schedule.bulletin)
        .where(
            Schedule.cancelled_at.is_(None),
            (Schedule.start_at > now) | (Schedule.kind == ScheduleKind.PROGRAMME),
            Bulletin.clip_sha256.is_(None),
            ~exists().where(Broadcast.schedule_id == Schedule.id),
        )
    )
    for schedule in session.scalars(later.options(joinedload(Schedule.bulletin))):
        bulletins.setdefault(schedule.bulletin_id, (schedule.start_at or now, schedule.bulletin))
    return [
        bulletin
        for _, bulletin in sorted(bulletins.values(), key=lambda pair: (pair[0], pair[1].id))
        if bulletin.rundown is None and (bulletin.clip_sha256 is None or not store.has(bulletin.clip_sha256))
    ]


def _in_programmes(session: Session, undecided: ColumnElement[bool], now: datetime) -> dict[int, datetime]:
    """The bulletins that programmes name or hold, by id, with when they are first heard in one."""
    rows = (
        select(Broadcast.occurrence, Bulletin.rundown, Composition.pieces)
        .join(Broadcast.bulletin)
        .outerjoin(Broadcast.composition)
        .where(Bulletin.rundown.is_not(None), Broadcast.sent_at.is_(None) | (Broadcast.start_at > now), undecided)
        .order_by(Broadcast.occurrence)
    )
    found: dict[int, datetime] = {}
    for occurrence, wanted, pieces in session.execute(rows):
        numbers = [piece["bulletin"] for piece in pieces or ()]
        with suppress(RundownError):  # counted where it is composed
            numbers += [item.bulletin for item in rundown.read(wanted).items if isinstance(item, Fixed)]
        for number in numbers:
            found.setdefault(number, occurrence)
    return found
