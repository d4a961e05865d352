"""Numbers with their signs, units, prices and ranges, and the numbers nothing else has claimed."""

import re
from typing import Final

from tts.reading.line import MASK, Line, Rule, Said
from tts.reading.model import DOUBTFUL
from tts.reading.numbers import NUMBER, digits, number, ordinal
from tts.reading.tables import UNITS, context

_MONEY: Final = frozenset({"đ", "Đ", "₫", "đồng", "VNĐ", "VND", "vnđ", "vnd", "Vnđ", "USD", "$", "€", "EUR"})
_PRICES: Final = _MONEY | {"", "nghìn", "ngàn", "triệu", "tỷ"}
_SCALES: Final = {
    "nghìn": "nghìn",
    "ngàn": "nghìn",
    "triệu": "triệu",
    "tr": "triệu",
    "tỷ": "tỷ",
    "tỉ": "tỷ",
    "trăm": "trăm",
    "k": "nghìn",
    "K": "nghìn",
    "vạn": "vạn",
    "chục": "chục",
}
_COUNTED: Final = re.compile(
    r" (?:tháng tuổi|năm tuổi|năm|tháng|ngày|tuần|giờ|phút|lần|điểm|tuổi|người|hộ gia đình|hộ dân|hộ|con|cháu|chỗ ngồi|chỗ|thành viên|đảng viên|hội viên|lao động|trẻ em|trẻ|ngày làm việc|suất|cây|lớp|xã|thôn|đồng|triệu đồng|tỷ đồng|học sinh|buổi)(?!\w)"
)
_SIZES: Final = {"nghìn": 1e3, "vạn": 1e4, "triệu": 1e6, "tỷ": 1e9, "chục": 10.0, "trăm": 100.0}
_SIGNS: Final = {
    ">": "trên",
    "<": "dưới",
    "~": "khoảng",
    "≈": "khoảng",
    "±": "cộng trừ",
    "+": "cộng",
    **dict.fromkeys((">=", "=>", "≥"), "từ"),
    **dict.fromkeys(("<=", "=<", "≤"), "không quá"),
}
_PER_TIME: Final = frozenset({"giây", "s", "giờ", "h", "phút"})
_NOUN_UNITS: Final = frozenset(
    {"giây", "s", "giờ", "h", "phút", "sào", "ngày", "tháng", "năm", "tuần", "công", "mẫu", "thước", "đêm"}
)
_REPEATED: Final = {"cấp": "cấp ", "lớp": "lớp ", "thôn": "thôn ", "tổ": "tổ ", "thứ": "thứ "}
_DECIMAL_BEFORE: Final = context("decimal_before")
_DECIMAL_AFTER: Final = frozenset({"lần", "điểm", "người", "con", "bao", "bữa"})
_PAIR: Final = re.compile(r"\d{1,2},\d{1,2}")
_NUMBERED: Final = context("several_after")
_COUNT_WORDS: Final = context("rate_before")
_NEARBY: Final = 24
_AGED: Final = re.compile(
    r"(?<!\w)(?i:bé|cháu|em|trẻ|cụ|nam|nữ|người|NCT|tuổi|hưởng thọ|thọ|CD|CCCD|công dân|đủ)(?!\w)"
)
_LOADED: Final = re.compile(r"(?<!\w)(?i:xe|tải|hàng|nặng|thóc|lúa|phân|rác|gạo|thu)(?!\w)")
_PER_NOUNS: Final = (
    "hộ gia đình|hộ|người|nhân khẩu|khẩu|năm học|năm|tháng|tuần|ngày đêm|ngđ|ngày|giờ|phút|giây|lần|lượt|suất|con|cháu|"
    "học sinh|em|bé|sào|mẫu|công|thửa|bao|chai|gói|hộp|thùng|đôi|chiếc|cái|quả|buồng|xe|chuyến|buổi|ca|vụ|lứa|khóa|"
    "lô|gốc|khóm|chậu|khay|giỏ|rổ|két|lốc|vỉ|viên|ống|lọ|trẻ|hố|hàng|căn|gian|quầy|mẻ|bản|cuốn|đơn|"
    "bữa|phiếu|bộ|hồ sơ|trường hợp|mũi|liều|đêm|phòng|giường|lít|tấn|tạ|yến|cân|km2|km²|km|m2|m²|m3|m³|ha|kg|kWh|số|"
    "thôn|xã|trục|đợt|vòng|mùa|trang|sạp|lồng|mâm|lứa|ao|chuồng|tổ|nhóm|đội|bàn|cuộc|trận|túi|can|tờ|thí sinh|hội viên|đảng viên|học viên|đoàn viên|hợp đồng|lớp|tiết|vé|ô|bình|cây|đầu người|đơn vị|cọc|luống|lao động|cổ phần|thẻ|lượng|chỉ|mét|đĩa|tin nhắn|thuê bao|kỳ"
)

