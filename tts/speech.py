"""Spoken text to a finished clip: the one door of this package."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broadcaster.errors import LoaError
from tts import assembly, encoding
from tts import chime as bell
from tts.cache import SentenceCache, sentence_key
from tts.encoding import RATE
from tts.engine import Engine, EngineError, EngineUnavailableError, UnspeakableTextError
from tts.levelling import level, loudness_target_lufs, shaped
from tts.loudness import integrated_lufs
from tts.pcm import Pcm, Samples, to_float, to_int16
from tts.settings import HOUSE_TUNE, Profile, SpeechSettingError, SpeechSettings
from tts.voice import VOICES, Voice

__all__ = [
    "VOICES",
    "Engine",
    "EngineError",
    "EngineUnavailableError",
    "NothingToSayError",
    "PreparedClip",
    "Profile",
    "Speech",
    "SpeechSettingError",
    "SpeechSettings",
    "UnspeakableTextError",
    "Voice",
]

_log = logging.getLogger(__name__)

_ALWAYS: Final = "espeak"
"""The engine that every station has."""
_CEILING_DBTP: Final = -3.5
"""Of the limiter before encoding: room for what Opus at 18 kbit/s overshoots. Nearer, parts are softened so often that loudness suffers."""
_CODEC_LOSS_LU: Final = 0.5
"""What Opus at 18 kbit/s takes from the loudness of speech; measured 0.2 (standard) to 0.9 (two words, noisy)."""


class NothingToSayError(LoaError):
    """There is no sentence, or none that the engine has a sound for."""


@dataclass(frozen=True)
class PreparedClip:
    """A finished sound.

    Attributes:
        sha256: of `opus`, hex.
        opus: a whole Ogg Opus file, mono, about 17 kbit/s.
        duration_ms: exact, of the decoded Opus.
        loudness_lufs: integrated loudness of the decoded Opus.
        true_peak_dbtp: true peak of the decoded Opus.
        voice: key of the voice that speaks, all of it; empty for a sound that is no voice.
        reason: why it is not the voice that was asked for; empty when it is.
        make_mp3: see `mp3`.
    """

    sha256: str
    opus: bytes
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    make_mp3: Callable[[], bytes] = field(repr=False, compare=False)
    voice: str = ""
    reason: str = ""

    @cached_property
    def mp3(self) -> bytes:
        """The same samples for browsers; of a short sound it is made with the first look, so that an alert need not wait for it."""
        return self.make_mp3()


class Speech:
    """Prepares clips. Safe to call from several threads; sentences already spoken are taken from disk.

    Args:
        cache_dir: folder of the sentence cache, may be shared with other processes.
        engine: speaks the voices of eSpeak NG, which are always there.
        others: further engines by their names. All are closed together with this object.
        tunes: brings a tune by the SHA-256 of its sound, mono at `tts.encoding.RATE`. Errors: LoaError, OSError; the house tune is then heard.
    """

    def __init__(
        self, cache_dir: Path, engine: Engine, *others: Engine, tunes: Callable[[str], Samples] | None = None
    ) -> None:
        self._tunes = tunes
        self._engines: dict[str, Engine] = {_ALWAYS: engine, **{other.name: other for other in others}}
        self._cache = SentenceCache(cache_dir)
        self._speaking = {engine.name: threading.Lock() for engine in self._engines.values()}
        """One for each engine: an alert in eSpeak's voice never waits for Piper or the internet."""

    def key(self, sentences: Sequence[str], settings: SpeechSettings) -> str:
        """SHA-256 in hex over everything that changes the sound of `prepare` with the same arguments."""
        facts = {
            "sentences": list(sentences),
            "settings": asdict(settings),
            "voices": [
                [asdict(voice), engine.name, engine.version] for _, voice, engine in self._speakers(settings.voice)
            ],
            "versions": [assembly.VERSION, bell.VERSION, encoding.VERSION],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def prepare(
        self,
        sentences: Sequence[str],
        settings: SpeechSettings,
        progress: Callable[[int, int], None] | None = None,
    ) -> PreparedClip:
        """Speak, assemble, level and encode.

        A sentence without any sound is left out and logged.

        Args:
            sentences: as `tts.reading` gives them: lower-case syllables and punctuation.
            settings: how to speak.
            progress: called with (done, total) steps from the calling thread. The total grows once, when the length is known.

        Raises:
            NothingToSayError: no sentence has a sound.
            EngineUnavailableError: retry later.
            EncodingError: the codec failed.
        """
        steps = _Steps(progress, len(sentences) + 1)
        voice, reason, spoken = self._all_spoken(sentences, settings, steps)
        if not spoken:
            raise NothingToSayError(f"no sound in {len(sentences)} sentences")
        return replace(self._whole(spoken, settings, steps), voice=voice, reason=reason)

    def each(self, sentences: Sequence[str], settings: SpeechSettings) -> Iterator[PreparedClip]:
        """The sentences as clips of their own, one after the other, all in the voice that could speak the first.

        For what must begin before all of it is made. Raises as `prepare` does, also between two clips: whoever asked may begin again.
        """
        plain = replace(settings, chime=False, repeats=1)
        voice = ""
        for sentence in sentences:
            try:
                clip = self.prepare([sentence], plain)
            except NothingToSayError:
                continue
            voice = voice or clip.voice
            if clip.voice != voice:
                raise EngineUnavailableError(VOICES[voice].engine, clip.reason)
            plain = replace(plain, voice=voice)
            yield clip

    def offers(self, key: str) -> bool:
        """Whether the engine of a voice is there."""
        return key in VOICES and VOICES[key].engine in self._engines

    def prepare_sound(
        self, sound: Samples, settings: SpeechSettings, progress: Callable[[int, int], None] | None = None
    ) -> PreparedClip:
        """Assemble, level and encode a sound that somebody brought, mono at `tts.encoding.RATE`; the voice of `settings` says nothing.

        Raises:
            NothingToSayError: it is silent.
            EncodingError: the codec failed.
        """
        if not sound.any():
            raise NothingToSayError("a silent sound")
        return self._whole([sound], settings, _Steps(progress, 1))

    def _whole(self, sounds: list[Samples], settings: SpeechSettings, steps: "_Steps") -> PreparedClip:
        """Sentences, or a sound, with everything around them; the list is emptied, so that its memory is free."""
        opening = self._tune(settings.opening_tune, bell.opening_tune)
        closing = self._tune(settings.closing_tune, bell.closing_tune)
        announcement = encoding.padded(assembly.assemble(sounds, RATE, settings, opening, closing))
        sounds.clear()
        end = announcement.size
        music = [slice(0, end)] if settings.music else assembly.music_spans(end, RATE, opening, closing)
        return _finished(announcement, settings.profile, steps, music)

    def _tune(self, name: str, house: Callable[[int, float], Samples]) -> Samples | None:
        """A tune by what the settings call it; one that can't be read is left for the house's own, for an air time waits for nobody."""
        if not name:
            return None
        if name != HOUSE_TUNE and self._tunes:
            try:
                return self._tunes(name)
            except (LoaError, OSError):
                _log.exception("tune not there tune=%s", name)
        return house(RATE, assembly.CHIME_LUFS)

    def close(self) -> None:
        """End the engines."""
        for engine in self._engines.values():
            engine.close()

    def _speakers(self, wanted: str) -> Iterator[tuple[str, Voice, Engine]]:
        """The wanted voice and those that speak in its place, as far as their engines are there."""
        for key in (wanted, *VOICES[wanted].fallbacks):
            voice = VOICES[key]
            if engine := self._engines.get(voice.engine):
                yield key, voice, engine

    def _all_spoken(
        self, sentences: Sequence[str], settings: SpeechSettings, steps: "_Steps"
    ) -> tuple[str, str, list[Samples]]:
        """Every sentence in one voice: a voice that fails at one of them is left, and the next begins from the start."""
        reasons = [] if self.offers(settings.voice) else [f"{VOICES[settings.voice].engine}: not installed"]
        failure: EngineUnavailableError | None = None
        for key, voice, engine in self._speakers(settings.voice):
            done = steps.done
            try:
                said = [self._spoken(sentence, engine, voice, settings, steps) for sentence in sentences]
            except EngineUnavailableError as error:
                _log.warning("voice left voice=%s reason=%s", key, error)
                reasons.append(f"{error.engine}: {error.reason}")
                failure = error
                steps.expect(steps.done - done)
                continue
            return key, "; ".join(reasons), [sound for sound in said if sound is not None]
        raise failure or EngineUnavailableError(VOICES[settings.voice].engine, "not installed")

    def _spoken(
        self, sentence: str, engine: Engine, voice: Voice, settings: SpeechSettings, steps: "_Steps"
    ) -> Samples | None:
        try:
            return self._pcm(sentence, engine, voice, settings).at(RATE)
        except UnspeakableTextError as error:
            _log.warning("sentence left out reason=%s", error)
            return None
        finally:
            steps.step()

    def _pcm(self, sentence: str, engine: Engine, voice: Voice, settings: SpeechSettings) -> Pcm:
        """A sentence from the cache or the engine; two threads that want the same one of an engine make it once."""
        key = sentence_key(engine, voice, settings.words_per_minute, sentence)
        if (cached := self._cache.get(key)) is not None:
            return cached
        with self._speaking[engine.name]:
            if (cached := self._cache.get(key)) is not None:
                return cached
            pcm = engine.speak(sentence, voice, settings.words_per_minute)
            self._cache.put(key, pcm)
            return pcm


class _Steps:
    """Counts what is done and says so."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress = progress
        self.done = 0
        self._total = total

    def expect(self, more: int) -> None:
        self._total += more

    def step(self) -> None:
        self.done += 1
        if self._progress is not None:
            self._progress(self.done, self._total)


def _finished(announcement: NDArray[np.int16], profile: Profile, steps: _Steps, music: Sequence[slice]) -> PreparedClip:
    target_lufs = loudness_target_lufs(profile) + _CODEC_LOSS_LU
    sound = shaped(to_float(announcement), RATE, profile)
    samples = to_int16(level(sound, RATE, target_lufs, _CEILING_DBTP))
    del sound
    steps.step()
    steps.expect(encoding.part_count(samples))
    encoded = encoding.encode(samples, steps.step, music)
    return PreparedClip(
        sha256=hashlib.sha256(encoded.opus).hexdigest(),
        opus=encoded.opus,
        duration_ms=encoded.heard.size * 1000 // RATE,
        loudness_lufs=integrated_lufs(encoded.heard, RATE),
        true_peak_dbtp=encoded.true_peak_dbtp,
        make_mp3=encoded.make_mp3,
    )
