"""``loa voices``: which voices there are, installing one, and hearing one."""

import argparse
import sys
import time
from pathlib import Path

from broadcaster.errors import LoaError
from broadcaster.settings import Settings
from tts import encoding, engines, installing, recorded, wav
from tts.reading import read
from tts.speech import Speech, SpeechSettings
from tts.supervisor import espeak
from tts.voice import VOICES
from web.say import Say

_MEBIBYTE = 2**20


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its verbs."""
    voices = commands.add_parser("voices", help="giọng đọc: liệt kê, cài, nghe thử (list, install, test voices)")
    verbs = voices.add_subparsers(required=True)
    verbs.add_parser("list", help="các giọng và tình trạng").set_defaults(run=_list)
    install = verbs.add_parser("install", help="tải và cài một giọng, hoặc cài từ USB")
    install.add_argument("voice", choices=sorted(installing.catalogue()))
    install.add_argument("--file", type=Path, metavar="PATH", help="tệp .onnx hay thư mục trên USB, khi không có mạng")
    install.set_defaults(run=_install)
    test = verbs.add_parser("test", help="đọc thử một câu ra tệp WAV")
    test.add_argument("voice", choices=sorted(VOICES))
    test.add_argument("text", nargs="?", default="Kính mời bà con đi họp lúc 7h30 tại nhà văn hóa thôn.")
    test.add_argument("--out", type=Path, default=Path("loa-voice.wav"), metavar="FILE.wav")
    test.set_defaults(run=_test)


def _list(_arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Every voice, and why one can't be used."""
    folder = settings.home_path / "voices"
    for key, voice in VOICES.items():
        print(f"{key:16} {voice.name:40} {_state(key, folder, settings, say)}")
    return 0


def _state(key: str, folder: Path, settings: Settings, say: Say) -> str:
    ready = say("sẵn sàng")
    match VOICES[key].engine:
        case "espeak":
            state = say("luôn có sẵn")
        case "recorded":
            empty = say("chưa có bản ghi nào trong %(folder)s", folder=folder)
            state = ready if (folder / recorded.INDEX).exists() else empty
        case "gtts" if engines.has_google():
            state = ready if settings.online_voice else say("đang tắt; bật bằng LOA_ONLINE_VOICE=true")
        case "piper" if engines.has_piper():
            known = installing.catalogue()[key]
            size = round(known.bytes / _MEBIBYTE)
            lacking = say("chưa cài: loa voices install %(key)s (%(size)s MB)", key=key, size=size)
            state = ready if known.is_installed(folder) else lacking
        case engine:
            state = say("chưa cài gói: .venv/bin/pip install '.[%(extra)s]'", extra=engine)
    return state


def _install(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Fetch a voice, or take it from a stick."""
    voice, folder = installing.catalogue()[arguments.voice], settings.home_path / "voices"
    print(say("%(name)s, %(size)s MB, giấy phép: %(licence)s",
              name=voice.name, size=round(voice.bytes / _MEBIBYTE), licence=voice.licence))  # fmt: skip
    try:
        if arguments.file:
            installing.copy(voice, arguments.file, folder, _show)
        else:
            installing.download(voice, folder, _show)
    except installing.InstallError as error:
        print(file=sys.stderr)
        print(say("Chưa cài được %(file)s: %(reason)s", file=error.file, reason=error.reason), file=sys.stderr)
        print(say("Chạy lại lệnh này để tải tiếp; hoặc chép tệp từ USB bằng --file."), file=sys.stderr)
        return 1
    print()
    print(say("Đã cài vào %(folder)s. Khởi động lại loa serve để dùng.", folder=folder))
    return 0


def _show(there: int, whole: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{100 * there // whole:3d} %", end="", file=sys.stderr, flush=True)


def _test(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Speak a text as a bulletin would be spoken."""
    folder = settings.home_path / "voices"
    others = engines.beside_espeak(folder, piper_threads=settings.piper_threads, online=settings.online_voice)
    speech = Speech(settings.home_path / "cache" / "speech", espeak(), *others)
    began = time.monotonic()
    try:
        clip = speech.prepare(read(arguments.text).sentences, SpeechSettings(voice=arguments.voice, chime=False))
    except LoaError as error:
        print(say("Không đọc được: %(error)s", error=error), file=sys.stderr)
        return 1
    finally:
        speech.close()
    if clip.reason:
        print(say("Đọc bằng %(voice)s vì %(reason)s", voice=VOICES[clip.voice].name, reason=clip.reason))
    wav.write(arguments.out, *encoding.decode(clip.opus))
    print(say("%(file)s: %(seconds)s giây, làm trong %(took)s giây", file=arguments.out,
              seconds=round(clip.duration_ms / 1000, 1), took=round(time.monotonic() - began, 2)))  # fmt: skip
    return 0
