"""Coordinates, roads, kilometre posts and vehicle plates."""

import re
from typing import Final

from tts.reading.abbreviations import unsaid
from tts.reading.letters import spell
from tts.reading.line import Line, Rule
from tts.reading.numbers import cardinal, digits, number, whole
from tts.reading.tables import context

_VARIETIES: Final = context("variety_before")
_SPANNED_POST: Final = re.compile(r"km\s?\d+(?:\+\d+)?\s?-\s?km\s?\d")
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+")
_ROADS: Final = {
    "QL": "quốc lộ",
    "ĐT": "đường tỉnh",
    "TL": "tỉnh lộ",
    "ĐH": "đường huyện",
    "HL": "hương lộ",
    "ĐX": "đường xã",
    "LTL": "liên tỉnh lộ",
    "CT": "cao tốc",
}
_POINTS: Final = {
    "B": "vĩ Bắc",
    "N": "vĩ Bắc",
    "S": "vĩ Nam",
    "Đ": "kinh Đông",
    "E": "kinh Đông",
    "T": "kinh Tây",
    "W": "kinh Tây",
}


def _road(match: re.Match[str], line: Line) -> str | None:
    if line.previous_word(match.start()) in _VARIETIES:
        return None
    road = _ROADS[match["road"]]
    if line.previous_word(match.start()) == "đường":
        road = road.removeprefix("đường ")
    letter = f" {spell(match['letter'])}" if match["letter"] else ""
    return f"{unsaid(road, line.text[: match.start()])} {whole(match['n'])}{letter}"


def _post(match: re.Match[str], line: Line) -> str | None:
    spanned = _SPANNED_POST.search(line.text[max(0, match.start() - 8) : match.end() + 8])
    if (
        match["low"]
        and not match["m"]
        and not spanned
        and line.previous_word(match.start()) not in {"tại", "từ", "đến", "trình"}
    ):
        return None
    plus = f" cộng {cardinal(int(match['m'].replace('.', '')))}" if match["m"] else ""
    return f"ki lô mét {whole(match['km'] or match['low'])}{plus}"


def _coordinate(match: re.Match[str], _line: Line) -> str:
    words = [number(match["d"], measured=True), "độ"]
    if match["min"]:
        words += [number(match["min"], measured=True), "phút"]
    if match["sec"]:
        words += [number(match["sec"], measured=True), "giây"]
    return " ".join((*words, _POINTS[match["point"]]))


def _plate(match: re.Match[str], _line: Line) -> str:
    series = " ".join(spell(piece) if piece.isalpha() else digits(piece) for piece in _PIECE.findall(match["series"]))
    return f"{number(match['province'])} {series}, {digits(match['n'])}"


def _bare_coordinate(match: re.Match[str], line: Line) -> str:
    """Degrees without their sign; after vĩ tuyến only the direction is left to say."""
    point = _POINTS[match["point"]]
    if line.previous_word(match.start()) == "tuyến":
        point = point.split()[1]
    return f"{number(match['d'], measured=True)} độ {point}"


RULES: Final = (
    Rule(
        "coordinate-bare",
        re.compile(r"(?<![\w.,])(?P<d>\d{1,3}[.,]\d{1,2})\s?(?P<point>[NE])(?!\w)"),
        _bare_coordinate,
        "weather offices leave out the sign of degrees; a decimal before N or E is nothing else",
        ("vĩ tuyến 14,5N", "vĩ tuyến mười bốn phẩy năm độ Bắc"),
        needs_digit=True,
        needs=frozenset("NE"),
    ),
    Rule(
        "coordinate",
        re.compile(
            r"(?<![\w.,])(?P<d>\d{1,3}(?:[.,]\d+)?)\s?°\s?(?:(?P<min>\d{1,2}(?:[.,]\d+)?)\s?'\s?)?"
            r"(?:(?P<sec>\d{1,2}(?:[.,]\d+)?)\s?(?:\"|'')\s?)?(?P<point>[BNSĐETW])(?!\w)"
        ),
        _coordinate,
        "before minutes and temperatures, which share its signs",
        ("16°30'B", "mười sáu độ ba mươi phút vĩ Bắc"),
        needs_digit=True,
        needs=frozenset("°"),
    ),
    Rule(
        "road",
        re.compile(
            r"(?<!\w)(?P<road>QL|ĐT|TL|ĐH|HL|ĐX|LTL|CT)(?:\.\s?|-|\s)?(?P<n>\d{1,3})(?P<letter>[A-HN])?(?![\w]|[.,:-]\d|/\w)"
        ),
        _road,
        "before abbreviations: ĐT 201 is a road, ĐT: 0912 a telephone",
        ("QL1A", "quốc lộ một a"),
        needs_digit=True,
        needs=frozenset("LTHX"),
    ),
    Rule(
        "kilometre-post",
        re.compile(
            r"(?<![\w/])(?:K[Mm]\s?(?P<km>\d{1,4})|km\s?(?P<low>\d{1,4}))(?:\s?\+\s?(?P<m>\d{1,3}(?:\.\d{3})?))?(?!\w|[.,]\d|\s?%)"
        ),
        _post,
        "before sums and units",
        ("Km12+300", "ki lô mét mười hai cộng ba trăm"),
        needs_digit=True,
        needs=frozenset("kK"),
    ),
    Rule(
        "plate",
        re.compile(r"(?<!\w)(?P<province>[1-9]\d)[- ]?(?P<series>[A-ZĐ]{1,2}\d?)[- ](?P<n>\d{3}\.?\d{1,2})(?!\w)"),
        _plate,
        "before numbers and codes: a plate is said digit by digit",
        ("29A-123.45", "hai mươi chín a, một hai ba bốn năm"),
        needs_digit=True,
    ),
)
