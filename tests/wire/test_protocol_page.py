"""docs/protocol.md says what the code does."""

import json
import re
from pathlib import Path

import pytest

from broadcaster.wire import documents, strict_json
from broadcaster.wire.rejection import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
EXAMPLES = re.findall(r"<!-- document: (\w+) -->\n```json\n(.+?)\n```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_is_read_and_written_back_without_a_loss(name: str, example: str) -> None:
    document = strict_json.decode(example.encode(), getattr(documents, name))
    assert json.loads(strict_json.encode(document)) == json.loads(example)


def test_every_document_has_an_example() -> None:
    parts = {"Document", "TrustedKey", "PlanItem", "QuietHours", "Receipt"}
    declared = {
        name
        for name, found in vars(documents).items()
        if isinstance(found, type) and issubclass(found, documents.Document)
    }
    assert {name for name, _ in EXAMPLES} == declared - parts


@pytest.mark.parametrize("why", documents.Why)
def test_every_reason_of_a_receipt_stands_on_the_page(why: documents.Why) -> None:
    assert f"`{why.value}`" in PAGE


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.UNKNOWN_TOPIC}))
def test_every_reason_for_refusing_a_message_stands_on_the_page(reason: Reason) -> None:
    assert f"`{reason.value}`" in PAGE
