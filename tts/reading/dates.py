"""Days, months, years, quarters and their ranges.

A house date says mùng for the first ten days and tháng tư for April; years are said in full.
"""

import re
from typing import Final

from tts.reading.line import Line, Rule, Said
from tts.reading.model import DOUBTFUL
from tts.reading.numbers import cardinal
from tts.reading.tables import context

_LAST_DAY: Final = 31
_LAST_MONTH: Final = 12
_LAST_MUNG: Final = 10
_APRIL: Final = 4
_LIKELY_DENOMINATOR: Final = 5
_LARGEST_DENOMINATOR: Final = 10
"""180/210 is so many out of so many, not a fraction."""

DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_Y: Final = r"(?:1[89]|20|21)\d\d"
_DASH: Final = r"\s*-\s*"
_FREE: Final = r"(?<![\w/.,+-])"
_END: Final = r"(?![\w/]|[.,-]\d)"
_LIST_BEFORE: Final = context("days_before")
_MUNG_WORDS: Final = frozenset({"mùng", "mồng"})
_DATE_BEFORE: Final = context("date_before")
_RATIO_BEFORE: Final = context("ratio_before")
_PART_BEFORE: Final = context("part_before")
_PART_AFTER: Final = context("part_after")
_COUNTED: Final = context("ratio_after")
_QUARTERS: Final = {"I": 1, "II": 2, "III": 3, "IV": 4}
_TERM: Final = re.compile(r"(?:kỳ|thời) hạn\s$")
_WHOLE_YEAR_RANGE: Final = frozenset({"học", "xuân", "đông", "mùa", "hè", "vụ"})
_GROUPS: Final = frozenset({"thành", "đại", "hội", "cử", "đảng", "đoàn"})
"""Begin the names of groups so large that 2/3 of them is a part, not two out of three."""
_NUMBERED: Final = context("numbered_before")


def day(text: str, line: Line | None = None, start: int = 0) -> str:
    """A day of the month; the first ten with mùng, unless the text says it already."""
    value = int(text)
    said_already = line is not None and line.previous_word(start) in _MUNG_WORDS
    return cardinal(value) if value > _LAST_MUNG or said_already else f"mùng {cardinal(value)}"


def month(text: str) -> str:
    """A month's number; the fourth is tư."""
    return "tư" if int(text) == _APRIL else cardinal(int(text))


def year(text: str | None) -> str:
    """The year with the word năm and a space before it; empty if there is none."""
    return f" năm {cardinal(int(text))}" if text else ""


def _full(match: re.Match[str], line: Line) -> str:
    return f"{day(match['d'], line, match.start())} tháng {month(match['m'])}{year(match['y'])}"


def _span(match: re.Match[str], line: Line) -> str:
    """From one full date to another; the same day of two years is an anniversary, not a span."""
    again = "ngày " if line.previous_word(match.start()) == "ngày" else ""
    first = f"{day(match['d'], line, match.start())} tháng {month(match['m'])}{year(match['y'])}"
    same_day = (int(match["d"]), int(match["m"])) == (int(match["d2"]), int(match["m2"]))
    joint = ", " if same_day else f" đến {again}"
    return f"{first}{joint}{day(match['d2'])} tháng {month(match['m2'])}{year(match['y2'])}"


def _days(match: re.Match[str], line: Line) -> str | None:
    """Several days of one month: 3-4/12, 3, 4/12, 3 và 4/12."""
    before = line.previous_word(match.start())
    if before not in _LIST_BEFORE and ("-" not in match["days"] or before == "thứ"):
        return None
    words = {"-": " đến ", ",": ", ", ";": ", ", "+": " và ", "&": " và ", "và": " và ", "đến": " đến "}
    position = match.start()
    spoken = ""
    for piece in re.findall(r"\d+|[-,;+&]|và|đến", match["days"]):
        spoken += words.get(piece) or day(piece, line, position)
        position = match.end()
    return f"{spoken} tháng {month(match['m'])}{year(match['y'])}"


def _day_month(match: re.Match[str], line: Line) -> Said | str | None:
    first, second = int(match["d"]), int(match["m"])
    before, after = line.previous_word(match.start()), line.next_word(match.end())
    is_part = (
        first < second <= _LARGEST_DENOMINATOR
        and (after in _PART_AFTER or before in _PART_BEFORE)
        and before not in _DATE_BEFORE
    )
    is_date = before in _DATE_BEFORE or (first in range(1, _LAST_DAY + 1) and second in range(1, _LAST_MONTH + 1))
    if before in _RATIO_BEFORE and not (before == "lệ" and after == "số"):
        return f"{cardinal(first)} trên {cardinal(second)}"
    if is_part and (first == 1 or after not in _COUNTED or (after in _GROUPS and second <= _LIKELY_DENOMINATOR)):
        return f"{cardinal(first)} phần {month(match['m'])}"
    if not is_date or (after in _COUNTED and before not in _DATE_BEFORE):
        return f"{cardinal(first)} trên {cardinal(second)}"
    spoken = f"{day(match['d'], line, match.start())} tháng {month(match['m'])}"
    doubtful = before not in _DATE_BEFORE and first < second <= _LIKELY_DENOMINATOR
    return Said(spoken, DOUBTFUL if doubtful else "")


