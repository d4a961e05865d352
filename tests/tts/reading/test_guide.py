"""docs/reading.md tells the truth: its examples are executed and its table of rules is the one that runs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tts.reading import HOUSE, read
from tts.reading.line import Rule
from tts.reading.order import RULES

pytestmark = pytest.mark.unit

GUIDE = Path(__file__).parents[3] / "docs" / "reading.md"
_CELL = re.compile(r"(?<!\\)\|")


def _tables() -> Iterator[list[dict[str, str]]]:
    """Every Markdown table of the guide, as rows by column."""
    for block in re.findall(r"(?:^\|.*\n)+", GUIDE.read_text(encoding="utf-8"), re.MULTILINE):
        header, _, *rows = (
            [re.sub(r"\\(.)", r"\1", cell).strip() for cell in _CELL.split(line)[1:-1]] for line in block.splitlines()
        )
        yield [dict(zip(header, row, strict=True)) for row in rows]


EXAMPLES = [(row["written"], row["spoken"]) for table in _tables() for row in table if row.get("written")]


@pytest.mark.parametrize(("written", "spoken"), EXAMPLES, ids=[written for written, _ in EXAMPLES])
def test_an_example_of_the_guide_is_read_as_it_says(written: str, spoken: str) -> None:
    assert read(written).spoken == spoken


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) > len(RULES)


def test_the_guide_lists_the_rules_in_the_order_in_which_they_run() -> None:
    listed = [(row["rule"], row["why it stands here"]) for table in _tables() for row in table if "rule" in row]
    assert listed == [(f"`{rule.name}`", rule.why) for rule in RULES]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.example], ids=lambda rule: rule.name)
def test_a_rule_decides_its_own_example(rule: Rule) -> None:
    assert rule.example is not None
    written, spoken = rule.example
    reading = read(written)
    assert reading.spoken.lower() == spoken.lower()
    assert rule.name in {change.rule for change in reading.changes}


def test_the_guide_s_station_entries_are_read() -> None:
    station = HOUSE.with_entries({"BĐH": "ban điều hành", "chợ VT": "chợ Vĩnh Thịnh"})
    assert read("BĐH chợ VT thông báo", station).spoken == "Ban điều hành chợ Vĩnh Thịnh thông báo"
