from pathlib import Path

import pytest
import soundfile

from tests.station.test_cli import Capture
from web.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOA_HOME", str(tmp_path))
    return tmp_path


def test_every_voice_is_listed_with_what_it_lacks(capsys: Capture) -> None:
    assert main(["voices", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "luôn có sẵn" in lines["north"]
    assert "loa voices install north-piper (60 MB)" in lines["north-piper"]
    assert "LOA_ONLINE_VOICE" in lines["online"]


def test_a_voice_that_is_missing_is_tested_with_its_fallback_and_the_reason(home: Path, capsys: Capture) -> None:
    out = home / "thu.wav"
    assert main(["voices", "test", "north-piper", "xin chào bà con", "--out", str(out)]) == 0
    assert "vì piper: not installed" in capsys.readouterr().out
    samples, rate = soundfile.read(out)
    assert samples.size > rate / 2


def test_a_stick_without_the_voice_is_told_what_is_missing(home: Path, capsys: Capture) -> None:
    assert main(["voices", "install", "north-piper", "--file", str(home)]) == 1
    told = capsys.readouterr().err
    assert "vi_VN-vais1000-medium.onnx" in told
    assert "--file" in told
