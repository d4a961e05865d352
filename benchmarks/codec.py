"""Opus beside MP3 on the same speech: how much stays intelligible (STOI), how good it sounds (PESQ), bytes a minute.

Run `python -m benchmarks.codec --python OTHER/bin/python`; OTHER as `benchmarks.sounds` says. The limit beside them is the sound without any codec.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import sounds
from benchmarks.tables import print_table
from tts import encoding, ogg, opus
from tts.pcm import Samples, to_float, to_int16

BITS_S = (8_000, 12_000, 16_000, 18_000, 24_000)
MP3_BITS_S = (24_000, 32_000, 48_000, 64_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of an environment with pystoi and pesq")
    options = parser.parse_args()
    for voice in ("north", "north-female"):
        plain = to_float(encoding.padded(to_int16(sounds.speech(voice))))
        ways: dict[str, tuple[Samples, int]] = {"no codec": (plain, 2 * plain.size)}
        for bits_s in BITS_S:
            ways[f"Opus {bits_s // 1000} kbit/s"] = through_opus(plain, bits_s)
        for bits_s in MP3_BITS_S:
            ways[f"MP3 {bits_s // 1000} kbit/s"] = through_mp3(plain, bits_s)
        scores = sounds.judged(options.python, [(plain, heard) for heard, _ in ways.values()])
        minutes = plain.size / sounds.RATE / 60
        print(f"\n{voice}")
        print_table(
            ["", "STOI", "PESQ", "kB a minute"],
            [
                [name, f"{stoi:.3f}", f"{pesq:.2f}", f"{size / minutes / 1000:.0f}"]
                for (name, (_, size)), (stoi, pesq) in zip(ways.items(), scores, strict=True)
            ],
        )


def through_opus(samples: Samples, bits_s: int) -> tuple[Samples, int]:
    ints = to_int16(samples)
    library = opus.library()
    stream = opus.encode(ints, sounds.RATE)
    if library is not None:
        encoder = library.Encoder(sounds.RATE, 1, library.APPLICATION_AUDIO)
        encoder.bitrate, encoder.complexity = bits_s, 10
        frame = encoding.FRAME
        padded = np.pad(ints, (0, frame))
        packets = [encoder.encode(padded[at : at + frame].tobytes(), frame) for at in range(0, padded.size, frame)]
        stream = ogg.Stream(stream.head, packets)
    file = ogg.write(stream, ints.size * ogg.GRANULES_PER_S // sounds.RATE)
    return encoding.decode(file)[0], len(file)


def through_mp3(samples: Samples, bits_s: int) -> tuple[Samples, int]:
    """Constant rate: libsndfile maps 0..1 to 160..8 kbit/s at this sample rate."""
    file = io.BytesIO()
    level = (160_000 - bits_s) / (160_000 - 8_000)
    with soundfile.SoundFile(
        file, "w", sounds.RATE, 1, format="MP3", subtype="MPEG_LAYER_III", compression_level=level,
        bitrate_mode="CONSTANT",
    ) as out:  # fmt: skip
        out.write(samples)
    return encoding.decode(file.getvalue())[0][: samples.size], len(file.getvalue())


if __name__ == "__main__":
    main()
