"""Telephone and account numbers, digit by digit, with a short pause where the writer left a gap."""

import re
from typing import Final

from tts.reading.line import Line, Rule
from tts.reading.numbers import digits
from tts.reading.tables import context

_SHORT: Final = r"11[0-9]|911|1022|1[89]\d\d"
_NEAR: Final = 90
"""Characters searched for the word that makes a short number a telephone."""
_HOT: Final = re.compile(
    r"(?:gọi|hotline|tổng đài|đường dây nóng|số máy|số điện thoại|điện thoại|đ[tT]|ĐT|SĐT|liên hệ|LH|báo|nhắn tin|zalo|trực ban|"
    r"cấp cứu|cứu hộ|cứu nạn|cứu hỏa|khẩn cấp|alo)(?!\w)[^.!?;\n]{0,60}$",
    re.IGNORECASE,
)
_ACCOUNT: Final = re.compile(
    r"(?:STK|số tài khoản|tài khoản(?: số)?|TK|CCCD|CMND|mã số thuế|MST|mã số|mã hồ sơ|số thẻ|mã|căn cước(?: công dân)?|số seri|mật khẩu|mã PIN|mã OTP|mã xác nhận|số báo danh|SBD|số khung|mã khách hàng|mã KH)"
    r"(?: số| cá nhân)?\s*:?\s*$",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?:ĐT|SĐT|đt|sđt|điện thoại|hotline|gọi|liên hệ|LH|zalo|di động|số máy|trực ban|fax|tel)\.?(?: số)?\s*:?\s*$",
    re.IGNORECASE,
)
_COUNTED: Final = context("phone_never_before")
_MOBILE: Final = 10
_HEAD: Final = 4
_LOCAL: Final = 6
"""Digits of the shortest number without a trunk code."""


def _groups(text: str) -> list[str]:
    groups = re.findall(r"\d+", text)
    if len(groups) == 1 and len(groups[0]) == _MOBILE:
        only = groups[0]
        groups = [only[:_HEAD], only[_HEAD : _HEAD + 3], only[_HEAD + 3 :]]
    elif len(groups) == 1 and groups[0].startswith(("18", "19")):
        groups = [groups[0][:_HEAD], groups[0][_HEAD:]]
    return groups


def _number(match: re.Match[str], _line: Line) -> str:
    plus = "cộng " if "+" in match[0] else ""
    return plus + ", ".join(digits(group) for group in _groups(match[0]))


def _short(match: re.Match[str], line: Line) -> str | None:
    if line.next_word(match.end()) in _COUNTED or not _HOT.search(
        line.canvas[max(0, match.start() - _NEAR) : match.start()]
    ):
        return None
    return digits(match[0])


def _labelled(match: re.Match[str], line: Line) -> str | None:
    long_enough = len(re.findall(r"\d", match[0])) >= _LOCAL
    return _number(match, line) if long_enough and _LABEL.search(line.text[: match.start()]) else None


def _account(match: re.Match[str], line: Line) -> str | None:
    return _number(match, line) if _ACCOUNT.search(line.text[: match.start()]) else None


def _prefix(match: re.Match[str], _line: Line) -> str:
    return f"cộng {digits(match[1])}" + (f", {digits(match[2])} ích" if match[2] else "")


_NO_UNIT: Final = r"(?![\w%/]|[.,]\d|\s?(?:đồng|triệu|đ|ha)\b)"
RULES: Final = (
    Rule(
        "phone",
        re.compile(
            r"(?<![\w.,])(?<!\d-)(?:\(?\+\s?84\)?[\s.-]?(?:\(0\))?\d(?:[\s.-]?\d){7,9}"
            r"|\(0\d{1,4}\)[\s.-]?\d(?:[\s.-]?\d){5,8}|0(?:[\s.-]?\d){9,10}|0\d{2,3}[.\s]1022)(?![\w%]|[.,]\d)"
        ),
        _number,
        "first of the numbers: dots, spaces and dashes in it mean nothing else",
        ("0912.345.678", "không chín một hai, ba bốn năm, sáu bảy tám"),
        needs_digit=True,
        needs=frozenset("0+"),
    ),
    Rule(
        "phone-service",
        re.compile(r"(?<![\w.,/-])1[89]00(?:[\s.-]?\d){2,6}(?![\w%/]|[.,]\d)"),
        lambda match, line: _number(match, line) if re.search(r"[\s.-]|\d{6}", match[0]) else None,
        "1900 1234 before it is a year",
        ("1900 1234", "một chín không không, một hai ba bốn"),
        needs_digit=True,
    ),
    Rule(
        "phone-country",
        re.compile(r"(?<!\w)\+(\d{2,3})(?:\s(\d)x+)?(?!\w|-|[.,]\d)(?!\s?[^\W\d_])"),
        _prefix,
        "a country code alone, before plus signs are sums",
        ("+84", "cộng tám bốn"),
        needs_digit=True,
        needs=frozenset("+"),
    ),
    Rule(
        "phone-short",
        re.compile(rf"(?<![\w.,/+-])(?:{_SHORT})(?![\w%/]|[.,-]\d)"),
        _short,
        "112 after gọi is a number to call, elsewhere a quantity",
        ("gọi 112 hoặc 114", "gọi một một hai hoặc một một bốn"),
        needs_digit=True,
    ),
    Rule(
        "message-number",
        re.compile(r"(?<=gửi )\d{3,5}(?![\w%/]|[.,-]\d|\s[^\W\d_])|(?<=đầu số )\d{3,5}(?![\w%/]|[.,-]\d)"),
        lambda match, _line: digits(match[0]),
        "a short number that messages are sent to",
        ("soạn tin gửi 1414", "soạn tin gửi một bốn một bốn"),
        needs_digit=True,
        needs=frozenset("g"),
    ),
    Rule(
        "phone-labelled",
        re.compile(rf"(?<![\w.,/-])\d{{1,4}}(?:[\s.-]?\d{{2,4}}){{1,3}}{_NO_UNIT}"),
        _labelled,
        "local numbers after a label; without one they are quantities",
        ("ĐT: 3.555.666", "điện thoại: ba, năm năm năm, sáu sáu sáu"),
        needs_digit=True,
    ),
    Rule(
        "account",
        re.compile(r"(?<![\w.,/-])\d(?:[\s.-]?\d){5,19}(?![\w%/]|[.,]\d)"),
        _account,
        "bank accounts and identity numbers after their label",
        ("STK 10203040", "số tài khoản một không hai không ba không bốn không"),
        needs_digit=True,
    ),
)
