"""A child process that reads a radio station's stream and writes its sound: python -m tts.relay_worker ADDRESS.

Standard output is 16-bit samples, mono, `RATE_HZ`; the last line of standard error says why it ended: a word of `WHY`.
A stream is a stranger: the child may use so much memory and no more, write no file, and open nothing but HTTP.
"""

import resource
import sys
from typing import TYPE_CHECKING, Final

import av

from tts.live_encoding import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

WHY: Final = ("ended", "no-sound", "not-there", "refused", "unreadable")
_MEMORY_BYTES: Final = 1 << 30
_CPU_S: Final = 3_600
_MOST_DAMAGED: Final = 100
"""Packets in a row, some three seconds of them."""
_PATIENCE_S: Final = 8
"""For the connection, and for every read: a stream that stalls is gone."""
_OPTIONS: Final = {
    "protocol_whitelist": "http,https,tcp,tls,hls,crypto",  # a playlist must not name files of this machine
    "user_agent": "LoaPhuong/1",
    "icy": "0",
}


def limit() -> None:
    """Give up what a decoder does not need."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def pump(address: str) -> str:
    """Write the sound of ``address`` to standard output until it ends; returns why it did."""
    if not address.startswith(("http://", "https://")):
        return "refused"
    try:
        with av.open(address, options=_OPTIONS, timeout=(_PATIENCE_S, _PATIENCE_S)) as container:
            return _write_sound(container) if container.streams.audio else "no-sound"
    except (av.HTTPForbiddenError, av.HTTPUnauthorizedError, av.HTTPBadRequestError):
        return "refused"
    except (av.HTTPNotFoundError, av.HTTPServerError, av.ExitError, OSError):  # also one that does not answer
        return "not-there"
    except av.FFmpegError:
        return "unreadable"


def _write_sound(container: av.container.InputContainer) -> str:
    """Whatever can be decoded of it; a damaged packet is no reason to stop, many together are."""
    out, resampler = sys.stdout.buffer, av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    damaged = 0
    packets = container.demux(container.streams.audio[0])
    while packet := _next(packets):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            damaged += 1
            if damaged > _MOST_DAMAGED:
                return "unreadable"
            continue
        damaged = 0
        for frame in frames:
            for sound in resampler.resample(frame):
                out.write(sound.to_ndarray().tobytes())
        out.flush()
    return "ended"


def _next(packets: "Iterator[av.Packet[av.AudioStream]]") -> "av.Packet[av.AudioStream] | None":
    """The next packet; None when there will be none: FFmpeg calls it an error when a stream without a length ends."""
    try:
        return next(packets, None)
    except (av.ExitError, OSError):  # the first is a stall
        return None


def main() -> None:
    """Limit this process, and read."""
    limit()
    try:
        why = pump(sys.argv[1])
    except BrokenPipeError:  # nobody listens any more
        sys.stderr.close()
        return
    sys.stderr.write(f"\n{why}\n")


if __name__ == "__main__":
    main()
