"""Makes the clips beside it, once: ``python broadcaster/conformance/data/make_tones.py``. Needs soundfile."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 24_000
TONES = {
    "tone-1s": (1, 440),
    "tone-3s": (3, 523),
    "tone-12s": (12, 392),
    "lossy-4s": (4, 587),
    "bare-2s": (2, 659),
    "poisoned-4s": (4, 698),
    "unanswered-2s": (2, 784),
}

for name, (seconds, hertz) in TONES.items():
    at = np.arange(seconds * RATE) / RATE
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * 3 * at)
    tone = swell * np.sin(2 * np.pi * hertz * at)
    path = Path(__file__).with_name(f"{name}.opus")
    soundfile.write(path, tone, RATE, format="OGG", subtype="OPUS", compression_level=0.96)
