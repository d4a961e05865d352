"""Speech: how long until the first sentence, what a ten-minute bulletin costs, and how many bytes a minute takes.

Run `python -m benchmarks.speech [--json] [--minutes N]`. The physical limit beside it is the bare Opus encoder on the same samples.
"""

import argparse
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import soundfile

from tts import encoding, ogg
from tts.speech import PreparedClip, Speech, SpeechSettings
from tts.supervisor import espeak

WORDS_PER_MINUTE = 140
SENTENCE = "ngày mai, cả xã tiêm phòng cho đàn gia súc, gia cầm tại nhà văn hóa thôn số"
NUMBERS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
SECONDS_PER_SENTENCE = 6.2
"""Of this sentence at this rate, its pause included."""

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures for a program")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the bulletin")
    options = parser.parse_args()
    figures = measure(options.minutes)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:40} {value:12,.2f}")


def measure(minutes: float) -> dict[str, float]:
    """All figures; the unit is the end of each name."""
    text = [f"{SENTENCE} {spelled(number)}." for number in range(round(minutes * 60 / SECONDS_PER_SENTENCE))]
    settings = SpeechSettings(words_per_minute=WORDS_PER_MINUTE)
    with tempfile.TemporaryDirectory() as folder:
        speech = Speech(Path(folder), espeak())
        _, cold_s = timed(lambda: speech.prepare(["xin chào bà con."], SpeechSettings(chime=False)))
        _, first_s = timed(lambda: speech.prepare(["kính mời bà con đi họp."], SpeechSettings(chime=False)))
        before_kib = peak_memory_kib()
        clip, fresh_s = timed(lambda: speech.prepare(text, settings))
        peak_kib = peak_memory_kib()
        _, cached_s = timed(lambda: speech.prepare(text, settings))
        speech.close()
    duration_s = clip.duration_ms / 1000
    return {
        "first_sentence_engine_starting_s": cold_s,
        "first_sentence_engine_running_s": first_s,
        "bulletin_s": duration_s,
        "prepare_s": fresh_s,
        "prepare_all_sentences_cached_s": cached_s,
        "bare_opus_encoder_one_core_s": bare_encoder_s(clip),
        "cores": float(os.cpu_count() or 1),
        "peak_memory_before_mib": before_kib / 1024,
        "peak_memory_mib": peak_kib / 1024,
        "opus_bytes_a_minute": len(clip.opus) * 60 / duration_s,
        "opus_kbit_s": len(clip.opus) * 8 / duration_s / 1000,
        "mp3_bytes_a_minute": len(clip.mp3) * 60 / duration_s,
        "largest_ogg_page_bytes": float(max(ogg.page_sizes(clip.opus))),
        "loudness_lufs": clip.loudness_lufs,
        "true_peak_dbtp": clip.true_peak_dbtp,
    }


def bare_encoder_s(clip: PreparedClip) -> float:
    """The same sound through soundfile in one call."""
    samples, rate = encoding.decode(clip.opus)
    _, seconds = timed(lambda: soundfile.write(io.BytesIO(), samples, rate, format="OGG", subtype="OPUS"))
    return seconds


def spelled(number: int) -> str:
    """Digits as words, so that every sentence is a new one."""
    return " ".join(NUMBERS[int(digit)] for digit in str(number))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def peak_memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