_CODE: Final = 8
"""Digits from which a number without dots is hardly an amount."""
_DOTTED: Final = re.compile(r"\d{1,3}(?:\.\d{3})+")
_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_SCALE: Final = "|".join(sorted(_SCALES, key=len, reverse=True))
_EDGE: Final = r"(?![^\W\d_]|[23²³])"
_AMOUNT: Final = rf"(?:\s?(?P<scale{{0}}>{_SCALE}){_EDGE})?(?:\s?(?P<unit{{0}}>{_UNIT}){_EDGE}(?!/c\b))?"
_PATTERN: Final = re.compile(
    rf"(?:(?P<sign>>=|<=|=>|=<|[<>≥≤~≈±+])\s?)?(?P<minus>(?<![\w)\]\ue000])-)?(?<![\w.,])(?P<a>{NUMBER})(?![\d])"
    rf"{_AMOUNT.format(1)}(?:\s?-\s?(?P<b>{NUMBER}){_AMOUNT.format(2)})?"
    rf"(?P<per>(?:\s?/\s?(?:{_PER_NOUNS}|{_UNIT}|h){_EDGE})*)"
    r"(?![^\W_])",
)


def per(written: str, unit: str = "") -> str:
    """The words for what stands after slashes: ``/hộ/năm`` is một hộ một năm, ``km/h`` is trên giờ.

    Args:
        written: Slashes and words, as written.
        unit: What stands before the first slash, as written; money is said with một, measures with trên.
    """
    spoken = ""
    for part in re.split(r"\s?/\s?", written.strip())[1:]:
        measured = unit in UNITS and part in _PER_TIME
        physical = unit not in _PRICES and (measured or (part in UNITS and part not in _NOUN_UNITS))
        spoken += f" {'trên' if physical else 'một'} {_denominator(part)}"
    return spoken


def _denominator(part: str) -> str:
    return {"h": "giờ", "s": "giây", "ngđ": "ngày đêm", "th": "tháng"}.get(part) or UNITS.get(part, part)


def _amount(match: re.Match[str], value: str, suffix: str, *, measured: bool = False, money: bool) -> str:
    scale, unit = match[f"scale{suffix}"], match[f"unit{suffix}"]
    words = [number(value, measured=measured or bool(scale or unit), money=money)]
    if scale:
        words.append(_SCALES[scale])
    if unit:
        words.append(UNITS[unit])
    return " ".join(words)


