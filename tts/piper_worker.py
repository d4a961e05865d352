"""The child process that holds Piper, a neural engine: niced, loaded once, with its own ONNX session.

`python -m tts.piper_worker FOLDER THREADS`; the folder holds `NAME.onnx` and `NAME.onnx.json` of each voice. Only this module imports piper.
"""

import json
import sys
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig

from tts import worker

NICE: Final = 10
"""Below eSpeak NG, the broker and the pages: a bulletin for tomorrow may wait, an alert may not."""
MEMORY_BYTES: Final = 4 * 2**30
"""Address space; a medium voice takes 0.2 GiB of it resident."""
NATURAL_WORDS_PER_MINUTE: Final = 175
"""About what a voice says at length scale 1; the measured pace depends on the text by a tenth."""
_SCALES: Final = (0.6, 2.0)
"""Beyond these the voice becomes unintelligible."""


class Piper:
    """Voices of a folder, each loaded when it is first asked for."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._voices: dict[str, PiperVoice] = {}

    def speak(self, text: str, language: str, words_per_minute: int) -> tuple[int, bytes]:
        """See `worker.Speak`; `language` is the name of the voice's files."""
        voice = self._voice(language)
        shortest, longest = _SCALES
        scale = min(max(NATURAL_WORDS_PER_MINUTE / words_per_minute, shortest), longest)
        chunks = [chunk.audio_int16_array for chunk in voice.synthesize(text, SynthesisConfig(length_scale=scale))]
        samples = np.concatenate(chunks).astype(np.int16) if chunks else np.empty(0, np.int16)
        return int(voice.config.sample_rate), samples.tobytes()

    def _voice(self, name: str) -> PiperVoice:
        if name not in self._voices:
            config = json.loads((self._folder / f"{name}.onnx.json").read_text(encoding="utf-8"))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads
            options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(
                str(self._folder / f"{name}.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
            )
            self._voices[name] = PiperVoice(session=session, config=PiperConfig.from_dict(config))
        return self._voices[name]


if __name__ == "__main__":
    worker.main(
        lambda: Piper(Path(sys.argv[1]), int(sys.argv[2])).speak, worker.Limits(memory_bytes=MEMORY_BYTES, nice=NICE)
    )
