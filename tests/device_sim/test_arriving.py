"""How the sound itself gets to a speaker, and what is asked for when it does not."""

import json

import pytest

from broadcaster.wire import clips, strict_json
from broadcaster.wire.documents import Event, Request, Why
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH, NOON, OWN, WHOLE, Message
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit


def requests(bench: Bench) -> list[Request]:
    return [strict_json.decode(payload, Request) for payload in bench.said(Kind.REQUEST)]


def test_what_is_missing_is_asked_for_after_sent_by_and_not_before(bench: Bench) -> None:
    item = bench.station.item("b1", AT, opus_clip(20), sent_by=AT - 30 * SECOND)
    bench.plan(item, sound=False)
    bench.deliver(bench.station.manifest(item), *bench.station.segments(item)[2:5])
    bench.run(AT - 30 * SECOND)
    assert requests(bench) == []
    bench.run(AT - 25 * SECOND, answered=True)
    assert [request.missing for request in requests(bench)] == [((0, 1), (5, 6))]
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == WHOLE


def test_a_speaker_that_heard_nothing_asks_for_the_manifest_first(bench: Bench) -> None:
    item = bench.station.item("b1", AT, opus_clip(20), sent_by=AT - 30 * SECOND)
    bench.plan(item, sound=False)
    bench.run(AT + MINUTE, answered=True)
    assert [(request.manifest, request.missing) for request in requests(bench)] == [(True, ()), (False, ((0, 6),))]
    assert bench.plays("b1") == WHOLE


def test_what_is_missing_is_asked_for_early_enough_even_if_it_airs_at_once(bench: Bench) -> None:
    item = bench.station.item("b1", AT, sent_by=AT - SECOND)
    bench.plan(item, sound=False)
    bench.run(AT + MINUTE, answered=True)
    assert bench.plays("b1") == WHOLE


def test_while_segments_come_in_nothing_is_asked_for(bench: Bench) -> None:
    item = bench.station.item("b1", AT, opus_clip(20), sent_by=AT - 50 * SECOND)
    bench.plan(item, sound=False)
    for message in bench.station.sound(item):
        bench.run(bench.now + 1_500)
        bench.deliver(message)
    assert requests(bench) == []


def test_an_unanswered_request_is_repeated_ever_more_slowly_and_ends_with_the_item(bench: Bench) -> None:
    item = bench.station.item("b1", AT, sent_by=NOON)
    bench.plan(item, sound=False)
    bench.run(AT + HOUR)
    assert 3 <= len(requests(bench)) <= 5
    assert bench.machine.library.arriving == {}


def test_a_clip_that_arrives_within_late_ms_is_joined_in_position(bench: Bench) -> None:
    item = bench.station.item("b1", AT)
    bench.plan(item, sound=False)
    bench.run(AT + 10 * SECOND)
    bench.deliver(*bench.station.sound(item))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == [(AT + 10_000, AT + LENGTH, 10_000)]


@pytest.mark.parametrize(("late_ms", "silent_until"), [(5 * MINUTE, AT + LENGTH), (4_000, AT + 4_000)])
def test_a_clip_that_does_not_arrive_in_time_is_skipped_as_not_cached(
    bench: Bench, late_ms: int, silent_until: int
) -> None:
    item = bench.station.item("b1", AT, late_ms=late_ms)
    bench.plan(item, sound=False)
    bench.run(silent_until - SECOND)
    assert bench.events("b1") == []
    bench.run(silent_until + 2 * SECOND)
    bench.deliver(*bench.station.sound(item))
    bench.run(AT + MINUTE)
    assert bench.plays("b1") == []
    assert bench.events("b1") == [(Event.SKIPPED, Why.NOT_CACHED)]


def test_a_clip_for_two_airings_is_asked_for_in_time_for_the_first(bench: Bench) -> None:
    clip = opus_clip(2)
    first = bench.station.item("b1", AT, clip, sent_by=AT - 40 * SECOND)
    second = bench.station.item("b2", AT + HOUR, clip, sent_by=AT + HOUR - MINUTE)
    bench.plan(first, second, sound=False)
    bench.run(AT + MINUTE, answered=True)
    assert bench.plays("b1") == WHOLE


def test_a_segment_that_is_not_the_clip_is_refused_and_the_right_one_is_taken(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + MINUTE, opus_clip(6))
    bench.deliver(station.plan(item), station.manifest(item))
    right = station.segments(item)
    bench.deliver(*(Message(segment.topic, b"OggS evil") for segment in right))
    assert bench.machine.rejected == {"wrong-hash": len(right)}
    bench.deliver(*right)
    assert item.clip in bench.machine.library.cached


def test_a_manifest_that_the_plan_does_not_name_is_refused(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + MINUTE, opus_clip(6))
    manifest = station.manifest(item)
    lie = json.dumps({**json.loads(manifest.payload), "segments": [clips.sha256(b"evil")]}).encode()
    bench.deliver(station.plan(item), Message(manifest.topic, lie))
    assert bench.machine.rejected == {"wrong-hash": 1}
    bench.deliver(*station.sound(item))
    assert item.clip in bench.machine.library.cached


def test_segments_before_the_manifest_cost_no_more_memory_than_the_clip(bench: Bench) -> None:
    station = bench.station
    item = station.item("b1", NOON + MINUTE, opus_clip(6))
    bench.deliver(station.plan(item))
    for number in range(3_000):
        bench.deliver(Message(station.topics.segment(OWN, item.clip, number), b"x" * 100))
    held = bench.machine.library.arriving[item.clip].unchecked
    assert sum(len(data) for data in held.values()) <= item.bytes
    assert len(held) <= 2 * item.bytes // 16_384 + 1
    bench.deliver(*station.sound(item))
    assert item.clip in bench.machine.library.cached
