"""``loa sirens``, and how the other commands meet a table that can't be used."""

import tomllib
import wave
from pathlib import Path

import pytest

from web.cli import main

Capture = pytest.CaptureFixture[str]
WRONG = '[sirens.bao]\nblasts = "ba"\nblast_s = 3\npause_s = 1\n[templates.chay]\nlevel = 9\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOA_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_tables_are_listed_with_their_sirens_and_who_uses_them(capsys: Capture) -> None:
    assert main(["sirens", "list"]) == 0
    told = capsys.readouterr().out
    assert "ngan: Bảng còi ngắn (đang dùng)" in told
    assert "5 hồi × 30 giây, cách nhau 5 giây, hú từ 420 đến 980 Hz" in told
    assert "2,5 giây" in told
    assert "Lũ quét" in told


@pytest.fixture
def wrong(home: Path) -> Path:
    file = home / "coi.toml"
    file.write_text(WRONG, "utf-8")
    return file


def test_a_shown_table_with_a_template_is_a_table_that_can_be_used(home: Path, capsys: Capture) -> None:
    assert main(["sirens", "show", "hue", "--template", "bao"]) == 0
    told = capsys.readouterr().out
    assert "Bão số {so} đang đến gần." in tomllib.loads(told)["templates"]["bao"]["sentences"]
    (home / "coi.toml").write_text(told, "utf-8")
    assert main(["sirens", "check", str(home / "coi.toml")]) == 0
    assert "Bảng còi của Huế: dùng được. 3 còi, 15 mẫu cảnh báo." in capsys.readouterr().out
    assert main(["sirens", "show", "--template", "bom"]) == 1
    assert main(["sirens", "show", str(home / "coi.toml"), "--template", "chay"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["templates"].keys() == {"bao", "chay"}
    assert main(["sirens", "show", str(home / "coi.toml"), "--template", "bao"]) == 1  # twice is no TOML
    assert "đã có mẫu “bao”" in capsys.readouterr().err


def test_faults_are_told_in_vietnamese_by_file_line_and_key(
    wrong: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["sirens", "check", str(wrong)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == [
        f"loa: {wrong}, dòng 2: sirens.bao.blasts: phải là số nguyên",
        f"loa: {wrong}, dòng 6: templates.chay.level: phải là số nguyên không quá 5",
    ]
    assert any("không có còi “lu”" in line for line in told[2:])
    monkeypatch.setenv("LOA_LANGUAGE", "en")
    assert main(["sirens", "check", str(wrong)]) == 1
    assert "line 2: sirens.bao.blasts: has to be a whole number" in capsys.readouterr().err


def test_a_station_does_not_begin_with_a_table_that_can_not_be_used(
    wrong: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOA_SIRENS", str(wrong))
    assert main(["serve"]) == 1
    assert f"{wrong}, dòng 2: sirens.bao.blasts" in capsys.readouterr().err


def test_every_siren_of_a_table_is_written_as_a_sound_to_listen_to(home: Path, capsys: Capture) -> None:
    assert main(["sirens", "listen", "ngan", "--out", str(home / "nghe")]) == 0
    lengths = {}
    for path in (home / "nghe").glob("*.wav"):
        with wave.open(str(path)) as file:
            lengths[path.stem] = file.getnframes() / file.getframerate()
    assert lengths == pytest.approx({"bao": 7.4, "lu": 7.4, "khan": 8.9}, abs=0.1)
    assert "khan.wav" in capsys.readouterr().out
