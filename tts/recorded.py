"""Sentences that somebody has recorded, as a voice: opening and closing words, the names of the villages.

A folder holds sound files and `sentences.json`, which names the file of each sentence: ``{"kính mời bà con nghe đài": "mo-dau.wav"}``.
A sentence is found whatever its capitals and marks; one that nobody has recorded makes the engine unavailable, so that another voice
takes the whole message.
"""

import json
import re
from pathlib import Path
from typing import Final

import soundfile

from tts.engine import EngineUnavailableError
from tts.pcm import Pcm
from tts.voice import Voice

INDEX: Final = "sentences.json"
_LONGEST_S: Final = 60


def plain(sentence: str) -> str:
    """A sentence without what is not heard.

    >>> plain("Kính mời bà con, nghe đài.")
    'kính mời bà con nghe đài'
    """
    return " ".join(re.findall(r"\w+", sentence.lower()))


class RecordedEngine:
    """Plays recorded sentences; knows the folder's state of now, so that a new recording needs no restart.

    Args:
        folder: holds the recordings; it need not exist.
    """

    name = "recorded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def version(self) -> str:
        """Changes with the index, whose writer changes it with every recording."""
        try:
            return str((self._folder / INDEX).stat().st_mtime_ns)
        except OSError:
            return "none"

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:  # noqa: ARG002  a recording has one pace
        """See `Engine.speak`."""
        try:
            index = json.loads((self._folder / INDEX).read_text(encoding="utf-8"))
            files = {plain(written): str(file) for written, file in index.items()}
            name = Path(files[plain(sentence)]).name  # never outside the folder
            with soundfile.SoundFile(self._folder / name) as file:
                samples = file.read(file.samplerate * _LONGEST_S, dtype="int16", always_2d=True)[:, 0]
                return Pcm(samples.copy(), file.samplerate)
        except KeyError:
            raise EngineUnavailableError(self.name, f"not recorded: {sentence}") from None
        except (OSError, ValueError, AttributeError, soundfile.LibsndfileError) as error:
            raise EngineUnavailableError(self.name, str(error)) from error

    def close(self) -> None:
        """See `Engine.close`."""
