"""docs/protocol.md says what the code does."""

import json
import re
from pathlib import Path

import pytest

from broadcaster.wire import documents, strict_json
from broadcaster.wire.catalogue import CATALOGUE
from broadcaster.wire.rejection import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
TYPES = {entry.document.__name__: entry.document for entry in CATALOGUE if entry.document}
EXAMPLES = re.findall(r"<!-- document: (\w+) -->\n```json\n(.+?)\n```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_is_read_and_written_back_without_a_loss(name: str, example: str) -> None:
    document = strict_json.decode(example.encode(), TYPES[name])
    assert json.loads(strict_json.encode(document)) == json.loads(example)


def test_every_document_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(TYPES)


@pytest.mark.parametrize("path", [path for entry in CATALOGUE for path in entry.paths])
def test_every_topic_stands_in_the_table(path: str) -> None:
    written = path.replace("{zone}", "{z}").replace("{speaker}", "{id}")
    tail = written.rpartition("clip/{sha256}")[2]
    assert f"`{written}`" in PAGE or f"clip/{{sha256}}{tail}`" in PAGE or f"`{tail}`" in PAGE


@pytest.mark.parametrize(
    ("name", "member"),
    [(name, field) for name, kind in TYPES.items() for field in kind.__struct_encode_fields__],
)
def test_every_member_is_named(name: str, member: str) -> None:
    part = PAGE.partition(f"<!-- document: {name} -->")[2].partition("<!-- document:")[0]
    assert re.search(rf"[`\".]{member}[`\"\[]", part)


@pytest.mark.parametrize("event", documents.Event)
def test_every_event_stands_on_the_page(event: documents.Event) -> None:
    assert f"`{event.value}`" in PAGE


@pytest.mark.parametrize("why", documents.Why)
def test_every_reason_of_a_receipt_stands_on_the_page(why: documents.Why) -> None:
    assert f"`{why.value}`" in PAGE


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.UNKNOWN_TOPIC}))
def test_every_reason_for_refusing_a_message_stands_on_the_page(reason: Reason) -> None:
    assert f"`{reason.value}`" in PAGE


@pytest.mark.parametrize("name", TYPES)
def test_no_member_is_described_twice(name: str) -> None:
    part = PAGE.partition(f"<!-- document: {name} -->")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", part, re.MULTILINE)
    assert len(rows) == len(set(rows))
