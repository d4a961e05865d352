"""Payloads: what is written is read again, and only what has the declared shape."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.wire import enrolment, fields, strict_json
from broadcaster.wire.documents import (
    Ack,
    Class,
    Config,
    Document,
    Manifest,
    Plan,
    PlanItem,
    QuietHours,
    Receipt,
    Receipts,
    Request,
    Telemetry,
)
from broadcaster.wire.rejection import Reason, RejectedError

pytestmark = pytest.mark.unit

ITEM = PlanItem(
    id="b1",
    start_at=1,
    klass=Class.PRIORITY,
    clip="0" * 64,
    manifest="1" * 64,
    bytes=1,
    duration_ms=1,
    late_ms=0,
    sent_by=0,
    title="Thông báo lịch cắt điện",
)
PLAN = Plan(zone="thon-1", date="2026-11-21", items=(ITEM,))


def refused(data: bytes, kind: type[Any] = Plan) -> Reason:
    with pytest.raises(RejectedError) as caught:
        strict_json.decode(data, kind)
    return caught.value.reason


def changed(document: Document, **changes: Any) -> bytes:
    return json.dumps({**json.loads(strict_json.encode(document)), **changes}).encode()


def test_a_document_comes_out_as_it_went_in() -> None:
    quiet = (QuietHours(start="21:00", until="05:30"),)
    config = Config(speaker="loa-001", zones=("a", "b"), volume=100, utc_offset_min=420, quiet=quiet)
    telemetry = Telemetry(at=1, boot="b", offset_ms=-5, error_ms=0, clips=1, waiting_receipts=2, rejected={"x": 1})
    for document in (PLAN, config, telemetry, Request(clip="0" * 64, missing=((0, 3),)), Ack(receipts=("a-1",))):
        assert strict_json.decode(strict_json.encode(document), type(document)) == document


def test_the_class_of_an_item_is_called_class_on_the_wire_and_vietnamese_stays_readable() -> None:
    wire = strict_json.encode(PLAN).decode()
    assert '"class":"priority"' in wire
    assert "Thông báo lịch cắt điện" in wire


def test_unknown_members_are_ignored() -> None:
    assert strict_json.decode(changed(PLAN, later={"a": [1]}), Plan) == PLAN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"plan"',
        b"{}",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"zone":NaN}',
        b'{"zone":Infinity}',
        b'{"zone":' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        strict_json.encode(PLAN).decode().encode("utf-16"),
    ],
)
def test_what_is_not_one_json_object_of_its_kind_is_malformed(data: bytes) -> None:
    assert refused(data) is Reason.MALFORMED


@pytest.mark.parametrize(
    "data", [b'{"zone":"a","zone":"a"}', b'{"items":[{"id":"a","\\u0069d":"b"}]}', b'{"x":{"y":{"z":1,"z":1}}}']
)
def test_a_member_twice_is_refused_at_any_depth_however_it_is_spelt(data: bytes) -> None:
    assert refused(data) is Reason.DUPLICATE_MEMBER


@pytest.mark.parametrize("title", ["\ud800", "a\udfffb", "\udf00\ud800"])
def test_half_a_letter_is_refused_because_nobody_could_write_it_down(title: str) -> None:
    data = json.dumps({**json.loads(strict_json.encode(PLAN)), "x": [title]}).encode()
    assert refused(data) is Reason.MALFORMED


def test_a_whole_letter_may_be_escaped() -> None:
    data = strict_json.encode(PLAN).replace("Thông".encode(), b"\\ud83d\\udce2")
    assert strict_json.decode(data, Plan).items[0].title.startswith("📢")


PATTERNED = [
    name
    for name, value in vars(fields).items()
    if get_args(value) and any(isinstance(meta, msgspec.Meta) and meta.pattern for meta in get_args(value)[1:])
]
GOOD = {
    "Name": "thon-1",
    "Hash": "0" * 64,
    "KeyId": "0" * 16,
    "Digest": "0" * 16,
    "PublicKey": "A" * 43,
    "TimeOfDay": "05:30",
    "Id": "b_1-A",
}


@pytest.mark.parametrize("name", PATTERNED)
@pytest.mark.parametrize("around", ["{}\n", "\n{}", "{} ", "{}\x00", "{}/"])
def test_a_name_has_nothing_around_it_not_even_a_line_feed(name: str, around: str) -> None:
    kind = vars(fields)[name]
    assert msgspec.convert(GOOD[name], kind) == GOOD[name]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(around.format(GOOD[name]), kind)


@pytest.mark.parametrize(
    ("document", "change"),
    [
        (PLAN, {"zone": "Thôn 1"}),
        (PLAN, {"zone": "x" * 41}),
        (PLAN, {"date": "21/11/2026"}),
        (PLAN, {"date": "2026-11-21\n"}),
        (ITEM, {"class": "urgent"}),
        (ITEM, {"clip": "A" * 64}),
        (ITEM, {"bytes": 0}),
        (ITEM, {"duration_ms": 86_400_001}),
        (ITEM, {"start_at": -1}),
        (ITEM, {"start_at": True}),
        (ITEM, {"volume": 101}),
        (ITEM, {"title": "x" * 301}),
        (Request(clip="0" * 64), {"missing": [[-1, 2]]}),
        (Request(clip="0" * 64), {"missing": [[0, 10**6]]}),
        (Request(clip="0" * 64), {"missing": [[0]]}),
        (Request(clip="0" * 64), {"missing": [[0, 0]] * 201}),
        (Manifest(clip="0" * 64, bytes=1, segments=()), {"segments": ["x"]}),
        (Receipts(receipts=()), {"receipts": [{}] * 101}),
        (QuietHours(start="21:00", until="05:30"), {"start": "24:00"}),
    ],
)
def test_values_outside_their_range_are_malformed(document: Document, change: dict[str, Any]) -> None:
    assert refused(changed(document, **change), type(document)) is Reason.MALFORMED


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda more: st.lists(more) | st.dictionaries(st.text(), more),
    )
)
def test_any_json_is_a_document_or_malformed(value: Any) -> None:
    data = json.dumps(value).encode()
    for kind in (Plan, Config, Receipt, Request):
        assert refused(data, kind) is Reason.MALFORMED


def test_the_claim_code_vouches_for_one_key_of_one_speaker_of_one_station() -> None:
    claimed = ("st", "loa-001", "key")
    proof = enrolment.proof("secret", *claimed)
    assert enrolment.proves(proof, "secret", *claimed)
    for other in (("st2", "loa-001", "key"), ("st", "loa-002", "key"), ("st", "loa-001", "key2")):
        assert not enrolment.proves(proof, "secret", *other)
    assert not enrolment.proves(proof, "another", *claimed)
