"""Signs between words: what is said for them, what is only a pause, what is silent."""

import re
from typing import Final

from tts.reading.cleaning import is_speakable
from tts.reading.letters import spell
from tts.reading.line import MASK, Line, Rule, Said
from tts.reading.model import UNSPEAKABLE
from tts.reading.numbers import cardinal
from tts.reading.tables import UNITS

_SAID: Final = {
    "&": " và ",
    "+": " cộng ",
    "=": " bằng ",
    "%": " phần trăm ",
    "@": " a còng ",
    "±": " cộng trừ ",
    ">": " lớn hơn ",
    "<": " nhỏ hơn ",
    "≥": " lớn hơn hoặc bằng ",
    "≤": " nhỏ hơn hoặc bằng ",
    "≈": " xấp xỉ ",
    "°": " độ ",
    "$": " đô la ",
    "€": " ơ rô ",
    "₫": " đồng ",
    "½": " một phần hai ",
    "¼": " một phần tư ",
    "¾": " ba phần tư ",
    "²": " bình phương ",
    "³": " lập phương ",
    "µ": " mi crô ",
}
_PAUSES: Final = frozenset("()[]{}|–—→•·")
_PHONE: Final = 7
"""Digits from which two numbers beside a slash are telephones, either of which will do."""
_SPANNED: Final = re.compile(
    rf"{MASK}(?: (?:ngày|tuần|tháng|năm|tuổi|người|con|hộ|giờ|phút|lần|đồng)(?=\d)|(?=[Kk][mM]))"
)
_NEAR: Final = 40
"""Characters searched for the word beside a slash; longer than any word."""
_LAST: Final = re.compile(r"[^\W_]+(?=[\s\"')]*$)")
_FIRST: Final = re.compile(r"[^\W_]+")
_PRICE: Final = re.compile(r"^(?:đồng|nghìn|ngàn|triệu|tỷ|đ)$|\dđ$")
_AMOUNT: Final = re.compile(r"\d+(?:[a-z]+(?:Hg)?|k?V|k?W)?")
_HOUSE: Final = re.compile(r"\d{1,4}[A-F]")
"""25/7A is a house in an alley."""
_DATES: Final = frozenset({"date", "day-month"})
_JOINTS: Final = {"time-on-day": " đến ", "coordinate-bare": ", ", "coordinate": ", ", "road": ", "}
_DATE_WORDS: Final = frozenset({"ngày", "tháng", "năm"})


def _slash(match: re.Match[str], line: Line) -> str:
    before, after = (
        _LAST.search(line.text[max(0, match.start() - _NEAR) : match.start()]),
        _FIRST.match(line.text[match.end() :]),
    )
    if before is None or after is None:
        return " "
    left, right = before[0], after[0]
    if "hoặc" in {left, right} or _DATE_WORDS.issuperset({left, right}):
        return " "
    if right[0].isdecimal():
        return _before_number(left, right)
    return " một " if _PRICE.search(left) else " hoặc "


def _before_number(left: str, right: str) -> str:
    """The word for a slash with a number after it: a price, a rate, a ratio, two telephones, or a mere pause."""
    if _PRICE.search(left):
        return " cho "
    if left in UNITS:
        return " trên "
    if not left[0].isdecimal():
        return ", "
    if _HOUSE.fullmatch(left) or _HOUSE.fullmatch(right):
        return " trên "
    is_ratio = _AMOUNT.fullmatch(left) and _AMOUNT.fullmatch(right) and len(left) < _PHONE
    return " trên " if is_ratio else " hoặc "


def _named(code: str) -> str:
    return " ".join(
        spell(piece) if piece.isalpha() else cardinal(int(piece)) for piece in re.findall(r"[A-Z]|\d+", code)
    )


def _between(line: Line, match: re.Match[str]) -> str:
    """What a dash says between two pieces that one rule has claimed."""
    ends = {claim.end: claim.rule for claim in line.claims}
    starts = {claim.start: claim.rule for claim in line.claims}
    left, right = ends.get(match.start(), ""), starts.get(match.end(), "")
    if left in _DATES and right == "time":
        return " đến "
    return _JOINTS.get(left, "") if left == right else ""


def _dash(match: re.Match[str], line: Line) -> str:
    spaced = match[0] != match[0].strip() and match.start() > 0 and match.end() < len(line.text)
    if joint := _between(line, match):
        return joint
    if line.canvas[match.end() : match.end() + 1] == MASK and _SPANNED.search(
        line.canvas[: match.start()] + line.text[match.end() :]
    ):
        return " đến "
    return ", " if spaced else " "


