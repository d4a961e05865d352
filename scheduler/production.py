"""The sound of programmes: tunes, words and music are made once, and joined with the bulletins' own clips, the next to air first."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

import tts.reading
from broadcaster.clips import ClipStore, clip_row
from broadcaster.core import Core
from broadcaster.rows import Broadcast, Composition, ProgrammeSound
from broadcaster.sounds import SoundStore
from scheduler.composing import pieces_of
from scheduler.rundown import Kind, Piece
from tts import joining
from tts.encoding import FRAME, RATE
from tts.pcm import Samples
from tts.settings import SpeechSettings
from tts.speech import PreparedClip, Speech
from tts.trimming import Part, trimmed_flac

log = logging.getLogger(__name__)

_RETRY_S: Final = 10.0
_LONGEST_REASON: Final = 300
_AROUND_MS: Final = 500
"""The silence before and after a sound in its clip (`tts.assembly`)."""
_LEAST_MS: Final = 2_000
"""A rest of a fallback that is shorter is silence."""
_FADE_S: Final = 3.0
_FRAME_MS: Final = FRAME * 1000 // RATE


@dataclass(frozen=True)
class _Order:
    """An occurrence that lacks its sound."""

    broadcast: str
    key: str
    voice: str
    pieces: tuple[Piece, ...]


class Production:
    """Makes the clip of every composed occurrence.

    Args:
        on_ready: called when an occurrence's clip is there.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        core: Core,
        speech: Speech,
        store: ClipStore,
        sounds: SoundStore,
        on_ready: Callable[[], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._core, self._speech, self._store, self._sounds = core, speech, store, sounds
        self._on_ready, self._monotonic = on_ready, monotonic
        self._retry_at: dict[str, float] = {}
        self._stopping = threading.Event()

    def produce_all(self) -> None:
        """Make every sound that is lacking."""
        while not self._stopping.is_set() and (order := self._next()) is not None:
            self._produce(order)

    def stop(self) -> None:
        """Begin no further clip."""
        self._stopping.set()

    def _next(self) -> _Order | None:
        now = self._monotonic()
        with self._core.database.read() as session:
            for broadcast in self._lacking(session):
                kept = broadcast.composition
                if kept and self._retry_at.get(kept.key, now) <= now:
                    return _Order(broadcast.id, kept.key, broadcast.bulletin.voice, pieces_of(kept))
        return None

    def _lacking(self, session: Session) -> Iterator[Broadcast]:
        rows = (
            select(Broadcast)
            .join(Broadcast.composition)
            .where(
                Broadcast.sent_at.is_(None) | (Broadcast.start_at > self._core.clock.now()),
                Composition.why == "",
                Broadcast.cancelled_at.is_(None),
                Broadcast.stopped_at.is_(None),
                Broadcast.missed_at.is_(None),
            )
            .options(joinedload(Broadcast.composition), joinedload(Broadcast.bulletin))
            .order_by(Broadcast.start_at)
        )
        for broadcast in session.scalars(rows):
            kept = broadcast.composition
            if kept and (kept.clip_sha256 is None or not self._store.has(kept.clip_sha256)):
                yield broadcast

    def _produce(self, order: _Order) -> None:
        try:
            pieces, clips = self._pieces(order)
            names = [hashlib.sha256(clip).hexdigest() for clip in clips]
            key = hashlib.sha256(f"joined {names}".encode()).hexdigest()
            clip = hashlib.sha256(self._made(key, lambda: joining.join(clips))).hexdigest()
        except Exception as error:  # whatever is wrong with one programme must not hold up the others
            log.exception("programme has no sound yet broadcast=%s", order.broadcast)
            self._retry_at[order.key] = self._monotonic() + _RETRY_S
            self._note(order, error=str(error)[:_LONGEST_REASON])
            return
        self._retry_at.pop(order.key, None)
        self._note(order, clip=clip, pieces=pieces)
        log.info("programme prepared broadcast=%s clip=%s pieces=%s", order.broadcast, clip[:12], len(pieces))
        self._on_ready()

    def _note(self, order: _Order, *, clip: str | None = None, pieces: tuple[Piece, ...] = (), error: str = "") -> None:
        """Write down what became of it, unless it has been composed anew meanwhile."""
        with self._core.database.write() as session:
            kept = session.get(Composition, order.broadcast)
            if kept is None or kept.key != order.key:
                return
            kept.error = error or None
            if clip:
                kept.clip_sha256, kept.pieces = clip, msgspec.to_builtins(pieces)

    def _pieces(self, order: _Order) -> tuple[tuple[Piece, ...], list[bytes]]:
        """The clips of the pieces, and the pieces with the moments that follow from them."""
        timed, clips = [], list[bytes]()
        at_ms = 0
        for piece in order.pieces:
            mine = list(self._clips_of(piece, order.voice))
            length_ms = sum(map(joining.length_ms, mine))
            timed.append(msgspec.structs.replace(piece, at_ms=at_ms, length_ms=length_ms))
            clips += mine
            at_ms += length_ms
        return tuple(timed), clips

    def _clips_of(self, piece: Piece, voice: str) -> Iterator[bytes]:
        if piece.kind is Kind.BULLETIN:
            yield self._store.opus(piece.clip)  # one that was lost is being made again (`preparation`)
        elif piece.kind is Kind.WORDS:
            sentences = tts.reading.read(piece.text).sentences
            settings = SpeechSettings(voice=voice, chime=False)
            key = self._speech.key(sentences, settings)
            yield self._made(key, lambda: self._speech.prepare(sentences, settings))
        elif piece.kind is Kind.RELAY:
            yield from self._fallback(piece)
        else:
            yield self._sound(piece.sound, piece.length_ms if piece.cut else None)

    def _fallback(self, piece: Piece) -> Iterator[bytes]:
        """What fills the time of a relay: its sound again and again, cut at the end to the very packet."""
        whole = self._sound(piece.sound, None)
        count, rest_ms = divmod(piece.length_ms, joining.length_ms(whole))
        yield from [whole] * count
        if rest_ms >= _LEAST_MS:
            yield self._sound(piece.sound, rest_ms)
        elif rest_ms:
            yield joining.silence(rest_ms)

    def _sound(self, sha256: str, length_ms: int | None) -> bytes:
        """A sound of the library as a clip, all of it or so long that the clip has this length, faded out."""
        settings = SpeechSettings(chime=False)
        key = self._speech.key([f"sound {sha256} {length_ms}"], settings)
        return self._made(key, lambda: self._speech.prepare_sound(self._samples(sha256, length_ms), settings))

    def _samples(self, sha256: str, length_ms: int | None) -> Samples:
        end_ms = None if length_ms is None else length_ms // _FRAME_MS * _FRAME_MS - _AROUND_MS
        samples = trimmed_flac(self._sounds.read(sha256), Part(0, end_ms), RATE)
        if length_ms is not None:
            fade = min(round(_FADE_S * RATE), samples.size)
            samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        return samples

    def _made(self, key: str, make: Callable[[], PreparedClip]) -> bytes:
        """The clip of that key, made if it is not there."""
        with self._core.database.read() as session:
            kept = session.get(ProgrammeSound, key)
        if kept is not None and self._store.has(kept.clip_sha256):
            return self._store.opus(kept.clip_sha256)
        made = make()
        manifest, manifest_sha256 = self._store.put(made.opus, made.mp3)
        with self._core.database.write() as session:
            clip_row(session, manifest, manifest_sha256, duration_ms=made.duration_ms, at=self._core.clock.now())
            session.merge(ProgrammeSound(key=key, clip_sha256=manifest.clip))
        return made.opus
