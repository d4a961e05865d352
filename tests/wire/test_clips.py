"""Clips on the wire: cut at pages, and put together again bit for bit."""

import io
import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.wire import clips, ogg, strict_json
from broadcaster.wire.documents import Manifest
from broadcaster.wire.ogg import MAX_SEGMENT_BYTES, NotOggError
from broadcaster.wire.rejection import Reason, RejectedError
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

LONG = 20
CLIP = opus_clip(LONG)
MANIFEST, SEGMENTS = clips.describe(CLIP)


def page(*packets: int, body: bytes | None = None) -> bytes:
    """An Ogg page with a lacing table of these sizes."""
    return (
        b"OggS"
        + bytes(22)
        + bytes([len(packets)])
        + bytes(packets)
        + (body if body is not None else bytes(sum(packets)))
    )


def test_segments_of_a_real_file_are_whole_pages_and_joined_are_the_file() -> None:
    assert len(SEGMENTS) > 3
    assert b"".join(SEGMENTS) == CLIP
    assert all(segment.startswith(b"OggS") and len(segment) <= MAX_SEGMENT_BYTES for segment in SEGMENTS)
    assert b"".join(ogg.pages(CLIP)) == CLIP


def test_there_are_no_more_segments_than_needed() -> None:
    for one, next_one in itertools.pairwise(SEGMENTS):
        assert len(one) + len(next(iter(ogg.pages(next_one)))) > MAX_SEGMENT_BYTES


def test_the_first_segments_alone_are_the_beginning_of_the_sound() -> None:
    whole, _ = soundfile.read(io.BytesIO(CLIP), dtype="int16")
    begin, _ = soundfile.read(io.BytesIO(b"".join(SEGMENTS[:3])), dtype="int16")
    assert len(whole) > len(begin) > len(whole) // 4
    assert np.array_equal(whole[: len(begin)], begin)


def test_the_manifest_proves_itself_and_every_segment() -> None:
    data = strict_json.encode(MANIFEST)
    assert clips.read_manifest(data, MANIFEST.clip, clips.sha256(data)) == MANIFEST
    assert MANIFEST.clip == clips.sha256(CLIP)
    assert MANIFEST.bytes == len(CLIP)
    for number, segment in enumerate(SEGMENTS):
        clips.check_segment(MANIFEST, number, segment)


@settings(deadline=None)
@given(st.permutations(range(len(SEGMENTS))), st.lists(st.integers(0, len(SEGMENTS) - 1)))
def test_segments_in_any_order_and_doubled_are_the_same_clip(order: list[int], again: list[int]) -> None:
    got: dict[int, bytes] = {}
    for number in [*order, *again]:
        clips.check_segment(MANIFEST, number, SEGMENTS[number])
        got[number] = SEGMENTS[number]
    assert clips.join(MANIFEST, got) == CLIP


@pytest.mark.parametrize("number", [-1, 1, len(SEGMENTS), 10**6])
def test_a_segment_in_another_place_is_refused(number: int) -> None:
    with pytest.raises(RejectedError) as caught:
        clips.check_segment(MANIFEST, number, SEGMENTS[0])
    assert caught.value.reason is Reason.WRONG_HASH


def test_a_manifest_that_is_changed_or_another_clips_is_refused() -> None:
    data = strict_json.encode(MANIFEST)
    for clip, expected in ((MANIFEST.clip, "0" * 64), ("0" * 64, clips.sha256(data))):
        with pytest.raises(RejectedError) as caught:
            clips.read_manifest(data, clip, expected)
        assert caught.value.reason is Reason.WRONG_HASH


def test_a_manifest_with_the_right_hash_must_still_be_one() -> None:
    for data, reason in ((b"{}", Reason.MALFORMED), (b'{"clip":1,"clip":1}', Reason.DUPLICATE_MEMBER)):
        with pytest.raises(RejectedError) as caught:
            clips.read_manifest(data, "0" * 64, clips.sha256(data))
        assert caught.value.reason is reason


def test_segments_that_are_right_one_by_one_but_not_the_clip_are_refused() -> None:
    lie = Manifest(clip="0" * 64, bytes=len(CLIP), segments=MANIFEST.segments)
    with pytest.raises(RejectedError) as caught:
        clips.join(lie, dict(enumerate(SEGMENTS)))
    assert caught.value.reason is Reason.WRONG_HASH


@given(st.lists(st.lists(st.integers(0, 255), max_size=60), min_size=1, max_size=30))
def test_any_sequence_of_pages_is_cut_and_joined(tables: list[list[int]]) -> None:
    made = [page(*table) for table in tables]
    segments = ogg.cut(b"".join(made))
    assert b"".join(segments) == b"".join(made)
    assert [list(ogg.pages(segment)) for segment in segments]
    assert all(len(segment) <= MAX_SEGMENT_BYTES for segment in segments)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OggS",
        b"RIFF" + bytes(100),
        CLIP[:-1],
        CLIP[1:],
        CLIP + b"\0",
        page(255, 255, body=b""),
        page(10) + page(5)[:20],
        page(*[255] * 255),
    ],
)
def test_what_is_not_whole_pages_of_at_most_a_segment_is_refused(data: bytes) -> None:
    with pytest.raises(NotOggError):
        ogg.cut(data)


def test_the_packets_of_a_clip_are_all_there_and_none_is_torn() -> None:
    packets = ogg.packets(opus_clip(3))
    assert [packet[:8] for packet in packets[:2]] == [b"OpusHead", b"OpusTags"]
    bodies = [page[27 + page[26] :] for page in ogg.pages(opus_clip(3))]
    assert b"".join(packets) == b"".join(bodies)
    assert len(packets) == 2 + 151  # 20 ms each, and the encoder's look-ahead


@given(st.sets(st.integers(0, 60)))
def test_ranges_name_exactly_the_numbers(numbers: set[int]) -> None:
    found = clips.ranges(numbers)
    assert {number for first, last in found for number in range(first, last + 1)} == numbers
    assert all(last + 1 < first for (_, last), (first, _) in itertools.pairwise(found))
