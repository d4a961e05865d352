"""The port that every speech engine fits behind, and what can go wrong behind it."""

from typing import Protocol

from broadcaster.errors import LoaError
from tts.pcm import Pcm
from tts.voice import Voice


class EngineError(LoaError):
    """A speech engine did not speak."""


class EngineUnavailableError(EngineError):
    """The engine crashed, hung or answered nonsense, also when asked again; another attempt later may succeed.

    Attributes:
        engine: name of the engine.
        reason: what happened last.
    """

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"speech engine {engine} is unavailable: {reason}")
        self.engine = engine
        self.reason = reason


class UnspeakableTextError(EngineError):
    """The engine works but has no sound for this text; asking again changes nothing.

    Attributes:
        text: the text without sound.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"no sound for text {text!r}")
        self.text = text


class Engine(Protocol):
    """Turns one sentence into sound. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """Short and stable, part of the cache key."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same text may sound different."""
        ...

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        """Speak one sentence of text that was read already: lower-case syllables and punctuation.

        Raises:
            EngineUnavailableError: the engine is down; retry later.
            UnspeakableTextError: there is nothing in it to hear.
        """
        ...

    def close(self) -> None:
        """Let go of everything; the engine speaks no more."""
        ...
