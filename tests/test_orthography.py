"""One orthography in every text of ours: văn hóa, hủy, ủy, khỏe. Texts of others (gold lines, documents) keep theirs."""

import re
import subprocess
from pathlib import Path

from tts.reading import HOUSE
from tts.reading.letters import house_orthography

ROOT = Path(__file__).parents[1]
OURS = ("web", "scheduler", "broadcaster", "device_sim", "docs", "script", "benchmarks", "README.md", "CHANGELOG.md")
KINDS = {".py", ".html", ".js", ".po", ".md", ".toml", ".json", ".jsonl", ".yaml", ".css", ""}
QUOTED = {("docs/reading.md", "hoá"): "says what becomes of the old placing"}


def texts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *OURS], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if Path(name).suffix in KINDS]


def old_placings(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]+", text.lower()) if house_orthography(word) != word}


def test_the_old_placing_is_recognised() -> None:
    assert old_placings("Văn hoá, huỷ bỏ, Uỷ ban, khoẻ; quý, thuở, hoàng, toán") == {"hoá", "huỷ", "uỷ", "khoẻ"}


def test_every_text_of_ours_places_tone_marks_as_the_house_does() -> None:
    found = {
        (str(path.relative_to(ROOT)), word)
        for path in texts()
        for word in old_placings(path.read_text(encoding="utf-8", errors="ignore"))
    }
    assert len(texts()) > 100
    assert found - QUOTED.keys() == set()


def test_every_spoken_form_of_the_lexicon_places_tone_marks_as_the_house_does() -> None:
    cases = [case.spoken for cases in HOUSE.words.cases.values() for case in cases]
    spoken = [*HOUSE.words.spoken.values(), *cases, *HOUSE.documents.values(), *HOUSE.addresses.values()]
    assert old_placings(" ".join((*spoken, *HOUSE.sounds.values()))) == set()
