import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tts import installing
from tts.installing import Installable, InstallError, VoiceFile
from tts.voice import VOICES

MODEL, CONFIG = bytes(range(256)) * 4096, b'{"audio": {}}'
STEP = 100_000


class Shop:
    """A server with the two files; `breaks` ends so many answers early, `ranges` says whether it can resume."""

    def __init__(self) -> None:
        self.breaks = 0
        self.ranges = True
        self.content = {"/m.onnx": MODEL, "/m.onnx.json": CONFIG}
        self.asked: list[str] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        self.asked.append(wanted)
        content = self.content.get(handler.path)
        if content is None:
            handler.send_error(404)
            return
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        rest = content[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(rest)))
        handler.end_headers()
        if self.breaks and len(rest) > STEP:
            self.breaks -= 1
            handler.wfile.write(rest[:STEP])
            return
        handler.wfile.write(rest)


@pytest.fixture
def shop() -> Iterator[tuple[Shop, Installable]]:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    files = tuple(
        VoiceFile(name, f"{base}/{name}", len(content), hashlib.sha256(content).hexdigest())
        for name, content in (("m.onnx", MODEL), ("m.onnx.json", CONFIG))
    )
    yield shop, Installable("north-piper", "m", "CC BY 4.0", files)
    server.shutdown()
    thread.join()
    server.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def quiet(_there: int, _whole: int) -> None:
    pass


def test_a_voice_is_downloaded_checked_and_named(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    installing.download(shop[1], tmp_path, lambda *step: told.append(step))
    assert (tmp_path / "m.onnx").read_bytes() == MODEL
    assert names(tmp_path) == ["m.onnx", "m.onnx.json"]
    assert told[-1] == (len(MODEL) + len(CONFIG),) * 2
    assert shop[1].is_installed(tmp_path)


def test_a_broken_line_goes_on_where_it_stopped(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    shop[0].breaks = 3
    installing.download(shop[1], tmp_path, quiet)
    assert shop[0].asked == ["", *(f"bytes={STEP * n}-" for n in (1, 2, 3)), ""]
    assert (tmp_path / "m.onnx").read_bytes() == MODEL


def test_a_line_that_keeps_breaking_keeps_what_has_arrived(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    shop[0].breaks = 99
    with pytest.raises(InstallError):
        installing.download(shop[1], tmp_path, quiet)
    assert names(tmp_path) == ["m.onnx.part"]
    shop[0].breaks = 0
    installing.download(shop[1], tmp_path, quiet)
    assert names(tmp_path) == ["m.onnx", "m.onnx.json"]


def test_a_server_that_cannot_resume_begins_anew(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    shop[0].breaks, shop[0].ranges = 1, False
    installing.download(shop[1], tmp_path, quiet)
    assert (tmp_path / "m.onnx").read_bytes() == MODEL


@pytest.mark.parametrize("wrong", [MODEL[:-1] + b"x", MODEL + b"x" * 10])
def test_another_file_than_the_pinned_one_is_thrown_away_and_nothing_is_installed(
    shop: tuple[Shop, Installable], tmp_path: Path, wrong: bytes
) -> None:
    shop[0].content["/m.onnx"] = wrong
    with pytest.raises(InstallError):
        installing.download(shop[1], tmp_path, quiet)
    assert not shop[1].is_installed(tmp_path)
    assert not (tmp_path / "m.onnx").exists()


def test_a_voice_that_is_not_there_is_said_to_be_so_once(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    del shop[0].content["/m.onnx"]
    with pytest.raises(InstallError, match="404"):
        installing.download(shop[1], tmp_path, quiet)
    assert len(shop[0].asked) == 1


def test_a_voice_comes_from_a_stick_with_the_same_checks(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    stick, home = tmp_path / "usb", tmp_path / "home"
    stick.mkdir()
    (stick / "m.onnx").write_bytes(MODEL)
    with pytest.raises(InstallError, match=r"m\.onnx\.json"):
        installing.copy(shop[1], stick / "m.onnx", home, quiet)
    (stick / "m.onnx.json").write_bytes(CONFIG)
    installing.copy(shop[1], stick / "m.onnx", home, quiet)
    assert shop[1].is_installed(home)
    (stick / "m.onnx").write_bytes(MODEL[::-1])
    with pytest.raises(InstallError, match="pinned"):
        installing.copy(shop[1], stick, home, quiet)
    assert (home / "m.onnx").read_bytes() == MODEL


def test_only_web_addresses_are_fetched(shop: tuple[Shop, Installable], tmp_path: Path) -> None:
    local = replace(shop[1].files[0], url="file:///etc/passwd")
    with pytest.raises(InstallError, match="web address"):
        installing.download(replace(shop[1], files=(local,)), tmp_path, quiet)


def test_the_catalogue_pins_voices_that_exist() -> None:
    for key, voice in installing.catalogue().items():
        assert VOICES[key].engine == "piper"
        assert VOICES[key].language == voice.name
        for file in voice.files:
            assert file.url.startswith("https://")
            assert len(file.sha256) == 64