def _sign(match: re.Match[str], _line: Line) -> str:
    sign = match[0]
    return _SAID.get(sign) or (", " if sign in _PAUSES else " ")


def _unspeakable(match: re.Match[str], line: Line) -> Said | None:
    end = match.start()
    while end < len(line.text) and not is_speakable(line.text[end]):
        end += 1
    return Said("", UNSPEAKABLE, end) if end > match.start() else None


def _ellipsis(match: re.Match[str], line: Line) -> str:
    following = line.text[match.end() : match.end() + 2].strip()
    return ". " if not following or following[0].isupper() else ", "


EARLY: Final = (
    Rule(
        "test-result",
        re.compile(
            r"(?i:test nhanh|xét nghiệm|kết quả|PCR|\bca|mẫu|Rh)(?:[^.,;()]{0,30})\s?(?P<claim>\((?P<sign>[+-])\))"
        ),
        lambda match, _line: " dương tính" if match["sign"] == "+" else " âm tính",
        "a sign in brackets after a test is its result",
        ("test nhanh (+)", "test nhanh dương tính"),
        needs=frozenset("("),
    ),
    Rule(
        "initial",
        re.compile(r"(?<=[a-zà-ỹ] )(?P<letter>[A-ZĐ])\.(?=\s?[,;()])"),
        lambda match, _line: spell(match["letter"]),
        "a name cut to its first letter; its full stop ends no sentence",
        ("chị H., ở thôn 2", "chị hát, ở thôn hai"),
        needs=frozenset("."),
    ),
    Rule(
        "subtype",
        re.compile(r"(?<!\w)(?P<kind>[ABCD])\s?\((?P<sub>H\d{1,2}N\d{1,2})\)"),
        lambda match, _line: f"{spell(match['kind'])} {_named(match['sub'])}",
        "influenza A(H5N1): the brackets are no pause",
        ("cúm A(H5N1)", "cúm a hát năm en nờ một"),
        needs_digit=True,
        needs=frozenset("("),
    ),
    Rule(
        "unspeakable",
        re.compile(rf"[^\x00-\u024f\u1e00-\u1eff{MASK}\s]"),
        _unspeakable,
        "before anything takes them for letters: other scripts and emoji are left out and flagged",
        ("xin chào 😀", "xin chào"),
    ),
    Rule(
        "and-so-on",
        re.compile(r"(?<!\w)v\.\s?v\.?(?:\s?\.{2,})?"),
        lambda _match, _line: "vân vân",
        "before its letters are spelled and its full stops end a sentence",
        ("lúa, ngô, v.v.", "lúa, ngô, vân vân"),
        needs=frozenset("v"),
    ),
)
RULES: Final = (
    Rule(
        "ending",
        re.compile(r"\.\s?/\s?[-.]?\.?\s*$|\.{2,}"),
        lambda match, line: "." if "/" in match[0] else _ellipsis(match, line),
        "./. closes an official text; dots trail off",
        ("nghiêm túc thực hiện./.", "nghiêm túc thực hiện."),
        needs=frozenset("."),
    ),
    Rule(
        "and-or",
        re.compile(r"(?<!\w)và\s?/\s?hoặc(?!\w)"),
        lambda _match, _line: "và hoặc",
        "before slashes become hoặc",
        ("và/hoặc", "và hoặc"),
        needs=frozenset("/"),
    ),
    Rule(
        "slash",
        re.compile(r"\s*/\s*"),
        _slash,
        "between words a slash leaves a choice",
        ("thôn/xóm", "thôn hoặc xóm"),
        needs=frozenset("/"),
    ),
    Rule(
        "dash",
        re.compile(r"\s+-+\s+|-+"),
        _dash,
        "a dash between spaces is a pause, a hyphen is nothing (vắc-xin)",
        ("Hà Nội - Huế", "Hà Nội, Huế"),
        needs=frozenset("-"),
    ),
    Rule(
        "sign",
        re.compile(rf"[^\w\s.,?!;:{MASK}]|[_²³¼½¾]"),
        _sign,
        "last: every sign that is left has a word, is a pause or is silent",
        ("Tổ An toàn & An ninh", "Tổ An toàn và An ninh"),
    ),
)