def _iso(match: re.Match[str], _line: Line) -> str:
    return f"{day(match['d'])} tháng {month(match['m'])}{year(match['y'])}"


def _month_year(match: re.Match[str], line: Line) -> str | None:
    before = line.previous_word(match.start())
    if before in _NUMBERED or int(match["m"]) not in range(1, _LAST_MONTH + 1):
        return f"{cardinal(int(match['m']))}{year(match['y'])}" if before in _NUMBERED else None
    word = "" if before == "tháng" else "tháng "
    first = f"{month(match['m0'])} đến tháng " if match["m0"] else ""
    return f"{word}{first}{month(match['m'])}{year(match['y'])}"


def _months(match: re.Match[str], _line: Line) -> str:
    pieces = re.findall(r"\d+|[-,]|và|đến", match["months"])
    words = {"-": " đến tháng ", ",": ", ", "và": " và ", "đến": " đến "}
    spoken = "".join(words.get(piece) or month(piece) for piece in pieces)
    return f"{spoken}{year(match['y'])}"


def _years(match: re.Match[str], line: Line) -> str:
    first, second = cardinal(int(match["a"])), cardinal(int(match["b"]))
    joint = ", " if line.previous_word(match.start()) in _WHOLE_YEAR_RANGE else " đến năm "
    return f"{first}{joint}{second}"


_FULL: Final = rf"(?P<d>{DAY})(?P<s>[/.-])(?P<m>{MONTH})(?P=s)(?P<y>{_Y})"


def _around_the_clock(match: re.Match[str], line: Line) -> str | None:
    if line.previous_word(match.start()) in _DATE_BEFORE:
        return None
    days = {"7": "bảy", "24": "hai mươi tư"}[match[1]]
    return f"hai mươi tư trên {days}" + (" giờ" if match[2] else "")


def _months_of(match: re.Match[str], line: Line) -> str | None:
    if match["term"] is not None and not _TERM.search(line.text[: match.start()]):
        return None
    return f"{cardinal(int(match['n']))} tháng{year(match['y'])}"


def _short_month(match: re.Match[str], _line: Line) -> str:
    return f"tháng {month(match['m'])}{year(match['y'])}"


