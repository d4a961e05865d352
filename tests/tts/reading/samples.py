"""What the reading tests share: the sample files beside them and how two readings are compared."""

import json
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from tts.reading.letters import house_orthography

HERE = Path(__file__).parent


class Sample(NamedTuple):
    """A line with the readings that are accepted for it, the house reading first."""

    written: str
    accepted: tuple[str, ...]
    kind: str


def samples(name: str) -> list[Sample]:
    rows = map(json.loads, (HERE / name).read_text(encoding="utf-8").splitlines())
    return [Sample(row["in"], tuple(row["out"]), row["kind"]) for row in rows]


def document_lines() -> list[str]:
    texts = (path.read_text(encoding="utf-8") for path in sorted((HERE / "documents").glob("*.txt")))
    return [line for text in texts for line in text.splitlines() if line.strip()]


def heard(text: str) -> str:
    """What is left of a reading for the ear: no case, no marks, one place for the tone."""
    plain = unicodedata.normalize("NFC", text).lower()
    return house_orthography(" ".join(re.sub(r"[^\w\s]", " ", plain).split()))
