"""Numbers of official documents: 571/KH-UBND, 49-NQ/TU, 42/2022/NĐ-CP.

House reading: the number, the year with năm, then the kind and the issuer in full. With a year (normative documents)
a kind that the text has just named is not said twice, and the issuer follows with của.
"""

import re
import string
from typing import Final

from tts.reading.letters import spell
from tts.reading.line import Line, Rule, Said
from tts.reading.model import UNKNOWN_CAPITALS
from tts.reading.numbers import cardinal, digits, whole

_PART: Final = r"[A-ZĐƯÂÔƠ][A-Za-zĐđƯÂÔƠ]*\d*"
_KIND: Final = re.compile(r"[A-ZĐƯÂÔƠ]{2,}|[A-ZĐ][A-Za-z]*[A-Z]")
_NORMATIVE: Final = frozenset({"NĐ", "QĐ", "TT", "TTLT", "NQ", "NQLT", "CT", "L", "PL"})
_FORM: Final = re.compile(r"(?i:mẫu|biểu|phiếu|đề án)(?: số)?\s*$")
"""Forms and projects are numbered like documents, whoever issues them."""
_ASSEMBLY: Final = re.compile(r"(UBTVQH|QH)(\d{1,2})")


def _part(part: str, line: Line, *, issuer: bool) -> tuple[str, bool]:
    """A part in words, and whether it had to be spelled."""
    if found := _ASSEMBLY.fullmatch(part):
        return f"{line.lexicon.documents[found[1]]} khóa {cardinal(int(found[2]))}", False
    letters = part.rstrip("0123456789")
    number = part[len(letters) :]
    known = "hội đồng" if letters == "HĐ" and issuer else _known(letters, line)
    suffix = f" {whole(number)}" if number else ""
    return (known or spell(letters)) + suffix, not known


def _known(letters: str, line: Line) -> str | None:
    lexicon = line.lexicon
    if letters.lower() in lexicon.sounds:
        return letters.lower()
    return lexicon.documents.get(letters) or lexicon.words.spoken.get(letters)


def _number(match: re.Match[str], line: Line) -> Said | None:
    head = match["n"]
    parts = [part for part in re.split(r"\s?[-/&.]\s?", match["parts"]) if part]
    words: list[str] = []
    unknown = False
    for part in parts:
        word, spelled = _part(part, line, issuer=bool(words))
        words.append(word)
        unknown = unknown or spelled
    spoken = [_head(head)] if head else []
    if match["y"]:
        spoken.append(f"năm {cardinal(int(match['y']))}")
        named = line.text[: match.start()]
        if (
            len(words) > 1
            and parts[0] in _NORMATIVE
            and re.search(rf"(?:(?i:{re.escape(words[0])})|{parts[0]})(?: số)?\s*:?\s*$", named)
        ):
            words = ["của", *words[1:]]
        elif len(words) == 1:
            words = ["của", *words]
    return Said(" ".join((*spoken, *words)), UNKNOWN_CAPITALS if unknown else "")


def _head(head: str) -> str:
    """The number itself; one that begins with zero (Chỉ thị 05) is known by its zero."""
    figures = head.rstrip(string.ascii_letters)
    letter = f" {spell(head[-1])}" if figures != head else ""
    return (digits(figures) if figures.startswith("0") else whole(figures)) + letter


def _is_number(match: re.Match[str], line: Line) -> bool:
    """Not a rate (50.000/ĐV), a code (29A-B) or a name after a dash (Km5 - Hà Nội)."""
    if _FORM.search(line.text[: match.start()]):
        return True
    first = re.split(r"[-/&.\s]", match["parts"])[0]
    if match["n"] is None:
        return "/" in match[0][:2] and re.search(r"(?:số|Số|SỐ)\s*:?\s*$", line.text[: match.start()]) is not None
    if "- " in match[0].split(first)[0] and "/" not in match[0]:
        return False
    return first.rstrip("0123456789") in line.lexicon.documents or (
        _KIND.match(first) is not None and re.search("[-/]", match["parts"]) is not None
    )


RULES: Final = (
    Rule(
        "document-number",
        re.compile(
            rf"(?:(?<![\w.,/-])|(?<=NQ)|(?<=NĐ)|(?<=QĐ)|(?<=CT)|(?<=KH)|(?<=TB)|(?<=TT)|(?<=CV)|(?<=CĐ))(?P<n>\d{{1,6}}[A-Za-z]?)?(?:/(?P<y>(?:19|20)\d\d))?\s?(?<=[\d\w\s:])"
            rf"[/-]\s?(?P<parts>{_PART}(?:[-/&]{_PART}|\s?[-/]\s?[A-ZĐ]{{2,}}(?!\w))*)(?!\w)"
        ),
        lambda match, line: _number(match, line) if _is_number(match, line) else None,
        "before slashes, ranges and abbreviations, which would take it apart",
        ("571/KH-UBND", "năm trăm bảy mươi mốt kế hoạch ủy ban nhân dân"),
        needs=frozenset("/-"),
    ),
)
