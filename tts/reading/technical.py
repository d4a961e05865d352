"""Figures of a trade or a game that later rules would take for dates, ranges and codes: scores, scales, sizes."""

import re
from typing import Final

from tts.reading.letters import spell
from tts.reading.line import Line, Rule
from tts.reading.numbers import NUMBER, cardinal, digits, number, ordinal
from tts.reading.tables import UNITS

_POINTS: Final = {"Đ": "đông", "T": "tây", "B": "bắc", "N": "nam"}
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


def _several(match: re.Match[str], line: Line) -> str:
    said = ordinal if line.previous_word(match.start()) == "thứ" else cardinal
    return ", ".join(said(int(piece)) for piece in re.findall(r"\d+", match[0]))


def _weekdays(match: re.Match[str], _line: Line) -> str:
    return ("thứ " if match["t"] else "") + ", ".join(ordinal(int(piece)) for piece in re.findall(r"\d", match["days"]))


def _direction(match: re.Match[str], _line: Line) -> str:
    """Đ-ĐN is one point between two, ĐB-Đ is a range."""
    first, *rest = re.split(r"\s?[-–]\s?", match["claim"])
    spoken = " ".join(_POINTS[letter] for letter in first)
    for name in rest:
        words = " ".join(_POINTS[letter] for letter in name)
        spoken += f" {words}" if len(name) > 1 and name[0] == first else f" đến {words}"
    return spoken


RULES: Final = (
    Rule(
        "weekdays",
        re.compile(r"(?:(?<!\w)(?P<t>T)|(?<=[Tt]hứ ))(?P<days>[2-7](?:,\s?[2-7])+)(?![\w/%]|[.,-]\d)"),
        _weekdays,
        "days of the week in a row are a list, no decimal",
        ("sáng T2,4,6", "sáng thứ hai, tư, sáu"),
        needs_digit=True,
        needs=frozenset(","),
    ),
    Rule(
        "several",
        re.compile(r"(?<![\w.,/+-])\d{1,2}(?:\s?-\s?\d{1,2}){2,}(?![\w/%]|[.,-]\d)"),
        _several,
        "three numbers with dashes are a list, no range",
        ("thứ 2-4-6", "thứ hai, tư, sáu"),
        needs_digit=True,
        needs=frozenset("-"),
    ),
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
        re.compile(r"(?:tông|vữa|măng|BTXM|BTCT|BT)\s(?P<claim>(?:[mM]|mác)\s?(?P<n>\d{2,3}))(?!\w)"),
        lambda match, _line: f"mác {number(match['n'])}",
        "the grade of concrete before it is a code",
        ("bê tông M250", "bê tông mác hai trăm năm mươi"),
        needs_digit=True,
        needs=frozenset("mM"),
    ),
    Rule(
        "pipe",
        re.compile(r"(?<!\w)(?i:ống|cống|thép|phi)(?:\s[^\W\d]+){0,2}\s(?P<claim>(?P<kind>[DF])(?P<n>\d{2,4}))(?!\w)"),
        lambda match, _line: f"{'phi' if match['kind'] == 'F' else 'dê'} {number(match['n'])}",
        "the size of a pipe is a number, before it is a code said digit by digit",
        ("cống D600", "cống dê sáu trăm"),
        needs_digit=True,
        needs=frozenset("DF"),
    ),
    Rule(
        "direction",
        re.compile(
            r"(?<!\w)(?i:hướng|gió|phía|gió mùa)(?: giữa)?\s(?P<claim>[ĐTBN]{1,3}(?:\s?[-–]\s?[ĐTBN]{1,3})*)(?![\w/-]|\.\w)"
        ),
        _direction,
        "the points of the compass, before ĐN is a town and TB an announcement",
        ("gió ĐB", "gió đông bắc"),
        needs=frozenset("ĐTBN"),
    ),
)
