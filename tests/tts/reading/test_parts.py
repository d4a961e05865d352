"""The small pure parts: numbers, letters, syllables, Roman numerals."""

import doctest
import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.reading.letters import house_orthography, spell
from tts.reading.numbers import cardinal, number, ordinal
from tts.reading.romans import value
from tts.reading.syllables import is_syllable

pytestmark = pytest.mark.unit

_MODULES = ["", ".cleaning", ".foreign", ".letters", ".numbers", ".romans", ".syllables"]


@pytest.mark.parametrize("module", _MODULES)
def test_examples_in_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"tts.reading{module}"))
    assert result.failed == 0


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (0, "không"),
        (10, "mười"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (34, "ba mươi tư"),
        (100, "một trăm"),
        (104, "một trăm linh bốn"),
        (111, "một trăm mười một"),
        (1_001, "một nghìn không trăm linh một"),
        (10_000, "mười nghìn"),
        (1_000_005, "một triệu không trăm linh năm"),
        (1_000_500, "một triệu không nghìn năm trăm"),
        (2_000_000_000, "hai tỷ"),
        (2_000_300_000, "hai tỷ không triệu ba trăm nghìn"),
        (3_000_000_015, "ba tỷ không trăm mười lăm"),
        (12_345_678_901, "mười hai tỷ ba trăm bốn mươi lăm triệu sáu trăm bảy mươi tám nghìn chín trăm linh một"),
    ],
)
def test_whole_numbers(figure: int, words: str) -> None:
    assert cardinal(figure) == words


@given(st.integers(min_value=0, max_value=10**14))
def test_every_number_is_said_in_syllables_and_no_two_alike(figure: int) -> None:
    assert all(map(is_syllable, cardinal(figure).split()))
    assert cardinal(figure) != cardinal(figure + 1)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("0,05", "không phẩy không năm"),
        ("1.5", "một chấm năm"),
        ("12.345,6", "mười hai nghìn ba trăm bốn mươi lăm phẩy sáu"),
    ],
)
def test_written_numbers(written: str, words: str) -> None:
    assert number(written) == words


def test_ordinals() -> None:
    assert [ordinal(figure) for figure in (1, 2, 4, 10)] == ["nhất", "hai", "tư", "mười"]


@pytest.mark.parametrize(("roman", "figure"), [("I", 1), ("IV", 4), ("IX", 9), ("XIV", 14), ("XXI", 21), ("XL", 40)])
def test_roman_numerals(roman: str, figure: int) -> None:
    assert value(roman) == figure


@pytest.mark.parametrize(
    "word",
    [
        "a",
        "nghiêng",
        "khuỷu",
        "quốc",
        "gì",
        "giếng",
        "ngoằn",
        "thuở",
        "quyển",
        "xoong",
        "moóc",
        "ỷ",
        "yêu",
        "hoá",
        "hóa",
        "khoẻ",
        "khỏe",
        "thuý",
        "thúy",
        "quý",
        "pin",
        "ủy",
        "uỷ",
    ],
)
def test_vietnamese_syllables_are_recognised(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize(
    "word",
    ["zalo", "wifi", "chat", "kà", "nghanh", "cìn", "gê", "hóà", "tôt", "bluetooth", "lắk", "fan", "ngiêng", "UBND"],
)
def test_other_words_are_not_syllables(word: str) -> None:
    assert not is_syllable(word)


def test_spelling_uses_the_vietnamese_alphabet() -> None:
    assert spell("QGW") == "quy giê vê kép"
    assert spell("Éß") == "e"


def test_house_orthography_moves_only_open_rhymes() -> None:
    assert house_orthography("hoà hoàn quý thuỷ khoẻ toán") == "hòa hoàn quý thủy khỏe toán"
