"""The child process that holds a speech engine, and the frames it speaks over its pipes.

The child imports little, so that it starts in a few hundredths of a second. It reads requests from standard input until
end of file, which also comes when its parent dies, and writes one answer to each. A child that wants more memory than its limit dies of it
and is started anew: never the station.

A frame is its length (4 bytes, big-endian), one byte that says what it is, and a body:

- `Q`, a request: JSON with `text`, `language`, `words_per_minute`;
- `S`, sound: the rate in Hz (4 bytes, big-endian), then mono 16-bit samples of this machine's byte order;
- `N`, nothing: the text has no sound.
"""

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TypeAlias

REQUEST = b"Q"
SOUND = b"S"
NOTHING = b"N"
MAX_FRAME_BYTES = 64 * 2**20
"""About 25 minutes of sound: no sentence is that long."""

_LENGTH = struct.Struct(">I")
_RATE = struct.Struct(">I")

Speak: TypeAlias = Callable[[str, str, int], tuple[int, bytes]]
"""(text, language, words per minute) → (rate in Hz, 16-bit samples, empty for none)."""


@dataclass(frozen=True)
class Limits:
    """What a child may take: address space, and how far it steps back before other work."""

    memory_bytes: int = 2**30
    nice: int = 0

    def apply(self) -> None:
        """Hold for this process from now on."""
        resource.setrlimit(resource.RLIMIT_AS, (self.memory_bytes, self.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.nice:
            os.nice(self.nice)


class FrameError(Exception):
    """What came through the pipe is not a frame."""


def write_frame(stream: IO[bytes], kind: bytes, body: bytes = b"") -> None:
    """Send one frame."""
    stream.write(_LENGTH.pack(len(kind) + len(body)) + kind + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """Wait for one frame and return its kind and body.

    Raises:
        EOFError: the other side is gone.
        FrameError: the length is impossible.
    """
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if not 1 <= length <= MAX_FRAME_BYTES:
        raise FrameError(f"frame of {length} bytes")
    frame = _read_exactly(stream, length)
    return frame[:1], frame[1:]


def request(text: str, language: str, words_per_minute: int) -> bytes:
    """The body of a request."""
    return json.dumps({"text": text, "language": language, "words_per_minute": words_per_minute}).encode()


def split_sound(body: bytes) -> tuple[int, bytes]:
    """The rate in Hz and the samples of a sound frame.

    Raises:
        FrameError: it holds no whole samples or no rate.
    """
    if len(body) <= _RATE.size or len(body) % 2:
        raise FrameError(f"sound of {len(body)} bytes")
    (rate,) = _RATE.unpack_from(body)
    if rate == 0:
        raise FrameError("sound without a rate")
    return rate, body[_RATE.size :]


def serve(speak: Speak, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until end of file."""
    while True:
        try:
            _, body = read_frame(requests)
        except EOFError:
            return
        asked = json.loads(body)
        rate, samples = speak(asked["text"], asked["language"], asked["words_per_minute"])
        if samples:
            write_frame(answers, SOUND, _RATE.pack(rate) + samples)
        else:
            write_frame(answers, NOTHING)


def main(load: Callable[[], Speak], limits: Limits = Limits()) -> None:
    """Load an engine and serve it on standard input and output.

    Standard output belongs to the frames alone: what a native library prints goes to standard error. Ctrl-C is the parent's business.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.apply()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(load(), sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the parent left while it was being answered: nobody to tell


def load_espeak() -> Speak:
    """Start eSpeak NG in this process."""
    from tts.espeak import Espeak  # noqa: PLC0415  native code that only the child may load

    espeak = Espeak()
    return lambda text, language, words_per_minute: (espeak.rate, espeak.speak(text, language, words_per_minute))


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


if __name__ == "__main__":
    main(load_espeak)
