"""Files of strangers are parsed in a child process that can neither run for long nor grow large nor write anywhere.

The child (`serve`) takes its limits upon itself before it loads a parser, reads the file from standard input and answers one line
of JSON, then whatever bytes belong to it. A parser that crashes, hangs or eats memory ends with its child; the station goes on.
"""

import json
import logging
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from broadcaster.errors import LoaError

_log = logging.getLogger(__name__)

_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""Parsers at the same time: the station's own work comes first on a small PC."""
_PATIENCE_S: Final = 20.0
_READ_BYTES: Final = 1 << 20
_NICE: Final = 10
"""An alert needs the processor at once, somebody's file can wait."""

Answer: TypeAlias = tuple[dict[str, Any], Iterable[bytes]]
"""Facts as JSON values, and the bytes that follow them."""


class RefusedFileError(LoaError):
    """The file can't be taken.

    Attributes:
        code: names the sentence that people read.
        values: fill it.
    """

    def __init__(self, code: str, *values: str) -> None:
        super().__init__(f"file refused: {code} {' '.join(values)}".rstrip())
        self.code = code
        self.values = values


@dataclass(frozen=True)
class Limits:
    """What one file may cost.

    Attributes:
        seconds: monotonic, from start to end; also the processor time.
        memory_bytes: address space of the child.
        output_bytes: of the bytes after the facts.
    """

    seconds: int
    memory_bytes: int
    output_bytes: int


def ask(module: str, path: Path, limits: Limits, *arguments: str) -> tuple[dict[str, Any], bytes]:
    """Let `module` parse a file in a child process; returns its facts and bytes.

    Raises:
        RefusedFileError: `too-slow`, `too-heavy`, `busy`, `broken` for a parser that died, or what the parser itself found wrong.
        OSError: the file can't be read or no process can be started.
    """
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise RefusedFileError("busy")
    try:
        with path.open("rb") as file:
            return _ask(module, file, limits, arguments)
    finally:
        _AT_ONCE.release()


def _ask(module: str, file: IO[bytes], limits: Limits, arguments: tuple[str, ...]) -> tuple[dict[str, Any], bytes]:
    command = [sys.executable, "-m", module, str(limits.seconds), str(limits.memory_bytes), *arguments]
    late = threading.Event()
    with subprocess.Popen(  # noqa: S603  our own module
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd=Path(__file__).parents[1]
    ) as child:

        def end() -> None:
            late.set()
            child.kill()

        watchdog = threading.Timer(limits.seconds, end)
        watchdog.daemon = True
        complaints = _Drain(child.stderr)
        watchdog.start()
        try:
            line, body = _read(child.stdout, limits.output_bytes)
        finally:
            watchdog.cancel()
            child.kill()
            complaints.join()  # ends with the child; its pipe is closed only after that
    if late.is_set():
        raise RefusedFileError("too-slow")
    if line is None:
        _log.warning("parser died module=%s exit=%s said=%s", module, child.returncode, complaints.tail())
        raise RefusedFileError("broken")
    facts = json.loads(line)
    if "refused" in facts:
        raise RefusedFileError(facts["refused"], *facts.get("values", ()))
    return facts, body


def _read(answers: IO[bytes] | None, most: int) -> tuple[bytes | None, bytes]:
    """The line of facts, None when the child died before it had finished, and the bytes after it."""
    assert answers is not None  # noqa: S101  it was asked for
    line = answers.readline(_READ_BYTES)
    if not line.endswith(b"\n"):
        return None, b""
    body = bytearray()
    while data := answers.read(_READ_BYTES):
        body += data
        if len(body) > most:
            raise RefusedFileError("too-heavy")
    length = json.loads(line).get("bytes", 0)
    return (line, bytes(body)) if length == len(body) else (None, b"")


class _Drain(threading.Thread):
    """Reads what the child complains of, so that it never waits for a reader; keeps the end of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(name="parser-complaints", daemon=True)
        self._stream, self._kept = stream, b""
        self.start()

    def run(self) -> None:
        assert self._stream is not None  # noqa: S101  it was asked for
        while data := self._stream.read1(4096):  # type: ignore[attr-defined]  # a BufferedReader has it
            self._kept = (self._kept + data)[-400:]

    def tail(self) -> str:
        """The last words, for the log; once the thread has ended."""
        return self._kept.decode("utf-8", "replace").strip()


# In the child.


def serve(parse: Callable[..., Answer]) -> None:
    """The child's whole life: limit itself, parse standard input, answer.

    `parse` gets the file and the arguments after the limits. It may raise RefusedFileError; memory that is refused is `too-heavy`, and any
    other exception is `broken`: the file was not what its parser expects.
    """
    seconds, memory_bytes, *arguments = sys.argv[1:]
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a native library prints is no answer
    try:
        facts, parts = parse(sys.stdin.buffer, *arguments)
        body = list(parts)
        facts["bytes"] = sum(map(len, body))
    except RefusedFileError as refusal:
        facts, body = {"refused": refusal.code, "values": refusal.values}, []
    except MemoryError:
        facts, body = {"refused": "too-heavy"}, []
    except Exception as error:  # noqa: BLE001  whatever a stranger's file does to a parser
        facts, body = {"refused": "broken"}, []
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    answers.write(json.dumps(facts).encode() + b"\n")
    answers.writelines(body)
    answers.flush()
    os._exit(0)  # no destructor of a native library has the last word