def _quantity(match: re.Match[str], line: Line) -> Said | str | None:
    a, b = match["a"], match["b"]
    if match[0] == a and _PAIR.fullmatch(a) and line.previous_word(match.start()) in _NUMBERED:
        return ", ".join(map(number, a.split(",")))
    units = {match["unit1"], match["unit2"]}
    money = bool(units & _MONEY) or line.next_word(match.end()) in {"đồng", "vnđ"}
    before = line.previous_word(match.start())
    decimal = before in _DECIMAL_BEFORE or line.next_word(match.end()) in _DECIMAL_AFTER
    spoken = _amount(match, a, "1", measured=decimal, money=money)
    if before == "án" and a.startswith("0"):
        spoken = digits(a)
    elif before == "thứ" and a.isdecimal() and not (match["unit1"] or match["scale1"]):
        spoken = ordinal(int(a))
    elif match[0] == a and a.isdecimal() and len(a) >= _CODE and not money:
        return Said(digits(a), DOUBTFUL)
    if match["minus"]:
        spoken = f"âm {spoken}"
    if b:
        measured = bool(match["scale2"] or match["unit2"])
        first = (
            number(a, measured=True, money=money) if measured and not (match["unit1"] or match["scale1"]) else spoken
        )
        spoken = f"{first}{_joint(match, before)}{_amount(match, b, '2', money=money)}"
    unit = match["unit2"] if b else match["unit1"]
    spoken += per(match["per"], unit or "")
    return _signed(match, line, spoken, doubtful=_is_doubtful(a, money=money))


def _signed(match: re.Match[str], line: Line, spoken: str, *, doubtful: bool) -> Said:
    """With its sign in words; what is counted stands inside từ ... trở lên."""
    word = _SIGNS[match["sign"]] if match["sign"] else ""
    after, end = "", None
    if word == "từ":
        counted = _COUNTED.match(line.canvas, match.end())
        after = f"{counted[0]} trở lên" if counted else " trở lên"
        end = counted.end() if counted else None
    return Said(f"{word} {spoken}{after}".strip(), DOUBTFUL if doubtful else "", end)


def _is_doubtful(value: str, *, money: bool) -> bool:
    """1,250 may be a thousand or a decimal."""
    return not money and bool(re.fullmatch(r"[1-9]\d{0,2},\d{3}", value))


def _joint(match: re.Match[str], before: str) -> str:
    if match["unit1"] and match["unit2"] and UNITS[match["unit1"]] != UNITS[match["unit2"]]:
        return " "
    scale2 = _size(match["scale2"])
    scale1 = _size(match["scale1"]) if match["scale1"] or match["unit1"] else scale2
    if comparable(match["a"]) * scale1 >= comparable(match["b"]) * scale2:
        return " "
    return f" đến {_REPEATED.get(before, '')}"


def _size(scale: str | None) -> float:
    return _SIZES[_SCALES[scale]] if scale else 1.0


def comparable(value: str) -> float:
    """A number as it is written, with dots or a comma, to be compared with another."""
    if _DOTTED.fullmatch(value):
        return float(value.replace(".", ""))
    head, *tail = re.split("[.,]", value)
    return float(".".join((head, "".join(tail) or "0")))


def _per_claimed(match: re.Match[str], _line: Line) -> str:
    return per(match[0])


def _per_word(match: re.Match[str], _line: Line) -> Said | None:
    left = match["left"]
    if left.lower() not in _COUNT_WORDS:
        return None
    return Said(f"{UNITS.get(left, left)}{per(match['per'], left.lower())}")


def _loose_unit(match: re.Match[str], _line: Line) -> str:
    first, second = match[1], match[2]
    return UNITS[first] + (per(f"/{second}", first) if second else "")


def _product(match: re.Match[str], _line: Line) -> str:
    if not match[1]:
        return "nhân"
    unit = f" {UNITS[match[2]]}" if match[2] else ""
    return f"{number(match[1], measured=True)}{unit} nhân"


def _short_million(match: re.Match[str], _line: Line) -> str:
    return f"{number(match[1])} triệu {number(match[2].ljust(3, '0'))} nghìn"


def _old_or_heavy(match: re.Match[str], line: Line) -> Said | None:
    nearby = line.text[max(0, match.start() - _NEARBY) : match.start()]
    is_age = _AGED.search(nearby) is not None
    if match["t"] == "T" and not is_age:
        return None
    first = f"{number(match['a'])} đến " if match["a"] else ""
    sign = f"{_SIGNS[match['sign']]} " if match["sign"] else ""
    said = f"{sign}{first}{number(match['n'], measured=True)}"
    if is_age:
        return Said(f"{said} tuổi" + (" trở lên" if sign == "từ " else ""))
    return Said(f"{said} tấn", "" if _LOADED.search(nearby) else DOUBTFUL)


