"""eSpeak NG through ctypes. Not thread-safe and able to crash: only the worker process imports this module."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import espeakng_loader

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE = 1
_OK = 0
_BYTES_PER_SAMPLE = 2

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
"""`t_espeak_callback(short *wave, int samples, espeak_EVENT *events)`; 0 means go on (speak_lib.h)."""


class EspeakError(Exception):
    """The library refused a call; the worker dies of it and is started anew."""


class Espeak:
    """The library, started once in this process.

    Attributes:
        rate: samples per second of everything it says.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._heard: list[bytes] = []
        self._callback = _Callback(self._hear)  # kept: the library holds only its address
        data_path = str(espeakng_loader.get_data_path()).encode()
        self.rate = int(self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, 0))
        if self.rate <= 0:
            raise EspeakError(f"espeak_Initialize answered {self.rate}")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, language: str, words_per_minute: int) -> bytes:
        """The sound of `text` as mono 16-bit samples of this machine's byte order; empty if there is nothing to say."""
        if not any(map(str.isalnum, text)):
            return b""  # it would read the names of punctuation marks aloud
        encoded = text.replace("\0", " ").encode()
        self._check("espeak_SetVoiceByName", self._library.espeak_SetVoiceByName(language.encode()))
        self._check("espeak_SetParameter", self._library.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0))
        with self._collecting() as heard:
            self._check(
                "espeak_Synth",
                self._library.espeak_Synth(
                    ctypes.c_char_p(encoded),
                    ctypes.c_size_t(len(encoded) + 1),
                    ctypes.c_uint(0),
                    _POSITION_CHARACTER,
                    ctypes.c_uint(0),
                    ctypes.c_uint(_CHARS_UTF8),
                    None,
                    None,
                ),
            )
            self._check("espeak_Synchronize", self._library.espeak_Synchronize())
            return b"".join(heard)

    @contextmanager
    def _collecting(self) -> Iterator[list[bytes]]:
        self._heard.clear()
        try:
            yield self._heard
        finally:
            self._heard.clear()

    def _hear(self, wave: int | None, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._heard.append(ctypes.string_at(wave, count * _BYTES_PER_SAMPLE))
        return 0

    @staticmethod
    def _check(call: str, answer: int) -> None:
        if answer != _OK:
            raise EspeakError(f"{call} answered {answer}")
