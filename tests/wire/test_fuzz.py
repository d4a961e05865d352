"""Every parser of the wire takes any bytes: it reads them, or says which rule they break."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.catalogue import CATALOGUE
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.topics import Topics
from device_sim import stream

pytestmark = pytest.mark.unit

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
BYTES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON.map(lambda found: repr(found).replace("'", '"').encode("utf-8", "replace")),
    st.sampled_from([b"", b"..\n", b"e30..e30\n{}", b"[" * 50_000, b'{"a":' * 5_000, b"9" * 5_000, b'"\\ud800"']),
)
DOCUMENTS = [entry.document for entry in CATALOGUE if entry.document]
PARSERS: dict[str, Callable[[bytes], Any]] = {
    "envelope": envelope.parse,
    "manifest": lambda data: clips.read_manifest(data, "0" * 64, clips.sha256(data)),
    "live segment": stream.split,
    "topic": lambda data: Topics("st").parse(data.decode("utf-8", "replace")),
    "topic below the base": lambda data: Topics("st").parse("loa/1/st/" + data.decode("utf-8", "replace")),
    "public key": lambda data: keys.public_key(data.decode("utf-8", "replace")),
    **{kind.__name__: lambda data, kind=kind: strict_json.decode(data, kind) for kind in DOCUMENTS},  # type: ignore[misc]
}


@pytest.mark.parametrize("parser", PARSERS)
@settings(max_examples=40, deadline=None)
@given(data=BYTES)
def test_any_bytes_are_read_or_refused(parser: str, data: bytes) -> None:
    with suppress(RejectedError):
        PARSERS[parser](data)


@pytest.mark.parametrize("kind", DOCUMENTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_json_with_the_right_member_names_is_read_or_refused(kind: type[Any], data: st.DataObject) -> None:
    names = st.sampled_from(kind.__struct_encode_fields__)
    found = data.draw(st.dictionaries(names, JSON, max_size=len(kind.__struct_fields__)))
    try:
        read = strict_json.decode(json.dumps(found).encode(), kind)
    except RejectedError:
        return
    assert strict_json.decode(strict_json.encode(read), kind) == read
