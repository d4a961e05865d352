"""The child that decodes a stranger's sound file: the one importer of PyAV.

Only the demuxer of the kind that the first bytes say is ever opened, so that no playlist inside can name another file or address.
"""

from collections.abc import Iterator
from typing import IO, Final

import av
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from tts.limited import Answer, RefusedFileError, serve
from tts.sniffing import HEAD_BYTES, SOUNDS, kind_of

_TELLS_LENGTH: Final = frozenset({"wav", "flac", "mp4", "aiff", "caf"})
"""Kinds whose header says how long they are; of the others it is a guess."""
_WHOLE: Final = 0.97
_BAD_PACKETS: Final = 0.02


def decode(file: IO[bytes], rate: str, max_samples: str) -> Answer:
    """Mono 16-bit samples at `rate` of a file, in this machine's byte order.

    Raises:
        RefusedFileError: `empty`, `not-sound` (with what it is), `no-sound-track`, `too-long` (with the seconds, 0 if unknown), `cut-off`
            (with the seconds it promises and has), `broken`.
    """
    kind = kind_of(file.read(HEAD_BYTES))
    file.seek(0)
    if kind == "empty":
        raise RefusedFileError("empty")
    if kind not in SOUNDS:
        raise RefusedFileError("not-sound", kind)
    with av.open(file, "r", format=SOUNDS[kind], metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise RefusedFileError("no-sound-track")
        limit, promised_s = int(max_samples), (container.duration or 0) / av.time_base
        if promised_s * int(rate) > limit:
            raise RefusedFileError("too-long", str(round(promised_s)))
        parts: list[bytes] = []
        count = 0
        for part in _samples(container, int(rate)):
            parts.append(part)
            count += len(part) // 2
            if count > limit:
                raise RefusedFileError("too-long", "0")
    if kind in _TELLS_LENGTH and count < promised_s * int(rate) * _WHOLE - int(rate) / 2:
        raise RefusedFileError("cut-off", str(round(promised_s)), str(count // int(rate)))
    return {"kind": kind}, parts


def _samples(container: InputContainer, rate: int) -> Iterator[bytes]:
    """The first sound track, resampled and mixed to one channel, frame by frame."""
    track = container.streams.audio[0]
    track.codec_context.thread_count = 1
    resampler = AudioResampler("s16", "mono", rate)
    packets = bad = 0
    for packet in container.demux(track):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            continue
        for frame in frames:
            for heard in resampler.resample(frame):
                yield bytes(heard.planes[0])[: heard.samples * 2]
    if bad > 2 + packets * _BAD_PACKETS:
        raise RefusedFileError("broken")
    for heard in resampler.resample(None):
        yield bytes(heard.planes[0])[: heard.samples * 2]


if __name__ == "__main__":
    serve(decode)
