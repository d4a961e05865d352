import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tts import sound_files
from tests.tts.sound_files import KINDS, RATE, encoded, made, melody
from tts import decoding, limited
from tts.decoding import MAX_SOUND_S, decode_file, peaks_of
from tts.encoding import RATE as RATE_OF_CLIPS
from tts.limited import Limits, RefusedFileError
from tts.pcm import Pcm, resample, to_float
from tts.sniffing import kind_of


def file(folder: Path, data: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refused(path: Path) -> RefusedFileError:
    with pytest.raises(RefusedFileError) as refusal:
        decode_file(path)
    return refusal.value


def likeness(heard: Pcm, source_seconds: float) -> float:
    """Correlation with the melody at the best shift: coders add a little silence in front."""
    wanted = resample(to_float(melody(source_seconds)), RATE, heard.rate)
    got = to_float(heard.samples)
    size = 1 << (wanted.size + got.size).bit_length()
    both = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)))
    return float(np.abs(both).max() / np.sqrt((wanted**2).sum() * (got**2).sum()))


@pytest.mark.parametrize("name", KINDS)
def test_what_phones_and_computers_send_is_heard_as_it_was(tmp_path: Path, name: str) -> None:
    heard = decode_file(file(tmp_path, made(name), name))
    assert heard.samples.size / heard.rate == pytest.approx(2, abs=0.15)
    assert likeness(heard, 2) > 0.95


def test_a_recording_of_an_old_phone_is_heard(tmp_path: Path) -> None:
    assert decode_file(file(tmp_path, sound_files.amr())).samples.size / RATE_OF_CLIPS == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (96_000, 2)])
def test_every_rate_and_both_channels_become_one(tmp_path: Path, rate: int, channels: int) -> None:
    heard = decode_file(file(tmp_path, encoded("wav", "pcm_s16le", melody(1, rate), rate, channels)))
    assert likeness(heard, 1) > 0.95
    assert np.abs(heard.samples.astype(int)).max() == pytest.approx(0.4 * 32767, rel=0.1)


def test_the_name_decides_nothing(tmp_path: Path) -> None:
    assert likeness(decode_file(file(tmp_path, made("recording.aac"), "bulletin.wav")), 2) > 0.95


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"MZ" + b"\0" * 500, "program"),
        (b"PK\3\4" + b"\0" * 500, "zip"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 500, "image"),
        (b"%PDF-1.7\n" + b"\0" * 500, "pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "ole"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unknown"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "unknown"),
        ("Kính mời bà con".encode(), "unknown"),
    ],
)
def test_what_is_no_sound_is_refused_by_what_it_is(tmp_path: Path, data: bytes, kind: str) -> None:
    refusal = refused(file(tmp_path, data, "bulletin.mp3"))
    assert (refusal.code, refusal.values) == ("not-sound", (kind,))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refused(file(tmp_path, b"")).code == "empty"


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_noise_behind_its_beginning_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(7).bytes(60_000)
    refusal = refused(file(tmp_path, made(name)[:64] + noise, name))
    assert refusal.code in {"broken", "cut-off", "no-sound-track", "too-long", "too-short"}


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    empty_film = made("Ghi âm mới 12.m4a").replace(b"soun", b"xxxx").replace(b"mp4a", b"xxxx")
    assert refused(file(tmp_path, empty_film)).code in {"no-sound-track", "broken"}


