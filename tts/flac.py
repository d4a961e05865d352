"""Samples to FLAC and back: how sounds that people brought are kept."""

from io import BytesIO

import soundfile

from tts.encoding import EncodingError
from tts.pcm import Pcm


def to_flac(pcm: Pcm) -> bytes:
    """A whole FLAC file of the samples, about half their size."""
    file = BytesIO()
    soundfile.write(file, pcm.samples, pcm.rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def from_flac(data: bytes) -> Pcm:
    """The samples of a file that `to_flac` made. Errors: EncodingError."""
    try:
        samples, rate = soundfile.read(BytesIO(data), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise EncodingError(str(error)) from error
    return Pcm(samples, int(rate))
