"""`loa read`: one spoken line for every line, whatever comes in, and without the station."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

LOA = str(Path(sys.executable).with_name("loa"))


def _read(given: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([LOA, "read", *options], input=given, capture_output=True, check=True, timeout=60)


def _lines(given: bytes) -> list[str]:
    out = _read(given).stdout.decode()
    assert out.endswith("\n") or not out
    return out.split("\n")[:-1]


def test_every_line_gives_one_line() -> None:
    assert _lines("UBND xã họp\r\n\r\n- 5kg gạo\n \n7h30".encode()) == [
        "Ủy ban nhân dân xã họp", "", "Năm ki lô gam gạo", "", "Bảy giờ ba mươi phút",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe h\xf3a \x00\x1b[31m 5",
        "a\x0cb\x0bc\u2028d\u2029e\x85f\rg".encode(),
        "\ufeffUBND 😀 你好".encode(),
        ("1/2, " * 20_000).encode(),
        b"9" * 100_000,
        b"A" * 100_000,
        b"x" * 50_000 + b"@" + b"a.b" * 10_000,
        ("(" * 20_000).encode(),
    ],
    ids=["invalid", "separators", "scripts", "fractions", "digits", "capitals", "address", "brackets"],
)
def test_a_hostile_line_is_still_one_line_without_digits(line: bytes) -> None:
    (spoken,) = _lines(line)
    assert not any(character.isdigit() for character in spoken)


def test_decomposed_text_is_read_like_composed_text() -> None:
    text = "Trường THCS Đức Hòa họp ngày 25/11"
    assert _lines(unicodedata.normalize("NFD", text).encode()) == _lines(text.encode())


def test_flags_go_to_standard_error_with_their_place() -> None:
    read = _read(b"ok\nmua Kubota\n")
    assert "dòng 2, cột 5: Kubota: từ nước ngoài" in read.stderr.decode()
    assert "cu bo ta" in read.stderr.decode()


def test_explaining_names_the_rule_and_its_reason() -> None:
    lines = _read("họp 7h30".encode(), "--explain").stdout.decode().splitlines()
    assert lines[0] == "Họp bảy giờ ba mươi phút"
    assert lines[1].startswith("  7h30 → bảy giờ ba mươi phút  [time: ")


def test_a_reader_that_has_heard_enough_is_no_error() -> None:
    script = f"yes 'a 1' | {LOA} read | head -1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, timeout=30)
    assert done.stdout.decode() == "A một\n"
    assert b"Traceback" not in done.stderr


def test_neither_page_nor_database_is_imported() -> None:
    code = "import sys; sys.argv=['loa','read']; from web.entry import main; main(); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
    assert {"flask", "sqlalchemy"}.isdisjoint(done.stdout.decode().split())
