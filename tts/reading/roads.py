"""Coordinates, roads, kilometre posts and vehicle plates."""

import re
from typing import Final

from tts.reading.letters import spell
from tts.reading.line import Line, Rule
from tts.reading.numbers import cardinal, digits, number, whole

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


def _road(match: re.Match[str], line: Line) -> str:
    road = _ROADS[match["road"]]
    if line.previous_word(match.start()) == "đường":
        road = road.removeprefix("đường ")
    letter = f" {spell(match['letter'])}" if match["letter"] else ""
    return f"{road} {whole(match['n'])}{letter}"


def _post(match: re.Match[str], line: Line) -> str | None:
    if match["low"] and not match["m"] and line.previous_word(match.start()) not in {"tại", "từ", "đến", "trình"}:
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


RULES: Final = (
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
            r"(?<!\w)(?P<road>QL|ĐT|TL|ĐH|HL|ĐX|LTL|CT)(?:\.\s?|-|\s)?(?P<n>\d{1,3})(?P<letter>[A-HN])?(?![\w]|[.,-]\d|/\w)"
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
            r"(?<![\w/])(?:K[Mm]\s?(?P<km>\d{1,4})|km\s?(?P<low>\d{1,4}))(?:\s?\+\s?(?P<m>\d{1,3}(?:\.\d{3})?))?(?!\w|[.,]\d)"
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
