"""The lexicon: written forms and how they are spoken, as data that a station can extend.

A written form with a capital letter in it or a full stop at its end matches exactly, others match in any case. Knows no rules.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from broadcaster.errors import LoaError
from tts.reading.cleaning import is_speakable
from tts.reading.tables import load

_SPEAKABLE_FORM: Final = re.compile(r"[^\W\d_]+(?:[\s,]+[^\W\d_]+)*")
_FIRST_WORD: Final = re.compile(r"\w+")


class LexiconError(LoaError):
    """A lexicon entry that can't be used.

    Attributes:
        written: The entry's written form.
        spoken: The entry's spoken form.
    """

    def __init__(self, written: str, spoken: str) -> None:
        super().__init__(f"unusable lexicon entry: {written!r} spoken as {spoken!r}")
        self.written = written
        self.spoken = spoken


class Case(NamedTuple):
    """One reading of an ambiguous form: all patterns that are given must be found.

    Attributes:
        spoken: The reading.
        before: Pattern of the text that ends where the form begins.
        after: Pattern of the text that begins where the form ends.
        near: Pattern to be found anywhere in the text.
    """

    spoken: str
    before: re.Pattern[str] | None
    after: re.Pattern[str] | None
    near: re.Pattern[str] | None

    def fits(self, left: str, right: str, whole: str) -> bool:
        """Whether the surroundings ask for this reading."""
        return (
            (self.before is None or self.before.search(left) is not None)
            and (self.after is None or self.after.match(right) is not None)
            and (self.near is None or self.near.search(whole) is not None)
        )


@dataclass(frozen=True, slots=True)
class Forms:
    """A set of written forms that can be looked up at a place in a text, longest first."""

    spoken: Mapping[str, str] = field(default_factory=dict)
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    starts: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_start: dict[str, list[str]] = {}
        for written in sorted({*self.spoken, *self.cases}, key=len, reverse=True):
            first = _FIRST_WORD.match(written)
            by_start.setdefault((first[0] if first else written).lower(), []).append(written)
        object.__setattr__(self, "starts", {start: tuple(forms) for start, forms in by_start.items()})

    def at(self, text: str, start: int, end: int, whole: str) -> tuple[int, str] | None:
        """The longest form at ``text[start:]`` whose first word ends at `end`: where it ends, and its reading."""
        for written in self.starts.get(text[start:end].lower(), ()):
            stop = start + len(written)
            found = text[start:stop]
            matches = found == written or (_in_any_case(written) and found.lower() == written)
            if matches and _is_edge(text, stop, written):
                spoken = self._choose(written, text[:start], text[stop:], whole)
                if spoken is not None:
                    return stop, spoken
        return None

    def reading(self, written: str, text: str, start: int, whole: str) -> str | None:
        """The reading of a form inside a larger word that begins at `start`; None if it is not known."""
        return self._choose(written, text[:start], text[start + len(written) :], whole)

    def _choose(self, written: str, left: str, right: str, whole: str) -> str | None:
        for case in self.cases.get(written, ()):
            if case.fits(left, right, whole):
                return case.spoken
        return self.spoken.get(written)


def _in_any_case(written: str) -> bool:
    """Small letters match capitals too, but x. (xã) is not the letter X at the end of a sentence."""
    return written.islower() and not written.endswith(".")


def _is_edge(text: str, stop: int, written: str) -> bool:
    """A form ends at a word's end; a dotted one (TP.) only before more text, so that full stops stay."""
    if written.endswith("."):
        return re.match(r"\s*[^\W_]", text[stop:]) is not None
    return re.match(r"\w", text[stop:]) is None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Written forms and their readings.

    Attributes:
        words: Abbreviations and fixed forms, read before ordinary words.
        station: A station's own forms; they win over everything else.
        documents: Parts of document numbers (KH, UBND, TTg).
        addresses: Parts of web and mail addresses.
        sounds: Well-known foreign words, lower case, and the Vietnamese syllables an engine says for them.
    """

    words: Forms
    documents: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    sounds: Mapping[str, str] = field(default_factory=dict)
    station: Forms = field(default_factory=Forms)

    def with_entries(self, entries: Mapping[str, str]) -> "Lexicon":
        """The lexicon extended by a station's own entries, which win over shipped ones.

        Args:
            entries: Written form to spoken form. A written form with a capital matches exactly, others in any case.

        Raises:
            LexiconError: A written form does not begin with a letter or digit, or a spoken form isn't plain words.
        """
        composed = {
            unicodedata.normalize("NFC", written): unicodedata.normalize("NFC", spoken)
            for written, spoken in entries.items()
        }
        for written, spoken in composed.items():
            plain_words = _SPEAKABLE_FORM.fullmatch(spoken) and all(map(is_speakable, spoken))
            if not _FIRST_WORD.match(written) or not plain_words:
                raise LexiconError(written, spoken)
        return replace(self, station=Forms({**self.station.spoken, **composed}))


def _cases(rows: Iterable[Mapping[str, str]]) -> Iterator[Case]:
    for row in rows:
        yield Case(
            row["spoken"],
            re.compile(rf"(?:{row['before']})$") if "before" in row else None,
            re.compile(row["after"]) if "after" in row else None,
            re.compile(row["near"], re.IGNORECASE) if "near" in row else None,
        )


def _merged(groups: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {written: spoken for group in groups for written, spoken in group["entries"].items()}


@lru_cache(maxsize=1)
def house() -> Lexicon:
    """The shipped lexicon."""
    lexicon, sounds, addresses, documents = map(
        load, ("lexicon.toml", "sounds.toml", "addresses.toml", "documents.toml")
    )
    words = _merged(lexicon["group"])
    choices = {choice["written"]: tuple(_cases(choice.get("when", ()))) for choice in lexicon["choice"]}
    words |= {choice["written"]: choice["otherwise"] for choice in lexicon["choice"] if "otherwise" in choice}
    return Lexicon(
        words=Forms(words, choices),
        documents=_merged(documents["group"]),
        addresses=_merged(addresses["group"]),
        sounds=_merged(sounds["group"]),
    )


HOUSE: Final = house()
"""The shipped lexicon."""
