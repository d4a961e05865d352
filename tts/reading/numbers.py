"""Numbers in words, the way northern announcers say them: linh, nghìn, tư, lăm, mốt.

Pure arithmetic on digits; knows no units and no dates.
"""

import re
from itertools import zip_longest
from typing import Final

NUMBER: Final = r"(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?(?![\d])|\d{1,3}(?:,\d{3}){2,}|\d+(?:[.,]\d+)*)"
"""Regular expression of a number as people type it: 04, 1.250.000, 21,5, 4.0."""

_DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES: Final = ("", "nghìn", "triệu")
_BILLION_DIGITS: Final = 9
_LONGEST: Final = 15
"""Digits of the largest number said as a number; longer ones are codes."""
_CODE: Final = 4
"""Digits from which a leading zero makes a number a code."""
_READABLE_DECIMALS: Final = 2
"""Decimals up to this many are said as a number (hai mươi lăm), more digit by digit."""
_TEN: Final = 10
_HUNDRED: Final = 100
"""From here on a group after an empty one would be heard as that one: một triệu năm trăm is 1 500 000."""
_DOTTED_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_COMMA_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_LIST: Final = re.compile(r"\d{1,2}(?:,\d{1,2}){2,}")
"""6,7,8,9 is no decimal: nothing has two decimal commas."""
_PARTS: Final = {".": "chấm", ",": "phẩy"}
_MANY_COMMAS: Final = 2


def digits(text: str) -> str:
    """Every digit by its name; other characters are skipped.

    >>> digits("0912")
    'không chín một hai'
    """
    return " ".join(_DIGITS[int(character)] for character in text if character.isdecimal())


def cardinal(value: int) -> str:
    """A whole number of at least zero in words.

    >>> cardinal(2024), cardinal(105), cardinal(1_250_000)
    ('hai nghìn không trăm hai mươi tư', 'một trăm linh năm', 'một triệu hai trăm năm mươi nghìn')
    """
    if value == 0:
        return _DIGITS[0]
    text = str(value)
    if len(text) > _BILLION_DIGITS:
        head, tail = int(text[:-_BILLION_DIGITS]), text[-_BILLION_DIGITS:]
        rest = f" {_under_billion(tail, full=True)}" if int(tail) else ""
        return f"{cardinal(head)} tỷ{rest}"
    return _under_billion(text, full=False)


def _under_billion(text: str, *, full: bool) -> str:
    reversed_groups = [
        int("".join(reversed(group))) for group in zip_longest(*[iter(reversed(text))] * 3, fillvalue="0")
    ]
    words: list[str] = []
    for scale, group in reversed(list(enumerate(reversed_groups))):
        below = reversed_groups[scale - 1] if scale else 0
        if group:
            words += [_hundreds(group, full=full), _SCALES[scale]]
        elif full and below >= _HUNDRED:
            words += [_DIGITS[0], _SCALES[scale]]
        full = full or group > 0
    return " ".join(word for word in words if word)


def _hundreds(value: int, *, full: bool) -> str:
    """A group of three digits; `full` says its zero hundreds because something stands before it."""
    hundreds, rest = divmod(value, 100)
    words = [f"{_DIGITS[hundreds]} trăm"] if hundreds or full else []
    if rest:
        if rest < _TEN and words:
            words.append("linh")
        words.append(_tens(rest))
    return " ".join(words)


def _tens(value: int) -> str:
    tens, units = divmod(value, 10)
    if tens == 0:
        return _DIGITS[units]
    head = "mười" if tens == 1 else f"{_DIGITS[tens]} mươi"
    if units == 0:
        return head
    special = {5: "lăm"} if tens == 1 else {1: "mốt", 4: "tư", 5: "lăm"}
    return f"{head} {special.get(units, _DIGITS[units])}"


def whole(text: str) -> str:
    """A run of digits: leading zeros (007) or too many digits make it a code, one leading zero (04) does not.

    >>> whole("04"), whole("007"), whole("00")
    ('bốn', 'không không bảy', 'không không')
    """
    if len(text) > _LONGEST or text.startswith("00") or (text.startswith("0") and len(text) >= _CODE):
        return digits(text)
    return cardinal(int(text))


def number(text: str, *, measured: bool = False, money: bool = False) -> str:
    """A number as `NUMBER` matches it, in words.

    Args:
        text: Digits with dots and commas.
        measured: A unit follows, so a dot that isn't a thousands separator is a decimal point.
        money: Money follows, so a comma before three digits separates thousands.

    >>> number("1.250.000"), number("21,5"), number("4.0"), number("16.8", measured=True)
    ('một triệu hai trăm năm mươi nghìn', 'hai mươi mốt phẩy năm', 'bốn chấm không', 'mười sáu phẩy tám')
    """
    if _DOTTED_THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    elif _COMMA_THOUSANDS.fullmatch(text) and (money or text.count(",") >= _MANY_COMMAS):
        text = text.replace(",", "")
    if text.isdecimal():
        return whole(text)
    if _LIST.fullmatch(text):
        return ", ".join(map(whole, text.split(",")))
    if re.fullmatch(r"\d+[.,]\d+", text) and (measured or "," in text):
        head, tail = re.split("[.,]", text)
        return f"{whole(head)} phẩy {_decimals(tail)}"
    return " ".join(_PARTS.get(part) or whole(part) for part in re.findall(r"\d+|[.,]", text))


def _decimals(tail: str) -> str:
    if tail.startswith("0") or len(tail) > _READABLE_DECIMALS:
        return digits(tail)
    return whole(tail)


def ordinal(value: int) -> str:
    """What follows thứ: nhất, hai, ba, tư ...

    >>> ordinal(1), ordinal(4), ordinal(14)
    ('nhất', 'tư', 'mười bốn')
    """
    return {1: "nhất", 4: "tư"}.get(value) or cardinal(value)
