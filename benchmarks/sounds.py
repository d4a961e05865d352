"""Speech and noise for the benchmarks of sound, and a process of another environment that judges them.

The judges (STOI, PESQ) are not dependencies of this project; they live in a throw-away environment, made once:

    python3 -m venv OTHER && OTHER/bin/pip install pystoi pesq soundfile numpy scipy
"""

import io
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tts.pcm import Samples
from tts.supervisor import espeak
from tts.voice import VOICES

RATE = 24_000
JUDGE_RATE = 16_000
TEXT = (
    "kính mời bà con đúng bảy giờ sáng mai đến nhà văn hóa thôn để họp.",
    "bão số mười hai giật cấp mười lăm, bà con khẩn trương gia cố nhà cửa.",
    "trạm y tế xã tiêm vắc xin cho trẻ từ sáu tháng đến ba mươi sáu tháng tuổi.",
)
JUDGE = """
import json, sys, warnings
import numpy as np, soundfile
from pesq import pesq
from pystoi import stoi
warnings.simplefilter("ignore")
out = []
for clean, heard in json.load(sys.stdin):
    a, rate = soundfile.read(clean); b, _ = soundfile.read(heard)
    n = min(len(a), len(b)); a, b = a[:n], b[:n]
    try:
        score = float(pesq(rate, a, b, "wb"))
    except Exception:
        score = float("nan")
    out.append([float(stoi(a, b, rate)), score])
print(json.dumps(out))
"""


def speech(voice: str = "north") -> Samples:
    """About twelve seconds, at `RATE`."""
    engine = espeak()
    try:
        parts = [engine.speak(sentence, VOICES[voice], 140).at(RATE) for sentence in TEXT]
    finally:
        engine.close()
    return np.concatenate(parts).astype(np.float32)


def resampled(samples: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """By Fourier transform: exact for what both rates hold."""
    size = round(samples.size * to / rate)
    spectrum = np.fft.rfft(samples)
    fitted = np.zeros(size // 2 + 1, complex)
    kept = min(fitted.size, spectrum.size)
    fitted[:kept] = spectrum[:kept]
    return (np.fft.irfft(fitted, size) * size / samples.size).astype(np.float32)


def aligned(clean: Samples, heard: Samples) -> tuple[Samples, Samples]:
    """Both without the delay of a codec that does not say its own."""
    size = clean.size + heard.size
    match = np.fft.irfft(np.conj(np.fft.rfft(clean, size)) * np.fft.rfft(heard, size), size)[: RATE // 4]
    late = int(np.argmax(match))
    return clean, np.pad(heard, (0, late))[late : late + clean.size]


def judged(python: Path, pairs: Sequence[tuple[Samples, Samples]]) -> list[tuple[float, float]]:
    """(STOI, wide-band PESQ) of what is heard against what was meant, both at `RATE`."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for index, pair in enumerate(pairs):
            names.append([f"{folder}/{index}{kind}.wav" for kind in ("clean", "heard")])
            for name, samples in zip(names[-1], aligned(*pair), strict=True):
                soundfile.write(name, resampled(samples, RATE, JUDGE_RATE), JUDGE_RATE, subtype="FLOAT")
        done = subprocess.run(
            [python, "-c", JUDGE], input=json.dumps(names), capture_output=True, text=True, check=True
        )
    return [(stoi, pesq) for stoi, pesq in json.loads(done.stdout)]


def coded(samples: Samples, **how: object) -> tuple[Samples, int]:
    """The samples through a codec of soundfile, and its bytes."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, **how)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return decoded, len(file.getvalue())
