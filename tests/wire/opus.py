"""Real clips for tests: noise as Ogg Opus, made once."""

import functools
import io

import numpy as np
import soundfile

RATE = 24_000


@functools.cache
def opus_clip(seconds: float, seed: int = 1) -> bytes:
    """Noise in syllables, so that a place in it can be found; about 9 kB a second."""
    random = np.random.default_rng(seed)
    length = int(seconds * RATE)
    syllables = np.repeat(random.uniform(0.05, 0.5, length // 2_400 + 1), 2_400)[:length]
    noise = random.normal(0, 1, length) * syllables * 0.3
    file = io.BytesIO()
    soundfile.write(file, np.clip(noise, -1, 1), RATE, format="OGG", subtype="OPUS")
    return file.getvalue()
