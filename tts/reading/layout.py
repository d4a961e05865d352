"""What lays a text out and is not part of its words: Word and Markdown marks, bullets, numbering of sections."""

import re
from typing import Final

from tts.reading.letters import spell
from tts.reading.line import Line, Rule
from tts.reading.numbers import cardinal
from tts.reading.romans import value

_NUMBERED: Final = re.compile(r"\d+")


def _silent(_match: re.Match[str], _line: Line) -> str:
    return " "


def _section(match: re.Match[str], _line: Line) -> str:
    numbers = " chấm ".join(cardinal(int(number)) for number in _NUMBERED.findall(match[0]))
    return f"mục {numbers}, "


def _roman_section(match: re.Match[str], _line: Line) -> str:
    return f"phần {cardinal(value(match['roman']))}, "


def _letter(match: re.Match[str], _line: Line) -> str:
    return f"{spell(match['letter'])}, "


_START: Final = r"^[\s\ue000]*"
_CAPITAL: Final = "".join(letter for letter in map(chr, range(ord("A"), ord("Ỹ") + 1)) if letter.isupper())
"""Not a range: between à and ỹ lie Đ and Ạ as well."""
RULES: Final = (
    Rule(
        "star",
        re.compile(r"(?<=\d)\s?\*(?=\s+[^\W\d_]|$)(?!.*\*\*)"),
        lambda _match, _line: " sao",
        "3* is three stars, before stars are Markdown",
        ("đạt 3* OCOP", "đạt ba sao ô cốp"),
        needs_digit=True,
        needs=frozenset("*"),
    ),
    Rule(
        "markup",
        re.compile(r"\\?\*+|(?<!\S)#+(?=\s)|_{2,}|`+|~~+|(?<!\w)\|+(?!\w)|={2,}|-{2,}(?!>)|\.{4,}|(?<!\S)>(?=\s*$)"),
        _silent,
        "first, because it hides the beginning of words and lines",
        ("**Kính gửi:** bà con", "kính gửi: bà con"),
        needs=frozenset("*#_`~|=>-.\\"),
    ),
    Rule(
        "arrow",
        re.compile(r"[-=]+>"),
        lambda _match, _line: ", ",
        "before its dash and its bracket are read apart",
        ("thôn Đông -> thôn Đoài", "thôn Đông, thôn Đoài"),
        needs=frozenset(">"),
    ),
    Rule(
        "bullet",
        re.compile(
            rf"{_START}(?P<claim>(?:(?:\+(?!\d)|[-•●○◦▪■□▫►▸➢➤➔✓✔☑★☆→◆◇♦❖·‣⁃])\s*)+)(?!\d+(?:[.,]\d+)?\s?(?:°|độ|oC))"
        ),
        _silent,
        "a dash that begins a line is no minus",
        ("- 100% văn bản", "một trăm phần trăm văn bản"),
    ),
    Rule(
        "section-roman",
        re.compile(
            rf"{_START}(?P<claim>(?P<roman>[IVX]+)(?:(?:[.)/]|\s*-)(?=\s|$)(?!\s*\d)|\.(?<!\bX\.)(?=[^\W\d_]{{2}})))"
        ),
        _roman_section,
        "I. at the start of a line is a part's number, X. before a name a commune",
        ("II. NỘI DUNG", "phần hai, nội dung"),
        needs=frozenset("IVX"),
    ),
    Rule(
        "section",
        re.compile(
            rf"{_START}(?P<claim>\(?(?:\d{{1,2}}(?:\.\d{{1,2}})+[.)]?(?=\s+[{_CAPITAL}]|\s*[*\ue000])"
            rf"|\d{{1,2}}[.)](?=\s|[*\ue000]|[^\W\d_])|\d{{1,2}}[/-](?=\s+[{_CAPITAL}])))"
        ),
        _section,
        "2.1. at the start of a line is a section's number, not a decimal",
        ("2.1. Công dân số", "mục hai chấm một, công dân số"),
        needs_digit=True,
    ),
    Rule(
        "item",
        re.compile(rf"{_START}(?P<claim>\(?(?P<letter>[a-zđA-GĐ])(?:\)|[./](?=\s)))(?!\w/)"),
        _letter,
        "a) at the start of a line is an item's letter",
        ("b) Yêu cầu", "bê, yêu cầu"),
    ),
)
