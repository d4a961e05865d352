"""Roman numerals, where a word before them or their length proves that they are numerals."""

import re
from typing import Final

from tts.reading.line import Line, Rule
from tts.reading.numbers import cardinal, ordinal

_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_ROMAN: Final = r"(?:X{1,3}(?:IX|IV|V?I{0,3})|IX|IV|VI{0,3}|I{1,3})"
_VALID: Final = re.compile(r"(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_WORDS: Final = (
    r"quý|khóa|khoá|thế kỷ|thế kỉ|chương|phần|mục|phụ lục|lần thứ|thứ|đại hội|kỳ họp|kỳ|nhiệm kỳ|loại|hạng|cấp|bậc|tập|"
    r"quyển|vùng|khu vực|giai đoạn|đợt|học kỳ|học kì|tiểu mục|điều|bảng|nhóm|báo động|mức|quân khu|trung ương|tuần|vụ|"
    r"tổng kết|chi bộ|tiểu khu|phân khu|khu|tổ|cụm|đội|số|độ|biểu|mẫu|đô thị|hk"
)


def value(roman: str) -> int:
    """The number a Roman numeral stands for.

    >>> value("XIX")
    19
    """
    numbers = [_VALUES[letter] for letter in roman]
    return sum(-a if a < b else a for a, b in zip(numbers, [*numbers[1:], 0], strict=True))


def _after_word(match: re.Match[str], _line: Line) -> str | None:
    words = {"-": "đến", "–": "đến", ",": ",", "/": "trên", "và": "và", "hoặc": "hoặc", "đến": "đến"}
    if not all(_VALID.fullmatch(roman) for roman in re.findall(r"[IVXL]+", match["romans"])):
        return None
    pieces = re.findall(r"[IVXL]+|[-,]|và|hoặc|đến", match["romans"])
    said = ordinal if match["head"].lower().endswith("thứ ") else cardinal
    spoken = " ".join(words.get(piece) or said(value(piece)) for piece in pieces)
    year = f" năm {cardinal(int(match['y']))}" if match["y"] else ""
    return spoken.replace(" ,", ",") + year


def _alone(match: re.Match[str], _line: Line) -> str:
    return cardinal(value(match[0]))


def _alarm(match: re.Match[str], _line: Line) -> str:
    levels = [int(level) if level.isdecimal() else value(level) for level in match.groups() if level]
    return " đến ".join(f"báo động {cardinal(level)}" for level in levels)


RULES: Final = (
    Rule(
        "alarm-level",
        re.compile(r"(?<!\w)BĐ\s?([123]|I{1,3})(?:\s?-\s?(?:BĐ\s?)?([123]|I{1,3}))?(?![\w]|[.,]\d)"),
        _alarm,
        "BĐ before a level of a river is no post office",
        ("trên BĐ2", "trên báo động hai"),
        needs=frozenset("B"),
    ),
    Rule(
        "roman",
        re.compile(
            rf"(?<!\w)(?P<head>(?i:{_WORDS})\s+)(?P<claim>(?P<romans>[IVXL]+(?:(?:\s*[-,]\s*|\s+(?:và|hoặc|đến)\s+)[IVXL]+(?!\w))*)"
            r"(?:\s?[/-]\s?(?P<y>(?:19|20)\d\d))?)(?![\w])"
        ),
        _after_word,
        "before abbreviations and letters; a lone I needs such a word",
        ("quý I/2024", "quý một năm hai nghìn không trăm hai mươi tư"),
        needs=frozenset("IVX"),
    ),
    Rule(
        "roman-list",
        re.compile(r"(?<![\w.&/-])I(?=\s?(?:,|và)\s?II(?!\w))"),
        _alone,
        "a lone I that begins a list of numerals",
        ("Thôn I, II, III", "Thôn một, hai, ba"),
        needs=frozenset("I"),
    ),
    Rule(
        "roman-alone",
        re.compile(rf"(?<![\w.&/-])(?=[IVX]{{2}}){_ROMAN}(?![\w&]|[/-][A-ZĐ])"),
        _alone,
        "two or more of I, V, X together are hardly anything else",
        ("Đại hội Đảng bộ XIV", "Đại hội Đảng bộ mười bốn"),
        needs=frozenset("IVX"),
    ),
)
