"""What docs/ holds for other implementers is what the code says."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from protocol import DOCS, files

from broadcaster.wire.catalogue import CATALOGUE
from broadcaster.wire.topics import Kind, Topics

HERE = Path(__file__).parent / "asyncapi"
LEVELS = {"zone": "a", "speaker": "b", "date": "2026-11-21", "alert": "c", "stream": "d", "sha256": "0" * 64, "n": "7"}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_the_file_is_what_the_script_makes(path: Path) -> None:
    assert path.read_text("utf-8") == files()[path], "run script/protocol"


def test_every_topic_is_in_the_catalogue_and_every_path_is_a_topic() -> None:
    assert {entry.kind for entry in CATALOGUE} == set(Kind)
    for entry in CATALOGUE:
        for path in entry.paths:
            assert Topics("st").parse("loa/1/st/" + path.format(**LEVELS)).kind is entry.kind


def test_the_asyncapi_document_points_at_schemas_that_are_there() -> None:
    document = json.loads((DOCS / "asyncapi.yaml").read_text("utf-8"))
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            if reference := message.get("payload"):
                assert (DOCS / reference["$ref"]).exists()


@pytest.mark.whole
def test_the_asyncapi_document_is_valid(tmp_path: Path) -> None:
    """By the parser of the AsyncAPI project itself; `script/test` says what it needs."""
    node = shutil.which("node")
    modules = HERE / "node_modules"
    if node is None or not modules.exists():
        pytest.skip("no node, or `npm install` was not run in tests/wire/asyncapi")
    found = subprocess.run(
        [node, HERE / "check.mjs", DOCS / "asyncapi.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
