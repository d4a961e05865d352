"""Sentences that somebody has recorded, as a voice: opening and closing words, the names of the villages.

A folder holds sound files and `sentences.json`, which names the file of each sentence: ``{"kính mời bà con nghe đài": "mo-dau.wav"}``.
A sentence is found whatever its capitals and marks; one that nobody has recorded makes the engine unavailable, so that another voice
takes the whole message.
"""

import json
import re
import threading
from hashlib import sha256
from pathlib import Path
from typing import Final

import soundfile

from broadcaster.clips import write_aside
from tts.engine import EngineUnavailableError
from tts.flac import to_flac
from tts.pcm import Pcm
from tts.voice import Voice

INDEX: Final = "sentences.json"
LONGEST_S: Final = 60
"""Of a recorded sentence; the rest of a longer one is not heard."""
_WRITING: Final = threading.Lock()


def plain(sentence: str) -> str:
    """A sentence without what is not heard.

    >>> plain("Kính mời bà con, nghe đài.")
    'kính mời bà con nghe đài'
    """
    return " ".join(re.findall(r"\w+", sentence.lower()))


class RecordedSentences:
    """The folder as people fill it.

    Args:
        folder: holds the recordings; it is made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> dict[str, str]:
        """Every recorded sentence as it was written, and the name of its file; empty for a folder that can't be read."""
        try:
            index = json.loads((self._folder / INDEX).read_text(encoding="utf-8"))
            return {written: Path(str(file)).name for written, file in index.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def path(self, sentence: str) -> Path | None:
        """Where the sound of a sentence lies; None for one that nobody has recorded."""
        files = {plain(written): file for written, file in self.all().items()}
        file = files.get(plain(sentence))
        return self._folder / file if file else None

    def put(self, sentence: str, pcm: Pcm) -> bool:
        """Keep a recording; returns whether it takes the place of another. Errors: OSError."""
        flac = to_flac(pcm)
        name = f"{sha256(flac).hexdigest()[:32]}.flac"
        with _WRITING:
            write_aside(self._folder / name, flac)
            before = self.all()
            kept = {written: file for written, file in before.items() if plain(written) != plain(sentence)}
            self._write(kept | {sentence: name}, before)
        return len(kept) < len(before)

    def remove(self, sentence: str) -> bool:
        """Forget a recording; returns whether there was one. Errors: OSError."""
        with _WRITING:
            before = self.all()
            kept = {written: file for written, file in before.items() if plain(written) != plain(sentence)}
            if len(kept) == len(before):
                return False
            self._write(kept, before)
        return True

    def _write(self, index: dict[str, str], before: dict[str, str]) -> None:
        """The index first, then the files that it no longer names: a crash leaves a file too many, never one too few."""
        write_aside(self._folder / INDEX, json.dumps(index, ensure_ascii=False, indent=1).encode())
        for name in set(before.values()) - set(index.values()):
            (self._folder / name).unlink(missing_ok=True)


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
                samples = file.read(file.samplerate * LONGEST_S, dtype="int16", always_2d=True)[:, 0]
                return Pcm(samples.copy(), file.samplerate)
        except KeyError:
            raise EngineUnavailableError(self.name, f"not recorded: {sentence}") from None
        except (OSError, ValueError, AttributeError, soundfile.LibsndfileError) as error:
            raise EngineUnavailableError(self.name, str(error)) from error

    def close(self) -> None:
        """See `Engine.close`."""
