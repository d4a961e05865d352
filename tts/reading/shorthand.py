"""Single letters that stand for what is counted, where their neighbours leave one reading: points, tablets, animals."""

import re
from typing import Final

from tts.reading.line import Line, Rule
from tts.reading.numbers import number
from tts.reading.quantities import comparable, per

_NEARBY: Final = 24
_SCORED: Final = re.compile(r"(?<!\w)(?i:đạt|điểm|chấm|thi|môn|toán|văn|anh)(?!\w)")
_RAISED: Final = re.compile(r"(?<!\w)(?i:thả|nuôi|tôm|cá|gà|vịt|ngan|ếch|cua|lươn|ốc|giống thả)(?!\w)")


def _score(match: re.Match[str], line: Line) -> str | None:
    nearby = line.text[max(0, match.start() - _NEARBY) : match.start()]
    if not _SCORED.search(nearby) or comparable(match["a"]) > comparable(match["b"]):
        return None
    return f"{number(match['a'], measured=True)} trên {number(match['b'])} điểm"


def _stocked(match: re.Match[str], line: Line) -> str | None:
    is_alive = _RAISED.search(line.text[max(0, match.start() - _NEARBY) : match.start()])
    return f"{number(match[1])} con{per(match['per'], 'con')}" if is_alive else None


RULES: Final = (
    Rule(
        "score",
        re.compile(r"(?<![\w.,/-])(?P<a>\d{1,3}(?:[.,]\d{1,2})?)\s?/\s?(?P<b>[1-9]0|100)\s?đ(?![\w/])"),
        _score,
        "18.5/20đ is points beside đạt and điểm, before đ stands for money",
        ("đạt 18.5/20đ", "đạt mười tám phẩy năm trên hai mươi điểm"),
        needs_digit=True,
        needs=frozenset("đ"),
    ),
    Rule(
        "tablets",
        re.compile(r"(?<![\w.,/-])(?:(\d{1,2})\s?-\s?)?(\d{1,2})\s?v(?=\s?/\s?(?:lần|ngày|bữa|buổi)(?!\w))"),
        lambda match, _line: (f"{number(match[1])} đến " if match[1] else "") + f"{number(match[2])} viên",
        "2v/lần is what a prescription says",
        ("uống 2v/lần", "uống hai viên một lần"),
        needs_digit=True,
        needs=frozenset("v"),
    ),
    Rule(
        "stocked",
        re.compile(r"(?<![\w.,/-])(\d{1,4})\s?c(?P<per>\s?/\s?(?:m2|m²|m3|m³|ha|lồng|ao))(?!\w)"),
        _stocked,
        "30c/m2 is animals where they are raised",
        ("thả tôm 30c/m2", "thả tôm ba mươi con trên mét vuông"),
        needs_digit=True,
        needs=frozenset("c"),
    ),
)
