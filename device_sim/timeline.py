"""The WAV timeline of a speaker: a file whose name says when its first sample was due, silence as holes in it."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from device_sim.errors import TimelineError

Samples = NDArray[np.int16]

HEADER_BYTES: Final = 44
SAMPLE_BYTES: Final = 2
_MAX_DATA_BYTES: Final = 0xFFFFFFFF - 36  # RIFF counts in 32 bits

_NAME = re.compile(r".+_(\d+)\.wav")


class Timeline(NamedTuple):
    """What a speaker put out; `samples[0]` was due at `epoch_ms`, Unix milliseconds by that speaker's clock."""

    epoch_ms: int
    samples: Samples


class TimelineFile:
    """A growing mono 16-bit WAV file in which samples are written at their place and what is skipped is silence."""

    def __init__(self, folder: Path, name: str, epoch_ms: int, rate: int) -> None:
        """Create `{name}_{epoch_ms}.wav`.

        Raises:
            TimelineError: there is such a file already, or it cannot be made; proof is never overwritten.
        """
        self.path = timeline_path(folder, name, epoch_ms)
        self._rate = rate
        try:
            self._file = self.path.open("xb", buffering=0)  # no write of ours survives only in this process
        except OSError as error:
            raise TimelineError(f"{self.path}: {error}") from error
        self._file.write(_header(rate, 0))

    def write(self, position: int, samples: Samples) -> None:
        """Write samples at sample number `position`."""
        self._file.seek(HEADER_BYTES + position * SAMPLE_BYTES)
        self._file.write(samples.astype("<i2").tobytes())

    @property
    def closed(self) -> bool:
        """Whether it is finished."""
        return self._file.closed

    def settle(self, length: int) -> None:
        """Make the file a valid WAV file of `length` samples, as it stays if the process is killed now."""
        data_bytes = length * SAMPLE_BYTES
        self._file.truncate(HEADER_BYTES + data_bytes)
        self._file.seek(0)
        self._file.write(_header(self._rate, data_bytes))

    def close(self, length: int) -> None:
        """Settle at `length` samples and close; harmless a second time."""
        if not self._file.closed:
            self.settle(length)
            self._file.close()


def timeline_path(folder: Path, name: str, epoch_ms: int) -> Path:
    """The file of the timeline of speaker `name` that begins at `epoch_ms`."""
    return folder / f"{name}_{epoch_ms}.wav"


def read_timeline(path: Path, rate: int = 24_000) -> Timeline:
    """The timeline in `path`, mapped rather than read, so that an hour of silence costs no memory.

    Also what a killed process wrote after it had last settled the header is there.

    Raises:
        TimelineError: the name has no epoch, or it is not a mono 16-bit WAV file of `rate` Hz as written here.
    """
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise TimelineError(f"{path.name} has no epoch")
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        length = (path.stat().st_size - HEADER_BYTES) // SAMPLE_BYTES
        data_bytes = int.from_bytes(header[40:44], "little")
        if header != _header(rate, data_bytes):
            raise TimelineError(f"{path.name} is not a timeline of {rate} Hz")
        if length <= 0:
            return Timeline(int(named[1]), np.zeros(0, np.int16))
        samples: Samples = np.memmap(path, dtype="<i2", mode="r", offset=HEADER_BYTES, shape=(length,))
    except OSError as error:
        raise TimelineError(f"{path}: {error}") from error
    return Timeline(int(named[1]), samples)


def _header(rate: int, data_bytes: int) -> bytes:
    data_bytes = min(data_bytes, _MAX_DATA_BYTES)
    fields = (16, 4), (1, 2), (1, 2), (rate, 4), (rate * SAMPLE_BYTES, 4), (SAMPLE_BYTES, 2), (8 * SAMPLE_BYTES, 2)
    fmt = b"".join(value.to_bytes(width, "little") for value, width in fields)
    return (
        b"RIFF"
        + (36 + data_bytes).to_bytes(4, "little")
        + b"WAVEfmt "
        + fmt
        + b"data"
        + data_bytes.to_bytes(4, "little")
    )
