"""Figures of a trade or a game that later rules would take for dates, ranges and codes: scores, scales, sizes."""

import re
from typing import Final

from tts.reading.letters import spell
from tts.reading.line import Line, Rule
from tts.reading.numbers import NUMBER, digits, number
from tts.reading.tables import UNITS

_PIECE: Final = re.compile(r"[^\W\d_]+|\d+")


def _unit_and_rest(match: re.Match[str], _line: Line) -> str | None:
    if match["unit"] in {"m", "km", "cm"} and match["rest"] in {"2", "3"}:
        return None
    return f"{number(match['n'])} {UNITS[match['unit']]} {number(match['rest'])}"


def _score(match: re.Match[str], _line: Line) -> str:
    return re.sub(
        r"\d+", lambda found: number(found[0]), re.sub(r"\s?[-)]\s?", " ", match["claim"].replace(" (", ", "))
    )


def _alley(match: re.Match[str], _line: Line) -> str:
    words = {"K": "kiệt", "H": "hẻm"}
    first, *rest = (re.sub(r"^H", "hẻm ", part) for part in match["parts"].split("/"))
    named = [words[match["kind"]], *(re.sub(r"\d+", lambda found: number(found[0]), first).split())]
    return " ".join((*named, *(f"trên {re.sub(r'[0-9]+', lambda found: number(found[0]), part)}" for part in rest)))


def _record(match: re.Match[str], _line: Line) -> str:
    parts = re.split(r"[-.]", match["claim"])
    return ", ".join(
        " ".join(spell(piece) if piece.isalpha() else digits(piece) for piece in _PIECE.findall(part)) for part in parts
    )


def _masked(match: re.Match[str], _line: Line) -> str:
    parts = re.findall(r"\d+|[xX]+", match[0])
    return ", ".join(digits(part) if part.isdecimal() else " ".join("ích" for _ in part) for part in parts)


RULES: Final = (
    Rule(
        "masked-number",
        re.compile(r"(?<![\w.,])\(?\d[\d.)-]*(?:[.\s-]?(?:[xX]{2,4}|(?<=[xX])[.\s-]?\d{2,4}))+(?!\w)"),
        _masked,
        "a telephone number of which some digits are hidden",
        ("số máy 3.822.xxx", "số máy ba, tám hai hai, ích ích ích"),
        needs_digit=True,
        needs=frozenset("xX"),
    ),
    Rule(
        "record-number",
        re.compile(
            r"(?i:mã hồ sơ|mã số|số hiệu|mã tra cứu)(?: số)?:?\s(?P<claim>[A-Z]{0,3}\d+(?:[.-][A-Z]?\d+)+)(?!\w)"
        ),
        _record,
        "the number of a file is said digit by digit, dots and dashes are pauses",
        (
            "mã hồ sơ H17.19-251125-0001",
            "mã hồ sơ hát một bảy, một chín, hai năm một một hai năm, không không không một",
        ),
        needs_digit=True,
        needs=frozenset(".-"),
    ),
    Rule(
        "alley",
        re.compile(r"(?<!\w)(?P<kind>[KH])(?P<parts>\d{1,4}(?:/H?\d{1,4})+)(?![\w/]|[.,]\d)"),
        _alley,
        "an address in an alley: K is kiệt, H is hẻm",
        ("K54/12 đường Nguyễn Trãi", "kiệt năm mươi tư trên mười hai đường Nguyễn Trãi"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
    Rule(
        "unit-and-rest",
        re.compile(r"(?<![\w.,])(?P<n>\d{1,4})(?P<unit>km|m|ha|kg|l)(?P<rest>\d{1,3})(?![\w]|[.,]\d)"),
        _unit_and_rest,
        "1m6 and 2km5 before they are taken for codes; m2 and m3 stay what they are",
        ("cao 1m6", "cao một mét sáu"),
        needs_digit=True,
    ),
    Rule(
        "score",
        re.compile(
            r"(?i:tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn)(?: chung cuộc| với| đậm)?(?: tỷ số| tỉ số)?:?\s"
            r"(?P<claim>\d{1,3}\s?-\s?\d{1,3}(?:,\s?\d{1,3}\s?-\s?\d{1,3})*(?:\s?\((?:\d{1,3}\s?-\s?\d{1,3}[,;]?\s?)+\))?)(?![\w%/]|[.,]\d)"
        ),
        _score,
        "the score of a match is no range, whichever side is ahead",
        ("thua 1-3", "thua một ba"),
        needs_digit=True,
        needs=frozenset("-"),
    ),
    Rule(
        "scale",
        re.compile(
            r"(?<!\w)(?:TL|(?i:tỷ lệ|tỉ lệ))\s?:?\s?(?P<a>\d{1,3})\s?[:/]\s?(?P<b>\d{1,3}(?:\.\d{3})+|\d+)(?![\w%/:]|[.,]\d)"
        ),
        lambda match, _line: f"tỷ lệ {number(match['a'])} trên {number(match['b'])}",
        "the scale of a map or a mixture, before colons are clocks and slashes are dates",
        ("tỷ lệ 1:500", "tỷ lệ một trên năm trăm"),
        needs_digit=True,
        needs=frozenset(":/"),
    ),
    Rule(
        "diameter",
        re.compile(rf"Ø\s?(?P<n>{NUMBER})(?![\d])"),
        lambda match, _line: f"phi {number(match['n'])}",
        "the diameter of pipes and bars, before its sign is a letter",
        ("cống Ø800", "cống phi tám trăm"),
        needs_digit=True,
        needs=frozenset("Ø"),
    ),
    Rule(
        "concrete",
        re.compile(r"(?<=tông )(?:[mM]|mác)\s?(?P<n>\d{2,3})(?!\w)|(?<=vữa )(?:[mM]|mác)\s?(?P<n2>\d{2,3})(?!\w)"),
        lambda match, _line: f"mác {number(match['n'] or match['n2'])}",
        "the grade of concrete before it is a code",
        ("bê tông M250", "bê tông mác hai trăm năm mươi"),
        needs_digit=True,
        needs=frozenset("mM"),
    ),
)