RULES: Final = (
    Rule(
        "around-the-clock",
        re.compile(r"(?<![\w/.,])24\s?[hH]?/(7|24)(\s?(?:[hH]|giờ))?(?![\w/]|[.,]\d)"),
        _around_the_clock,
        "before 24/7 becomes a day of July",
        ("trực 24/7", "trực hai mươi tư trên bảy"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
    Rule(
        "date-span",
        re.compile(
            rf"{_FREE}(?P<d>{DAY})/(?P<m>{MONTH})(?:/(?P<y>{_Y}))?(?:{_DASH}|\s*đến\s*)"
            rf"(?P<d2>{DAY})/(?P<m2>{MONTH})(?:/(?P<y2>{_Y}))?{_END}"
        ),
        _span,
        "two whole dates before either is read alone",
        ("nghỉ lễ 30/4 - 1/5", "nghỉ lễ ba mươi tháng tư đến mùng một tháng năm"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
    Rule(
        "date-span-dotted",
        re.compile(
            rf"{_FREE}(?P<d>{DAY})\.(?P<m>{MONTH})(?:\.(?P<y>{_Y}))?(?:{_DASH}|\s*đến\s*(?:hết\s*)?(?:ngày\s*)?)"
            rf"(?P<d2>{DAY})\.(?P<m2>{MONTH})\.(?P<y2>{_Y}){_END}"
        ),
        _span,
        "the year at its end proves that the first is a date too, not a decimal",
        (
            "từ 20.11 đến 25.11.2026",
            "từ hai mươi tháng mười một đến hai mươi lăm tháng mười một năm hai nghìn không trăm hai mươi sáu",
        ),
        needs_digit=True,
        needs=frozenset("."),
    ),
    Rule(
        "date-days",
        re.compile(
            rf"{_FREE}(?P<days>{DAY}(?:(?:\s*[-;+&]\s*|,\s*|\s+và\s+|\s+đến\s+){DAY})+)/(?P<m>{MONTH})(?:/(?P<y>{_Y}))?{_END}"
        ),
        _days,
        "several days of one month before the last of them is read alone",
        ("ngày 3-4/12", "ngày mùng ba đến mùng bốn tháng mười hai"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
    Rule(
        "date",
        re.compile(rf"{_FREE}{_FULL}{_END}"),
        _full,
        "a full date before day and month",
        ("25/11/2026", "hai mươi lăm tháng mười một năm hai nghìn không trăm hai mươi sáu"),
        needs_digit=True,
        needs=frozenset("/.-"),
    ),
    Rule(
        "date-iso",
        re.compile(rf"{_FREE}(?P<y>{_Y})-(?P<m>{MONTH})-(?P<d>{DAY}){_END}"),
        _iso,
        "before ranges of years and numbers",
        ("2026-11-25", "hai mươi lăm tháng mười một năm hai nghìn không trăm hai mươi sáu"),
        needs_digit=True,
        needs=frozenset("-"),
    ),
    Rule(
        "months-of-year",
        re.compile(
            rf"(?<![\w.,])(?P<n>\d{{1,2}})\s?T(?:\s?/\s?(?P<y>{_Y}){_END}|(?=\s+(?:đầu|cuối)\s)|(?P<term>)(?!\w))"
        ),
        _months_of,
        "9T/2026 before T stands for tonnes",
        ("9T/2026", "chín tháng năm hai nghìn không trăm hai mươi sáu"),
        needs_digit=True,
        needs=frozenset("T"),
    ),
    Rule(
        "month-short",
        re.compile(rf"(?<!\w)T(?P<m>{MONTH})(?:\s?/\s?(?P<y>{_Y})){_END}"),
        _short_month,
        "T10/2026 before T stands for a day of the week",
        ("T10/2026", "tháng mười năm hai nghìn không trăm hai mươi sáu"),
        needs_digit=True,
        needs=frozenset("T"),
    ),
    Rule(
        "quarter-short",
        re.compile(rf"(?<!\w)Q\.?(?P<q>[1-4]|I{{1,3}}|IV)\s?[/-]\s?(?P<y>{_Y}){_END}"),
        lambda match, _line: f"quý {cardinal(_QUARTERS.get(match['q']) or int(match['q']))}{year(match['y'])}",
        "Q2/2027 before Q. is a district",
        ("Q2/2027", "quý hai năm hai nghìn không trăm hai mươi bảy"),
        needs_digit=True,
        needs=frozenset("Q"),
    ),
    Rule(
        "day-month-dotted",
        re.compile(rf"(?<=[Nn]gày )(?P<d>{DAY})\.(?P<m>{MONTH})(?P<y>){_END}"),
        _full,
        "30.4 is a date after ngày, elsewhere a version or a decimal",
        ("ngày 30.4", "ngày ba mươi tháng tư"),
        needs_digit=True,
        needs=frozenset("."),
    ),
    Rule(
        "months",
        re.compile(
            rf"\b(?i:tháng)\s+(?P<claim>(?P<months>{MONTH}(?:(?:{_DASH}|,\s*|\s+và\s+|\s+đến\s+){MONTH})*)"
            rf"(?:\s*/\s*(?P<y>{_Y}))?){_END}"
        ),
        _months,
        "tháng 4 is tháng tư, unlike 4 tháng",
        ("tháng 4", "tháng tư"),
        needs_digit=True,
    ),
    Rule(
        "month-year",
        re.compile(
            rf"(?:{_FREE}|(?<![\d/.,+-])/)(?:(?P<m0>{MONTH}){_DASH})?(?P<m>\d{{1,3}})\s*[/-]\s*(?P<y>(?:19|20)\d\d){_END}"
            rf"(?!\s*[-/]\s*\d)"
        ),
        _month_year,
        "after full dates; tháng is added when nobody says it",
        ("đợt 2/2026", "đợt hai năm hai nghìn không trăm hai mươi sáu"),
        needs_digit=True,
        needs=frozenset("/-"),
    ),
    Rule(
        "years",
        re.compile(rf"{_FREE}(?P<a>{_Y})(?:{_DASH}|(?<=\d)/(?=\d))(?P<b>{_Y}){_END}"),
        _years,
        "before ranges of numbers: năm is repeated",
        (
            "giai đoạn 2021-2025",
            "giai đoạn hai nghìn không trăm hai mươi mốt đến năm hai nghìn không trăm hai mươi lăm",
        ),
        needs_digit=True,
        needs=frozenset("-/"),
    ),
    Rule(
        "day-month",
        re.compile(r"(?<![\w/,+])(?P<d>\d{1,3})/(?P<m>\d{1,3})(?![\w/%]|[.,-]\d)"),
        _day_month,
        "a date, a fraction or a ratio, by the words around it",
        ("17/17 phường", "mười bảy trên mười bảy phường"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
)