def test_half_a_file_is_refused_with_what_it_promised(tmp_path: Path) -> None:
    refusal = refused(file(tmp_path, sound_files.wav_header_only(60)))
    assert refusal.code in {"cut-off", "too-short"}
    whole = made("Ghi âm mới 12.m4a", 6)
    assert refused(file(tmp_path, whole[: len(whole) // 2])).code in {"broken", "cut-off"}


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_two_hours_of_silence_in_a_small_file_are_refused(tmp_path: Path, kind: str) -> None:
    coder = {"wav": "pcm_alaw", "flac": "flac"}[kind]
    rate = 8_000
    data = encoded(kind, coder, np.zeros(2 * 3600 * rate, np.int16), rate)
    refusal = refused(file(tmp_path, data))
    assert (refusal.code, refusal.values[-1]) == ("too-long", str(MAX_SOUND_S // 60))


def test_a_bomb_that_lies_about_its_length_is_stopped_by_what_it_becomes(tmp_path: Path) -> None:
    data = encoded("adts", "aac", np.zeros((MAX_SOUND_S + 60) * 8_000, np.int16), 8_000)
    assert len(data) < 2**20
    assert refused(file(tmp_path, data)).code == "too-long"


@pytest.mark.parametrize(("seconds", "level", "code"), [(0.1, 1, "too-short"), (3, 0, "silent")])
def test_sounds_that_nobody_would_hear_are_refused(tmp_path: Path, seconds: float, level: int, code: str) -> None:
    assert refused(file(tmp_path, encoded("wav", "pcm_s16le", melody(seconds) * np.int16(level)))).code == code


def test_a_file_beyond_every_size_is_not_even_opened(tmp_path: Path) -> None:
    path = file(tmp_path, made("bulletin.wav"))
    with path.open("r+b") as grown:
        grown.truncate(decoding.MAX_FILE_BYTES + 1)
    assert refused(path).code == "too-large"


CHILD = """
import os, sys, time
FOLDER = os.path.dirname(__file__)
from tts.limited import RefusedFileError, serve
def parse(file, what):
    if what == "sleep": time.sleep(60)
    if what == "spin":
        while True: pass
    if what == "eat": bytearray(2**31)
    if what == "die": os.abort()
    if what == "write": os.write(os.open(os.path.join(FOLDER, "written"), os.O_WRONLY | os.O_CREAT), b"x")
    if what == "flood": return {}, [b"x" * 2**20] * 8
    if what == "chatter":
        for _ in range(5000): print("x" * 100, file=sys.stderr)
        return {"fine": True}, [file.read()]
    if what == "refuse": raise RefusedFileError("why", "1")
    return {"environment": dict(os.environ)}, []
serve(parse)
"""


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("sleep", "too-slow"),
        ("spin", "too-slow"),
        ("eat", "too-heavy"),
        ("die", "broken"),
        ("write", "broken"),
        ("flood", "too-heavy"),
        ("refuse", "why"),
    ],
)
def test_a_parser_gone_wild_ends_with_its_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, code: str
) -> None:
    with pytest.raises(RefusedFileError) as refusal:
        ask_wild(tmp_path, monkeypatch, what)
    assert refusal.value.code == code


def ask_wild(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> tuple[dict[str, object], bytes]:
    (folder / "wild.py").write_text(CHILD, "utf-8")
    program = f"import sys; sys.argv[0:0] = []; sys.path.insert(0, {str(folder)!r}); import wild"
    real = subprocess.Popen

    def popen(command: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
        return real([sys.executable, "-c", program, *command[3:]], **kwargs)

    monkeypatch.setattr(subprocess, "Popen", popen)
    return limited.ask("wild", file(folder, b"abc"), Limits(2, 2**29, 2**22), what)


def test_a_parser_that_chatters_is_heard_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, body = ask_wild(tmp_path, monkeypatch, "chatter")
    assert (facts["fine"], body) == (True, b"abc")


def test_a_parser_is_told_no_secret_of_the_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_BROKER_URL", "mqtt://secret")
    facts, _ = ask_wild(tmp_path, monkeypatch, "environment")
    assert "LOA_BROKER_URL" not in str(facts)


def test_many_uploads_wait_for_their_turn_or_are_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(limited, "_PATIENCE_S", 0.01)
    assert limited._AT_ONCE.acquire()
    assert refused(file(tmp_path, made("bulletin.wav"))).code == "busy"


def test_the_picture_of_a_sound_shows_where_it_is_loud() -> None:
    samples = np.zeros(24_000, np.int16)
    samples[6_000:12_000] = -32768
    assert peaks_of(Pcm(samples, 24_000), 4) == [0, 100, 0, 0]
    assert len(peaks_of(Pcm(samples[:10_000], 24_000))) == 240


def test_a_kind_is_known_by_its_first_bytes() -> None:
    for name in KINDS:
        assert kind_of(made(name, 0.5)[:64]) in {"wav", "mp3", "flac", "ogg", "mp4", "aac", "webm"}
    assert kind_of(b"\0\0\0\x18ftypheic") == "image"
    assert kind_of(b"\xff") == kind_of(b"?") == "unknown"
