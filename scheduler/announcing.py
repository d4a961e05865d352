"""The words of a programme (lời xướng, lời kết): blanks filled in with station, date, lunar date and headlines. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from scheduler import lunar
from scheduler.lunar import LunarDate

OPENING: Final = (
    "Đây là {đài}. Hôm nay là {ngày}, tức {âm lịch}. Mời bà con và các đồng chí nghe {chương trình}. {điểm tin}"
)
CLOSING: Final = "{chương trình} đến đây là hết. Cảm ơn bà con và các đồng chí đã theo dõi. Xin kính chào tạm biệt."
BLANKS: Final = ("đài", "chương trình", "ngày", "âm lịch", "điểm tin")

_BLANK: Final = re.compile(r"\{([^{}\n]*)\}")
_HEADLINES: Final = 5
"""More nobody listens to."""
_WEEKDAYS: Final = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
_STEMS: Final = ("Giáp", "Ất", "Bính", "Đinh", "Mậu", "Kỷ", "Canh", "Tân", "Nhâm", "Quý")
_BRANCHES: Final = ("Tý", "Sửu", "Dần", "Mão", "Thìn", "Tỵ", "Ngọ", "Mùi", "Thân", "Dậu", "Tuất", "Hợi")
_MONTHS: Final = {1: "Giêng", 12: "Chạp"}
_FULL_MOON, _FIRST_TEN, _FIRST_STEM, _FIRST_BRANCH = 15, 10, 4, 4


def unknown_blanks(text: str) -> tuple[str, ...]:
    """Blanks that nothing fills."""
    return tuple(dict.fromkeys(blank for blank in _BLANK.findall(text) if blank not in BLANKS))


def filled(text: str, *, station: str, programme: str, day: date, titles: Sequence[str]) -> str:
    """The text with its blanks filled in, not yet a reading."""
    moon = lunar.of_day(day)
    values: Mapping[str, str] = {
        "đài": station,
        "chương trình": programme,
        "ngày": f"{_WEEKDAYS[day.weekday()]}, ngày {day.day} tháng {day.month} năm {day.year}",
        "âm lịch": in_words(moon) if moon else "",
        "điểm tin": _headlines(titles),
    }
    return _BLANK.sub(lambda blank: values.get(blank[1], ""), text).strip()


def in_words(moon: LunarDate) -> str:
    """A lunar date as it is said: "ngày rằm tháng Giêng năm Bính Ngọ"."""
    day = "ngày rằm" if moon.day == _FULL_MOON else f"{'mùng' if moon.day <= _FIRST_TEN else 'ngày'} {moon.day}"
    year = f"{_STEMS[(moon.year - _FIRST_STEM) % 10]} {_BRANCHES[(moon.year - _FIRST_BRANCH) % 12]}"
    leap = " nhuận" if moon.leap else ""
    return f"{day} tháng {_MONTHS.get(moon.month, moon.month)}{leap} năm {year}, âm lịch"


def _headlines(titles: Sequence[str]) -> str:
    """What the programme holds, in one sentence; nothing when it holds nothing that has a title."""
    told = [title.strip().rstrip(".;,") for title in titles if title.strip()]
    if not told:
        return ""
    more = "; và các tin khác" if len(told) > _HEADLINES else ""
    return f"Chương trình hôm nay có: {'; '.join(told[:_HEADLINES])}{more}."
