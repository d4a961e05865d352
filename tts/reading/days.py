"""Days of a month without the month, with it behind a dash, and the night before one."""

import re
from typing import Final

from tts.reading.dates import DAY, MONTH, day, month
from tts.reading.line import Line, Rule

_NOT_MUNG: Final = r"(?!\s*(?:lần|viên|bữa|buổi|giờ|người|cốc|lít|ca|liều|gói|đêm)\b)"
_NEARBY: Final = 48
_CLOCK: Final = r"\d{1,2}\s?(?:[hg:]|giờ)\s?(?:[0-5]\d)?(?:\s?phút|')?"
_MOMENT: Final = re.compile(
    rf"(?P<before>.*)(?<!\w)(?i:từ|trước|sau|lúc|hồi|(?P<until>đến))\s{_CLOCK}\s(?:(?:sáng|trưa|chiều|tối|đêm)\s)?$",
    re.DOTALL,
)
"""A time of day before ngày."""


def _dashed(match: re.Match[str], line: Line) -> str | None:
    """A day and its month where days could not fall, or where one moment is meant; else days of one month.

    Từ 7h đến 9h ngày 7-12 can be two hours of each of several days.
    """
    moment = _MOMENT.match(line.text[max(0, match.start() - _NEARBY) : match.start()])
    is_moment = moment is not None and not (moment["until"] and re.search(rf"{_CLOCK}\s$", moment["before"]))
    if int(match["d"]) < int(match["m"]) and not is_moment:
        return None
    return f"{day(match['d'], line, match.start('claim'))} tháng {month(match['m'])}"


def _day_alone(match: re.Match[str], line: Line) -> str:
    spoken = re.sub(r"\d+", lambda found: day(found[0], line, match.start("claim")), match["claim"])
    return re.sub(" *- *", " đến ", spoken)


RULES: Final = (
    Rule(
        "day-or-night",
        re.compile(
            r"(?<!\w)(?i:đêm|sáng|trưa|chiều|tối)\s(?P<claim>\d{1,2})(?=\s?(?:,|và|-)\s?(?:ngày|đêm|sáng|trưa|chiều|tối)\s[\d\ue000])"
        ),
        lambda match, line: day(match["claim"], line, match.start("claim")),
        "weather offices say đêm 4, ngày 5/12; after dates, whose month it shares",
        ("đêm 4, ngày 5/12", "đêm mùng bốn, ngày mùng năm tháng mười hai"),
        needs_digit=True,
    ),
    Rule(
        "day-month-dashed",
        re.compile(
            rf"\b(?i:ngày)\s+(?P<claim>(?P<d>{DAY})\s?-\s?(?P<m>{MONTH}))(?![\w/%]|\s?[.,-]\s?\d|\s+và\s+\d){_NOT_MUNG}"
            r"(?!\s+tháng)"
        ),
        _dashed,
        "20-11 and trước 17h ngày 7-12 before days of one month",
        ("ngày 20-11", "ngày hai mươi tháng mười một"),
        needs_digit=True,
        needs=frozenset("-"),
    ),
    Rule(
        "day",
        re.compile(
            rf"\b(?i:ngày)\s+(?P<claim>{DAY}(?:(?:\s*-\s*|,\s*|\s+và\s+){DAY})*)(?![\w/%]|\s?[.,-]\s?\d|\s+và\s+\d){_NOT_MUNG}"
        ),
        _day_alone,
        "ngày 5 is ngày mùng năm, but not ngày 3 lần",
        ("ngày 5", "ngày mùng năm"),
        needs_digit=True,
    ),
)
