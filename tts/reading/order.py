"""The reading rules in the order in which they may claim text. Each rule carries the reason for its place."""

from itertools import chain
from typing import Final

from tts.reading import (
    abbreviations,
    addresses,
    dates,
    days,
    documents,
    layout,
    phones,
    punctuation,
    quantities,
    roads,
    romans,
    shorthand,
    technical,
    times,
    words,
)
from tts.reading.line import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    chain(
        (abbreviations.STATION,),
        punctuation.EARLY,
        layout.RULES,
        addresses.RULES,
        documents.RULES,
        phones.RULES,
        roads.RULES,
        technical.RULES,
        dates.RULES,
        days.RULES,
        times.RULES,
        romans.RULES,
        abbreviations.RULES,
        shorthand.RULES,
        quantities.RULES,
        words.RULES,
        punctuation.RULES,
    )
)
"""Every rule, first claim wins."""
