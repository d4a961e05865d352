"""A short version of a bulletin for loudspeakers: what comes, when, where, how strong, in a few sentences. A proposal."""

import re
from collections.abc import Collection
from typing import Final

from broadcaster.weather.tables import tables
from broadcaster.weather.text import Text, words

Span = tuple[int, int]

_WIND: Final = re.compile(
    r"manh(?: nhat)?(?: vung gan tam \w+(?: \w+)*?)?(?: la)?(?: manh)? (cap \d{1,2}(?:\s*-\s*\d{1,2})?)(?:\s*\([^)]*\))?"
    r"(?:,?\s*(giat(?: tren)? cap \d{1,2}))?"
)
_ASIDE: Final = re.compile(r"\s*\([^)]*\)")
_NUMBERING: Final = re.compile(r"^\s*(?:[-•+*]|\d{1,2}[.)]|[IVX]{1,4}\.|[a-d][.)])\s+")
_LABEL: Final = re.compile(r"^(?:dự báo|cảnh báo|nhận định|diễn biến|hiện trạng)[^:]{0,60}:\s*", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_SHOUTED: Final = 0.6
_LEAST_WORDS: Final = 5


def write(text: Text, *, storm: str, template: str, named: Collection[Span], closing: str) -> str:
    """The proposal.

    Args:
        text: the bulletin.
        template: of the hazard.
        storm: number of the storm, or "".
        named: spans of the station's places; a sentence that names one is worth more.
        closing: what ends it, e.g. when the next bulletin comes.
    """
    chosen = [_tidy(text.raw[begin:end]) for begin, end in _best(text, named)]
    wind = _wind(text, storm, template)
    if wind and not any(wind.rpartition(", ")[2] in sentence for sentence in chosen):
        chosen.insert(0, wind)
    return " ".join(f"{sentence.rstrip('.,;: ')}." for sentence in [*dict.fromkeys(chosen), closing] if sentence)


def _best(text: Text, named: Collection[Span]) -> list[Span]:
    """The sentences with the most to act on, in the order of the text."""
    table = tables().brief
    told = [(points, [*text.find(phrase)]) for phrase, points in table.weights.items()]
    points = {
        span: sum(worth for worth, places in told if _any_inside(span, places)) + 2 * _any_inside(span, named)
        for span in text.sentences()
        if _speakable(text.raw[slice(*span)])
    }
    worthy = [span for span, worth in points.items() if worth >= table.least]
    return sorted(sorted(worthy, key=lambda span: (-points[span], span))[: table.most_sentences])


def _any_inside(span: Span, places: Collection[Span]) -> bool:
    return any(span[0] <= start < span[1] for start, _ in places)


def _speakable(sentence: str) -> bool:
    """Neither a heading nor a scrap of a table."""
    letters = [one for one in sentence if one.isalpha()]
    loud = sum(one.isupper() for one in letters) > _SHOUTED * max(1, len(letters))
    return not loud and len(words(sentence)) >= _LEAST_WORDS and len(_tidy(sentence)) <= tables().brief.longest


def _tidy(sentence: str) -> str:
    """Without asides, numbering and labels; begins with a capital."""
    bare = _LABEL.sub("", _NUMBERING.sub("", _ASIDE.sub("", sentence)).strip())
    bare = _SPACE.sub(" ", bare).strip(" -–•:;,.")
    return bare[:1].upper() + bare[1:]


def _wind(text: Text, storm: str, template: str) -> str:
    """How strong a storm is now, in one sentence."""
    if template not in {"bao", "ap-thap"} or not (found := _WIND.search(text.folded)):
        return ""
    what = "Áp thấp nhiệt đới" if template == "ap-thap" else f"Bão số {storm}" if storm else "Bão"
    force = f"{what} mạnh {found[1].replace('cap', 'cấp')}"
    return (
        f"{force}, {found[2].replace('giat', 'giật').replace('tren', 'trên').replace('cap', 'cấp')}"
        if found[2]
        else force
    )
