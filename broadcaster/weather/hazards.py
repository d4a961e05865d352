"""Which hazard, and how grave: the heading and the body of a bulletin, weighed."""

import re
from dataclasses import dataclass
from typing import Final

from broadcaster.weather.tables import tables
from broadcaster.weather.text import Text

Span = tuple[int, int]

_RISK: Final = re.compile(r"rui ro(?: thien tai)?|rrtt|cap do rui")
_LEVEL: Final = re.compile(
    r"(?<!giat )(?:cap|muc)(?: do)?\s*:?\s*(?P<one>[1-5]|mot|hai|ba|bon|nam|i{1,3}|iv|v)(?![\w,.]*\d)\b"
    r"(?:\s*(?:-|–|den|va|toi)\s*(?:cap\s*)?(?P<two>[1-5])(?!\d))?"
)
_WIND: Final = re.compile(r"(?:gio|giat|bao|manh)\s*(?:manh\s*)?$")
_REACH: Final = 220
"""How far behind "rủi ro thiên tai" its level may stand; a sentence of an office is long."""
_NUMBERS: Final = {"mot": 1, "hai": 2, "ba": 3, "bon": 4, "nam": 5, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}
_ALARM: Final = re.compile(r"(?:bao dong|\bbd)\s*(?:cap\s*|so\s*)?(?P<one>iii|ii|i|[1-3])\b(?!\s*,\d)")
_STORM: Final = re.compile(r"bao so\s*(\d{1,2})\b")
FLOOD: Final = "lu"


@dataclass(frozen=True)
class Found:
    """What was recognised, and where."""

    values: tuple[int | str, ...] = ()
    spans: tuple[Span, ...] = ()


def hazards(text: Text) -> Found:
    """The hazards by template, the weightiest first; each with the place of its first mention."""
    points: dict[str, int] = {}
    first: dict[str, Span] = {}
    for hazard in tables().hazards:
        for phrase in hazard.phrases:
            for span in text.find(phrase):
                heading = span[0] < text.title_end
                points[hazard.template] = points.get(hazard.template, 0) + (tables().title_weight if heading else 1)
                first[hazard.template] = min(first.get(hazard.template, span), span)
    order = sorted(points, key=lambda name: (first[name][0] >= text.title_end, -points[name], first[name]))
    named = _as_headed(text, order, first)
    return Found(tuple(named), tuple(first[name] for name in named))


def _as_headed(text: Text, order: list[str], first: dict[str, Span]) -> list[str]:
    """Of several in the heading, the one that is named first: offices put the main one there."""
    headed = sorted((name for name in order if first[name][0] < text.title_end), key=lambda name: first[name])
    return [*headed, *(name for name in order if name not in headed)]


def levels(text: Text) -> Found:
    """Every risk level that the bulletin gives, in its order."""
    found: dict[Span, int] = {}
    for anchor in _RISK.finditer(text.folded):
        end = _sentence_end(text, anchor.end())
        for level in _LEVEL.finditer(text.folded, anchor.end(), min(end, anchor.end() + _REACH)):
            if _WIND.search(text.folded, max(anchor.start(), level.start() - 12), level.start()):
                continue
            for name in ("one", "two"):
                if level[name]:
                    found[level.span()] = max(found.get(level.span(), 0), _NUMBERS.get(level[name]) or int(level[name]))
    spans = sorted(found)
    return Found(tuple(found[span] for span in spans), tuple(spans))


def _sentence_end(text: Text, position: int) -> int:
    stop = re.compile(r"\.(?=\s|$)|\n\s*\n").search(text.raw, position)
    return stop.start() if stop else len(text.raw)


def alarms(text: Text) -> Found:
    """Every alarm level of a river (báo động), 1 to 3."""
    found = list(_ALARM.finditer(text.folded))
    return Found(
        tuple(_NUMBERS.get(one["one"]) or int(one["one"]) for one in found), tuple(one.span() for one in found)
    )


def storm(text: Text) -> Found:
    """The number of the storm."""
    found = list(_STORM.finditer(text.folded))
    return Found(tuple(one[1].lstrip("0") for one in found), tuple(one.span() for one in found))
