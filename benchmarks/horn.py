"""Raw speech beside ours, through a simulated horn in noise: how much stays intelligible (STOI).

Run `python -m benchmarks.horn --python OTHER/bin/python`; OTHER as `benchmarks.sounds` says.

The horn passes 300 Hz to 6 kHz and clips softly at full scale; 50 m away its echo from a house wall 17 m further comes 100 ms later and 9 dB
quieter. The noise is traffic (falling 6 dB an octave) at a fixed level: what differs is only what we put in, as loud as each way makes it.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks import sounds
from benchmarks.tables import print_table
from tts.levelling import level, loudness_target_lufs, shaped
from tts.loudness import integrated_lufs
from tts.pcm import Samples, to_int16

NOISES_DB = (-30.0, -18.0, -12.0, -6.0, 0.0)
"""Of the noise against full scale, root mean square: from a quiet lane to a busy road beside the horn."""
RAW_LUFS = -20.0
"""What engines give."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of an environment with pystoi and pesq")
    options = parser.parse_args()
    plain = sounds.speech()
    raw = (plain * np.float32(10 ** ((RAW_LUFS - integrated_lufs(plain, sounds.RATE)) / 20))).astype(np.float32)
    ways = {
        "raw, -20 LUFS": raw,
        "ours, standard": prepared(plain, "standard"),
        "ours, noisy": prepared(plain, "noisy"),
    }
    rows: list[list[object]] = []
    for name, sound in ways.items():
        pairs = [(plain, heard(sound, noise_db)) for noise_db in NOISES_DB]
        scores = sounds.judged(options.python, pairs)
        rows.append([name, f"{integrated_lufs(sound, sounds.RATE):.1f}", *(f"{stoi:.3f}" for stoi, _ in scores)])
    print_table(["", "LUFS", *(f"noise {noise:.0f} dB" for noise in NOISES_DB)], rows)


def prepared(samples: Samples, profile: str) -> Samples:
    target = loudness_target_lufs(profile)  # type: ignore[arg-type]
    sound = level(shaped(samples, sounds.RATE, profile), sounds.RATE, target, -1.5)  # type: ignore[arg-type]
    return (to_int16(sound) / 32_768).astype(np.float32)


def heard(sound: Samples, noise_db: float) -> Samples:
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(sound.size, 1 / sounds.RATE)
    band = 1 / np.sqrt(1 + (300 / np.maximum(hz, 1)) ** 8) / np.sqrt(1 + (hz / 6_000) ** 8)
    horn = np.tanh(np.fft.irfft(spectrum * band, sound.size))
    echo = np.zeros_like(horn)
    late = sounds.RATE // 10
    echo[late:] = horn[:-late] * 10 ** (-9 / 20)
    return (horn + echo + traffic(sound.size, noise_db)).astype(np.float32)


def traffic(size: int, noise_db: float) -> Samples:
    white = np.fft.rfft(np.random.default_rng(1).standard_normal(size))
    hz = np.maximum(np.fft.rfftfreq(size, 1 / sounds.RATE), 50)
    noise = np.fft.irfft(white / hz, size)
    return (noise / np.sqrt(np.mean(noise**2)) * 10 ** (noise_db / 20)).astype(np.float32)


if __name__ == "__main__":
    main()
