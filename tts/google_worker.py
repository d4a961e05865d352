"""The child process that asks Google Translate to speak: a network service, so its parent holds the clock.

`python -m tts.google_worker [ADDRESS]`; another address of the same service is for tests. Only this module imports gtts. The library switches the
verification of certificates off for every request; here it is switched on again.
"""

import io
import sys
from typing import Any, Final

import gtts
import gtts.tts
import numpy as np
import requests
import soundfile
from numpy.typing import NDArray

from tts import worker

_TIMEOUT_S: Final = 8.0
"""For each read; the parent's deadline holds for all of them together."""
_SLOW_BELOW: Final = 125
"""The service knows two speeds."""
_LONGEST_BYTES: Final = 4 * 2**20
_LEAST_S: Final = 0.15
"""Shorter than any syllable: what is decoded to less holds no speech."""


class VerifiedSession(requests.Session):
    """Requests whose certificates are verified, whatever the caller says."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """See `requests.Session.send`."""
        kwargs["verify"] = True
        return super().send(request, **kwargs)


class NoSoundError(Exception):
    """The service answered without speech in it."""


def speak(text: str, language: str, words_per_minute: int) -> tuple[int, bytes]:
    """See `worker.Speak`."""
    spoken = gtts.gTTS(text, lang=language, slow=words_per_minute < _SLOW_BELOW, timeout=_TIMEOUT_S)
    pieces = [_decoded(piece) for piece in spoken.stream()]  # each is a whole MP3 file, with a length of its own
    if not pieces:
        raise NoSoundError("an answer without sound")
    (rate,) = {rate for rate, _ in pieces}
    return rate, np.concatenate([samples for _, samples in pieces]).astype(np.int16).tobytes()


def _decoded(piece: bytes) -> tuple[int, NDArray[np.int16]]:
    if len(piece) > _LONGEST_BYTES:
        raise NoSoundError("more than any sentence needs")
    samples, rate = soundfile.read(io.BytesIO(piece), dtype="int16", always_2d=True)
    if len(samples) < rate * _LEAST_S:
        raise NoSoundError(f"{len(samples)} samples")
    return int(rate), samples[:, 0]


def main() -> None:
    """Serve, with verified connections."""
    gtts.tts.requests.Session = VerifiedSession
    if len(sys.argv) > 1:
        address = sys.argv[1]
        gtts.tts._translate_url = lambda tld="", path="": f"{address}/{path}"  # noqa: ARG005, SLF001  the only way to another host
    worker.main(lambda: speak)


if __name__ == "__main__":
    main()