RULES: Final = (
    Rule(
        "age-or-tonnes",
        re.compile(
            r"(?<![\w.,/-])(?:(?P<sign>[<>≥≤])\s?)?(?:(?P<a>\d{1,3})\s?-\s?)?(?P<n>\d{1,3}(?:,\d)?)\s?(?P<t>[tT])(?![\w/]|\.\w)"
        ),
        _old_or_heavy,
        "75t is an age beside people, a weight elsewhere",
        ("đủ 75t trở lên", "đủ bảy mươi lăm tuổi trở lên"),
        needs_digit=True,
        needs=frozenset("tT"),
    ),
    Rule(
        "million-short",
        re.compile(r"(?<![\w.,])(\d{1,3})tr([1-9]\d{0,2})(?!\w)"),
        _short_million,
        "1tr5 before it is taken for a code",
        ("1tr500", "một triệu năm trăm nghìn"),
        needs_digit=True,
        needs=frozenset("t"),
    ),
    Rule(
        "product",
        re.compile(
            rf"(?:(?<![\w.,])|(?<=\d[xX])|(?<=m[xX]))({NUMBER})\s?(m|cm|mm)?\s?[xX*]\s?(?=\d)|(?<=\s)[xX](?=\s)"
        ),
        _product,
        "3x4 before the x is taken for a letter",
        ("2x3 m", "hai nhân ba mét"),
        needs_digit=True,
        needs=frozenset("xX*"),
    ),
    Rule(
        "dollars",
        re.compile(rf"\$\s?({NUMBER})(?![\d])"),
        lambda match, _line: f"{number(match[1], measured=True, money=True)} đô la Mỹ",
        "the sign stands before the number and is said after it",
        ("$100", "một trăm đô la Mỹ"),
        needs_digit=True,
        needs=frozenset("$"),
    ),
    Rule(
        "quantity",
        _PATTERN,
        _quantity,
        "after everything that gives digits another meaning",
        ("50.000đ/hộ/năm", "năm mươi nghìn đồng một hộ một năm"),
        needs_digit=True,
    ),
    Rule(
        "per",
        re.compile(rf"(?<={MASK})(?:\s?/\s?(?:{_PER_NOUNS}){_EDGE})+"),
        _per_claimed,
        "what follows a claimed number: 8h/ngày",
        ("8h/ngày", "tám giờ một ngày"),
        needs=frozenset("/"),
    ),
    Rule(
        "per-thing",
        re.compile(rf"(?<={MASK})(?:\s[^\W\d_]+)?\s(?P<thing>[^\W\d_]+)(?P<claim>(?:\s?/\s?(?:{_PER_NOUNS}){_EDGE})+)"),
        lambda match, _line: per(match["claim"], match["thing"]),
        "what follows a claimed number and its thing: 5kg đạm/sào",
        ("bón 5kg đạm/sào", "bón năm ki lô gam đạm một sào"),
        needs=frozenset("/"),
    ),
    Rule(
        "per-word",
        re.compile(rf"(?<!\w)(?P<left>[^\W\d_]+)(?P<per>(?:\s?/\s?(?:{_PER_NOUNS}){_EDGE})+)"),
        _per_word,
        "3 lần/ngày is một, before slashes between words become hoặc",
        ("vài lần/ngày", "vài lần một ngày"),
        needs=frozenset("/"),
    ),
    Rule(
        "unit",
        re.compile(
            rf"(?<![\w/])(km|(?<={MASK}\s)ha|Km|KM|kg|Kg|KG|mmHg|mm|cm|m2|m3|m²|m³|kWh|kW|kV|°C)(?:/(h|s|m2|m3|ha|l|ngày|giờ))?(?![\w/])"
        ),
        _loose_unit,
        "a unit without its number, as in tables",
        ("đơn vị: m2", "đơn vị: mét vuông"),
    ),
)
