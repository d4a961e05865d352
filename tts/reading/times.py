"""Hours and minutes, alone and as ranges: 7h30, 7g30, 7:30, 19h30', 7h30-10h30, 6-7h."""

import re
from typing import Final

from tts.reading.dates import day, month
from tts.reading.line import Line, Rule
from tts.reading.numbers import cardinal

_MINUTES_END: Final = r"(?:\s?(?:'|phút|ph|p)(?!\w))?"


def _clock(name: str) -> str:
    """Pattern of a time of day with the groups h, m, s, each with the given suffix."""
    return (
        rf"(?P<h{name}>[01]?\d|2[0-4])(?:\s?(?:giờ|[hHg])\s?(?P<m{name}>[0-5]?\d)"
        rf"(?:\s?'\s?(?P<q{name}>[0-5]?\d)(?:\"|''|″|”)|{_MINUTES_END})"
        rf"|(?P<colon{name}>:)(?P<c{name}>[0-5]\d)(?::(?P<s{name}>[0-5]\d))?(?:\s?[hH](?!\w))?)(?![\w%]|[.,/]\d)"
    )


def _hour(name: str) -> str:
    """Pattern of a whole hour; 24h and 72h are lengths of time read the same."""
    return rf"(?P<b{name}>\d{{1,3}})\s?[hH](?!\w)"


_LATER: Final = r"\s*(?:-|đến)\s*"


_AT: Final = frozenset({"lúc", "hồi", "vào", "trước", "sau", "từ", "sáng", "chiều", "tối", "trưa"})


def _said(match: re.Match[str], name: str) -> str:
    groups = match.groupdict()
    if bare := groups.get(f"b{name}"):
        return f"{cardinal(int(bare))} giờ"
    minutes = int(groups[f"m{name}"] or groups[f"c{name}"])
    spoken = f"{cardinal(int(groups[f'h{name}']))} giờ"
    if minutes:
        spoken += f" {cardinal(minutes)} phút"
    seconds = int(groups[f"s{name}"] or groups[f"q{name}"] or 0)
    if seconds:
        spoken += f" {cardinal(seconds)} giây"
    return spoken


def _span(match: re.Match[str], line: Line) -> str | None:
    if match["h3"]:
        if not match["m3"] and line.previous_word(match.start()) not in _AT:
            return None
        minutes = f" {cardinal(int(match['m3']))} phút" if int(match["m3"] or 0) else ""
        return f"{cardinal(int(match['h3']))} giờ{minutes} đến {cardinal(int(match['b3']))} giờ"
    first = cardinal(int(match["n"])) if match["n"] else _said(match, "1")
    return f"{first} đến {_said(match, '2')}"


def _time(match: re.Match[str], _line: Line) -> str:
    return _said(match, "1")


def _on_day(match: re.Match[str], _line: Line) -> str:
    hour = cardinal(int(match["h"]))
    minutes = f" {cardinal(int(match['m']))} phút" if int(match["m"] or 0) else ""
    year = f" năm {cardinal(int(match['y']))}" if match["y"] else ""
    of = f" tháng {month(match['mo'])}" if match["mo"] else ""
    return f"{hour} giờ{minutes} ngày {day(match['d'])}{of}{year}"


def _elapsed(match: re.Match[str], _line: Line) -> str:
    return f"{cardinal(int(match[1]))} phút {cardinal(int(match[2]))} giây"


def _gram_or_hour(match: re.Match[str], line: Line) -> str | None:
    if line.previous_word(match.start()) in _AT:
        return f"{cardinal(int(match[1]))} giờ"
    return None


def _minutes(match: re.Match[str], _line: Line) -> str:
    first = f"{cardinal(int(match[1]))} đến " if match[1] else ""
    return f"{first}{cardinal(int(match[2]))} phút"


RULES: Final = (
    Rule(
        "time-on-day",
        re.compile(
            r"(?<![\w.,/:])(?P<h>[01]?\d|2[0-4])\s?(?:[hg]|giờ)(?P<m>[0-5]\d)?\s?/\s?(?P<d>0?[1-9]|[12]\d|3[01])"
            r"(?:/(?P<mo>0?[1-9]|1[0-2])(?:/(?P<y>20\d\d))?)?(?![\w/%]|[.,]\d|\s(?:ngày|buổi|người|tiết|ca|tuần|tháng))"
        ),
        _on_day,
        "weather offices write an hour, a slash and a day",
        ("đến 07h/26/10", "đến bảy giờ ngày hai mươi sáu tháng mười"),
        needs_digit=True,
        needs=frozenset("/"),
    ),
    Rule(
        "time-elapsed",
        re.compile(r"(?<![\w.,/:°])(\d{1,3})'\s?([0-5]?\d)(?:\"|'')"),
        _elapsed,
        "minutes and seconds of a race, before either is read alone",
        ("chạy hết 10'30\"", "chạy hết mười phút ba mươi giây"),
        needs_digit=True,
        needs=frozenset("'"),
    ),
    Rule(
        "time-span",
        re.compile(
            rf"(?<![\w.,/])(?<!\d:)(?:(?:{_clock('1')}|{_hour('1')}|(?P<n>\d{{1,2}})){_LATER}(?:{_clock('2')}|{_hour('2')})"
            rf"|(?P<h3>[01]?\d|2[0-4])g(?P<m3>[0-5]\d)?{_LATER}(?P<b3>[01]?\d|2[0-4])g(?!\w))"
        ),
        _span,
        "two times before either is read alone",
        ("7h30-10h30", "bảy giờ ba mươi phút đến mười giờ ba mươi phút"),
        needs_digit=True,
        needs=frozenset("hHg:ờ"),
    ),
    Rule(
        "time",
        re.compile(rf"(?<![\w.,])(?<!\d[:/])(?:{_clock('1')}|{_hour('1')})"),
        _time,
        "before units, where h and g would be hours and grams",
        ("19h30'", "mười chín giờ ba mươi phút"),
        needs_digit=True,
        needs=frozenset("hHg:ờ"),
    ),
    Rule(
        "time-southern",
        re.compile(r"(?<![\w.,/:])([01]?\d|2[0-4])\s?g(?!\w)"),
        _gram_or_hour,
        "7g after lúc is an hour, elsewhere seven grams",
        ("lúc 7g", "lúc bảy giờ"),
        needs_digit=True,
        needs=frozenset("g"),
    ),
    Rule(
        "minutes",
        re.compile(r"(?<![\w.,/:°])(?:(\d{1,3})\s?-\s?)?(\d{1,3})\s?(?:'(?![\w\"])|ph(?!\w)|(?<=\d)p(?!\w))"),
        _minutes,
        "after times and coordinates, which own the other apostrophes",
        ("trong 15'", "trong mười lăm phút"),
        needs_digit=True,
        needs=frozenset("'p"),
    ),
)
