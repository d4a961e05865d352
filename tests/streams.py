"""A radio station on this machine, and everything that can be wrong with one."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import av
import numpy as np

from tts.live_encoding import RATE_HZ, Samples

KINDS: Final = {
    "mp3": ("mp3", "mp3", "audio/mpeg"),
    "aac": ("adts", "aac", "audio/aac"),
    "opus": ("ogg", "libopus", "audio/ogg"),
}


def programme(seconds: float, seed: int = 1) -> Samples:
    """Something like speech: a voice of changing pitch and loudness, never the same twice."""
    rng, count = np.random.default_rng(seed), round(seconds * RATE_HZ)
    at, knots = np.arange(count), np.arange(0, count + 2_400, 2_400)
    pitch = np.interp(at, knots, rng.uniform(150, 600, len(knots)))
    loudness = np.interp(at, knots, rng.uniform(0.1, 1, len(knots)))
    return (9_000 * loudness * np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)).astype(np.int16)


def encoded(samples: Samples, kind: str = "mp3") -> bytes:
    """The samples as a station sends them."""
    container, codec, _ = KINDS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        rate = 48_000 if codec == "libopus" else RATE_HZ
        stream = out.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            part.pts = None
            fifo.write(part)
        while piece := fifo.read(stream.codec_context.frame_size or 960, partial=True):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


class Radio:
    """Sends what `sound` holds at `speed`; stalls, or hangs up, after `seconds`.

    Attributes:
        loops: begin again at the end, for ever.
        stalls: nothing more after ``seconds``, and no goodbye.
    """

    def __init__(
        self,
        sound: bytes,
        seconds: float,
        *,
        kind: str = "mp3",
        speed: float = 1.0,
        loops: bool = False,
        stalls: bool = False,
    ) -> None:
        self.sound, self.seconds, self.speed, self.loops, self.stalls = sound, seconds, speed, loops, stalls
        self.kind = KINDS[kind][2]
        self.over = threading.Event()

    def pieces(self) -> Iterator[bytes]:
        """What leaves every 100 ms; two seconds at once in the beginning, as real ones do."""
        size = max(1, round(len(self.sound) / self.seconds / 10 * self.speed))
        first = size * 40
        while True:
            yield self.sound[:first]
            for begin in range(first, len(self.sound), size):
                if self.over.wait(0.1):
                    return
                yield self.sound[begin : begin + size]
            if not self.loops:
                break
            first = size
        if self.stalls:
            self.over.wait(120)


@contextmanager
def on_air(**radios: Radio) -> Iterator[str]:
    """The address before the names of these radios."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            radio = radios.get(self.path.strip("/"))
            if radio is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", radio.kind)
            self.end_headers()
            try:
                for piece in radio.pieces():
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
                pass  # nobody listens any more

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        for radio in radios.values():
            radio.over.set()
        server.shutdown()
        server.server_close()
