"""The engines of a station, each as far as it is installed and allowed."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tts.engine import Engine
from tts.guards import GuardedEngine
from tts.recorded import RecordedEngine
from tts.supervisor import SupervisedEngine

PIPER_DEADLINE_S: Final = 60.0
"""Loading takes 2 to 4 s and a sentence a tenth of its length on this class of machine, six times that on a Raspberry Pi."""
GOOGLE_DEADLINE_S: Final = 20.0
"""Over all requests of one sentence; the library itself bounds only each read."""


def piper(folder: Path, threads: int) -> SupervisedEngine:
    """Piper with the voices of a folder."""
    command = (sys.executable, "-m", "tts.piper_worker", str(folder), str(threads))
    version = importlib.metadata.version("piper-tts")
    return SupervisedEngine("piper", version, command, deadline_s=PIPER_DEADLINE_S, attempts=2)


def google(address: str = "", deadline_s: float = GOOGLE_DEADLINE_S) -> SupervisedEngine:
    """Google Translate's voice; put it behind a `GuardedEngine`."""
    command = (sys.executable, "-m", "tts.google_worker", *((address,) if address else ()))
    return SupervisedEngine("gtts", importlib.metadata.version("gtts"), command, deadline_s=deadline_s, attempts=1)


def has_piper() -> bool:
    """Whether the extra `piper` is installed."""
    return importlib.util.find_spec("piper") is not None


def has_google() -> bool:
    """Whether the extra `gtts` is installed."""
    return importlib.util.find_spec("gtts") is not None


def beside_espeak(voices: Path, *, piper_threads: int, online: bool) -> Iterator[Engine]:
    """The engines that can be used besides eSpeak NG.

    Args:
        voices: folder of installed voices and recorded sentences.
        piper_threads: of Piper's own session.
        online: whether the operator allows an engine on the internet.
    """
    if has_piper() and any(voices.glob("*.onnx")):
        yield piper(voices, piper_threads)
    if online and has_google():
        yield GuardedEngine(google())
    yield RecordedEngine(voices)  # looks into the folder each time: the first recording needs no restart
